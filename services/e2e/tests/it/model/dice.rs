//! Draws runs: who asks for what, over few enough names that people meet.
//!
//! A model goes along while a run is drawn, so that most requests are by tokens that hold and about things that are there. The
//! run itself is plain data.

use super::draws::{CRATES, NUMBERS, SERVICE, TEXTS};
use wharf_model::{Model, OWNER_TOKEN, Place, ROLES, Request, Settings, Step, Subject, VERBS, What, Who};
use wharf_testkit::chance::Chance;

/// Draws one run.
pub(super) struct Dice {
    pub(super) rng: Chance,
    model: Model,
    pub(super) start: i64,
    pub(super) now: i64,
    /// What was sent under keys, and since when each key is known.
    pub(super) keyed: Vec<(i64, Request)>,
    steps: Vec<Step>,
    tokens: Vec<String>,
    entitlements: Vec<(Place, String)>,
}

fn place(org: &str, registry: &str) -> Place {
    Place { org: org.to_owned(), registry: registry.to_owned() }
}

/// Notes what was made, once: a create that is sent again names what is known.
fn note<T: PartialEq>(known: &mut Vec<T>, made: T) {
    if !known.contains(&made) {
        known.push(made);
    }
}

fn everything() -> Vec<String> {
    VERBS.iter().map(|verb| format!("{verb}@*")).collect()
}

impl Dice {
    /// Times in a run are told from its start.
    pub(super) fn new(rng: Chance, start: i64) -> Self {
        Self {
            rng,
            model: Model::new("acme", start),
            start,
            now: start,
            keyed: Vec::new(),
            steps: Vec::new(),
            tokens: vec![OWNER_TOKEN.to_owned()],
            entitlements: Vec::new(),
        }
    }

    /// A run of so many steps after the opening, and the sweep at its end.
    pub(super) fn run(mut self, steps: usize) -> Vec<Step> {
        self.open();
        for _ in 0..steps {
            if self.rng.one_in(40) {
                let seconds = *self.rng.pick(&[1, 1, 59, 60, 3_600, 90_000]);
                self.model.pass(seconds);
                self.now += seconds;
                self.steps.push(Step::Pass(seconds));
                continue;
            }
            if self.rng.one_in(12) && self.again() {
                continue;
            }
            let (who, what) = (self.who(), self.what());
            let key = if what.is_create() && self.rng.one_in(2) { Some(self.key()) } else { None };
            self.send(Request { who, key, what });
        }
        self.sweep();
        self.steps
    }

    fn ask(&mut self, who: Who, what: What) -> u16 {
        self.send(Request { who, key: None, what })
    }

    pub(super) fn send(&mut self, request: Request) -> u16 {
        let status = self.model.answer(&request).status;
        if status < 300 {
            match &request.what {
                What::Issue { token, .. }
                | What::Rotate { new: token, .. }
                | What::FoundOrg { token, .. }
                | What::RotateEntitlement { token, .. } => note(&mut self.tokens, token.clone()),
                What::Grant { place, id, token, .. } => {
                    note(&mut self.tokens, token.clone());
                    note(&mut self.entitlements, (place.clone(), id.clone()));
                }
                _ => {}
            }
        }
        self.keep(&request);
        self.steps.push(Step::Ask(Box::new(request)));
        status
    }

    /// What most runs need before anything can be said of them.
    fn open(&mut self) {
        let owner = || Who::bearer(OWNER_TOKEN);
        let acme = || "acme".to_owned();
        let public = Settings { public: Some(true), ..Settings::default() };
        self.ask(owner(), What::MakeRegistry(place("acme", "open"), public));
        self.ask(owner(), What::MakeRegistry(place("acme", "vault"), Settings::default()));
        let (keys, addresses) = (Some(self.rng.one_in(2)), Some(self.rng.one_in(2)));
        let by_git = Settings { git_personal_keys: keys, legacy_git_downloads: addresses, ..Settings::default() };
        self.ask(owner(), What::SetRegistry(place("acme", "private"), by_git));
        let second = self.handle();
        self.ask(owner(), What::FoundOrg { slug: "globex".to_owned(), token: second.clone() });
        self.ask(Who::bearer(&second), What::MakeRegistry(place("globex", "private"), Settings::default()));
        for login in ["ada", "ben", "cat"] {
            let role = *self.rng.pick(&ROLES[1..]);
            self.ask(owner(), What::AddMember { org: acme(), login: login.to_owned(), role, service: false });
            let token = self.handle();
            let member = Some(login.to_owned());
            let scopes = Some(if self.rng.one_in(2) { everything() } else { self.scopes() });
            self.ask(
                owner(),
                What::Issue { org: acme(), token, kind: "personal", member, scopes, sources: None, life: None },
            );
        }
        self.ask(owner(), What::AddMember { org: acme(), login: SERVICE.to_owned(), role: "publisher", service: true });
        self.ask(owner(), What::MakeTeam { org: acme(), slug: "crew".to_owned() });
        for _ in 0..8 {
            let (there, package) = (place("acme", if self.rng.one_in(5) { "open" } else { "private" }), self.package());
            self.ask(owner(), What::Publish(there, package));
        }
        for _ in 0..2 {
            let (id, token, mut draft) = (self.handle(), self.handle(), self.draft());
            (draft.enabled, draft.not_before, draft.expires_at) = (true, None, None);
            self.ask(owner(), What::Grant { place: place("acme", "private"), id, token, draft });
        }
    }

    /// Everyone asks for everything.
    fn sweep(&mut self) {
        let mut everyone = vec![Who::nobody()];
        everyone.extend(self.tokens.iter().map(|token| Who::bearer(token)));
        for who in everyone {
            for there in [place("acme", "private"), place("acme", "open")] {
                let config = self.ask(who.clone(), What::Config(there.clone()));
                self.ask(who.clone(), What::Tree(there.clone()));
                if let Some(token) = &who.bearer {
                    let legacy = self.legacy(there.clone(), token.clone());
                    self.ask(Who::nobody(), legacy);
                }
                let (text, per_page) = (String::new(), 100);
                self.ask(who.clone(), What::Search { place: there.clone(), text, per_page, page: 1 });
                if config != 200 {
                    continue;
                }
                let elsewhere = self.address();
                self.ask(who.clone().from(elsewhere), What::Tree(there.clone()));
                for name in CRATES {
                    self.ask(who.clone(), What::File(there.clone(), name.to_ascii_lowercase()));
                    let number = self.one_of(&NUMBERS).to_owned();
                    self.ask(who.clone(), What::Download(there.clone(), name.to_owned(), number));
                    self.ask(who.clone(), What::Owners(there.clone(), name.to_owned()));
                }
            }
        }
        let entitlements = self.entitlements.clone();
        for (there, id) in entitlements {
            self.ask(Who::bearer(OWNER_TOKEN), What::View { place: there, id });
        }
        self.ask(Who::bearer(OWNER_TOKEN), What::Audit { org: "acme".to_owned(), action: String::new() });
    }

    pub(super) fn who(&mut self) -> Who {
        let who = match self.rng.below(20) {
            0 => Who::nobody(),
            1 => Who::bearer("#never"),
            2..=7 => Who::bearer(OWNER_TOKEN),
            _ => Who::bearer(self.rng.pick::<String>(&self.tokens)),
        };
        if self.rng.one_in(5) { who.from(self.address()) } else { who }
    }

    fn entitlement(&mut self) -> (Place, String) {
        if self.entitlements.is_empty() || self.rng.one_in(8) {
            return (self.place(), "#never".to_owned());
        }
        let (there, id) = self.rng.pick(&self.entitlements).clone();
        (if self.rng.one_in(8) { self.place() } else { there }, id)
    }

    fn subject(&mut self) -> Subject {
        if self.rng.one_in(2) {
            return Subject::Terms(self.rights(), self.rules());
        }
        let (_, id) = self.entitlement();
        Subject::Entitlement(id, self.rng.one_in(2).then(|| (self.rights(), self.rules())))
    }

    pub(super) fn what(&mut self) -> What {
        match self.rng.below(100) {
            0..30 => self.of_cargo(),
            30..50 => self.changed_by_cargo(),
            50..70 => self.of_org(),
            70..84 => self.of_tokens(),
            _ => self.of_entitlements(),
        }
    }

    fn of_cargo(&mut self) -> What {
        let place = self.place();
        match self.rng.below(11) {
            0 => What::Config(place),
            9 | 10 => {
                let token = self.rng.pick(&self.tokens).clone();
                self.legacy(place, token)
            }
            7 | 8 => What::Tree(place),
            1 | 2 => What::File(place, self.name().to_ascii_lowercase()),
            3 => What::Download(place, self.name(), self.number()),
            4 => What::Owners(place, self.name()),
            _ => {
                let text = self.one_of(&TEXTS).to_owned();
                let (per_page, page) =
                    *self.rng.pick(&[(10, 1), (100, 1), (1, 1), (1, 2), (2, 2), (10, 9), (0, 1), (10, 0)]);
                What::Search { place, text, per_page, page }
            }
        }
    }

    /// A download by an address that was made for a token, mostly in the same registry.
    fn legacy(&mut self, place: Place, token: String) -> What {
        let made_for = if self.rng.one_in(8) { self.place() } else { place.clone() };
        What::LegacyDownload { place, token, made_for, name: self.name(), number: self.number() }
    }

    fn changed_by_cargo(&mut self) -> What {
        let place = self.place();
        match self.rng.below(10) {
            0..=4 => What::Publish(place, self.package()),
            5 | 6 => What::Yank { place, name: self.name(), number: self.number(), yanked: !self.rng.one_in(3) },
            _ => {
                let one = if self.rng.one_in(3) { format!("team:{}", self.team()) } else { self.login() };
                let mut users = vec![one];
                if self.rng.one_in(4) {
                    users.push(self.login());
                }
                What::ChangeOwners { place, name: self.name(), users, add: !self.rng.one_in(3) }
            }
        }
    }

    fn of_org(&mut self) -> What {
        let org = self.org();
        match self.rng.below(18) {
            0 => What::Org(org),
            1 => What::Registries(org),
            2 => What::Registry(self.place()),
            3 => What::MakeRegistry(self.place(), self.settings()),
            4 | 5 => What::SetRegistry(self.place(), self.settings()),
            6 => What::Members(org),
            7 => What::AddMember { org, login: self.login(), role: self.one_of(&ROLES), service: self.rng.one_in(3) },
            8 | 9 => What::ChangeMember { org, login: self.login(), role: self.one_of(&ROLES) },
            10 => What::RemoveMember { org, login: self.login() },
            11 => What::Teams(org),
            12 => What::MakeTeam { org, slug: self.team() },
            13 | 14 => What::Seat { org, team: self.team(), login: self.login(), seated: !self.rng.one_in(3) },
            15 => What::FoundOrg { slug: org, token: self.handle() },
            _ => {
                let action = self.one_of(&["", "token.", "version.publish", "member", "entitlement."]).to_owned();
                What::Audit { org, action }
            }
        }
    }

    fn of_tokens(&mut self) -> What {
        let (org, token) = (self.org(), self.rng.pick(&self.tokens).clone());
        match self.rng.below(10) {
            0 | 1 => What::Whoami,
            2 => What::Tokens(org),
            3 => What::Token { org, token },
            4 => What::Revoke { org, token },
            5 => What::Rotate { org, token, new: self.handle(), overlap: *self.rng.pick(&[0, 1, 3_600, 700_000]) },
            _ => What::Issue {
                org,
                token: self.handle(),
                kind: self.one_of(&["personal", "upload", "download", "service"]),
                member: self.rng.one_in(2).then(|| self.login()),
                scopes: match self.rng.below(4) {
                    0 => None,
                    1 => Some(everything()),
                    _ if self.rng.one_in(10) => Some(vec!["nonsense@*".to_owned()]),
                    _ => Some(self.scopes()),
                },
                sources: self.rng.one_in(4).then(|| self.sources()),
                life: self.rng.one_in(3).then(|| *self.rng.pick(&[0, 1, 3_600, 100_000_000])),
            },
        }
    }

    fn of_entitlements(&mut self) -> What {
        let (place, id) = self.entitlement();
        match self.rng.below(14) {
            0 => What::Entitlements(place),
            1 => What::Entitlement { place, id },
            2 | 3 => What::Grant { place, id: self.handle(), token: self.handle(), draft: self.draft() },
            4..=6 => What::ChangeEntitlement { place, id, patch: self.patch() },
            7 => What::SwitchEntitlement { place, id, on: self.rng.one_in(2) },
            8 if self.rng.one_in(2) => What::Withdraw { place, id },
            8 | 9 => What::RotateEntitlement {
                place,
                id,
                token: self.handle(),
                overlap: *self.rng.pick(&[0, 1, 3_600, 700_000]),
            },
            10 => What::View { place, id },
            _ => {
                let explain = self.rng.one_in(2).then(|| (self.name(), self.rng.one_in(2).then(|| self.number())));
                What::Preview { place, subject: self.subject(), explain }
            }
        }
    }
}
