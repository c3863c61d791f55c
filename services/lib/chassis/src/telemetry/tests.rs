use super::*;
use std::sync::Mutex;
use wharf_domain::Timestamp;

struct Noon;
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-05-31T12:00:00Z").unwrap()
    }
}

fn lines(format: LogFormat, act: impl FnOnce()) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let layer = Lines::new(format, Arc::new(Noon), move |line: &str| sink.lock().unwrap().push(line.to_owned()));
    tracing::subscriber::with_default(Registry::default().with(layer), act);
    Arc::try_unwrap(seen).map_or_else(|shared| shared.lock().unwrap().clone(), |seen| seen.into_inner().unwrap())
}

#[test]
fn a_json_line_carries_its_span_and_only_listed_fields() {
    let lines = lines(LogFormat::Json, || {
        let _span = tracing::info_span!("request", request_id = "abc", cookie = "secret-cookie").entered();
        tracing::info!(target: "wharf::test", status = 200_u64, authorization = "secret-header", "served\nfake line");
    });
    let [line] = lines.as_slice() else { panic!("one event, {} lines", lines.len()) };
    assert_eq!(line.matches('\n').count(), 1, "a value must not forge a line");
    assert!(!line.contains("secret-"), "{line}");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        line,
        serde_json::json!({
            "time": "2026-05-31T12:00:00Z", "level": "info", "target": "wharf::test", "message": "served\nfake line",
            "request_id": "abc", "status": 200, "dropped_fields": ["authorization"],
        })
    );
}

#[test]
fn a_text_line_escapes_control_characters() {
    let lines = lines(LogFormat::Text, || {
        tracing::warn!(target: "t", code = "x\u{1b}[31m\n", "see https://h/p?token=abc");
    });
    assert_eq!(lines, ["2026-05-31T12:00:00Z  WARN t: see https://h/p?[redacted] code=x\\u{1b}[31m\\n\n"]);
}

#[test]
fn errors_are_logged_with_everything_behind_them() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot publish")]
    struct Outer(#[source] std::io::Error);
    let error = Outer(std::io::Error::other("disk of whfa_0123456789 full"));
    let lines = lines(LogFormat::Json, || {
        tracing::error!(error = &error as &(dyn std::error::Error + 'static), "failed");
    });
    assert!(lines[0].contains(r#""error":"cannot publish: disk of [redacted] full""#), "{}", lines[0]);
}

/// Runs in a process of its own, because logging and the panic hook belong to the whole process.
#[test]
#[ignore = "started by `a_panic_leaves_its_place_and_not_its_payload`"]
fn panicking_child() {
    start(&Log::default(), Arc::new(Noon)).unwrap();
    assert!(matches!(start(&Log::default(), Arc::new(Noon)), Err(TelemetryError::Twice)));
    let wrong = Log { level: "info=loud=x".to_owned(), ..Log::default() };
    assert!(matches!(start(&wrong, Arc::new(Noon)), Err(TelemetryError::Level(_))));
    tracing::debug!("below the level");
    let secret = "hunter2";
    let panicked = std::thread::Builder::new().name("worker-7".to_owned()).spawn(move || panic!("{secret}")).unwrap();
    assert!(panicked.join().is_err());
}

#[test]
fn a_panic_leaves_its_place_and_not_its_payload() {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "telemetry::tests::panicking_child", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8(child.stdout).unwrap(), String::from_utf8(child.stderr).unwrap());
    assert!(child.status.success(), "{stdout}{stderr}");
    let line = stdout.lines().find_map(|line| line.find('{').map(|at| &line[at..])).expect("a line of JSON");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((line["target"].as_str(), line["thread"].as_str()), (Some("wharf::panic"), Some("worker-7")));
    assert!(line["location"].as_str().unwrap().contains("telemetry/tests.rs:"), "{line}");
    assert!(
        !stdout.contains("hunter2") && !stderr.contains("hunter2") && !stdout.contains("below"),
        "{stdout}{stderr}"
    );
}
