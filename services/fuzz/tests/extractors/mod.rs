//! Four programs that unpack archives, each into a folder of its own, and what they leave there.

mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
pub(crate) use tree::Tree;
use wharf_fuzz::archives::build::VERSION;

/// An archive under the name of its crate.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) archive: Vec<u8>,
}

/// For each crate the folder that holds what was unpacked, or what the extractor said.
type Unpacked = BTreeMap<String, Result<PathBuf, String>>;

/// Unpacks packages below a directory.
type Extractor = fn(&Path, &[Package]) -> Unpacked;

/// Name and program.
pub(crate) const ALL: [(&str, Extractor); 4] =
    [("cargo", cargo), ("gnu-tar", gnu_tar), ("bsdtar", bsdtar), ("python", python)];

fn run(command: &mut Command) -> Output {
    command
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; ./deploy/test installs what is missing"))
}

fn verdict(output: &Output, folder: PathBuf) -> Result<PathBuf, String> {
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    // A warning is a second opinion, too: somebody read the archive in another way than was meant.
    if output.status.success() && said.is_empty() { Ok(folder) } else { Err(format!("{}, {said}", output.status)) }
}

/// Writes the archives beside each other.
fn stored(folder: &Path, packages: &[Package]) {
    fs::create_dir_all(folder).unwrap();
    for package in packages {
        fs::write(folder.join(format!("{}-{VERSION}.crate", package.name)), &package.archive).unwrap();
    }
}

fn each(folder: &Path, packages: &[Package], unpack: impl Fn(&Path, &Path) -> Output) -> Unpacked {
    let archives = folder.join("archives");
    stored(&archives, packages);
    let unpack_one = |package: &Package| {
        let into = folder.join(&package.name);
        fs::create_dir(&into).unwrap();
        let output = unpack(&archives.join(format!("{}-{VERSION}.crate", package.name)), &into);
        (package.name.clone(), verdict(&output, into))
    };
    packages.iter().map(unpack_one).collect()
}

fn gnu_tar(folder: &Path, packages: &[Package]) -> Unpacked {
    each(folder, packages, |archive, into| {
        // Times before 1970 and in the future are told of, and are no matter of ours.
        run(Command::new("tar")
            .args(["--no-same-owner", "--warning=no-timestamp", "-xzf"])
            .arg(archive)
            .arg("-C")
            .arg(into))
    })
}

fn bsdtar(folder: &Path, packages: &[Package]) -> Unpacked {
    each(folder, packages, |archive, into| {
        run(Command::new("bsdtar").args(["--no-same-owner", "-xzf"]).arg(archive).arg("-C").arg(into))
    })
}

/// Unpacks what it is told, and says for each archive what went wrong.
const PYTHON: &str = r#"
import sys, tarfile
for archive, into in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.errorlevel = 2
            # Everything the archive asks for: the filters of newer versions would hide what it is.
            if hasattr(tarfile, "fully_trusted_filter"):
                tar.extraction_filter = tarfile.fully_trusted_filter
            tar.extractall(into)
        print("done")
    except Exception as error:
        print(repr(error))
"#;

fn python(folder: &Path, packages: &[Package]) -> Unpacked {
    let archives = folder.join("archives");
    stored(&archives, packages);
    let mut command = Command::new("python3");
    command.args(["-I", "-c", PYTHON]);
    for package in packages {
        fs::create_dir(folder.join(&package.name)).unwrap();
        command.arg(archives.join(format!("{}-{VERSION}.crate", package.name))).arg(folder.join(&package.name));
    }
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.lines().count() == packages.len(), "{output:?}");
    let judge = |(package, said): (&Package, &str)| {
        let unpacked = if said == "done" { Ok(folder.join(&package.name)) } else { Err(said.to_owned()) };
        (package.name.clone(), unpacked)
    };
    packages.iter().zip(said.lines()).map(judge).collect()
}

/// Cargo unpacks every dependency of one package, which a local registry offers.
fn cargo(folder: &Path, packages: &[Package]) -> Unpacked {
    let registry = folder.join("registry");
    stored(&registry, packages);
    for package in packages {
        let name = &package.name;
        let index = registry.join("index").join(&name[..2]).join(&name[2..4]);
        fs::create_dir_all(&index).unwrap();
        let cksum = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&package.archive));
        let line = format!(
            r#"{{"name":"{name}","vers":"{VERSION}","deps":[],"cksum":"{cksum}","features":{{}},"yanked":false}}"#
        );
        fs::write(index.join(name), line + "\n").unwrap();
    }
    let home = folder.join("home");
    let user = folder.join("user");
    fs::create_dir_all(&home).unwrap();
    fs::create_dir_all(user.join("src")).unwrap();
    let source = format!(
        "[source.crates-io]\nreplace-with = \"table\"\n[source.table]\nlocal-registry = \"{}\"\n",
        registry.display()
    );
    fs::write(home.join("config.toml"), source).unwrap();
    let dependencies: String = packages.iter().map(|package| format!("{} = \"={VERSION}\"\n", package.name)).collect();
    fs::write(
        user.join("Cargo.toml"),
        format!("[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[dependencies]\n{dependencies}"),
    )
    .unwrap();
    fs::write(user.join("src/lib.rs"), "").unwrap();
    let output = run(Command::new(env!("CARGO"))
        .current_dir(&user)
        .env_remove("CARGO_TARGET_DIR")
        .env("CARGO_HOME", &home)
        .args(["fetch", "--offline", "--quiet"]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let unpacked: Vec<_> =
        fs::read_dir(home.join("registry/src")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [unpacked] = &unpacked[..] else { panic!("{unpacked:?}") };
    let unpack_one = |package: &Package| {
        // Put where its archive alone would have been unpacked, without the mark that cargo adds.
        let root = format!("{}-{VERSION}", package.name);
        let into = folder.join(&package.name);
        fs::create_dir(&into).unwrap();
        fs::rename(unpacked.join(&root), into.join(&root)).unwrap();
        fs::remove_file(into.join(&root).join(".cargo-ok")).unwrap();
        (package.name.clone(), Ok(into))
    };
    let all = packages.iter().map(unpack_one).collect();
    assert_eq!(fs::read_dir(unpacked).unwrap().count(), 0, "cargo unpacked something else, too");
    all
}
