//! Builds this crate anew when a migration is added: the compiler watches only those that were there before.

fn main() {
    println!("cargo:rerun-if-changed=../../../migrations");
}
