//! The program as an operator meets it: what it refuses to start with and how it says so, how it ends, what its internal
//! port tells, and what neither its log nor its database ever holds.

use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use wharf::assemble::Ambient;
use wharf_testkit::database::SERVICE_PASSWORD;
use wharf_testkit::process::{ServerProcess, program};
use wharf_testkit::stack::Setup;
use wharf_testkit::{Answer, Client, CrateFixture, Org, Stack, setting, until};

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

/// Acts in every way that takes or gives a secret. Gives each secret and the request ids of the answers.
async fn story(setup: &Setup, org: &Org) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut secrets, mut requests) = (BTreeSet::new(), BTreeSet::new());
    let mut see = |answer: &Answer| {
        requests.insert(answer.header("x-request-id").to_owned());
    };
    let owner = &org.owner;
    let partner = org.partner("partner", &["told"]).await;
    let mut bad = partner.clone();
    bad.secret = partner.secret.replace("whfe_", "whfd_");
    secrets.extend([owner.secret.clone(), partner.secret.clone(), bad.secret.clone()]);
    see(&owner.publish(&CrateFixture::new("told", "1.0.0")).await.expect(200));
    for token in [owner, &partner, &bad] {
        see(&token.index("told").await);
        see(&token.search("told").await);
        see(&token.publish(&CrateFixture::new("told", "1.0.0")).await);
        see(&token.client().get(&org.url("/registries")).await);
        for form in ["Bearer", "Token", "bEARER"] {
            let client = Client::with(format!("{form} {}", token.secret));
            see(&client.get(&token.index_url("config.json")).await);
        }
        let basic = base64_of(&format!("token:{}", token.secret));
        see(&Client::with(format!("Basic {basic}")).get(&token.index_url("config.json")).await);
        secrets.insert(basic);
        // A credential where none may be: refused, and not written down either.
        for url in [
            owner.index_url("config.json"),
            owner.crates_url(""),
            org.url("/tokens"),
            owner.download_url("told", "1.0.0"),
        ] {
            let query = Client::anonymous().get(&format!("{url}?token={}", token.secret)).await;
            assert!(query.status == 400 || query.status == 401, "{url}: {}", query.status);
            see(&query);
        }
        see(&Client::anonymous().get(&format!("{}/{}/x/config.json", setup.index, token.secret)).await);
    }
    let decision = partner.client().get(&partner.download_url("told", "1.0.0")).await.expect(302);
    let ticket = decision.header("location").to_owned();
    secrets.insert(ticket.rsplit_once("s=").unwrap().1.to_owned());
    see(&decision);
    see(&Client::anonymous().get(&ticket).await.expect(200));
    see(&Client::anonymous().get(&format!("{ticket}x")).await.expect(403));

    // The address for cargo before 1.74 is a secret, wherever it leads.
    let old = json!({ "legacy_git_downloads": true });
    see(&org.manage("PATCH", "/registries/private", &old).await.expect(200));
    let credential = setup.legacy_credential(&partner).await;
    let forged = credential.replace("whfl_", "whfe_");
    for (credential, name, status) in
        [(&credential, "told", 302), (&credential, "untold", 404), (&forged, "told", 403), (&credential, "told", 302)]
    {
        see(&Client::anonymous().get(&partner.legacy_url(credential, name, "1.0.0")).await.expect(status));
    }
    let elsewhere = partner.legacy_url(&credential, "told", "1.0.0").replace("/told/", "/x/y/told/");
    see(&Client::anonymous().get(&elsewhere).await.expect(404));
    secrets.insert(credential);

    // Answers that show a secret, one of them kept for whoever asks again.
    let wanted = json!({ "name": "ci", "kind": "download" }).to_string().into_bytes();
    let once = [("content-type", "application/json"), ("idempotency-key", "once-and-for-all")];
    let mut issued = Vec::new();
    for _ in 0..2 {
        let answer = owner.client().send("POST", &org.url("/tokens"), &once, Some(wanted.clone())).await.expect(201);
        issued.push(answer.json()["secret"].as_str().unwrap().to_owned());
        see(&answer);
    }
    assert_eq!(issued[0], issued[1]);
    secrets.insert(issued[0].clone());
    let entitlement = partner.entitlement.as_deref().unwrap();
    let rotate = format!("/registries/private/entitlements/{entitlement}/rotate");
    let rotated = org.manage("POST", &rotate, &json!({})).await.expect(201);
    secrets.insert(rotated.json()["secret"].as_str().unwrap().to_owned());
    see(&rotated);
    // A body that is refused may hold one as well.
    let misplaced = json!({ "name": owner.secret, "kind": owner.secret });
    see(&org.manage("POST", "/tokens", &misplaced).await.expect(400));
    (secrets, requests)
}

/// A token in every spelling it could be found in: whole, and its random part alone.
fn spellings(secret: &str) -> Vec<String> {
    let body = secret.split_once('_').filter(|_| secret.starts_with("whf")).map(|(_, body)| body.to_owned());
    std::iter::once(secret.to_owned()).chain(body).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_log_nor_database_holds_a_secret() {
    let (setup, org) = prepared().await;
    let mut server = ServerProcess::start(&setup, &[("WHARF__LOG__LEVEL", "trace")]).await;
    let (mut secrets, requests) = story(&setup, &org).await;
    let metrics = Client::anonymous().get(&format!("{}/metrics", setup.internal)).await.expect(200).text();
    // And answers that are errors of ours, with all that stands behind them.
    setup.database.take_down().await;
    let failed = org.owner.publish(&CrateFixture::new("late", "1.0.0")).await.expect(503);
    setup.database.bring_up().await;
    server.signal("TERM");
    let _status = server.exit().await;

    for name in ["pepper", "ticket-key", "owner-url", "redis-url"] {
        secrets.insert(std::fs::read_to_string(setup.directory.path().join(name)).unwrap());
    }
    for url in [setting("WHARF_TEST_DATABASE_URL"), setting("WHARF_TEST_REDIS_URL")] {
        let password = url.split_once("://").unwrap().1.split_once('@').and_then(|(login, _)| login.split_once(':'));
        secrets.extend(password.map(|(_, password)| password.to_owned()).filter(|password| !password.is_empty()));
    }
    secrets.insert(SERVICE_PASSWORD.to_owned());
    let secrets: Vec<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();

    let log = server.log();
    let mut logged = BTreeSet::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        assert!(line["level"].is_string() && line["time"].is_string(), "{line}");
        logged.extend(line["request_id"].as_str().map(str::to_owned));
    }
    assert!(logged.is_superset(&requests), "requests without a line: {:?}", requests.difference(&logged));
    assert!(logged.contains(failed.header("x-request-id")));
    for secret in &secrets {
        let found = log.lines().find(|line| line.contains(secret.as_str()));
        assert!(found.is_none(), "{secret} is in the log: {found:?}");
        assert!(!metrics.contains(secret.as_str()), "{secret} is in the metrics");
    }

    let mut database = setup.database.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('select t::text from %I t', table_name) from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    let mut kept = 0;
    for table in tables {
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(table.clone())).fetch_all(&mut database).await.unwrap();
        kept += rows.len();
        for secret in &secrets {
            // Bytes are shown in hexadecimal, so they are looked for in that form too.
            let bytes = hex::encode(secret);
            let found = rows.iter().find(|row| row.contains(secret.as_str()) || row.contains(&bytes));
            assert!(found.is_none(), "{secret} is in a row of {table}: {found:?}");
        }
    }
    assert!(kept > 30, "{kept} rows");
    setup.database.drop().await;
}

fn base64_of(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
