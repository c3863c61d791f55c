//! Numbers for Prometheus. Labels are route templates, services, methods and statuses: never an org, a crate or a user,
//! which would tell one tenant's business to whoever reads the graphs, and grow without end.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, PullingGauge, Registry,
    TextEncoder,
};
use std::time::Duration;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// All metrics of a process; clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    pub(crate) job_runs: IntCounterVec,
    pub(crate) job_last_success: IntGaugeVec,
}

impl Metrics {
    /// Metrics of HTTP, of jobs and of the process itself; other crates add theirs with [`Metrics::register`].
    pub fn new() -> prometheus::Result<Self> {
        let buckets = vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("wharf_http_requests_total", "Requests answered."),
                &["service", "route", "method", "status"],
            )?,
            durations: HistogramVec::new(
                HistogramOpts::new(
                    "wharf_http_request_duration_seconds",
                    "Time until the head of the answer was ready.",
                )
                .buckets(buckets),
                &["service", "route"],
            )?,
            job_runs: IntCounterVec::new(
                Opts::new("wharf_job_runs_total", "Runs of background jobs; outcome is ok, failed or panicked."),
                &["job", "outcome"],
            )?,
            job_last_success: IntGaugeVec::new(
                Opts::new("wharf_job_last_success_timestamp_seconds", "When a background job last succeeded."),
                &["job"],
            )?,
        };
        metrics.register(metrics.requests.clone())?;
        metrics.register(metrics.durations.clone())?;
        metrics.register(metrics.job_runs.clone())?;
        metrics.register(metrics.job_last_success.clone())?;
        metrics.gauge("process_resident_memory_bytes", "Memory in use.", || resident_bytes().unwrap_or(f64::NAN))?;
        metrics.gauge("process_open_fds", "Open file descriptors.", || open_files().unwrap_or(f64::NAN))?;
        Ok(metrics)
    }

    /// Adds a metric; its name must be new.
    pub fn register(&self, metric: impl Collector + 'static) -> prometheus::Result<()> {
        self.registry.register(Box::new(metric))
    }

    /// Adds a gauge that is read when somebody looks.
    pub fn gauge(
        &self,
        name: &str,
        help: &str,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> prometheus::Result<()> {
        self.register(PullingGauge::new(name, help, Box::new(read))?)
    }

    /// Everything in the text format of Prometheus, type [`CONTENT_TYPE`].
    pub fn render(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Where requests of one route, method and status are counted.
    pub(crate) fn series(&self, service: &str, route: &str, method: &'static str, status: u16) -> Series {
        let mut buffer = [0; 3];
        Series {
            method,
            status,
            requests: self.requests.with_label_values(&[service, route, method, status_text(status, &mut buffer)]),
            duration: self.durations.with_label_values(&[service, route]),
        }
    }
}

/// The counters of one route, method and status. Whoever keeps it counts without looking labels up.
pub(crate) struct Series {
    /// The method, as [`known_method`] gives it.
    pub(crate) method: &'static str,
    /// The status.
    pub(crate) status: u16,
    requests: IntCounter,
    duration: Histogram,
}

impl Series {
    pub(crate) fn answered(&self, took: Duration) {
        self.requests.inc();
        self.duration.observe(took.as_secs_f64());
    }
}

/// Clients may invent methods; each would be a new time series.
pub(crate) fn known_method(method: &str) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("OTHER")
}

fn status_text(status: u16, buffer: &mut [u8; 3]) -> &str {
    for (place, divisor) in buffer.iter_mut().zip([100, 10, 1]) {
        *place = b'0' + u8::try_from(status / divisor % 10).expect("a digit fits");
    }
    std::str::from_utf8(buffer).expect("digits are ASCII")
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kibibytes| kibibytes * 1024.0)
}

fn open_files() -> Option<f64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // The listing itself holds one open.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_the_process_are_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.gauge("wharf_redis_up", "Redis answers.", || 1.0).unwrap();
        metrics.series("index", "/{org}/config.json", known_method("GET"), 200).answered(Duration::from_millis(3));
        metrics.series("index", "/{org}/config.json", known_method("BREW"), 405).answered(Duration::from_millis(3));
        let text = metrics.render().unwrap();
        for line in [
            r#"wharf_http_requests_total{method="GET",route="/{org}/config.json",service="index",status="200"} 1"#,
            r#"wharf_http_requests_total{method="OTHER",route="/{org}/config.json",service="index",status="405"} 1"#,
            r#"wharf_http_request_duration_seconds_bucket{route="/{org}/config.json",service="index",le="0.005"} 2"#,
            "wharf_redis_up 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} not in\n{text}");
        }
        let value = |name: &str| -> f64 {
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1_000_000.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(metrics.gauge("wharf_redis_up", "Again.", || 0.0).is_err());
    }
}
