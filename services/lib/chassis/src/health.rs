//! `/healthz` (the process lives) and `/readyz` (it can do its work). Neither says why something is down: that stands in
//! the log, once for each change. What a process depends on is named on the internal server alone.

use crate::shutdown::Stop;
use crate::table::reading;
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::ServiceConfig;
use futures::future::{BoxFuture, join_all};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The routes of every server: method, path.
pub const ROUTES: &[(&str, &str)] = &[("GET", "/healthz"), ("GET", "/readyz")];

/// Whether a path is one of [`ROUTES`].
pub(crate) fn is_route(path: &str) -> bool {
    ROUTES.iter().any(|(_, route)| *route == path)
}

/// How long an answer is given again, so that asking often costs nothing.
const FRESH: Duration = Duration::from_secs(1);
/// Longest a check may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(2);

type Ask = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

struct Check {
    name: &'static str,
    ask: Ask,
    failing: AtomicBool,
}

/// The checks that decide whether a process can do its work.
pub struct Readiness {
    stop: Stop,
    checks: Vec<Check>,
    last: Mutex<Option<(Instant, Report)>>,
}

/// What the checks said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether every check held and the process is not stopping.
    pub ready: bool,
    /// Each check by name.
    pub checks: BTreeMap<&'static str, bool>,
}

impl Readiness {
    /// Ready until `stop` is requested; load balancers then look elsewhere while running requests end.
    #[must_use]
    pub fn new(stop: Stop) -> Self {
        Self { stop, checks: Vec::new(), last: Mutex::default() }
    }

    /// Adds a check. What it reports as failure is logged, not shown.
    #[must_use]
    pub fn check<F>(mut self, name: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let ask: Ask = Box::new(move || Box::pin(ask()));
        self.checks.push(Check { name, ask, failing: AtomicBool::new(false) });
        self
    }

    /// Asks all checks at once, or repeats an answer younger than a second.
    pub async fn report(&self) -> Report {
        // Held while asking, so that many callers cause one round of checks.
        let mut last = self.last.lock().await;
        let mut report = match &*last {
            Some((at, report)) if at.elapsed() < FRESH => report.clone(),
            _ => {
                let report = self.ask().await;
                *last = Some((Instant::now(), report.clone()));
                report
            }
        };
        report.ready &= !self.stop.is_requested();
        report
    }

    async fn ask(&self) -> Report {
        let answers = join_all(self.checks.iter().map(async |check| (check.name, check.run().await))).await;
        let checks: BTreeMap<_, _> = answers.into_iter().collect();
        Report { ready: checks.values().all(|holds| *holds), checks }
    }
}

impl Check {
    async fn run(&self) -> bool {
        let answer = timeout(PATIENCE, (self.ask)()).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let failed_before = self.failing.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(cause) if !failed_before => tracing::warn!(check = self.name, cause, "not ready"),
            Ok(()) if failed_before => tracing::info!(check = self.name, "ready again"),
            _ => {}
        }
        answer.is_ok()
    }
}

/// Mounts both routes for anyone to ask: ready or not, and no more.
pub fn routes(readiness: Arc<Readiness>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    mount(readiness, |report| json!({ "ready": report.ready }))
}

/// Mounts both routes for the operator, who is told which checks there are and which of them fail.
pub(crate) fn detailed_routes(readiness: Arc<Readiness>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    mount(readiness, |report| json!({ "ready": report.ready, "checks": report.checks }))
}

fn mount(
    readiness: Arc<Readiness>,
    tell: fn(&Report) -> serde_json::Value,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config| {
        let readiness = Arc::clone(&readiness);
        config.route(
            "/healthz",
            reading().to(async || HttpResponse::Ok().content_type(ContentType::plaintext()).body("ok")),
        );
        config.route(
            "/readyz",
            reading().to(move || {
                let readiness = Arc::clone(&readiness);
                async move {
                    let report = readiness.report().await;
                    let mut answer = if report.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
                    answer.json(tell(&report))
                }
            }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown::stop_signal;
    use actix_web::{App, test};
    use std::sync::atomic::AtomicUsize;

    #[tokio::test]
    async fn answers_are_kept_for_a_second_and_a_hanging_check_fails() {
        let (_stopper, stop) = stop_signal();
        let (asked, up) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let (counter, state) = (Arc::clone(&asked), Arc::clone(&up));
        let readiness = Readiness::new(stop).check("database", move || {
            counter.fetch_add(1, Ordering::Relaxed);
            let up = state.load(Ordering::Relaxed);
            async move { if up { Ok(()) } else { std::future::pending().await } }
        });
        assert!(readiness.report().await.ready);
        up.store(false, Ordering::Relaxed);
        assert!(readiness.report().await.ready);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokio::time::sleep(FRESH).await;
        let report = readiness.report().await;
        assert_eq!(report, Report { ready: false, checks: [("database", false)].into() });
        up.store(true, Ordering::Relaxed);
        tokio::time::sleep(FRESH).await;
        assert!(readiness.report().await.ready);
    }

    #[actix_web::test]
    async fn the_routes_say_so() {
        let (stopper, stop) = stop_signal();
        let readiness = Readiness::new(stop)
            .check("blob", async || Ok(()))
            .check("cache", async || Err("password whfa_123456789 refused".to_owned()));
        let readiness = Arc::new(readiness);
        let app = test::init_service(App::new().configure(routes(Arc::clone(&readiness)))).await;
        let answer = test::call_service(&app, test::TestRequest::get().uri("/readyz").to_request()).await;
        assert_eq!(answer.status().as_u16(), 503);
        assert_eq!(test::read_body(answer).await, r#"{"ready":false}"#);
        let app = test::init_service(App::new().configure(detailed_routes(readiness))).await;
        let answer = test::call_service(&app, test::TestRequest::get().uri("/healthz").to_request()).await;
        assert_eq!((answer.status().as_u16(), &test::read_body(answer).await[..]), (200, &b"ok"[..]));
        let answer = test::call_service(&app, test::TestRequest::get().uri("/readyz").to_request()).await;
        assert_eq!(answer.status().as_u16(), 503);
        assert_eq!(test::read_body(answer).await, r#"{"checks":{"blob":true,"cache":false},"ready":false}"#);
        stopper.stop();
    }

    #[tokio::test]
    async fn stopping_is_not_ready() {
        let (stopper, stop) = stop_signal();
        let readiness = Readiness::new(stop);
        assert!(readiness.report().await.ready);
        stopper.stop();
        assert!(!readiness.report().await.ready);
    }
}
