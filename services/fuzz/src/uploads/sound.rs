//! Sound uploads: a crate described once, told to the head and to the manifest in their own words.

use super::Draft;
use crate::archives::build::{Maker, Member};
use serde_json::{Value, json};
use toml::Table;
use wharf_testkit::chance::Chance;

/// The address of a registry that sound uploads depend on, too: it has to be allowed.
pub const OTHER_INDEX: &str = "sparse+https://other.example/index/";

/// A crate that nothing is wrong with.
pub(super) fn draft(chance: &mut Chance, name: Option<&str>, own: &str) -> Draft {
    let name = name.map_or_else(|| word(chance), str::to_owned);
    let version = version(chance);
    let mut head = json!({ "name": name, "vers": version });
    let mut manifest = Table::new();
    manifest.insert("package".into(), Table::from_iter([("name".to_owned(), name.clone().into())]).into());
    put(&mut manifest, &["package", "version"], version.clone());
    put(&mut manifest, &["package", "edition"], (*chance.pick(&["2015", "2018", "2021", "2024"])).to_owned());
    describe(&mut head, chance);
    resolve(&mut head, &mut manifest, chance);
    dependencies(&mut head, &mut manifest, chance, own);
    let maker = Maker { name };
    let mut draft = Draft { maker, version, head, manifest, files: Vec::new() };
    draft.files = files(&draft, chance);
    draft
}

/// A name of a crate that is no reserved word.
fn word(chance: &mut Chance) -> String {
    let mut name = format!("x{}", {
        let length = chance.within(1, 12);
        chance.word(length)
    });
    if chance.one_in(3) {
        name.push(*chance.pick(&['-', '_']));
        name.push_str(&chance.word(3));
    }
    if chance.one_in(4) { name.to_uppercase() } else { name }
}

fn version(chance: &mut Chance) -> String {
    let numbers = format!("{}.{}.{}", chance.below(3), chance.below(30), chance.below(1000));
    let tail = *chance.pick(&["", "", "", "-alpha.1", "-rc.10", "+build.7", "-0.x-y+z.001"]);
    numbers + tail
}

/// Sets a value in a table within tables.
fn put(table: &mut Table, path: &[&str], value: impl Into<toml::Value>) {
    let [key, rest @ ..] = path else { return };
    if rest.is_empty() {
        table.insert((*key).to_owned(), value.into());
        return;
    }
    let inner = table.entry(*key).or_insert_with(|| Table::new().into());
    put(inner.as_table_mut().expect("tables are put into tables"), rest, value);
}

/// What is only for people, at times up to its limit.
fn describe(head: &mut Value, chance: &mut Chance) {
    let texts: [(&str, &[Value]); 13] = [
        ("description", &[Value::Null, json!("A crate"), json!("é".repeat(1000)), json!("two\nlines"), json!("")]),
        ("documentation", &[Value::Null, json!("https://docs.example/x"), json!("http://[::1]:8080/?q#f")]),
        ("homepage", &[Value::Null, json!("HTTPS://Example.test"), json!("")]),
        ("repository", &[Value::Null, json!("https://example.test/r.git")]),
        (
            "readme",
            &[
                Value::Null,
                json!("# Read me\n\u{1f980}"),
                json!("x".repeat(100_000)),
                json!("<script>alert(1)</script>"),
            ],
        ),
        ("readme_file", &[Value::Null, json!("README.md"), json!("../README.md")]),
        ("license", &[Value::Null, json!("MIT OR Apache-2.0")]),
        ("license_file", &[Value::Null, json!("LICENSE")]),
        ("keywords", &[json!([]), json!(["a", "b-c", "d_e", "f+g", "9"]), json!(["k".repeat(20)]), Value::Null]),
        ("categories", &[json!([]), json!(vec!["c"; 5])]),
        ("authors", &[json!([]), json!(["A <a@example.test>"]), json!(vec!["x"; 50])]),
        ("badges", &[json!({}), json!({"x": {"y": "z"}}), json!([[[[1]]]])]),
        ("unknown", &[json!(1.5), json!("\u{7f}"), json!({"deep": [null, true, -1, 1e300]})]),
    ];
    for (key, values) in texts {
        if !chance.one_in(4) {
            head[key] = chance.pick(values).clone();
        }
    }
}

/// What decides how the crate resolves, besides its dependencies.
fn resolve(head: &mut Value, manifest: &mut Table, chance: &mut Chance) {
    if chance.one_in(4) {
        put(manifest, &["package", "links"], "z");
        head["links"] = json!("z");
    }
    if chance.one_in(3) {
        let version = *chance.pick(&["1", "1.70", "1.85.0"]);
        put(manifest, &["package", "rust-version"], version);
        head["rust_version"] = json!(version);
    }
    if chance.one_in(2) {
        let count = *chance.pick(&[1, 3, 290]);
        let features: Vec<String> = (0..count).map(|number| format!("f{number}")).collect();
        for (at, feature) in features.iter().enumerate() {
            let entries: Vec<toml::Value> = match chance.below(5) {
                0 => vec![],
                1 => vec![features[(at + 1) % count].clone().into()],
                2 => vec!["dep:some-dep".into()],
                3 => vec!["some-dep?/x".into(), "other/y".into()],
                _ => vec!["other/y".into()],
            };
            head["features"][feature] = json!(entries.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>());
            put(manifest, &["features", feature], entries);
        }
    }
    if chance.one_in(3) {
        put(manifest, &["lib", "path"], "src/lib.rs");
    }
    if chance.one_in(4) {
        put(manifest, &["package", "metadata", "docs", "rs"], true);
    }
}

/// Dependencies; what they mean is chosen once, the forms of the two places differ.
fn dependencies(head: &mut Value, manifest: &mut Table, chance: &mut Chance, own: &str) {
    let count = *chance.pick(&[0, 0, 1, 2, 4, 9]);
    let mut told = Vec::new();
    for number in 0..count {
        let name = format!("d{number}-{}", {
            let length = chance.within(1, 8);
            chance.word(length)
        });
        let (in_toml, in_json) = *chance.pick(&[
            ("1", "^1"),
            ("^0.2.3", "^0.2.3"),
            (">= 1.0, <2", ">=1.0, <2"),
            ("=1.2.3-rc.1", "=1.2.3-rc.1"),
            ("*", "*"),
            ("1.*", "1.*"),
        ]);
        let kind = *chance.pick(&["normal", "build", "dev"]);
        let target = *chance.pick(&[
            None,
            None,
            Some("x86_64-unknown-linux-gnu"),
            Some("cfg(unix)"),
            Some("cfg(any(a,b = \"c\",))"),
        ]);
        let registry = *chance.pick(&[Some(own), None, None, Some(OTHER_INDEX)]);
        let features: Vec<&str> = [&[][..], &["x"], &["x", "y-z"]][chance.below(3)].to_vec();
        let (optional, default_features) = (kind == "normal" && chance.one_in(3), !chance.one_in(3));
        let renamed = chance.one_in(4);

        let mut table = Table::new();
        put(&mut table, &["version"], in_toml);
        if optional || chance.one_in(8) {
            put(&mut table, &["optional"], optional);
        }
        if !default_features || chance.one_in(8) {
            put(&mut table, &[*chance.pick(&["default-features", "default_features"])], default_features);
        }
        if !features.is_empty() {
            put(&mut table, &["features"], features.clone());
        }
        let alias = if renamed { format!("_alias{number}") } else { name.clone() };
        if renamed {
            put(&mut table, &["package"], name.clone());
        }
        if let Some(registry) = registry {
            put(&mut table, &["registry-index"], registry);
        }
        let section = match kind {
            "normal" => "dependencies",
            "build" => "build-dependencies",
            _ => "dev-dependencies",
        };
        match target {
            Some(target) => put(manifest, &["target", target, section, &alias], table),
            None => put(manifest, &[section, &alias], table),
        }
        // No registry is crates.io to the manifest and this registry to the head.
        let registry = match registry {
            Some(index) if index == own => chance.pick(&[Value::Null, json!(own)]).clone(),
            Some(other) => json!(other),
            None => json!(crates_index::git::URL),
        };
        told.push(json!({
            "name": name, "version_req": in_json, "features": features, "optional": optional,
            "default_features": default_features, "target": target, "kind": kind, "registry": registry,
            "explicit_name_in_toml": renamed.then_some(alias),
        }));
    }
    head["deps"] = json!(told);
}

/// The files beside the manifest, each with its extension header if it needs one.
fn files(draft: &Draft, chance: &mut Chance) -> Vec<Vec<u8>> {
    let root = draft.root();
    let member = |path: &str, data: &[u8]| -> Member { draft.maker.member(format!("{root}/{path}"), data) };
    let mut files = vec![member("src/lib.rs", b"//! A library.\n").bytes()];
    for number in 0..chance.below(12) {
        let length = chance.within(0, 3000);
        let data: Vec<u8> = (0..length).map(|_| chance.next().to_le_bytes()[0]).collect();
        let name = format!("f{number}{}", *chance.pick(&["", ".rs", " x", "-\u{e9}", ".tar.gz"]));
        let mode = *chance.pick(&[0o644, 0o755, 0o600, 0o664]);
        let long = format!("{}{name}", "long-part/".repeat(chance.within(10, 40)));
        let named = |path: String| draft.maker.pax_path(format!("{root}/{path}"));
        files.push(match chance.below(6) {
            0 => [draft.maker.long_name(format!("{root}/{long}")), member("s", &data).mode(mode).bytes()].concat(),
            1 => [named(long), member("s", &data).mode(mode).bytes()].concat(),
            2 => draft.maker.member(&name, &data).mode(mode).ustar(format!("{root}/u").as_bytes()).bytes(),
            3 => member(&format!("dir{number}/"), b"").flag(b'5').mode(0o755).bytes(),
            _ => member(&format!("src/{name}"), &data).mode(mode).bytes(),
        });
    }
    files
}
