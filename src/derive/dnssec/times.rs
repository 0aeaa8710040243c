//! When signatures end, how long they live, and whether records outlive them.

use crate::facts::{SetSignature, SignatureTimes, SignedSet, Span, Timestamp};

/// Records that outlive their signature, that are shown.
const SHOWN: usize = 16;

/// Over the sets of all servers, each with the server it came from; none without any signature.
///
/// Of a set that is signed several times the signature that holds longest counts: one by a key that is on its way out may end.
pub(super) fn times(sets: &[(&str, &SignedSet)], now: Timestamp) -> Option<SignatureTimes> {
    let life = |(start, end): (Timestamp, Timestamp)| (end.unix() - start.unix()).max(0);
    let longest = sets.iter().flat_map(|(_, set)| &set.signatures).filter_map(period).map(life).max()?;
    let first = sets.iter().filter_map(|(_, set)| last_to_end(set)).min_by_key(|(_, end)| *end);
    let left = first.map_or(0, |first| (first.1.unix() - now.unix()) * 100 / life(first).max(1));
    Some(SignatureTimes {
        first_end: first.map(|(_, end)| end),
        left_percent: left.clamp(0, 100),
        longest: Span(longest),
        outlived: sets.iter().filter_map(|(server, set)| outlived(server, set, now)).take(SHOWN).collect(),
    })
}

fn period(signature: &SetSignature) -> Option<(Timestamp, Timestamp)> {
    signature.inception.zip(signature.expiration)
}

/// Of the signatures that hold, the period of the one that does so longest.
fn last_to_end(set: &SignedSet) -> Option<(Timestamp, Timestamp)> {
    set.signatures.iter().filter(|s| s.holds).filter_map(period).max_by_key(|(_, end)| *end)
}

/// A resolver that does not validate keeps the record after its signature has ended, and gives it to those who do (RFC 4035
/// §5.3.3 has validators cut the time; RFC 6781 §4.4.2.2 has signers prevent it).
fn outlived(server: &str, set: &SignedSet, now: Timestamp) -> Option<String> {
    let (_, last) = last_to_end(set)?;
    let left = last.unix() - now.unix();
    let SignedSet { set, ttl, .. } = set;
    (ttl.0 > left).then(|| format!("{set} at {server} may be kept until {}, signed until {last}", later(now, ttl.0)))
}

fn later(now: Timestamp, seconds: i64) -> String {
    Timestamp::from_unix(now.unix() + seconds).map_or_else(|| "for ever".to_owned(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_unix(day * DAY).unwrap()
    }

    /// A set with signatures from one day to another; those that have ended do not hold.
    fn set(ttl: i64, periods: &[(i64, i64)]) -> SignedSet {
        let signature = |&(start, end): &(i64, i64)| SetSignature {
            key_tag: 1,
            algorithm: 13,
            signer: "x.example".into(),
            inception: Some(day(start)),
            expiration: Some(day(end)),
            holds: end >= 100,
            why: String::new(),
        };
        SignedSet {
            set: "TXT".into(),
            record_type: "TXT".into(),
            status: "secure".into(),
            reason: String::new(),
            ttl: Span(ttl * DAY),
            signatures: periods.iter().map(signature).collect(),
        }
    }

    fn told(sets: &[SignedSet]) -> SignatureTimes {
        let sets: Vec<(&str, &SignedSet)> = sets.iter().map(|set| ("ns1.x.example/192.0.2.1", set)).collect();
        times(&sets, day(100)).unwrap()
    }

    #[test]
    fn the_first_set_to_end_is_said_with_what_is_left_of_its_life() {
        let seen = told(&[set(1, &[(90, 120)]), set(1, &[(80, 105)])]);
        assert_eq!((seen.first_end, seen.left_percent, seen.longest), (Some(day(105)), 20, Span(30 * DAY)));
        assert!(seen.outlived.is_empty());
    }

    #[test]
    fn a_signature_that_ends_beside_a_newer_one_over_the_same_set_is_not_the_end() {
        assert_eq!(told(&[set(1, &[(72, 101), (99, 128)])]).first_end, Some(day(128)));
    }

    #[test]
    fn one_that_has_ended_is_not_the_first_to_end() {
        assert_eq!(told(&[set(1, &[(50, 90)]), set(1, &[(90, 110)])]).first_end, Some(day(110)));
        let none_left = told(&[set(1, &[(50, 90)])]);
        assert_eq!((none_left.first_end, none_left.left_percent), (None, 0));
    }

    #[test]
    fn a_record_that_outlives_its_last_signature_is_named_and_one_that_does_not_is_not() {
        let seen = told(&[set(7, &[(90, 105)]), set(5, &[(90, 105)])]);
        assert_eq!(seen.outlived.len(), 1);
        assert!(seen.outlived[0].starts_with("TXT at ns1.x.example/192.0.2.1"), "{:?}", seen.outlived);
    }

    #[test]
    fn without_signatures_there_are_no_times() {
        assert!(times(&[], day(1)).is_none());
    }
}
