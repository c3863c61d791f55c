//! A database made for one chore out of `migrations/`, gone when it ends. Only ever on the test server it is given.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};

pub(crate) struct Scratch {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl Scratch {
    /// Makes the database and applies every migration in order.
    pub(crate) fn migrated(server: &str, migrations: &Path) -> anyhow::Result<Self> {
        let name = format!("wharf_xtask_{}", std::process::id());
        let url = with_database(server, &name)?;
        psql(server, &["-c", &format!("create database {name}")])?;
        let scratch = Self { server: server.to_owned(), name, url };
        for file in in_order(migrations)? {
            let path = file.to_str().context("a migration's path is not UTF-8")?;
            psql(&scratch.url, &["--single-transaction", "-f", path]).with_context(|| format!("applying {path}"))?;
        }
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = psql(&self.server, &["-c", &format!("drop database {} with (force)", self.name)]) {
            println!("warning: the scratch database {} stays behind: {error:#}", self.name);
        }
    }
}

fn in_order(migrations: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(migrations).with_context(|| migrations.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "no migration found in {}", migrations.display());
    files.sort();
    Ok(files)
}

fn psql(url: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url])
        .args(arguments)
        .env_remove("PGOPTIONS")
        .output()
        .context("running psql (part of the PostgreSQL client package)")?;
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The same server and account, another database.
fn with_database(url: &str, name: &str) -> anyhow::Result<String> {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").context("the test database's address has no scheme")?;
    let server = rest.split_once('/').map_or(rest, |(server, _)| server);
    ensure!(!server.is_empty(), "the test database's address names no server");
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Ok(format!("{scheme}://{server}/{name}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_an_address_changes() {
        for (url, wanted) in [
            ("postgres://u:p@127.0.0.1:5432/postgres", "postgres://u:p@127.0.0.1:5432/x"),
            ("postgres://u:p@127.0.0.1:5432", "postgres://u:p@127.0.0.1:5432/x"),
            ("postgresql://u@h/postgres?sslmode=disable", "postgresql://u@h/x?sslmode=disable"),
        ] {
            assert_eq!(with_database(url, "x").unwrap(), wanted);
        }
        assert!(with_database("postgres", "x").is_err());
        assert!(with_database("postgres:///x", "x").is_err());
    }
}
