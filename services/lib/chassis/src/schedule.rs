//! Background jobs: each runs again and again until the process stops. A job that fails or panics is logged and runs
//! again at its next time.

use crate::metrics::Metrics;
use crate::shutdown::Stop;
use crate::telemetry::chain;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use wharf_domain::{Clock, Entropy};
use wharf_registry::Error;

/// The jobs of a process.
pub struct Schedule {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: Metrics,
    stop: Stop,
    jobs: JoinSet<()>,
}

impl Schedule {
    /// A schedule without jobs; use it inside a tokio runtime.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, metrics: Metrics, stop: Stop) -> Self {
        Self { clock, entropy, metrics, stop, jobs: JoinSet::new() }
    }

    /// Runs `work` soon, and then about every `period`: up to a tenth sooner or later, so that replicas started together
    /// drift apart. Runs of one job never overlap. When the process stops, a run may finish but no other begins.
    pub fn every<F>(&mut self, name: &'static str, period: Duration, mut work: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let job = Job { name, clock: Arc::clone(&self.clock), metrics: self.metrics.clone() };
        let (entropy, stop) = (Arc::clone(&self.entropy), self.stop.clone());
        self.jobs.spawn(async move {
            let mut pause = period.mul_f64(share(&*entropy) / 10.0);
            loop {
                tokio::select! {
                    () = stop.requested() => return,
                    () = sleep(pause) => {}
                }
                // Of its own, so that a panic ends this run alone; in a set, so that it ends with this task.
                let mut run = JoinSet::new();
                run.spawn(work());
                if let Some(outcome) = run.join_next().await {
                    job.note(outcome);
                }
                pause = period.mul_f64(0.9 + share(&*entropy) / 5.0);
            }
        });
    }

    /// Waits until the process stops and all jobs have ended; runs longer than `grace`, or than the process has left,
    /// are dropped.
    pub async fn finished(mut self, grace: Duration) {
        self.stop.requested().await;
        let deadline = Instant::now() + grace;
        let stop = self.stop.clone();
        let all_ended = async { while self.jobs.join_next().await.is_some() {} };
        let in_time = tokio::select! {
            ended = timeout(deadline - Instant::now(), all_ended) => ended.is_ok(),
            () = stop.now() => false,
        };
        if !in_time {
            tracing::warn!("stopping in the middle of a background job");
        }
        self.jobs.shutdown().await;
    }
}

struct Job {
    name: &'static str,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl Job {
    fn note(&self, outcome: Result<Result<(), Error>, tokio::task::JoinError>) {
        let outcome = match outcome {
            Ok(Ok(())) => {
                self.metrics.job_last_success.with_label_values(&[self.name]).set(self.clock.now().unix());
                "ok"
            }
            Ok(Err(error)) => {
                tracing::error!(job = self.name, code = error.code(), cause = chain(&error), "background job failed");
                "failed"
            }
            // The panic hook has logged where; the payload may hold anything and is not printed.
            Err(_) => {
                tracing::error!(job = self.name, "background job panicked");
                "panicked"
            }
        };
        self.metrics.job_runs.with_label_values(&[self.name, outcome]).inc();
    }
}

/// A random number from 0 up to 1.
fn share(entropy: &dyn Entropy) -> f64 {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::OsEntropy;
    use crate::shutdown::{Stopper, stop_signal};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use wharf_domain::Timestamp;

    const PERIOD: Duration = Duration::from_millis(200);

    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix(1_780_000_000)
        }
    }

    fn schedule() -> (Stopper, Metrics, Schedule) {
        let (stopper, stop) = stop_signal();
        let metrics = Metrics::new().unwrap();
        (stopper, metrics.clone(), Schedule::new(Arc::new(Noon), Arc::new(OsEntropy), metrics, stop))
    }

    #[tokio::test]
    async fn a_job_runs_again_after_failure_and_panic() {
        let (stopper, metrics, mut schedule) = schedule();
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        schedule.every("sweep", PERIOD, move || {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => Err(Error::internal("first")),
                    1 => panic!("second"),
                    _ => Ok(()),
                }
            }
        });
        sleep(PERIOD / 2).await;
        assert_eq!(runs.load(Ordering::Relaxed), 1, "the first run comes soon");
        sleep(PERIOD * 6).await;
        stopper.stop();
        schedule.finished(PERIOD).await;
        let count = runs.load(Ordering::Relaxed);
        // A busy machine may be late, but never early.
        assert!((3..=8).contains(&count), "{count} runs in seven periods");
        sleep(PERIOD * 2).await;
        assert_eq!(runs.load(Ordering::Relaxed), count, "no run after the stop");
        let text = metrics.render().unwrap();
        for line in [
            r#"wharf_job_runs_total{job="sweep",outcome="failed"} 1"#,
            r#"wharf_job_runs_total{job="sweep",outcome="panicked"} 1"#,
            &format!(r#"wharf_job_runs_total{{job="sweep",outcome="ok"}} {}"#, count - 2),
            r#"wharf_job_last_success_timestamp_seconds{job="sweep"} 1780000000"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} not in\n{text}");
        }
    }

    #[tokio::test]
    async fn a_run_may_finish_but_not_for_ever() {
        for (takes, finishes) in [(PERIOD, true), (PERIOD * 1000, false)] {
            let (stopper, metrics, mut schedule) = schedule();
            schedule.every("long", PERIOD, move || async move {
                sleep(takes).await;
                Ok(())
            });
            sleep(PERIOD / 2).await;
            stopper.stop();
            let stopping = Instant::now();
            schedule.finished(PERIOD * 5).await;
            assert!(stopping.elapsed() < PERIOD * 20);
            assert_eq!(metrics.render().unwrap().contains(r#"outcome="ok"} 1"#), finishes);
        }
    }
}
