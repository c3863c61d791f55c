//! Fuzz targets: each asserts what must hold whatever the bytes are.
//!
//! What is accepted has one meaning and one written form, what is written is read back the same, a second reader sees
//! the same, and no refusal repeats a secret or a control character. Formats that carry a checksum or a signature are
//! reached by marks in the input that the target replaces (`$T` is a sound token) or repairs (sums of tar headers).

mod archive;
mod authorization;
mod config;
mod cursor;
mod frame;
mod git;
mod index_line;
mod index_path;
mod manifest;
mod metadata;
mod scope;
mod terms;
mod ticket;

/// A reader under attack.
#[derive(Debug)]
pub struct Target {
    /// Its name: the folder of its corpus.
    pub name: &'static str,
    /// The assertions.
    pub check: fn(&[u8]),
    /// Longest input worth trying.
    pub max_bytes: usize,
    /// Words of the format, for whoever makes random changes.
    pub words: &'static [&'static str],
}

/// Every target.
pub const ALL: &[Target] = &[
    Target { name: "archive", check: archive::check, max_bytes: 8192, words: archive::WORDS },
    Target { name: "authorization", check: authorization::check, max_bytes: 1100, words: authorization::WORDS },
    Target { name: "config", check: config::check, max_bytes: 2048, words: config::WORDS },
    Target { name: "cursor", check: cursor::check, max_bytes: 128, words: &[] },
    Target { name: "frame", check: frame::check, max_bytes: 256, words: &[] },
    Target { name: "git-pkt-line", check: git::pkt_line, max_bytes: 512, words: git::WORDS },
    Target { name: "git-request-v0", check: git::request_v0, max_bytes: 2048, words: git::WORDS },
    Target { name: "git-command-v2", check: git::command_v2, max_bytes: 2048, words: git::WORDS },
    Target { name: "index-line", check: index_line::check, max_bytes: 2048, words: index_line::WORDS },
    Target { name: "index-path", check: index_path::check, max_bytes: 80, words: &["config.json", "ab/cd/", "3/a/"] },
    Target { name: "manifest", check: manifest::check, max_bytes: 4096, words: manifest::WORDS },
    Target { name: "metadata", check: metadata::check, max_bytes: 2048, words: metadata::WORDS },
    Target { name: "scope", check: scope::check, max_bytes: 160, words: scope::WORDS },
    Target { name: "terms", check: terms::check, max_bytes: 1024, words: terms::WORDS },
    Target { name: "ticket", check: ticket::check, max_bytes: 300, words: ticket::WORDS },
];

/// The text of a refusal is shown to people, often on a terminal.
fn assert_presentable(text: &str) {
    assert!(!text.trim().is_empty(), "an empty refusal");
    assert!(text.len() <= 2048, "a refusal of {} bytes", text.len());
    assert!(!text.contains(char::is_control), "a control character in {text:?}");
}
