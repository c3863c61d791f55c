use serde::Deserialize;
use std::ffi::OsString;
use std::io::Write;
use toml::{Table, Value};
use wharf_chassis::config::{Limits, Listen, Log, Public, load_from};

pub(super) const WORDS: &[&str] = &[
    "[public]\n",
    "[listen]\n",
    "[limits]\n",
    "[log]\n",
    "app = \"",
    "index = \"",
    "download = \"",
    "internal = \"",
    "http://127.0.0.1:7001",
    "https://a.test",
    "127.0.0.1:0",
    "[::1]:7002",
    "trusted_proxies = [\"10.0.0.0/8\"]",
    "body_bytes = ",
    "workers = ",
    "format = \"text\"",
    "format = \"json\"",
    "level = \"info\"",
    "\"\"\"",
    "'''",
    " = { ",
];

/// The sections that name no file: what a fuzzer makes up must not be opened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read through Debug, which shows all of it")]
struct Sections {
    public: Option<Public>,
    listen: Option<Listen>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    log: Log,
}

/// A file and the environment say the same in two ways, and every refusal names its origin.
pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut file = tempfile::NamedTempFile::with_prefix("wharf-fuzz-").unwrap();
    file.write_all(bytes).unwrap();
    let nothing = std::iter::empty::<(OsString, OsString)>();
    let read = load_from::<Sections>(Some(file.path()), "WHARF", nothing);
    match read {
        Err(error) => {
            let said = error.to_string();
            let place = said.strip_prefix(&format!("{}:", file.path().display())).unwrap_or_else(|| panic!("{said}"));
            let (line, problem) = place.split_once(": ").unwrap_or_else(|| panic!("{said}"));
            let line: usize = line.parse().unwrap_or_else(|_| panic!("{said}"));
            assert!((1..=text.bytes().filter(|byte| *byte == b'\n').count() + 1).contains(&line), "{said}");
            assert!(!problem.is_empty());
        }
        Ok(sections) => {
            let urls = sections.public.iter().flat_map(|public| [&public.app, &public.index, &public.download]);
            for url in urls.map(wharf_chassis::PublicUrl::as_str) {
                let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).expect("a scheme");
                assert!(!host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '"', '<']), "{url}");
            }
            let Some(variables) = as_variables(text) else { return };
            let shown = format!("{sections:?}");
            let environment = load_from::<Sections>(None, "WHARF", variables.clone());
            let environment = environment.unwrap_or_else(|error| panic!("{error}: {variables:?}"));
            assert_eq!(format!("{environment:?}"), shown, "{variables:?}");
            let over = load_from::<Sections>(Some(file.path()), "WHARF", variables).expect("the same over the same");
            assert_eq!(format!("{over:?}"), shown);
        }
    }
}

/// Every setting of the file as a variable, where its name can be one.
fn as_variables(text: &str) -> Option<Vec<(OsString, OsString)>> {
    let table: Table = text.parse().ok()?;
    let mut variables = Vec::new();
    for (section, values) in &table {
        for (key, value) in values.as_table()? {
            let value = match value {
                // Other texts could be read as TOML of another kind.
                Value::String(text) => Value::String(text.clone()).to_string(),
                other => other.to_string(),
            };
            variables.push((format!("WHARF__{section}__{key}").to_uppercase().into(), value.into()));
        }
    }
    Some(variables)
}
