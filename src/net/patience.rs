//! When to leave an address alone: what has not answered several times in a row is not asked again in this run (design §8).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::NetError;
use crate::facts::Reason;
use crate::scope::{Role, Target};

/// Timeouts in a row, each already a second and slower try, after which an address is left alone.
const ENOUGH: u32 = 5;

/// Timeouts in a row by address. Refusals, resets and alerts are answers.
#[derive(Debug, Default)]
pub(super) struct Patience {
    silences: Mutex<BTreeMap<IpAddr, u32>>,
}

impl Patience {
    /// Whether the address may be asked once more.
    pub(super) fn check(&self, target: &Target) -> Result<(), NetError> {
        let address = target.address();
        match self.silences().get(&address) {
            Some(silences) if *silences >= ENOUGH => Err(NetError::new(
                Reason::Timeout,
                format!("{address} was left alone after {silences} timeouts in a row"),
            )),
            _ => Ok(()),
        }
    }
    /// Takes note of an outcome. That a resolver is silent is not its own silence, but that of the servers which it asks: one zone
    /// of which nobody answers must not end the look at all others.
    pub(super) fn note<T>(&self, target: &Target, outcome: &Result<T, NetError>) {
        if matches!(target.role(), Role::Resolver { .. }) {
            return;
        }
        let address = target.address();
        let mut silences = self.silences();
        match outcome {
            Err(error) if error.reason == Reason::Timeout => *silences.entry(address).or_default() += 1,
            _ => drop(silences.remove(&address)),
        }
    }

    fn silences(&self) -> std::sync::MutexGuard<'_, BTreeMap<IpAddr, u32>> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::some_targets as targets;

    fn silence() -> Result<(), NetError> {
        Err(NetError::new(Reason::Timeout, "no answer"))
    }

    #[test]
    fn an_address_that_never_answers_is_left_alone_and_others_are_not() {
        let patience = Patience::default();
        let [dead, alive, _] = targets();
        for _ in 0..ENOUGH {
            assert!(patience.check(&dead).is_ok());
            patience.note(&dead, &silence());
        }
        let error = patience.check(&dead).expect_err("it is enough");
        assert_eq!(error.reason, Reason::Timeout);
        assert!(patience.check(&alive).is_ok());
    }

    #[test]
    fn any_answer_even_a_refusal_starts_the_count_again() {
        let patience = Patience::default();
        let [address, ..] = targets();
        for _ in 0..3 {
            for _ in 1..ENOUGH {
                patience.note(&address, &silence());
            }
            patience.note::<()>(&address, &Err(NetError::new(Reason::Refused, "refused")));
        }
        assert!(patience.check(&address).is_ok());
    }

    /// One zone of which no server answers makes the resolver silent about that zone alone.
    #[test]
    fn the_resolver_is_never_left_alone() {
        let patience = Patience::default();
        let [.., resolver] = targets();
        for _ in 0..ENOUGH * 10 {
            patience.note(&resolver, &silence());
        }
        assert!(patience.check(&resolver).is_ok());
    }
}
