//! The `wharf` program with mutants and moments alive, for trials; built with the feature `trials` only.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::program::main()
}
