//! Trials of the tests themselves: deliberate holes (mutants) and sudden deaths (moments), placed in product code.
//!
//! A promise is only as good as the test that would notice its breach. So each mutant is a leak or a hole that somebody
//! could well write, and the suite has to catch every one; each moment is a place where the program may be killed, and
//! nothing acknowledged may be lost there. Without the feature `armed` both macros expand to nothing of theirs: what
//! ships holds neither the code of a mutant nor the name of a moment.

#[cfg(feature = "armed")]
mod moments;
#[cfg(feature = "armed")]
mod mutants;

#[cfg(feature = "armed")]
pub use moments::{MOMENTS, reached};
#[cfg(feature = "armed")]
pub use mutants::{Mutant, is_on};

/// A deliberate hole: `mutant!(Name => wrong; right)` as an expression, `mutant!(Name { wrong })` as a statement.
///
/// One mutant is on at a time, the one that `WHARF_MUTANT` names. In code without `armed` only `right` remains.
#[cfg(feature = "armed")]
#[macro_export]
macro_rules! mutant {
    ($name:ident => $wrong:expr; $right:expr) => {
        if $crate::is_on($crate::Mutant::$name) { $wrong } else { $right }
    };
    ($name:ident $wrong:block) => {
        if $crate::is_on($crate::Mutant::$name) $wrong
    };
}

/// A deliberate hole; here, without `armed`, only the right expression remains.
#[cfg(not(feature = "armed"))]
#[macro_export]
macro_rules! mutant {
    ($name:ident => $wrong:expr; $right:expr) => {
        $right
    };
    ($name:ident $wrong:block) => {};
}

/// A place where a trial may kill the program: `moment!("publish: file stored")`.
///
/// The program dies at once, as by `kill -9`, when `WHARF_DIE_AT` names the moment; `NAME#3` waits for the third time.
#[cfg(feature = "armed")]
#[macro_export]
macro_rules! moment {
    ($name:literal) => {
        $crate::reached($name)
    };
}

/// A place where a trial may kill the program; here, without `armed`, nothing.
#[cfg(not(feature = "armed"))]
#[macro_export]
macro_rules! moment {
    ($name:literal) => {};
}
