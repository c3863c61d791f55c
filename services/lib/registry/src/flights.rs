//! One look-up at a time of one thing: whoever asks for what is being looked up already waits for that.
//!
//! Otherwise everyone looks up at once what is asked for most, just when it is known to nobody: after a publish, or when the
//! database is back. A look-up goes on when its caller goes away, for those who joined it.

use crate::{Error, Result};
use futures::future::{BoxFuture, FutureExt, Shared};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A look-up that takes longer may bring what was true too long ago: later callers begin one of their own.
const JOINABLE: Duration = Duration::from_secs(3);

type Landed<T> = std::result::Result<T, Arc<Error>>;

#[derive(Clone)]
struct Flight<T> {
    began: Instant,
    landed: Shared<BoxFuture<'static, Landed<T>>>,
}

/// The look-ups under way, by what is looked up.
pub(crate) struct Flights<K, T>(Arc<Mutex<HashMap<K, Flight<T>>>>);

/// Takes a look-up off the list when it ends, in whatever way.
struct Landing<K: Eq + Hash, T> {
    key: K,
    began: Instant,
    flights: Arc<Mutex<HashMap<K, Flight<T>>>>,
}

impl<K: Eq + Hash, T> Drop for Landing<K, T> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(&self.key).is_some_and(|flight| flight.began == self.began) {
            flights.remove(&self.key);
        }
    }
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// What the look-up under way brings, or a new one.
    pub(crate) async fn join<F>(&self, key: K, look_up: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let flight = {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(&key) {
                Some(flight) if flight.began.elapsed() < JOINABLE => flight.clone(),
                _ => {
                    let flight = self.begin(key.clone(), look_up());
                    flights.insert(key, flight.clone());
                    flight
                }
            }
        };
        flight.landed.await.map_err(Error::shared)
    }

    fn begin(&self, key: K, look_up: impl Future<Output = Result<T>> + Send + 'static) -> Flight<T> {
        let began = Instant::now();
        let landing = Landing { key, began, flights: Arc::clone(&self.0) };
        let task = tokio::spawn(async move {
            let _landing = landing;
            look_up.await.map_err(Arc::new)
        });
        let landed = async move { task.await.unwrap_or_else(|error| Err(Arc::new(Error::internal(error)))) };
        Flight { began, landed: landed.boxed().shared() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn those_who_ask_together_share_one_look_up_and_its_error() {
        let (flights, count, gate) = (Flights::new(), Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let ask = |key: &'static str| {
            let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
            flights.join(key, move || async move {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let _open = gate.acquire().await.unwrap();
                if number == 0 { Err(Error::unavailable("away")) } else { Ok(number) }
            })
        };
        let open = async {
            tokio::task::yield_now().await;
            gate.add_permits(9);
        };
        let (one, two, other, ()) = tokio::join!(ask("a"), ask("a"), ask("b"), open);
        assert_eq!(count.load(Ordering::SeqCst), 2);
        for error in [one.unwrap_err(), two.unwrap_err()] {
            assert_eq!((error.kind(), error.code()), (crate::Kind::Unavailable, "unavailable"));
            assert!(format!("{error:?}").contains("away"));
        }
        assert_eq!(other.unwrap(), 1);
        assert_eq!(ask("a").await.unwrap(), 2, "a failure is not remembered");
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_or_a_panic_ends_nothing_for_others() {
        let flights: Flights<u8, u8> = Flights::new();
        let gate = Arc::new(Semaphore::new(0));
        let ask = || {
            let gate = Arc::clone(&gate);
            flights.join(1, move || async move {
                gate.acquire().await.unwrap().forget();
                Ok(7)
            })
        };
        let mut gone = Box::pin(ask());
        assert!(futures::poll!(&mut gone).is_pending());
        drop(gone);
        let stayed = ask();
        gate.add_permits(1);
        assert_eq!(stayed.await.unwrap(), 7);
        let panics = flights.join(2, || async { panic!("of the look-up") });
        assert_eq!(panics.await.unwrap_err().kind(), crate::Kind::Internal);
        assert_eq!(flights.join(2, || async { Ok(3) }).await.unwrap(), 3);
    }
}
