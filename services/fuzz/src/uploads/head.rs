//! Changes of the JSON head.

use super::Reasons;
use super::changes::{Change, Step};
use serde_json::{Value, json};

const ROOT: Reasons = &["directory named after crate and version"];
const DEPENDENCY: Reasons = &["disagree about the dependency"];
const UNREADABLE: Reasons = &["the upload metadata cannot be read"];

pub(super) const VALUES: &[Change] = &[
    Change::new("another name", ROOT, Step::Head(|head, _| head["name"] = json!("other"))),
    Change::new(
        "a name that goes on",
        ROOT,
        Step::Head(|head, _| head["name"] = json!(format!("{}x", text(head, "name")))),
    ),
    Change::new(
        "a name in another case",
        ROOT,
        Step::Head(|head, _| {
            let name = text(head, "name");
            let other = if name.contains(char::is_uppercase) { name.to_lowercase() } else { name.to_uppercase() };
            head["name"] = json!(other);
        }),
    ),
    Change::new(
        "a reserved name",
        &["is reserved"],
        Step::Head(|head, chance| head["name"] = json!(chance.pick(&["nul", "STD", "com1", "fn", "proc_macro"]))),
    ),
    Change::new(
        "a name that is none",
        &["the crate name"],
        Step::Head(|head, chance| {
            head["name"] =
                json!(chance.pick(&["", "1a", "-a", "a.b", "a/b", "../a", "a b", "\u{e9}", "a\u{202e}b", "a\n"]));
        }),
    ),
    Change::new("a long name", &["1 to 64 characters"], Step::Head(|head, _| head["name"] = json!("a".repeat(65)))),
    Change::new("another version", ROOT, Step::Head(|head, _| head["vers"] = json!("99.0.0"))),
    Change::new(
        "another build",
        ROOT,
        Step::Head(|head, _| {
            head["vers"] = json!(format!("{}+other", text(head, "vers").split('+').next().unwrap_or_default()))
        }),
    ),
    Change::new(
        "a version that is none",
        &["is not a version number"],
        Step::Head(|head, chance| {
            head["vers"] = json!(chance.pick(&[
                "",
                "1",
                "1.0",
                "01.0.0",
                "1.0.0-",
                "v1.0.0",
                " 1.0.0",
                "1.0.0\u{1b}[31m",
                "1.0.0/../.."
            ]));
        }),
    ),
    Change::new(
        "a long version",
        &["at most 150 characters"],
        Step::Head(|head, _| head["vers"] = json!(format!("1.0.0-{}", "a".repeat(145)))),
    ),
    Change::new(
        "a name of another type",
        UNREADABLE,
        Step::Head(|head, chance| head["name"] = chance.pick(&[json!(1), json!(null), json!(["a"])]).clone()),
    ),
    Change::new(
        "no version",
        UNREADABLE,
        Step::Head(|head, _| drop(head.as_object_mut().map(|head| head.remove("vers")))),
    ),
    Change::new(
        "a list for a head",
        UNREADABLE,
        Step::Head(|head, _| *head = json!([head["name"], head["vers"], head["deps"]])),
    ),
    Change::new("a dependency as a list", UNREADABLE, Step::Head(|head, _| add(head, json!(["a", "1"])))),
    Change::new(
        "one dependency more",
        DEPENDENCY,
        Step::Head(|head, _| add(head, json!({ "name": "more", "version_req": "^1" }))),
    ),
    Change::new(
        "a dependency on another registry",
        DEPENDENCY,
        Step::Head(|head, _| {
            add(head, json!({ "name": "more", "version_req": "^1", "registry": "https://evil.example/index" }));
        }),
    ),
    Change::new(
        "a dependency by an address with a password",
        &["is not a plain URL"],
        Step::Head(|head, _| {
            add(head, json!({ "name": "more", "version_req": "^1", "registry": "https://u:p@evil.example/index" }));
        }),
    ),
    Change::new(
        "a dependency of no name",
        &["is not the name of a crate", "holds characters that are not allowed"],
        Step::Head(|head, _| {
            add(head, json!({ "name": "a b", "version_req": "^1" }));
        }),
    ),
    Change::new(
        "a dependency on no version",
        &["is not a version requirement"],
        Step::Head(|head, _| add(head, json!({ "name": "more", "version_req": "new" }))),
    ),
    Change::new(
        "a dependency for no target",
        &["neither a target triple"],
        Step::Head(|head, _| {
            add(head, json!({ "name": "more", "version_req": "1", "target": "cfg(" }));
        }),
    ),
    Change::new(
        "an artifact dependency",
        &["is an artifact dependency"],
        Step::Head(|head, _| {
            add(head, json!({ "name": "more", "version_req": "1", "artifact": ["bin"] }));
        }),
    ),
    Change::new(
        "too many dependencies",
        &["there are 501 dependencies"],
        Step::Head(|head, _| {
            head["deps"] = json!(vec![json!({ "name": "more", "version_req": "1" }); 501]);
        }),
    ),
    Change::new(
        "too many features",
        &["there are 301 features"],
        Step::Head(|head, _| {
            head["features"] = (0..301).map(|n| (n.to_string(), json!([]))).collect::<serde_json::Map<_, _>>().into();
        }),
    ),
    Change::new(
        "a long description",
        &["longer than 1000"],
        Step::Head(|head, _| head["description"] = json!("d".repeat(1001))),
    ),
    Change::new(
        "too many keywords",
        &["at most 5 are allowed"],
        Step::Head(|head, _| head["keywords"] = json!(vec!["k"; 6])),
    ),
    Change::new(
        "a long keyword",
        &["longer than 20"],
        Step::Head(|head, _| head["keywords"] = json!(["k".repeat(21)])),
    ),
    Change::new("a keyword with a blank", &["the keyword `"], Step::Head(|head, _| head["keywords"] = json!(["a b"]))),
    Change::new(
        "too many categories",
        &["at most 5 are allowed"],
        Step::Head(|head, _| head["categories"] = json!(vec!["c"; 6])),
    ),
    Change::new(
        "too many authors",
        &["at most 50 are allowed"],
        Step::Head(|head, _| head["authors"] = json!(vec!["a"; 51])),
    ),
    Change::new(
        "an address that is a script",
        &["is not an http"],
        Step::Head(|head, chance| {
            let key = *chance.pick(&["homepage", "documentation", "repository"]);
            head[key] = json!(chance.pick(&[
                "javascript:alert(1)",
                "data:text/html,x",
                "ftp://x",
                "https:///x",
                "//x",
                "https://a b"
            ]));
        }),
    ),
    Change::new(
        "an address with a control character",
        &["holds control characters"],
        Step::Head(|head, _| head["homepage"] = json!("https://x.example/\u{7}")),
    ),
    Change::new(
        "a licence of two lines",
        &["holds control characters"],
        Step::Head(|head, _| head["license"] = json!("MIT\nGPL")),
    ),
    Change::new(
        "a long licence",
        &["longer than 1024"],
        Step::Head(|head, _| head["license"] = json!("M".repeat(1025))),
    ),
    Change::new("a NUL in the readme", UNREADABLE, Step::Head(|head, _| head["readme"] = json!("a\0b"))),
    Change::new("a NUL in what nobody reads", UNREADABLE, Step::Head(|head, _| head["nobody"] = json!({ "x\0": 1 }))),
    Change::new(
        "too deep",
        UNREADABLE,
        Step::Head(|head, _| head["nobody"] = (0..40).fold(json!(1), |inner, _| json!([inner]))),
    ),
    Change::new(
        "other features than in the manifest",
        &[],
        Step::Head(|head, _| head["features"] = json!({ "lie": ["lie2"] })),
    ),
    Change::new("other links than in the manifest", &[], Step::Head(|head, _| head["links"] = json!("lie"))),
    Change::new(
        "another rust-version than in the manifest",
        &[],
        Step::Head(|head, _| head["rust_version"] = json!("9.9")),
    ),
    Change::new(
        "a checksum of its own",
        &[],
        Step::Head(|head, _| (head["cksum"], head["yanked"]) = (json!("00"), json!(true))),
    ),
    Change::new(
        "dependencies in another order",
        &[],
        Step::Head(|head, _| {
            if let Some(deps) = head["deps"].as_array_mut() {
                deps.reverse();
            }
        }),
    ),
    Change::new(
        "features of dependencies in another order, twice",
        &[],
        Step::Head(|head, _| {
            for dep in head["deps"].as_array_mut().into_iter().flatten() {
                if let Some(features) = dep["features"].as_array_mut() {
                    features.reverse();
                    features.extend(features.clone());
                }
            }
        }),
    ),
];

pub(super) const TEXTS: &[Change] = &[
    Change::new(
        "the head is cut",
        UNREADABLE,
        Step::HeadText(|head, chance| {
            let end = chance.below(head.len());
            head.truncate(end);
        }),
    ),
    Change::new(
        "something after the head",
        UNREADABLE,
        Step::HeadText(|head, chance| head.extend(*chance.pick(&[&b"x"[..], b"{}", b"\0", b","]))),
    ),
    Change::new(
        "a mark of byte order",
        UNREADABLE,
        Step::HeadText(|head, _| drop(head.splice(0..0, *b"\xef\xbb\xbf"))),
    ),
    Change::new(
        "a key twice",
        &["occurs twice"],
        Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"name\":\"evil\","))),
    ),
    Change::new(
        "an escaped key twice",
        &["occurs twice"],
        Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"\\u006eame\":\"evil\","))),
    ),
    Change::new(
        "a key of a dependency twice",
        UNREADABLE,
        Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"x\":{\"a\":1,\"a\":2},"))),
    ),
    Change::new("a stray byte", UNREADABLE, Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"x\":\"\xff\",")))),
    Change::new(
        "half a surrogate pair",
        UNREADABLE,
        Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"x\":\"\\ud83d\","))),
    ),
    Change::new("a comment", UNREADABLE, Step::HeadText(|head, _| drop(head.splice(1..1, *b"/* x */")))),
    Change::new("no number", UNREADABLE, Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"x\":NaN,")))),
    Change::new(
        "a number beyond all numbers",
        UNREADABLE,
        Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"x\":1e999,"))),
    ),
    Change::new(
        "white space",
        &[],
        Step::HeadText(|head, _| {
            head.splice(1..1, *b" \r\n\t");
            head.extend(b"\n \t");
        }),
    ),
    Change::new(
        "a key nobody knows",
        &[],
        Step::HeadText(|head, _| drop(head.splice(1..1, *b"\"x\":[1,-0.5,\"\\ud83d\\ude00\"],"))),
    ),
    Change::new(
        "an escaped key",
        &[],
        Step::HeadText(|head, _| {
            let key = b"\"name\":";
            // The last is that of the crate: keys are written in order, dependencies before.
            let at = head.windows(key.len()).rposition(|window| window == key);
            let at = at.filter(|at| depth(&head[..*at]) == 1);
            if let Some(at) = at {
                head.splice(at..at + key.len(), *b"\"n\\u0061me\":");
            }
        }),
    ),
    Change::new(
        "above 1 MiB",
        &["more than the 1048576 allowed"],
        Step::HeadText(|head, _| head.resize((1 << 20) + 1, b' ')),
    ),
    Change::new("1 MiB", &[], Step::HeadText(|head, _| head.resize(1 << 20, b' '))),
];

/// How many braces are open at the end of a text, those in strings included: good enough to find the outermost.
fn depth(text: &[u8]) -> usize {
    let count = |brace: u8| text.iter().filter(|byte| **byte == brace).count();
    count(b'{').saturating_sub(count(b'}'))
}

fn text(head: &Value, key: &str) -> String {
    head[key].as_str().unwrap_or_default().to_owned()
}

fn add(head: &mut Value, dependency: Value) {
    match head["deps"].as_array_mut() {
        Some(deps) => deps.push(dependency),
        None => head["deps"] = json!([dependency]),
    }
}
