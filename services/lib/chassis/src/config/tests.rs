use super::*;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Blob {
    Directory { path: PathBuf },
}

const SAMPLE: &str = r#"
[public]
app = "http://127.0.0.1:7001"
index = "http://127.0.0.1:7002"
download = "https://dl.example.com"

[listen]
app = "127.0.0.1:7001"
index = "127.0.0.1:7002"
download = "127.0.0.1:7003"
internal = "127.0.0.1:0"
trusted_proxies = ["10.0.0.0/8"]

[database]
owner_url_file = "owner"
service_password_file = "password"

[redis]
url_file = "redis"

[blob]
kind = "directory"
path = "crates"

[secrets]
token_pepper_file = "pepper"
ticket_key_file = "keys/ticket"

[log]
format = "text"
level = "debug"
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("wharf.toml", SAMPLE);
        folder.write("owner", "postgres://wharf@127.0.0.1/wharf\n");
        folder.write("password", "a-long-enough-password\n");
        folder.write("redis", "redis://127.0.0.1/\n");
        folder.write("pepper", &format!("{}\n", "01".repeat(16) + &"ab".repeat(16)));
        folder.write("keys/ticket", &("02".repeat(16) + &"cd".repeat(16)));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.mode(name, 0o600);
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Config<Blob>, ConfigError> {
        load_from(Some(&self.path("wharf.toml")), "WHARF", pairs(environment))
    }

    fn refusal(&self, environment: &[(&str, &str)]) -> String {
        let error = self.load(environment).expect_err("must be refused").to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }

    fn refusal_of(&self, from: &str, to: &str) -> String {
        assert!(SAMPLE.contains(from));
        self.write("wharf.toml", &SAMPLE.replacen(from, to, 1));
        self.refusal(&[])
    }
}

fn pairs(environment: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    environment.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn the_sample_is_read() {
    let folder = Folder::new();
    let config = folder.load(&[("PATH", "/bin"), ("WHARF_TEST_REDIS_URL", "x")]).unwrap();
    assert_eq!(config.public.download.as_str(), "https://dl.example.com");
    assert_eq!(config.listen.internal.port(), 0);
    assert_eq!(config.listen.trusted_proxies, ["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(config.database.owner_url_file.secret().expose(), "postgres://wharf@127.0.0.1/wharf");
    assert_eq!(config.database.max_connections, 10);
    assert_eq!(config.redis.as_ref().unwrap().url_file.secret().expose(), "redis://127.0.0.1/");
    assert_eq!(config.secrets.token_pepper_file.expose()[0], 1);
    assert_eq!(config.secrets.ticket_key_file.expose()[31], 0xcd);
    assert_eq!(config.limits.body_bytes, 1024 * 1024);
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Text, "debug"));
    let Blob::Directory { path } = &config.blob;
    assert_eq!(*path, folder.path("crates"), "relative paths count from the folder of the file");
}

#[test]
fn printing_a_configuration_shows_no_secret() {
    let printed = format!("{:?}", Folder::new().load(&[]).unwrap());
    for secret in ["a-long-enough-password", "postgres://", "redis://", "0101", "abab", "cdcd"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn the_environment_wins() {
    let folder = Folder::new();
    folder.write("elsewhere", "another-long-password");
    let config = folder
        .load(&[
            ("WHARF__LISTEN__APP", "[::1]:9000"),
            ("WHARF__LISTEN__TRUSTED_PROXIES", r#"["192.0.2.0/24", "::1/128"]"#),
            ("WHARF__LIMITS__BODY_BYTES", "4096"),
            ("WHARF__LOG__LEVEL", "warn"),
            ("WHARF__DATABASE__SERVICE_PASSWORD_FILE", "elsewhere"),
            ("WHARF__BLOB", r#"{ kind = "directory", path = "/srv/crates" }"#),
        ])
        .unwrap();
    assert_eq!(config.listen.app.to_string(), "[::1]:9000");
    assert_eq!(config.listen.trusted_proxies.len(), 2);
    assert_eq!(config.limits.body_bytes, 4096);
    assert_eq!(config.log.level, "warn");
    assert_eq!(config.database.service_password_file.secret().expose(), "another-long-password");
    let Blob::Directory { path } = &config.blob;
    assert_eq!(path, Path::new("/srv/crates"));
}

#[test]
fn the_environment_alone_is_enough() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        log: Log,
    }
    let small: Small = load_from(None, "WHARF", pairs(&[("WHARF__LOG__FORMAT", "text")])).unwrap();
    assert_eq!(small.log.format, LogFormat::Text);
    let error = load_from::<Small>(None, "WHARF", pairs(&[])).unwrap_err().to_string();
    assert_eq!(error, "configuration from the environment: missing field `log`");
}

#[test]
fn errors_name_the_key_and_where_it_came_from() {
    let folder = Folder::new();
    for (variable, value, expected) in [
        (
            "WHARF__LISTEN__API",
            "127.0.0.1:1",
            "environment variable WHARF__LISTEN__API: `listen.api`: unknown field `api`",
        ),
        (
            "WHARF__NONSENSE__KEY",
            "1",
            "environment variable WHARF__NONSENSE__KEY: `nonsense.key`: unknown field `nonsense`",
        ),
        (
            "WHARF__LISTEN__APP",
            "nowhere",
            "environment variable WHARF__LISTEN__APP: `listen.app`: invalid socket address",
        ),
        (
            "WHARF__LIMITS__BODY_BYTES",
            "many",
            "environment variable WHARF__LIMITS__BODY_BYTES: `limits.body_bytes`: invalid type",
        ),
        (
            "WHARF__LIMITS__DATABASE_SILENCE_S",
            "0",
            "environment variable WHARF__LIMITS__DATABASE_SILENCE_S: `limits.database_silence_s`: invalid value",
        ),
        (
            "WHARF__LISTEN__TRUSTED_PROXIES",
            r#"["10.0.0.0/8", "x"]"#,
            "environment variable WHARF__LISTEN__TRUSTED_PROXIES: `listen.trusted_proxies`: ",
        ),
        ("WHARF__LOG__", "x", "environment variable"),
    ] {
        let error = folder.refusal(&[(variable, value)]);
        let expected = if variable.ends_with("__") { "WHARF__LOG__: not of the form" } else { expected };
        assert!(error.starts_with(expected), "{error}");
    }
    for (from, to, expected) in [
        ("index = \"http", "indexx = \"http", "wharf.toml:4: `public.indexx`: unknown field `indexx`, expected one of"),
        ("level = \"debug\"", "level = 3", "wharf.toml:31: `log.level`: invalid type: integer `3`, expected a string"),
        (
            "https://dl.example.com",
            "https://dl.example.com/",
            "wharf.toml:5: `public.download`: a public address looks like",
        ),
        ("owner_url_file = \"owner\"", "", "wharf.toml:14: `database`: missing field `owner_url_file`"),
        ("kind = \"directory\"", "kind = \"tape\"", "wharf.toml:22: `blob.kind`: unknown variant `tape`"),
        ("[blob]", "[blob", "wharf.toml:21: "),
        ("[secrets]", "[secret]", "wharf.toml:25: `secret`: unknown field `secret`"),
    ] {
        let error = folder.refusal_of(from, to);
        assert!(error.starts_with(expected), "{error}");
    }
    let missing =
        load_from::<Config<Blob>>(Some(&folder.path("none.toml")), "WHARF", pairs(&[])).unwrap_err().to_string();
    assert!(missing.contains("none.toml: cannot read the configuration"), "{missing}");
}

#[test]
fn weak_secret_files_are_refused() {
    let folder = Folder::new();
    folder.mode("password", 0o644);
    let error = folder.refusal(&[]);
    assert!(
        error.starts_with("wharf.toml:16: `database.service_password_file`: password is open to every user"),
        "{error}"
    );
    for (name, content, expected) in [
        ("password", "", "password is empty"),
        ("password", "\n", "password is empty"),
        ("password", "qwert\n", "password: too short a secret: 5 bytes, 16 are the least"),
        ("pepper", "abc", "pepper: too short a secret"),
        ("pepper", &"xy".repeat(32), "pepper: not 64 hexadecimal digits"),
        ("pepper", &"ab".repeat(33), "pepper: not 64 hexadecimal digits"),
        ("pepper", &"00".repeat(32), "pepper: a placeholder, not a key"),
    ] {
        let folder = Folder::new();
        folder.write(name, content);
        let error = folder.refusal(&[]);
        assert!(error.contains(expected), "{error}");
        assert!(content.len() < 3 || !error.contains(content.trim()), "{error} echoes the secret");
    }
    let folder = Folder::new();
    fs::remove_file(folder.path("owner")).unwrap();
    let error = folder.refusal(&[]);
    assert!(error.contains("`database.owner_url_file`: cannot read owner: "), "{error}");
}
