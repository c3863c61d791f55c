//! Single draws: names few enough that people meet, and bodies made of them.

use super::dice::Dice;
use std::net::IpAddr;
use wharf_model::{Draft, Package, Patch, Place, Rights, Rule, Settings};

pub(super) const CRATES: [&str; 7] =
    ["kernel", "partner-one", "Partner_Kit", "partner-kit", "secret-sauce", "tool", "a"];
pub(super) const NUMBERS: [&str; 7] = ["0.1.0", "1.0.0", "1.0.0+b1", "1.1.0", "2.0.0-rc.1", "2.0.0", "3.0.0"];
pub(super) const REQUIREMENTS: [&str; 5] = ["^1", "^0.1", "<2.0.0", "=2.0.0", ">=1.0.0, <3.0.0"];
pub(super) const PATTERNS: [&str; 9] =
    ["*", "partner-*", "PARTNER_*", "partner*", "secret-sauce", "Kernel", "k*", "partner_kit", "t*"];
pub(super) const DESCRIPTIONS: [&str; 4] = ["fast parser", "parser for partners", "Fast io", "what it is"];
pub(super) const TEXTS: [&str; 12] = [
    "",
    "partner",
    "partner kit",
    "Partner_Kit",
    "parser",
    "fast",
    "fast parser",
    "for",
    "io",
    "kernel",
    "a",
    "no such",
];
pub(super) const LOGINS: [&str; 5] = ["ada", "ben", "cat", "dan", "owner"];
pub(super) const SERVICE: &str = "bot";
pub(super) const TEAMS: [&str; 2] = ["crew", "ops"];
pub(super) const REGISTRIES: [&str; 4] = ["private", "open", "vault", "nothing"];
pub(super) const SCOPES: [&str; 19] = [
    "index:read@*",
    "index:read@private",
    "index:read@*/partner-*",
    "crate:download@private/Partner_Kit",
    "crate:publish@private/partner-*",
    "crate:publish-new@*/partner*",
    "crate:publish-new@*",
    "crate:publish@*",
    "crate:yank@*",
    "owner:write@*",
    "entitlement:write@private",
    "entitlement:read@*",
    "member:read@*",
    "member:write@*",
    "audit:read@*",
    "token:write@*",
    "registry:write@vault",
    "policy:write@*",
    "nonsense@*",
];
/// Networks; each of them holds some of the addresses.
pub(super) const SOURCES: [&str; 8] = [
    "127.0.0.0/8",
    "203.0.113.0/24",
    "203.0.113.7",
    "203.0.113.200/25",
    "::ffff:198.51.100.0/120",
    "2001:db8::5/32",
    "0.0.0.0/0",
    "::/0",
];
pub(super) const ADDRESSES: [&str; 6] =
    ["203.0.113.7", "203.0.113.130", "::ffff:203.0.113.7", "198.51.100.1", "2001:db8::1", "2001:db9::1"];
pub(super) const ENDS: [i64; 5] = [-1, 1, 60, 3_600, 86_400];

impl Dice {
    /// A handle that no text holds by chance: it stands in for ids.
    pub(super) fn handle(&mut self) -> String {
        format!("#{}", self.rng.word(6))
    }

    pub(super) fn one_of(&mut self, all: &[&'static str]) -> &'static str {
        self.rng.pick::<&str>(all)
    }

    pub(super) fn org(&mut self) -> String {
        match self.rng.below(12) {
            0 => "nowhere".to_owned(),
            1 | 2 => "globex".to_owned(),
            _ => "acme".to_owned(),
        }
    }

    pub(super) fn place(&mut self) -> Place {
        let registry = if self.rng.one_in(2) { REGISTRIES[0] } else { *self.rng.pick(&REGISTRIES) };
        Place { org: self.org(), registry: registry.to_owned() }
    }

    pub(super) fn name(&mut self) -> String {
        self.one_of(&CRATES).to_owned()
    }

    pub(super) fn number(&mut self) -> String {
        self.one_of(&NUMBERS).to_owned()
    }

    pub(super) fn login(&mut self) -> String {
        if self.rng.one_in(5) { SERVICE.to_owned() } else { self.one_of(&LOGINS).to_owned() }
    }

    pub(super) fn team(&mut self) -> String {
        self.one_of(&TEAMS).to_owned()
    }

    pub(super) fn patterns(&mut self, least: usize) -> Vec<String> {
        (0..self.rng.within(least, 2)).map(|_| self.one_of(&PATTERNS).to_owned()).collect()
    }

    pub(super) fn scopes(&mut self) -> Vec<String> {
        (0..self.rng.within(1, 5)).map(|_| (*self.rng.pick(&SCOPES[..18])).to_owned()).collect()
    }

    pub(super) fn package(&mut self) -> Package {
        let deps =
            if self.rng.one_in(2) { vec![(self.name(), self.one_of(&REQUIREMENTS).to_owned())] } else { Vec::new() };
        let (name, number) = (self.name(), self.number());
        let salt = if self.rng.one_in(4) { "other" } else { "" }.to_owned();
        Package { name, number, description: self.one_of(&DESCRIPTIONS).to_owned(), deps, salt }
    }

    pub(super) fn rule(&mut self) -> Rule {
        let least = usize::from(!self.rng.one_in(20));
        let allow = if least == 0 { Vec::new() } else { self.patterns(1) };
        let except = if self.rng.one_in(3) { self.patterns(1) } else { Vec::new() };
        let versions = self.rng.one_in(3).then(|| self.one_of(&REQUIREMENTS).to_owned());
        let published_before = self.rng.one_in(4).then(|| self.start + *self.rng.pick(&[0, 1, 60, 3_600]));
        Rule { allow, except, versions, published_before }
    }

    pub(super) fn sources(&mut self) -> Vec<String> {
        (0..self.rng.within(0, 2)).map(|_| self.one_of(&SOURCES).to_owned()).collect()
    }

    pub(super) fn address(&mut self) -> IpAddr {
        self.one_of(&ADDRESSES).parse().unwrap()
    }

    pub(super) fn rules(&mut self) -> Vec<Rule> {
        (0..self.rng.within(0, 3)).map(|_| self.rule()).collect()
    }

    pub(super) fn rights(&mut self) -> Rights {
        let mut rights = Rights::to_read();
        for right in [&mut rights.publish, &mut rights.yank, &mut rights.owners] {
            if self.rng.one_in(3) {
                *right = vec![self.one_of(&PATTERNS).to_owned()];
            }
        }
        if self.rng.one_in(3) {
            rights.read = self.patterns(0);
        }
        rights
    }

    pub(super) fn end(&mut self) -> i64 {
        self.start + *self.rng.pick(&ENDS)
    }

    pub(super) fn draft(&mut self) -> Draft {
        let name = self.one_of(&["one", "two", "three", "four", " odd"]).to_owned();
        Draft {
            name,
            note: String::new(),
            holder: self.rng.one_in(4).then(|| self.login()),
            rights: self.rights(),
            rules: self.rules(),
            not_before: self.rng.one_in(5).then(|| self.end()),
            expires_at: self.rng.one_in(4).then(|| self.end()),
            downloads: self.rng.one_in(4).then_some(1_000_000),
            sources: if self.rng.one_in(3) { self.sources() } else { Vec::new() },
            enabled: !self.rng.one_in(8),
        }
    }

    pub(super) fn settings(&mut self) -> Settings {
        Settings {
            public: self.rng.one_in(3).then(|| self.rng.one_in(3)),
            crates_io_allowed: self.rng.one_in(2).then(|| self.rng.one_in(2)),
            legacy_git_downloads: self.rng.one_in(4).then(|| self.rng.one_in(2)),
            git_personal_keys: self.rng.one_in(3).then(|| self.rng.one_in(2)),
            max_crate_bytes: self.rng.one_in(3).then(|| *self.rng.pick(&[1_000, 1 << 20, 10 << 20])),
        }
    }

    pub(super) fn patch(&mut self) -> Patch {
        Patch {
            name: self.rng.one_in(5).then(|| self.one_of(&["one", "two", "five"]).to_owned()),
            note: self.rng.one_in(3).then(|| "noted".to_owned()),
            rules: self.rng.one_in(2).then(|| self.rules()),
            yank: self.rng.one_in(4).then(|| self.patterns(0)),
            expires_at: self.rng.one_in(4).then(|| self.rng.one_in(2).then(|| self.end())),
            sources: self.rng.one_in(4).then(|| self.sources()),
            enabled: self.rng.one_in(4).then(|| !self.rng.one_in(3)),
        }
    }
}
