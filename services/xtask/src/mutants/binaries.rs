//! The test binaries with the mutants alive, built once.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use cargo_metadata::{Message, Metadata};

use super::table::Test;

/// A test binary and the folder its tests run in.
pub(crate) struct Binary {
    pub(crate) executable: PathBuf,
    pub(crate) folder: PathBuf,
}

/// By package and target.
pub(crate) struct Binaries(BTreeMap<(String, String), Binary>);

impl Binaries {
    /// Builds the test targets of these names in all packages.
    ///
    /// Always the whole workspace: with single packages cargo would choose other features of the libraries below, and
    /// build everything once more.
    pub(crate) fn build<'a>(
        root: &Path,
        metadata: &Metadata,
        targets: impl Iterator<Item = &'a str>,
    ) -> anyhow::Result<Self> {
        let targets: BTreeSet<&str> = targets.collect();
        println!("building the tests ({}) with mutants alive", targets.iter().copied().collect::<Vec<_>>().join(", "));
        // Some tests start the program; `cargo test` alone would leave an older one lying there.
        let mut program = Command::new(cargo());
        program.args(["build", "--workspace", "--features", "wharf-e2e/trials", "--locked", "--quiet"]);
        program.args(["--bin", "wharf-armed"]);
        ensure!(program.current_dir(root).status()?.success(), "the program does not build with mutants alive");
        let mut cargo = Command::new(cargo());
        cargo.args(["test", "--workspace", "--features", "wharf-e2e/trials", "--no-run", "--locked", "--quiet"]);
        cargo.arg("--message-format=json-render-diagnostics");
        for target in targets {
            cargo.args(["--test", target]);
        }
        let mut building = cargo.current_dir(root).stdout(Stdio::piped()).spawn().context("running cargo test")?;
        let output = building.stdout.take().context("the output of cargo")?;
        let mut found = BTreeMap::new();
        for message in Message::parse_stream(BufReader::new(output)) {
            let Message::CompilerArtifact(artifact) = message? else { continue };
            let Some(executable) = artifact.executable.filter(|_| artifact.profile.test) else { continue };
            let package = metadata.packages.iter().find(|package| package.id == artifact.package_id);
            let package = package.context("cargo built a test of an unknown package")?;
            let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
            let binary = Binary { executable: executable.into(), folder: folder.into() };
            found.insert((package.name.to_string(), artifact.target.name), binary);
        }
        ensure!(building.wait()?.success(), "the tests do not build with mutants alive");
        Ok(Self(found))
    }

    pub(crate) fn get(&self, package: &str, target: &str) -> anyhow::Result<&Binary> {
        let key = (package.to_owned(), target.to_owned());
        self.0.get(&key).with_context(|| format!("there is no test target {package}/{target}"))
    }

    /// Every test there is, but for those that cargo's harness ignores.
    pub(crate) fn every_test(&self) -> anyhow::Result<BTreeSet<Test>> {
        let mut all = BTreeSet::new();
        for ((package, target), binary) in &self.0 {
            let listed = Command::new(&binary.executable)
                .args(["--list", "--format", "terse"])
                .current_dir(&binary.folder)
                .output()
                .with_context(|| binary.executable.display().to_string())?;
            let listed = String::from_utf8(listed.stdout).context("a list of tests")?;
            for path in listed.lines().filter_map(|line| line.strip_suffix(": test")) {
                all.insert(Test { package: package.clone(), target: target.clone(), path: path.to_owned() });
            }
        }
        Ok(all)
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
