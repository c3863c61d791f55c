//! The cargo clients, the ways in which each reads an index, and what a person configures for each.

use wharf_testkit::stack::Setup;
use wharf_testkit::{Cargo, Token};

/// A cargo that may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The release it is of.
    pub(crate) release: &'static str,
    /// What `./deploy/test` calls it; none for the cargo that runs the tests.
    name: Option<&'static str>,
}

pub(crate) const CLIENTS: [Client; 4] = [
    Client { release: "1.65", name: Some("c165") },
    Client { release: "1.85", name: Some("c185") },
    Client { release: "1.95", name: None },
    Client { release: "1.96", name: Some("c196") },
];

/// How a cargo reads an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Sparse,
    /// By the library in cargo, with git's own credentials.
    Libgit2,
    /// The same, with the token in the address of a replaced source.
    Replaced,
    /// By the program `git`.
    Cli,
    /// By the library in newer cargo that takes an unstable option.
    Gitoxide,
}

impl Protocol {
    pub(crate) const ALL: [Self; 5] = [Self::Sparse, Self::Libgit2, Self::Replaced, Self::Cli, Self::Gitoxide];

    /// What the table calls it.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Libgit2 => "git",
            Self::Replaced => "git, replaced source",
            Self::Cli => "git, `git-fetch-with-cli`",
            Self::Gitoxide => "git, `-Zgitoxide`",
        }
    }

    /// Whether this is what a client that reads the index so calls itself.
    pub(crate) fn is_agent(self, agent: &str) -> bool {
        match self {
            Self::Sparse => agent.starts_with("cargo"),
            Self::Libgit2 | Self::Replaced => agent.contains("libgit2") || agent.contains("git2-curl"),
            Self::Cli => agent.starts_with("git/2.") && !agent.contains("libgit2"),
            Self::Gitoxide => agent.contains("oxide"),
        }
    }

    /// The address of an index, as cargo's configuration and `Cargo.lock` have it.
    pub(crate) fn index(self, setup: &Setup, registry: &str) -> String {
        match self {
            Self::Sparse => format!("sparse+{}/acme/{registry}/", setup.public.index),
            _ => format!("{}/acme/{registry}", setup.public.index),
        }
    }
}

/// A cargo configured to use a token in a registry.
pub(crate) struct Configured {
    cargo: Cargo,
    leading: Vec<&'static str>,
}

impl Client {
    /// Whether it was fetched.
    pub(crate) fn is_here(self) -> bool {
        self.name.is_none_or(|name| Cargo::client(name, "acme", "").is_some())
    }

    /// Whether it knows this way at all; gitoxide came with 1.68.
    pub(crate) fn knows(self, protocol: Protocol) -> bool {
        protocol != Protocol::Gitoxide || self.release != "1.65"
    }

    /// Configured as the guides say.
    pub(crate) fn configured(self, setup: &Setup, protocol: Protocol, token: &Token) -> Configured {
        let index = protocol.index(setup, &token.registry);
        let cargo = match self.name {
            Some(name) => Cargo::client(name, "acme", &index).unwrap(),
            // With another HOME the proxies of rustup find no toolchain.
            None => {
                let rustc = std::path::Path::new(&std::env::var_os("CARGO").unwrap()).with_file_name("rustc");
                Cargo::current("acme", &index).env("RUSTC", rustc.to_str().unwrap())
            }
        };
        let home = cargo.home().to_owned();
        let (scheme, host) = setup.public.index.split_once("://").unwrap();
        let authority = setup.certificate().map(|certificate| {
            let path = home.join("authority.pem");
            std::fs::write(&path, certificate).unwrap();
            path.to_str().unwrap().to_owned()
        });
        let mut git = authority.as_ref().map_or_else(String::new, |path| format!("[http]\n\tsslCAInfo = {path:?}\n"));
        if protocol == Protocol::Replaced {
            let index = format!("{scheme}://token:{}@{host}/acme/{}", token.secret, token.registry);
            let clean = protocol.index(setup, &token.registry);
            let config = format!(
                "[source.clean]\nregistry = {clean:?}\nreplace-with = \"mine\"\n\n[source.mine]\nregistry = {index:?}"
            );
            return Self::with(cargo.configure(&config), &home, &git, authority, protocol);
        }
        git += "[credential]\n\thelper = store\n";
        // Cargo 1.65 asks helpers without the port; a server on the usual port has none.
        let bare = host.split(':').next().unwrap();
        let credentials = [host, bare].map(|host| format!("{scheme}://token:{}@{host}\n", token.secret)).concat();
        std::fs::write(home.join(".git-credentials"), credentials).unwrap();
        Self::with(cargo.token(&token.secret), &home, &git, authority, protocol)
    }

    fn with(
        cargo: Cargo,
        home: &std::path::Path,
        git: &str,
        authority: Option<String>,
        protocol: Protocol,
    ) -> Configured {
        std::fs::write(home.join(".gitconfig"), git).unwrap();
        let mut cargo =
            cargo.env("HOME", home.to_str().unwrap()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        if let Some(path) = authority {
            // The machine may name other authorities in the second variable, which goes before git's configuration.
            cargo = cargo.env("CARGO_HTTP_CAINFO", &path).env("GIT_SSL_CAINFO", &path);
        }
        // One of the clients is started by a wrapper that sets the variable, so it is not enough to leave it out.
        let leading = match protocol {
            Protocol::Sparse => Vec::new(),
            Protocol::Cli => vec!["--config", "net.git-fetch-with-cli=true"],
            Protocol::Libgit2 | Protocol::Replaced => vec!["--config", "net.git-fetch-with-cli=false"],
            Protocol::Gitoxide => {
                cargo = cargo.env("RUSTC_BOOTSTRAP", "1");
                vec!["--config", "net.git-fetch-with-cli=false", "-Zgitoxide=fetch"]
            }
        };
        Configured { cargo, leading }
    }
}

impl Configured {
    /// Runs a command; what it complained of if it failed.
    pub(crate) async fn run(&self, directory: &std::path::Path, arguments: &[&str]) -> Result<String, String> {
        let arguments: Vec<&str> = self.leading.iter().chain(arguments).copied().collect();
        let done = self.cargo.run(directory, &arguments).await;
        if done.success { Ok(done.stdout) } else { Err(format!("$ cargo {}\n{}", arguments.join(" "), done.stderr)) }
    }
}
