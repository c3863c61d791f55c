//! The architecture as data: which of our crates may use which, and who alone may use certain libraries.
//! A new arrow is a new word in this table, with its reason in the commit that adds it.

/// One of our crates: what it may use, and the rule that says so.
pub(crate) struct Crate {
    pub(crate) name: &'static str,
    pub(crate) may_use: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// A library (or a family, by prefix) that only some of our crates may name.
pub(crate) struct Reserved {
    pub(crate) library: &'static str,
    pub(crate) prefix: bool,
    pub(crate) only: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// Crates that test or tend the others: they may use anything, and nothing that ships may use them.
pub(crate) const EXEMPT: &[&str] = &["wharf-testkit", "wharf-model", "wharf-fuzz", "wharf-e2e", "xtask"];

/// May be used by anyone's tests, as a dev-dependency.
pub(crate) const TEST_ONLY: &str = "wharf-testkit";

/// May be used by anyone: its macros expand to nothing in what ships.
pub(crate) const ANYONES: &str = "wharf-trial";

/// Pure crates compute: no runtime, no network, no clock.
pub(crate) const PURE: &[&str] =
    &["wharf-domain", "wharf-cargo-wire", "wharf-git-wire", "wharf-git-index", "wharf-signed-url"];

/// What a pure crate may not name.
pub(crate) const IMPURE: &[&str] = &["tokio", "tokio-util", "futures", "reqwest", "getrandom", "rand"];

const WIRE: &str = "wire formats and signatures are pure functions over the domain";
const OUTSIDE: &str = "store, cache and blob stand side by side on the domain; only registry brings them together";
const SERVICE: &str = "services meet in Postgres and in registry, never in each other's code";

pub(crate) const CRATES: &[Crate] = &[
    Crate {
        name: "wharf-trial",
        may_use: &[],
        why: "mutants and moments are names; they know nothing of what they break",
    },
    Crate { name: "wharf-domain", may_use: &[], why: "the domain stands on nothing of ours" },
    Crate { name: "wharf-cargo-wire", may_use: &["wharf-domain"], why: WIRE },
    Crate { name: "wharf-git-wire", may_use: &["wharf-domain"], why: WIRE },
    Crate {
        name: "wharf-git-index",
        may_use: &["wharf-domain", "wharf-git-wire"],
        why: "the repositories of views are a pure function of files and rules",
    },
    Crate { name: "wharf-signed-url", may_use: &["wharf-domain"], why: WIRE },
    Crate { name: "wharf-store", may_use: &["wharf-domain"], why: OUTSIDE },
    Crate { name: "wharf-cache", may_use: &["wharf-domain"], why: OUTSIDE },
    Crate { name: "wharf-blob", may_use: &["wharf-domain"], why: OUTSIDE },
    Crate {
        name: "wharf-registry",
        may_use: &[
            "wharf-domain",
            "wharf-cargo-wire",
            "wharf-git-wire",
            "wharf-git-index",
            "wharf-signed-url",
            "wharf-store",
            "wharf-cache",
            "wharf-blob",
        ],
        why: "registry holds the verbs; it knows no service, no frame and no page",
    },
    Crate {
        name: "wharf-chassis",
        may_use: &["wharf-domain", "wharf-cargo-wire", "wharf-registry"],
        why: "chassis is the frame around registry; what it needs from below, registry offers",
    },
    Crate {
        name: "wharf-web",
        may_use: &["wharf-domain", "wharf-registry", "wharf-chassis"],
        why: "pages are a skin over the verbs of registry",
    },
    Crate {
        name: "wharf-api",
        may_use: &[
            "wharf-domain",
            "wharf-cargo-wire",
            "wharf-signed-url",
            "wharf-registry",
            "wharf-chassis",
            "wharf-web",
        ],
        why: SERVICE,
    },
    Crate {
        name: "wharf-download",
        may_use: &[
            "wharf-domain",
            "wharf-cargo-wire",
            "wharf-signed-url",
            "wharf-blob",
            "wharf-registry",
            "wharf-chassis",
        ],
        why: "download decides through registry and streams from blob; services meet in Postgres and in registry",
    },
    Crate {
        name: "wharf-index",
        may_use: &[
            "wharf-domain",
            "wharf-cargo-wire",
            "wharf-git-wire",
            "wharf-git-index",
            "wharf-registry",
            "wharf-chassis",
        ],
        why: SERVICE,
    },
    Crate {
        name: "wharf",
        may_use: &[
            "wharf-domain",
            "wharf-signed-url",
            "wharf-store",
            "wharf-cache",
            "wharf-blob",
            "wharf-registry",
            "wharf-chassis",
            "wharf-api",
            "wharf-download",
            "wharf-index",
        ],
        why: "wharf opens store, cache, blob and keys and hands them to the services; formats and pages are not its business",
    },
];

pub(crate) const RESERVED: &[Reserved] = &[
    Reserved {
        library: "sqlx",
        prefix: false,
        only: &["wharf-store"],
        why: "every line of SQL stands in store, where row-level security and the transaction rules are kept",
    },
    Reserved {
        library: "redis",
        prefix: false,
        only: &["wharf-cache"],
        why: "what Redis holds may vanish; cache is where that promise is kept",
    },
    Reserved {
        library: "aws-",
        prefix: true,
        only: &["wharf-blob"],
        why: "crate files pass through blob, which passes one suite over every backend",
    },
    Reserved {
        library: "actix",
        prefix: true,
        only: &["wharf-chassis", "wharf-web", "wharf-api", "wharf-download", "wharf-index", "wharf"],
        why: "below chassis nothing knows HTTP: JSON, pages and the command line are skins over the same verbs",
    },
];
