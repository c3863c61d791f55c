use wharf_cargo_wire::{index_path, parse_index_path};
use wharf_domain::CrateName;

pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(name) = parse_index_path(text) {
        assert_eq!(index_path(&CrateName::parse(&name).expect("a path of the index names a crate")), text);
    }
    if let Ok(name) = CrateName::parse(text) {
        assert_eq!(parse_index_path(&index_path(&name)), Some(text.to_ascii_lowercase()));
    }
}
