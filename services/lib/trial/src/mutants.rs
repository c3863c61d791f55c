//! Every deliberate hole, named in one place.

use std::sync::OnceLock;

/// Makes the list: a variant for each hole, its name as text, and what is wrong with it.
macro_rules! mutants {
    ($($(#[doc = $what:literal])+ $name:ident,)+) => {
        /// A deliberate hole in the product.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mutant {
            $($(#[doc = $what])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name by which `WHARF_MUTANT` asks for it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What is wrong with it.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($what),+).trim_ascii(),)+
                }
            }
        }
    };
}

mutants! {
    /// The entity tag of an index file is made from all of its lines, hidden ones too.
    EtagOfEverything,
}

/// Whether this is the hole that `WHARF_MUTANT` asks for.
#[must_use]
pub fn is_on(mutant: Mutant) -> bool {
    static CHOSEN: OnceLock<Option<Mutant>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let asked = std::env::var("WHARF_MUTANT").ok()?;
        let found = Mutant::ALL.iter().copied().find(|mutant| mutant.name() == asked);
        assert!(found.is_some(), "WHARF_MUTANT: there is no mutant called {asked:?}");
        found
    });
    *chosen == Some(mutant)
}
