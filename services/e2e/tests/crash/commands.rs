//! The operator's commands, killed half-way on an empty database: the next one finishes what was begun.

use crate::caller::Caller;
use crate::installation::{Configured, Installation, Part, Process};
use crate::plan::Plan;
use crate::run::Report;
use crate::servers::Postgres;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;
use wharf_testkit::chance::Chance;

/// A command ended well, or by the death it was ordered to die.
pub(crate) fn check_end(output: &Output, dies_at: Option<&str>) {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match dies_at {
        Some(name) => assert_eq!(output.status.signal(), Some(6), "«{name}» never came: {said}"),
        None => assert!(output.status.success(), "{said}"),
    }
}

async fn command(configured: &Configured, arguments: &[&str], dies_at: Option<&str>) {
    let mut command = configured.command(arguments);
    if let Some(order) = dies_at {
        command.env("WHARF_DIE_AT", order);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    check_end(&output, dies_at);
}

/// What a quickstart file says.
fn quickstart(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect()
}

pub(crate) async fn run(installation: &mut Installation, plan: &Plan, chance: &mut Chance) -> Report {
    let database = format!("commands_{:016x}", chance.next());
    let mut admin = installation.postgres.superuser("postgres").await;
    sqlx::query(AssertSqlSafe(format!("create database {database}"))).execute(&mut admin).await.unwrap();
    let url = Postgres::url(installation.postgres.address(), &database);
    let configured = Configured::write(&url, installation.redis.address(), None);
    let out = configured.folder.path().join("quickstart.env");
    let bootstrap = ["bootstrap", "--demo", "--out", out.to_str().unwrap()];

    let died_at = match plan {
        Plan::Command(name) => {
            let times = if *name == "migrate: password set" { chance.within(1, 4) } else { 1 };
            let order = format!("{name}#{times}");
            if name.starts_with("migrate") {
                command(&configured, &["migrate"], Some(&order)).await;
            } else {
                command(&configured, &["migrate"], None).await;
                command(&configured, &bootstrap, Some(&order)).await;
            }
            Some(*name)
        }
        _ => {
            let mut migrating = configured.command(&["migrate"]).stdout(Stdio::null()).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(chance.next() % 400)).await;
            crate::servers::reap(&mut migrating);
            None
        }
    };
    let written = quickstart(&out);
    command(&configured, &["migrate"], None).await;
    command(&configured, &bootstrap, None).await;
    let made = quickstart(&out);
    for (name, secret) in &written {
        assert_eq!(made.get(name), Some(secret), "{name} became another");
    }
    command(&configured, &bootstrap, None).await;
    assert_eq!(quickstart(&out), made, "what exists stays as it is");

    // Everything was made once, and it works.
    let mut database_now = installation.postgres.superuser(&database).await;
    let counts: Vec<i64> = sqlx::query_scalar(
        "select array[(select count(*) from org), (select count(*) from registry), (select count(*) from member),
                      (select count(*) from entitlement), (select count(*) from token),
                      (select count(*) from audit_entry where action in ('token.issue', 'entitlement.grant'))]",
    )
    .fetch_one(&mut database_now)
    .await
    .unwrap();
    assert_eq!(counts, [1, 1, 1, 2, 4, 6]);
    let mut process = Process::start(&configured, Part::All, &[]);
    process.ready().await;
    let [app, index, download] =
        [configured.app, configured.index, configured.download].map(|address| format!("http://{address}"));
    let caller = Caller::new(&made["WHARF_API_TOKEN"], &app, &index, &download);
    assert_eq!(caller.read(&caller.org("/registries")).await.0, 200);
    for reader in ["WHARF_READ_ALL_TOKEN", "WHARF_PARTNER_TOKEN"] {
        assert_eq!(caller.with(&made[reader]).read(&caller.config_url()).await.0, 200, "{reader}");
    }
    process.kill();
    drop(database_now);
    sqlx::query(AssertSqlSafe(format!("drop database {database} with (force)"))).execute(&mut admin).await.unwrap();
    Report { died_at, line: "the next command finished what was begun".to_owned() }
}
