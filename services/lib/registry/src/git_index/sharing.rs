//! Work that is done once for all who ask for it at the same time.

use crate::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// Work of one kind, at most one piece of it at a time.
#[derive(Default)]
pub(super) struct Shared<T> {
    begun: AtomicU64,
    /// Locked by whoever is at work.
    last: Mutex<Last<T>>,
}

#[derive(Default)]
struct Last<T> {
    /// How many had begun with this one.
    number: u64,
    /// Nothing if it failed.
    outcome: Option<T>,
}

impl<T: Copy> Shared<T> {
    /// Works, unless somebody began to after this was called and is done: then that counts, well or badly. So however many
    /// ask, the last of them waits for what is under way and for one more.
    ///
    /// Work that is given up half-way counts for nobody.
    pub(super) async fn work(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.number > begun {
            return last.outcome.ok_or_else(|| Error::unavailable("failed for one who asked at the same time"));
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let done = work.await;
        *last = Last { number, outcome: done.as_ref().ok().copied() };
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use futures::future::{join_all, poll_immediate};
    use std::pin::pin;
    use tokio::sync::Semaphore;

    /// Work that waits until it is let.
    struct Job {
        shared: Shared<u64>,
        begun: AtomicU64,
        may_end: Semaphore,
    }

    impl Job {
        fn new() -> Self {
            Self { shared: Shared::default(), begun: AtomicU64::default(), may_end: Semaphore::new(0) }
        }

        async fn ask(&self) -> Result<u64> {
            let work = async {
                let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
                self.may_end.acquire().await.unwrap().forget();
                if number == 4 { Err(Error::internal("the fourth fails")) } else { Ok(number) }
            };
            self.shared.work(work).await
        }
    }

    #[tokio::test]
    async fn all_who_ask_meanwhile_share_what_begins_after_they_asked() {
        let job = Job::new();
        let mut first = pin!(job.ask());
        assert!(poll_immediate(first.as_mut()).await.is_none());
        // These ask when the first has begun, and may ask for what happened since.
        let mut rest = pin!(join_all((0..20).map(|_| job.ask())));
        assert!(poll_immediate(rest.as_mut()).await.is_none());
        job.may_end.add_permits(2);
        assert_eq!(first.await.unwrap(), 1);
        let rest: Vec<u64> = rest.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(rest, [2; 20]);

        // A failure is shared as well, and the next one who asks tries anew.
        let mut third = pin!(job.ask());
        assert!(poll_immediate(third.as_mut()).await.is_none());
        let mut rest = pin!(join_all((0..20).map(|_| job.ask())));
        assert!(poll_immediate(rest.as_mut()).await.is_none());
        job.may_end.add_permits(3);
        assert_eq!(third.await.unwrap(), 3);
        let kinds: Vec<Kind> = rest.await.into_iter().map(|done| done.unwrap_err().kind()).collect();
        assert_eq!((kinds[0], &kinds[1..]), (Kind::Internal, &[Kind::Unavailable; 19][..]));
        assert_eq!(job.ask().await.unwrap(), 5);
    }

    #[tokio::test]
    async fn what_is_given_up_counts_for_nobody() {
        let job = Job::new();
        let mut waiting = {
            let mut given_up = Box::pin(job.ask());
            assert!(poll_immediate(given_up.as_mut()).await.is_none());
            let mut waiting = Box::pin(job.ask());
            assert!(poll_immediate(waiting.as_mut()).await.is_none());
            waiting
        };
        job.may_end.add_permits(1);
        assert_eq!(waiting.as_mut().await.unwrap(), 2);
    }
}
