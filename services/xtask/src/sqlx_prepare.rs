//! Writes or checks `.sqlx`, the answers of a migrated database to every checked query of `wharf-store`.
//!
//! The sqlx macros write an answer into `SQLX_OFFLINE_DIR` whenever they ask a live `DATABASE_URL`, so one
//! `cargo check` of store against a scratch database writes them all. The new set is made beside the old one and
//! replaces it whole: answers to queries that are gone go too, and a failed run changes nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use cargo_metadata::MetadataCommand;

use crate::scratch::Scratch;

const PACKAGE: &str = "wharf-store";

pub(crate) fn run(check: bool, server: Option<&str>) -> anyhow::Result<()> {
    let server = server
        .filter(|url| !url.is_empty())
        .context("WHARF_TEST_DATABASE_URL is not set; start the test services: eval \"$(./deploy/test --services)\"")?;
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let root = metadata.workspace_root.as_std_path();
    let store = metadata.packages.iter().find(|package| package.name.as_str() == PACKAGE);
    let targets = &store.with_context(|| format!("no package {PACKAGE}"))?.targets;
    let roots: Vec<PathBuf> = targets.iter().map(|target| target.src_path.clone().into_std_path_buf()).collect();

    let fresh = tempfile::tempdir_in(&metadata.target_directory).context("a folder for the new query metadata")?;
    let scratch = Scratch::migrated(server, &root.join("migrations"))?;
    ask_every_query(root, &roots, &scratch.url, fresh.path())?;
    drop(scratch);

    let kept = root.join(".sqlx");
    let (old, new) = (answers(&kept)?, answers(fresh.path())?);
    let changes = differences(&old, &new);
    if check {
        if changes.is_empty() {
            println!("{} queries match .sqlx", new.len());
            return Ok(());
        }
        bail!(".sqlx is out of date; run `cargo run -p xtask -- sqlx-prepare`:\n  {}", changes.join("\n  "));
    }
    replace(&kept, &old, &new)?;
    println!("{} queries in .sqlx, {} of them changed", new.len(), changes.len());
    Ok(())
}

/// Cargo would call store up to date and not run its macros, so the target roots look newer for the length of the run.
/// Their times are put back afterwards: nobody else's build should start over because of this.
fn ask_every_query(root: &Path, targets: &[PathBuf], database: &str, answers: &Path) -> anyhow::Result<()> {
    let now = fs::metadata(answers)?.modified()?;
    let mut times = Vec::new();
    for target in targets {
        times.push((target, fs::metadata(target)?.modified()?));
        fs::File::options().append(true).open(target)?.set_modified(now)?;
    }
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["check", "--quiet", "--package", PACKAGE, "--all-targets"])
        .current_dir(root)
        .env("DATABASE_URL", database)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", answers)
        .status();
    for (target, time) in times {
        // A file somebody saved during the run is theirs: its own, newer time stays.
        if fs::metadata(target)?.modified()? == now {
            fs::File::options().append(true).open(target)?.set_modified(time)?;
        }
    }
    ensure!(
        status.context("running cargo check")?.success(),
        "{PACKAGE} does not compile against the migrated database"
    );
    Ok(())
}

type Answers = BTreeMap<String, Vec<u8>>;

fn answers(folder: &Path) -> anyhow::Result<Answers> {
    let mut found = Answers::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().and_then(|name| name.to_str()).context("a file name in .sqlx is not UTF-8")?;
            found.insert(name.to_owned(), fs::read(&path)?);
        }
    }
    Ok(found)
}

fn differences(old: &Answers, new: &Answers) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, bytes) in new {
        match old.get(name) {
            None => lines.push(format!("missing: {name}")),
            Some(known) if known != bytes => lines.push(format!("different: {name}")),
            Some(_) => {}
        }
    }
    lines.extend(old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("no longer asked: {name}")));
    lines
}

fn replace(folder: &Path, old: &Answers, new: &Answers) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, bytes) in new {
        if old.get(name) != Some(bytes) {
            fs::write(folder.join(name), bytes)?;
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(entries: &[(&str, &str)]) -> Answers {
        entries.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let old = set(&[("same.json", "1"), ("changed.json", "1"), ("gone.json", "1")]);
        let new = set(&[("same.json", "1"), ("changed.json", "2"), ("new.json", "1")]);
        let told = ["different: changed.json", "missing: new.json", "no longer asked: gone.json"];
        assert_eq!(differences(&old, &new), told);
        assert!(differences(&new, &new).is_empty());
    }

    #[test]
    fn replacing_leaves_exactly_the_new_set() {
        let folder = tempfile::tempdir().unwrap();
        let old = set(&[("changed.json", "1"), ("gone.json", "1")]);
        let new = set(&[("changed.json", "2"), ("new.json", "1")]);
        replace(folder.path(), &Answers::new(), &old).unwrap();
        replace(folder.path(), &old, &new).unwrap();
        assert_eq!(answers(folder.path()).unwrap(), new);
    }
}
