//! Rates and places: how fast, and how many at once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultDirectRateLimiter, Jitter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use crate::scope::{Role, Target};

/// Limits a run's pace by address and in all.
pub(super) struct Rates {
    by_address: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>,
    total: DefaultDirectRateLimiter,
    jitter: Duration,
    places: Mutex<BTreeMap<IpAddr, Arc<Semaphore>>>,
    per_address: usize,
}

/// A place at an address, held as long as the connection lives.
pub(super) type Place = Option<OwnedSemaphorePermit>;

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let quota = |n: u32| Quota::per_second(NonZeroU32::new(n.max(1)).unwrap_or(NonZeroU32::MIN));
        Self {
            by_address: RateLimiter::hashmap(quota(limits.rate.0)),
            total: RateLimiter::direct(quota(limits.rate.1)),
            // A fifth of the mean distance between two acts keeps us from beating in time with others.
            jitter: Duration::from_millis(200 / u64::from(limits.rate.0.max(1))),
            places: Mutex::new(BTreeMap::new()),
            per_address: limits.per_address,
        }
    }

    /// Waits for a place at the address, then for its turn there and in all. The resolver is there to be asked (design §8):
    /// for it only the pace in all counts, else every zone would wait for the slowest clock of the run.
    pub(super) async fn admit(&self, target: &Target) -> Place {
        if matches!(target.role(), Role::Resolver { .. }) {
            self.total.until_ready().await;
            return None;
        }
        let address = target.address();
        let semaphore = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(address).or_insert_with(|| Arc::new(Semaphore::new(self.per_address))))
        };
        let place = semaphore.acquire_owned().await.ok();
        let jitter = Jitter::up_to(self.jitter);
        self.by_address.until_key_ready_with_jitter(&address, jitter).await;
        self.total.until_ready().await;
        place
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").field("per_address", &self.per_address).finish_non_exhaustive()
    }
}
