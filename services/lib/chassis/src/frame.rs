//! The frame around every request: its id, default headers, one line in the log, and its numbers.
//!
//! The line holds the route template, never the path (which names crates) or the query. An answer of 500 or more is
//! logged as an error with everything behind it, here and nowhere else.

use crate::faces::{ApiFault, CargoFault, PlainFault};
use crate::hosts::Hosts;
use crate::metrics::{Metrics, Series, known_method};
use crate::request_id::RequestId;
use crate::telemetry::chain;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use futures::future::{Either, LocalBoxFuture};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::borrow::Cow;
use std::cell::RefCell;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tracing::Instrument;
use wharf_domain::Entropy;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The route of everything that no route matched; a path here would be a new time series for each.
const UNMATCHED: &str = "unmatched";

/// What the requests of a server are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Each is counted under its route and logged at level info.
    Ordinary,
    /// Many reads that cost microseconds: all counted under one route, and logged at level debug unless they fail. To
    /// look for the route again, or to write a line, would cost more than the answer.
    Reads {
        /// The route they are counted under.
        route: &'static str,
    },
}

/// The middleware; one for each service of a process.
#[derive(Clone)]
pub struct Frame {
    service: &'static str,
    metrics: Metrics,
    entropy: Arc<dyn Entropy>,
    traffic: Traffic,
    hosts: Hosts,
}

impl Frame {
    /// A frame that reports as `service`.
    #[must_use]
    pub fn new(service: &'static str, metrics: Metrics, entropy: Arc<dyn Entropy>) -> Self {
        Self { service, metrics, entropy, traffic: Traffic::Ordinary, hosts: Hosts::any() }
    }

    /// A frame for another kind of traffic.
    #[must_use]
    pub fn carrying(mut self, traffic: Traffic) -> Self {
        self.traffic = traffic;
        self
    }

    /// A frame that refuses what is meant for other hosts.
    #[must_use]
    pub fn answering_for(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }
}

/// [`Frame`] around one chain of services.
pub struct Framed<S> {
    worker: Rc<Worker>,
    inner: S,
}

/// What one worker thread keeps for its requests, so that none of them waits for the system or for another worker.
struct Worker {
    frame: Frame,
    /// Makes request ids, seeded from the process's entropy: a system call a request is saved.
    ids: RefCell<StdRng>,
    series: RefCell<Vec<Series>>,
}

impl Worker {
    fn new(frame: Frame) -> Self {
        let mut seed = [0; 32];
        frame.entropy.fill(&mut seed);
        Self { frame, ids: RefCell::new(StdRng::from_seed(seed)), series: RefCell::default() }
    }

    fn count(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let Traffic::Reads { .. } = self.frame.traffic else {
            self.frame.metrics.series(self.frame.service, route, method, status).answered(took);
            return;
        };
        // One route, a handful of statuses: a list is looked through faster than labels are hashed.
        let mut known = self.series.borrow_mut();
        match known.iter().find(|series| series.method == method && series.status == status) {
            Some(series) => series.answered(took),
            None => {
                let series = self.frame.metrics.series(self.frame.service, route, method, status);
                series.answered(took);
                known.push(series);
            }
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Frame
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Transform = Framed<S>;
    type InitError = ();
    type Future = Ready<Result<Framed<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Framed { worker: Rc::new(Worker::new(self.clone())), inner }))
    }
}

impl<S, B> Service<ServiceRequest> for Framed<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse<B>, actix_web::Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), actix_web::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let frame = &self.worker.frame;
        let id = RequestId::drawn(&mut self.worker.ids.borrow_mut());
        let exchange = Exchange {
            id,
            worker: Rc::clone(&self.worker),
            method: known_method(request.method().as_str()),
            route: match frame.traffic {
                Traffic::Ordinary => request.match_pattern().map_or(Cow::Borrowed(UNMATCHED), Cow::Owned),
                Traffic::Reads { route } => Cow::Borrowed(route),
            },
            start: Instant::now(),
        };
        let span = match frame.traffic {
            // At level error, so that a filter that shows only errors keeps their request ids.
            Traffic::Ordinary => tracing::error_span!("request", request_id = id.as_str()),
            Traffic::Reads { .. } => tracing::debug_span!("request", request_id = id.as_str()),
        };
        let inner = match frame.hosts.check(&request) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(misdirected) => Either::Right(ready(Err(misdirected.into()))),
        };
        Box::pin(
            id.scope(async move {
                match inner.await {
                    Ok(mut answer) => {
                        exchange.finish(answer.response().error(), answer.status(), answer.response().body().size());
                        exchange.add_headers(answer.headers_mut());
                        Ok(answer)
                    }
                    // A middleware refused. Its answer is made here, while the frame's headers can still be added.
                    Err(error) => {
                        let mut answer = error.error_response();
                        exchange.finish(Some(&error), answer.status(), answer.body().size());
                        exchange.add_headers(answer.headers_mut());
                        Err(InternalError::from_response(error, answer).into())
                    }
                }
            })
            .instrument(span),
        )
    }
}

struct Exchange {
    id: RequestId,
    worker: Rc<Worker>,
    method: &'static str,
    route: Cow<'static, str>,
    start: Instant,
}

impl Exchange {
    fn add_headers(&self, headers: &mut HeaderMap) {
        let id = HeaderValue::from_str(self.id.as_str()).expect("hexadecimal digits fit into a header");
        headers.insert(REQUEST_ID, id);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }

    fn finish(&self, error: Option<&actix_web::Error>, status: StatusCode, size: BodySize) {
        let took = self.start.elapsed();
        let route = &*self.route;
        let (service, method) = (self.worker.frame.service, self.method);
        self.worker.count(route, method, status.as_u16(), took);
        let status_code = status.as_u16();
        let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        let bytes = match size {
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::None => Some(0),
            BodySize::Stream => None,
        };
        if status.is_server_error() {
            let (code, cause) = error.map(explain).unwrap_or_default();
            tracing::error!(
                target: "wharf::access", request_id = self.id.as_str(), service, method, route, status = status_code,
                duration_ms, bytes, code, cause, "failed"
            );
        } else if self.worker.frame.traffic == Traffic::Ordinary {
            tracing::info!(
                target: "wharf::access", service, method, route, status = status_code, duration_ms, bytes, "answered"
            );
        } else {
            tracing::debug!(
                target: "wharf::access", service, method, route, status = status_code, duration_ms, bytes, "answered"
            );
        }
    }
}

/// What the log should know of an error: its code, and everything behind it.
fn explain(error: &actix_web::Error) -> (Option<&'static str>, Option<String>) {
    let behind = error
        .as_error::<CargoFault>()
        .map(CargoFault::error)
        .or_else(|| error.as_error::<ApiFault>().map(ApiFault::error))
        .or_else(|| error.as_error::<PlainFault>().map(PlainFault::error));
    match behind {
        Some(error) => (Some(error.code()), Some(chain(error))),
        None => (None, Some(error.to_string())),
    }
}

#[cfg(test)]
pub(crate) mod tests;
