//! The table of package archives: what each is, how it is made, and the verdict on it.
//!
//! Made when asked for, so that the repository holds rows and not files. A row is made for any name of crate, so that all
//! of them can be unpacked by one run of cargo. The verdicts were written by hand, from the rules (docs, "Publish") and
//! from what extractors in the wild do with such an archive.

pub mod build;
mod extensions;
mod good;
mod gzip;
mod headers;
mod kinds;
mod limits;
mod manifest;
mod paths;

use build::Maker;
pub(crate) use paths::TABLE as PATHS;
use wharf_cargo_wire::PublishLimits;

/// What is to happen to an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken, and unpacked to the same files by everyone.
    Accepted,
    /// Refused, in a text that contains this.
    Refused(&'static str),
}

/// How the bytes of a row are made.
type Make = Box<dyn Fn(&Maker) -> Vec<u8>>;

/// One row.
pub struct Row {
    /// What it is.
    pub name: String,
    /// What is to happen to it.
    pub verdict: Verdict,
    /// The limits it is judged under.
    pub limits: PublishLimits,
    /// Whether it is so large that only long runs make it.
    pub large: bool,
    make: Make,
}

impl Row {
    fn new(name: impl Into<String>, verdict: Verdict, make: impl Fn(&Maker) -> Vec<u8> + 'static) -> Self {
        Self { name: name.into(), verdict, limits: PublishLimits::default(), large: false, make: Box::new(make) }
    }

    fn good(name: impl Into<String>, make: impl Fn(&Maker) -> Vec<u8> + 'static) -> Self {
        Self::new(name, Verdict::Accepted, make)
    }

    fn bad(name: impl Into<String>, why: &'static str, make: impl Fn(&Maker) -> Vec<u8> + 'static) -> Self {
        Self::new(name, Verdict::Refused(why), make)
    }

    fn under(self, limits: PublishLimits) -> Self {
        Self { limits, ..self }
    }

    fn large(self) -> Self {
        Self { large: true, ..self }
    }

    /// The archive, as a package of this crate in version [`build::VERSION`].
    #[must_use]
    pub fn archive(&self, name: &str) -> Vec<u8> {
        (self.make)(&Maker { name: name.to_owned() })
    }
}

/// Every row.
#[must_use]
pub fn all() -> Vec<Row> {
    let groups: [fn() -> Vec<Row>; 8] = [
        good::rows,
        paths::rows,
        kinds::rows,
        headers::rows,
        extensions::rows,
        gzip::rows,
        manifest::rows,
        limits::rows,
    ];
    groups.iter().flat_map(|group| group()).collect()
}
