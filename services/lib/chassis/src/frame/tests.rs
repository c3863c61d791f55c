use super::*;
use crate::ambient::{OsEntropy, SystemClock};
use crate::config::LogFormat;
use crate::telemetry::Lines;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
use actix_web::{App, HttpResponse, web};
use std::sync::{Mutex, Once};
use tracing_subscriber::layer::SubscriberExt;
use wharf_registry::Error;

/// Keeps a listener for every event alive in this process.
///
/// Where nobody listens, tracing marks an event as of interest to no one when it is first reached, and a listener that
/// another test sets up at that very moment may then never be told of it. To be called before a [`Frame`] serves.
pub(crate) fn keep_listening() {
    static LISTENER: Once = Once::new();
    LISTENER.call_once(|| {
        let lines = Lines::new(LogFormat::Json, Arc::new(SystemClock), |_: &str| {});
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).unwrap();
    });
}

fn frame() -> Frame {
    keep_listening();
    Frame::new("test", Metrics::new().unwrap(), Arc::new(OsEntropy))
}

/// Collects the log of the current thread until the guard is dropped.
fn log() -> (Arc<Mutex<Vec<serde_json::Value>>>, tracing::subscriber::DefaultGuard) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let lines = Lines::new(LogFormat::Json, Arc::new(SystemClock), move |line: &str| {
        sink.lock().unwrap().push(serde_json::from_str(line).unwrap());
    });
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
    (seen, guard)
}

async fn greet() -> HttpResponse {
    tracing::info!("inside");
    HttpResponse::Ok().body("hello")
}

async fn cached() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "max-age=60")).finish()
}

async fn broken() -> Result<HttpResponse, CargoFault> {
    Err(Error::internal(std::io::Error::other("disk full")).into())
}

async fn refuse<B>(_: ServiceRequest, _: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    Err(CargoFault::from(Error::forbidden("not here")).into())
}

#[actix_web::test]
async fn every_answer_has_the_headers_and_a_new_id() {
    let app = init_service(
        App::new().wrap(frame()).route("/crates/{name}", web::get().to(greet)).route("/cached", web::get().to(cached)),
    )
    .await;
    let mut ids = Vec::new();
    for uri in ["/crates/serde", "/cached", "/nowhere"] {
        let request = TestRequest::get().uri(uri).insert_header(("x-request-id", "chosen-outside")).to_request();
        let answer = call_service(&app, request).await;
        let get =
            |name: &str| answer.headers().get_all(name).map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(get("x-content-type-options"), ["nosniff"]);
        assert_eq!(get("referrer-policy"), ["no-referrer"]);
        assert_eq!(get("cache-control"), [if uri == "/cached" { "max-age=60" } else { "no-store" }]);
        assert!(get("server").is_empty());
        let id = get("x-request-id").concat();
        assert_eq!(id.len(), 24, "{id}");
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[actix_web::test]
async fn one_line_a_request_without_names_or_query() {
    let (seen, guard) = log();
    let app = init_service(App::new().wrap(frame()).route("/crates/{name}", web::get().to(greet))).await;
    let answer = call_service(&app, TestRequest::get().uri("/crates/serde?token=hunter2").to_request()).await;
    call_service(&app, TestRequest::get().uri("/nowhere/serde").to_request()).await;
    drop(guard);
    let seen = seen.lock().unwrap();
    let id = answer.headers().get("x-request-id").unwrap().to_str().unwrap();
    assert_eq!((&seen[0]["message"], &seen[0]["request_id"]), (&"inside".into(), &id.into()));
    let line = &seen[1];
    assert_eq!((line["level"].as_str(), line["target"].as_str()), (Some("info"), Some("wharf::access")));
    assert_eq!((line["route"].as_str(), line["status"].as_u64()), (Some("/crates/{name}"), Some(200)));
    assert_eq!((line["bytes"].as_u64(), line["request_id"].as_str()), (Some(5), Some(id)));
    assert_eq!((line["method"].as_str(), line["service"].as_str()), (Some("GET"), Some("test")));
    assert!(line["duration_ms"].is_number());
    assert_eq!((seen[2]["route"].as_str(), seen[2]["status"].as_u64()), (Some("unmatched"), Some(404)));
    let all = format!("{seen:?}");
    assert!(!all.contains("serde") && !all.contains("hunter2") && !all.contains("dropped"), "{all}");
    assert_eq!(seen.len(), 3);
}

#[actix_web::test]
async fn a_mistake_is_logged_once_with_its_cause_and_shown_with_its_id() {
    let (seen, guard) = log();
    let app = init_service(App::new().wrap(frame()).route("/broken", web::get().to(broken))).await;
    let answer = call_service(&app, TestRequest::get().uri("/broken").to_request()).await;
    drop(guard);
    let id = answer.headers().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    assert_eq!(answer.status(), 500);
    let body = String::from_utf8(actix_web::test::read_body(answer).await.to_vec()).unwrap();
    assert!(body.contains(&id) && !body.contains("disk"), "{body}");
    let seen = seen.lock().unwrap();
    let [line] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((line["level"].as_str(), line["code"].as_str()), (Some("error"), Some("internal")));
    assert!(line["cause"].as_str().unwrap().ends_with(": disk full"), "{line}");
    assert_eq!(line["request_id"].as_str(), Some(id.as_str()));
}

#[actix_web::test]
async fn a_refusal_of_a_middleware_keeps_its_face_and_gets_the_headers() {
    let frame = frame();
    let metrics = frame.metrics.clone();
    let app = init_service(
        App::new().service(web::scope("/api").wrap(from_fn(refuse)).route("/x", web::get().to(greet))).wrap(frame),
    )
    .await;
    let Err(error) = try_call_service(&app, TestRequest::get().uri("/api/x").to_request()).await else {
        panic!("the middleware refuses");
    };
    let answer = error.error_response();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers().get("cache-control").unwrap(), "no-store");
    assert_eq!(answer.headers().get("x-request-id").unwrap().len(), 24);
    let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
    assert_eq!(body, r#"{"errors":[{"detail":"not here"}]}"#);
    let counted = r#"wharf_http_requests_total{method="GET",route="/api/x",service="test",status="403"} 1"#;
    assert!(metrics.render().unwrap().contains(counted));
}
