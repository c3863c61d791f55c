//! The program as an operator meets it: what it refuses to start with and how it says so, how it ends, what its internal
//! port tells, and what its log is like. That it leaves no secret behind is shown in `secrets.rs`.

use serde_json::Value;
use sqlx::{Connection, Executor};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use wharf::assemble::Ambient;
use wharf_testkit::process::{ServerProcess, program};
use wharf_testkit::stack::Setup;
use wharf_testkit::{Client, CrateFixture, Org, Stack, until};

async fn prepared() -> (Setup, Org) {
    let setup = Stack::builder().prepare().await;
    let org = setup.org(&Ambient::default(), "acme").await;
    (setup, org)
}

/// What the program says when it refuses to start.
async fn refusal(setup: &Setup, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(program());
    command.arg("--config").arg(&setup.config_file).arg("serve").envs(environment.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "it started: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn mode(setup: &Setup, name: &str, mode: u32) {
    let path = setup.directory.path().join(name);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_a_mistake_is_refused_by_name() {
    let (setup, _org) = prepared().await;
    let sound = std::fs::read_to_string(&setup.config_file).unwrap();
    let line = sound.lines().count() + 1;
    for (mistake, named) in [
        ("worker = 3\n".to_owned(), "worker"),
        ("[rediss]\nurl_file = \"x\"\n".to_owned(), "rediss"),
        ("stop_grace = \"soon\"\n".to_owned(), "stop_grace"),
    ] {
        std::fs::write(&setup.config_file, format!("{sound}{mistake}")).unwrap();
        let said = refusal(&setup, &[]).await;
        assert!(said.contains(&format!("`{named}`")), "{said}");
        assert!(said.contains(&format!("wharf.toml:{line}")), "{said}");
    }
    std::fs::write(&setup.config_file, &sound).unwrap();
    let said = refusal(&setup, &[("WHARF__LIMITS__WORKERSS", "3")]).await;
    assert!(said.contains("WHARF__LIMITS__WORKERSS") && said.contains("`workerss`"), "{said}");

    for secret in ["pepper", "ticket-key", "password", "owner-url", "redis-url"] {
        for bits in [0o644, 0o604, 0o602] {
            mode(&setup, secret, bits);
            let said = refusal(&setup, &[]).await;
            assert!(said.contains(secret) && said.contains("is open to every user of the machine"), "{said}");
            assert!(said.contains("chmod 600"), "{said}");
        }
        mode(&setup, secret, 0o600);
    }
    std::fs::write(setup.directory.path().join("pepper"), "00".repeat(32)).unwrap();
    let said = refusal(&setup, &[]).await;
    assert!(said.contains("secrets.token_pepper_file") && said.contains("a placeholder, not a key"), "{said}");
    setup.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_it_does_not_fit_is_refused_with_what_to_do() {
    let (setup, _org) = prepared().await;
    let mut database = setup.database.superuser().await;
    let _newer = database
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'of a later release', true, '', 0)",
        )
        .await
        .unwrap();
    let said = refusal(&setup, &[]).await;
    assert!(said.contains("has schema 9999, newer than") && said.contains("upgrade the program"), "{said}");
    let _older = database
        .execute("delete from _sqlx_migrations where version >= (select max(version) from _sqlx_migrations where version < 9999)")
        .await
        .unwrap();
    let said = refusal(&setup, &[]).await;
    assert!(said.contains("run `wharf migrate` first"), "{said}");
    setup.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_running_requests_finish() {
    let (setup, org) = prepared().await;
    let mut server = ServerProcess::start(&setup, &[("WHARF__LIMITS__STOP_GRACE_S", "60")]).await;
    let krate = CrateFixture::new("last", "1.0.0");
    let (mut holder, mut database) = (setup.database.superuser().await, setup.database.superuser().await);
    let mut lock = holder.begin().await.unwrap();
    let _held = sqlx::query("lock table version in share mode").execute(&mut *lock).await.unwrap();
    let (publisher, published) = (org.owner.clone(), krate.clone());
    let answer = tokio::spawn(async move { publisher.publish(&published).await });
    until("the publish is under way", async || {
        sqlx::query_scalar("select exists (select from pg_locks where not granted and relation = 'version'::regclass)")
            .fetch_one(&mut database)
            .await
            .unwrap()
    })
    .await;

    server.signal("TERM");
    until("nobody new is served", async || {
        let url = org.owner.index_url("config.json");
        org.owner.client().attempt("GET", &url, &[], None).await.is_none()
    })
    .await;
    assert!(!answer.is_finished());
    lock.rollback().await.unwrap();
    let _published = answer.await.unwrap().expect(200);
    assert!(server.exit().await.success(), "{}", server.log());
    assert!(server.log().contains("stopped"));
    let left: i64 = sqlx::query_scalar("select count(*) from replica").fetch_one(&mut database).await.unwrap();
    assert_eq!(left, 0, "a process that stops takes its replicas off the list");

    let server = ServerProcess::start(&setup, &[]).await;
    assert_eq!(org.owner.download("last", "1.0.0").await.expect(200).body, krate.archive(&org.owner.sparse()));
    server.kill();
    setup.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_internal_port_tells_health_and_no_names() {
    let (setup, org) = prepared().await;
    let server = ServerProcess::start(&setup, &[]).await;
    let _published = org.owner.publish(&CrateFixture::new("quiet-name", "1.0.0")).await.expect(200);
    let _read = org.owner.index("quiet-name").await.expect(200);
    let client = Client::anonymous();
    let internal = async |path: &str| client.get(&format!("{}{path}", setup.internal)).await;
    assert_eq!(internal("/healthz").await.expect(200).text(), "ok");
    let ready = internal("/readyz").await.expect(200).json();
    assert_eq!(ready["ready"], true);
    assert!(ready["checks"].as_object().unwrap().values().all(|holds| *holds == true), "{ready}");
    let metrics = internal("/metrics").await.expect(200).text();
    for name in ["wharf_http_requests_total", "wharf_http_request_duration_seconds", "wharf_index_index_bytes"] {
        assert!(metrics.contains(name), "{name} is missing: {metrics}");
    }
    for name in ["quiet-name", "acme", "private"] {
        assert!(!metrics.contains(name), "{name} in {metrics}");
    }
    for public in [&setup.app, &setup.index, &setup.download] {
        assert_eq!(client.get(&format!("{public}/healthz")).await.status, 200);
        assert!([401, 404].contains(&client.get(&format!("{public}/metrics")).await.status));
    }
    server.kill();
    setup.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_json_and_has_a_line_for_every_request() {
    let (setup, org) = prepared().await;
    let mut server = ServerProcess::start(&setup, &[("WHARF__LOG__LEVEL", "trace")]).await;
    let (owner, nobody) = (&org.owner, Client::anonymous());
    let mut answers = vec![
        owner.publish(&CrateFixture::new("told", "1.0.0")).await.expect(200),
        owner.index("told").await.expect(200),
        owner.search("told").await.expect(200),
        owner.client().get(&owner.download_url("told", "1.0.0")).await.expect(302),
        owner.client().get(&org.url("/registries")).await.expect(200),
        owner.client().get(&owner.index_url("info/refs?service=git-receive-pack")).await.expect(403),
        owner.client().get(&owner.download_url("told", "9.0.0")).await.expect(404),
        nobody.get(&owner.index_url("config.json")).await.expect(401),
        nobody.get(&format!("{}/nowhere", setup.app)).await.expect(404),
    ];
    // And an answer that is an error of ours, with all that stands behind it.
    setup.database.take_down().await;
    answers.push(owner.publish(&CrateFixture::new("late", "1.0.0")).await.expect(503));
    setup.database.bring_up().await;
    server.signal("TERM");
    let _status = server.exit().await;

    let mut logged = BTreeSet::new();
    for line in server.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        assert!(line["level"].is_string() && line["time"].is_string(), "{line}");
        logged.extend(line["request_id"].as_str().map(str::to_owned));
    }
    let requests: BTreeSet<String> = answers.iter().map(|answer| answer.header("x-request-id").to_owned()).collect();
    assert_eq!(requests.len(), answers.len());
    assert!(logged.is_superset(&requests), "requests without a line: {:?}", requests.difference(&logged));
    setup.database.drop().await;
}
