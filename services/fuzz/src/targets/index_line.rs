use wharf_cargo_wire::{IndexLine, with_yanked};

pub(super) const WORDS: &[&str] = &[
    "\"name\":",
    "\"vers\":",
    "\"deps\":[",
    "\"cksum\":",
    "\"features\":{",
    "\"features2\":{",
    "\"v\":2",
    "\"links\":",
    "\"rust_version\":",
    "\"pubtime\":",
    "\"yanked\":false}",
    "\"yanked\":true}",
    "\"req\":",
    "\"optional\":",
    "\"default_features\":",
    "\"target\":null",
    "\"kind\":\"normal\"",
    "\"kind\":\"dev\"",
    "\"registry\":",
    "\"package\":",
];

/// Lines that are read are written in one form only, on one line, and change in one place only.
pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(flipped) = with_yanked(text, true) {
        assert_eq!(with_yanked(&flipped, true).as_ref(), Ok(&flipped));
        let back = with_yanked(&flipped, false).expect("what was flipped once can be flipped again");
        assert!(text == flipped || text == back, "more than `yanked` was changed");
    }
    let Ok(line) = IndexLine::parse(text) else { return };
    judge(&line);
}

/// What holds for every line the product writes.
pub(super) fn judge(line: &IndexLine) {
    let rendered = line.render();
    assert!(!rendered.contains(['\n', '\r']), "a line break within a line");
    let read = IndexLine::parse(&rendered).expect("what was written is read");
    assert_eq!(&read, line);
    assert_eq!(read.render(), rendered, "one line in two forms");
    for yanked in [true, false] {
        let expected = IndexLine { yanked, ..line.clone() }.render();
        assert_eq!(with_yanked(&rendered, yanked).as_deref(), Ok(expected.as_str()));
    }
}
