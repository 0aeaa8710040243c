//! Primes of finite-field Diffie-Hellman: what they are called, and whether they are safe.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crypto_bigint::BoxedUint;
use crypto_primes::{Flavor, is_prime};
use serde::Deserialize;

use crate::facts::{Blobs, Field, Observation};

/// Larger primes are left to the table: working one out takes seconds.
const LARGEST: i64 = 4096;

#[derive(Deserialize)]
struct Known {
    digest: String,
    name: String,
    safe: bool,
}

#[derive(Deserialize)]
struct Table {
    prime: Vec<Known>,
}

/// Primes that many servers share, by digest.
static KNOWN: LazyLock<BTreeMap<String, Known>> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("OUT_DIR"), "/reference-dh-primes.json"));
    let table: Result<Table, _> = serde_json::from_str(text);
    table.map(|table| table.prime.into_iter().map(|known| (known.digest.clone(), known)).collect()).unwrap_or_default()
});

/// Fills `name` and `safe` of every field.
pub(super) fn derive(fields: &mut Observation<Vec<Field>>, blobs: &Blobs) {
    for field in fields.value_mut().into_iter().flatten() {
        (field.name, field.safe) = match KNOWN.get(&field.prime) {
            Some(known) => (Some(known.name.clone()), Some(known.safe)),
            None if field.bits > LARGEST => (None, None),
            None => (None, blobs.bytes(&field.prime).map(|prime| is_safe(&prime))),
        };
    }
}

/// Whether it is a prime p for which (p − 1) / 2 is one, too (Baillie-PSW as of 2021: no composite is known to pass).
fn is_safe(prime: &[u8]) -> bool {
    is_prime(Flavor::Safe, &BoxedUint::from_be_slice_vartime(prime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_shared_primes_can_be_read() {
        let lines = include_str!("../../../checks/reference/dh-primes.toml").matches("[[prime]]").count();
        assert!(lines > 80);
        assert_eq!(KNOWN.len(), lines);
    }

    #[test]
    fn a_safe_prime_is_told_from_a_prime_and_from_a_composite() {
        assert!(is_safe(&[23]));
        assert!(!is_safe(&[29]), "14 is no prime");
        assert!(!is_safe(&[21]));
        // 2^127 - 1 is prime, (2^127 - 2) / 2 is not.
        let mersenne = [&[0x7F][..], &[0xFF; 15]].concat();
        assert!(!is_safe(&mersenne));
    }
}
