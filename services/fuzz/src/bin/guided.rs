//! One of the fuzz targets under libFuzzer; `WHARF_FUZZ_TARGET` says which. Started by `./deploy/fuzz`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wharf_fuzz::targets::{self, Target};

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("WHARF_FUZZ_TARGET").expect("WHARF_FUZZ_TARGET names a target");
    targets::ALL.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target `{name}`"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.check)(bytes));
