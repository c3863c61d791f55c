//! The stop signal that every server and job of a process shares. The first SIGTERM or SIGINT lets work finish; a
//! second one does not wait for it.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Stopping,
    Now,
}

/// Says when to stop. Clones watch the same signal.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Phase>);

/// Gives the signal. Dropping it without a word stops too: whoever was in charge is gone.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Phase>);

/// A stop signal and the hand that gives it.
#[must_use]
pub fn stop_signal() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (Stopper(sender), Stop(receiver))
}

/// A stop signal that follows SIGTERM and SIGINT; call it inside a tokio runtime.
pub fn on_signals() -> std::io::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stopper, stop) = stop_signal();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("stopping; a second signal stops at once");
        stopper.stop();
        next().await;
        tracing::warn!("stopping at once");
        stopper.stop_now();
        // Keeps the sender, whose end would say nothing new, until the process is gone.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}

impl Stopper {
    /// Asks everybody to finish what they do and stop.
    pub fn stop(&self) {
        self.0.send_modify(|phase| *phase = (*phase).max(Phase::Stopping));
    }

    /// Asks everybody to drop what they do.
    pub fn stop_now(&self) {
        self.0.send_replace(Phase::Now);
    }
}

impl Stop {
    /// Whether stopping has begun.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() > Phase::Running || self.0.has_changed().is_err()
    }

    /// Whether there is no more time to finish anything.
    #[must_use]
    pub fn is_now(&self) -> bool {
        *self.0.borrow() == Phase::Now || self.0.has_changed().is_err()
    }

    /// Waits until stopping begins.
    pub async fn requested(&self) {
        self.reached(Phase::Stopping).await;
    }

    /// Waits until there is no more time to finish anything.
    pub async fn now(&self) {
        self.reached(Phase::Now).await;
    }

    async fn reached(&self, wanted: Phase) {
        // An error means that the stopper is gone, which counts as the signal.
        let mut receiver = self.0.clone();
        let _gone = receiver.wait_for(|phase| *phase >= wanted).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const MOMENT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn first_stop_then_now() {
        let (stopper, stop) = stop_signal();
        assert!(!stop.is_requested());
        assert!(timeout(MOMENT, stop.requested()).await.is_err());
        stopper.stop();
        stop.clone().requested().await;
        assert!(stop.is_requested() && !stop.is_now());
        assert!(timeout(MOMENT, stop.now()).await.is_err());
        stopper.stop_now();
        stopper.stop();
        stop.now().await;
    }

    #[tokio::test]
    async fn a_lost_stopper_stops() {
        let (stopper, stop) = stop_signal();
        drop(stopper);
        assert!(stop.is_requested() && stop.is_now());
        stop.requested().await;
        stop.now().await;
    }
}
