//! Archives put together byte by byte: any header, any order, any end.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// The version of every crate in the table.
pub const VERSION: &str = "1.0.0";

/// Makes archives of one crate. In paths, `@` at the beginning stands for the root directory.
#[derive(Clone, Debug)]
pub struct Maker {
    /// The name of the crate.
    pub name: String,
}

impl Maker {
    /// The directory that holds everything.
    #[must_use]
    pub fn root(&self) -> String {
        format!("{}-{VERSION}", self.name)
    }

    /// A path with its root filled in.
    #[must_use]
    pub fn path(&self, path: &[u8]) -> Vec<u8> {
        path.strip_prefix(b"@").map_or_else(|| path.to_vec(), |rest| [self.root().as_bytes(), rest].concat())
    }

    /// The text of a sound manifest.
    #[must_use]
    pub fn manifest_text(&self) -> String {
        format!("[package]\nname = \"{}\"\nversion = \"{VERSION}\"\nedition = \"2021\"\n", self.name)
    }

    /// The manifest as a member.
    #[must_use]
    pub fn manifest(&self) -> Vec<u8> {
        self.file("@/Cargo.toml", self.manifest_text().as_bytes())
    }

    /// A library, without which cargo finds nothing to build.
    #[must_use]
    pub fn library(&self) -> Vec<u8> {
        self.file("@/src/lib.rs", b"//! A library.\n")
    }

    /// A member that begins like a regular file with mode 644.
    #[must_use]
    pub fn member(&self, path: impl AsRef<[u8]>, data: &[u8]) -> Member {
        Member { path: self.path(path.as_ref()), data: data.to_vec(), flag: b'0', mode: 0o644, change: Vec::new() }
    }

    /// A regular file.
    #[must_use]
    pub fn file(&self, path: impl AsRef<[u8]>, data: &[u8]) -> Vec<u8> {
        self.member(path, data).bytes()
    }

    /// A directory.
    #[must_use]
    pub fn directory(&self, path: impl AsRef<[u8]>) -> Vec<u8> {
        self.member(path, b"").flag(b'5').mode(0o755).bytes()
    }

    /// A GNU long name for the member that follows.
    #[must_use]
    pub fn long_name(&self, path: impl AsRef<[u8]>) -> Vec<u8> {
        let name = [&self.path(path.as_ref())[..], b"\0"].concat();
        self.member("././@LongLink", &name).flag(b'L').mode(0).bytes()
    }

    /// A local pax header with these records, written as they are.
    #[must_use]
    pub fn pax(&self, records: &[u8]) -> Vec<u8> {
        self.member("PaxHeaders/x", records).flag(b'x').bytes()
    }

    /// A local pax header with the path of the member that follows.
    #[must_use]
    pub fn pax_path(&self, path: impl AsRef<[u8]>) -> Vec<u8> {
        self.pax(&record(b"path", &self.path(path.as_ref())))
    }

    /// A sound archive with more members.
    #[must_use]
    pub fn with(&self, members: &[Vec<u8>]) -> Vec<u8> {
        gzip(&self.tar_with(members))
    }

    /// The tar of a sound archive with more members.
    #[must_use]
    pub fn tar_with(&self, members: &[Vec<u8>]) -> Vec<u8> {
        tar(&[&[self.manifest(), self.library()][..], members].concat())
    }
}

/// A member to be.
pub struct Member {
    path: Vec<u8>,
    data: Vec<u8>,
    flag: u8,
    mode: u32,
    change: Vec<(usize, Vec<u8>)>,
}

impl Member {
    /// Another type.
    #[must_use]
    pub fn flag(mut self, flag: u8) -> Self {
        self.flag = flag;
        self
    }

    /// Another mode.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Other bytes in the header, before its checksum is taken.
    #[must_use]
    pub fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.change.push((at, bytes.to_vec()));
        self
    }

    /// The header of POSIX in place of GNU's, with a prefix.
    #[must_use]
    pub fn ustar(self, prefix: &[u8]) -> Self {
        self.put(257, b"ustar\x0000").put(345, prefix)
    }

    /// Header, data and padding.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::new(self.flag));
        header.set_mode(self.mode);
        header.set_mtime(1);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(self.data.len() as u64);
        let shown = &self.path[..self.path.len().min(100)];
        header.as_mut_bytes()[..shown.len()].copy_from_slice(shown);
        for (at, bytes) in &self.change {
            header.as_mut_bytes()[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        header.set_cksum();
        let mut out = header.as_bytes().to_vec();
        out.extend_from_slice(&self.data);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }
}

/// A pax record, which counts itself.
#[must_use]
pub fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest..rest + 8).find(|length| rest + length.to_string().len() == *length);
    let length = length.expect("a length has at most seven digits");
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// Members with an end mark.
#[must_use]
pub fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

/// One gzip member.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    deflated(bytes, Compression::fast())
}

/// One gzip member whose blocks are stored.
#[must_use]
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    deflated(bytes, Compression::none())
}

fn deflated(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A gzip member with these flags, and these fields between its header and its data.
#[must_use]
pub fn gzip_with(flags: u8, fields: &[u8], bytes: &[u8]) -> Vec<u8> {
    let plain = gzip(bytes);
    [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255][..], fields, &plain[10..]].concat()
}
