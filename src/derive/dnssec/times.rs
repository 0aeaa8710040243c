//! When signatures end, how long they live, and whether records outlive them.

use super::checker::moment;
use crate::facts::{Observation, SignatureTimes, SignedSet, Span, Timestamp};

/// Records that outlive their signature, that are shown.
const SHOWN: usize = 16;

/// Over the sets of all servers, each with the server it came from. Only signatures that hold count.
pub(super) fn times(sets: &[(&str, &SignedSet)], at: Timestamp, now: Timestamp) -> Observation<SignatureTimes> {
    let lives: Vec<(Timestamp, Timestamp)> =
        sets.iter().flat_map(|(_, set)| &set.signatures).filter_map(|s| s.inception.zip(s.expiration)).collect();
    if lives.is_empty() {
        return Observation::Absent { observed_at: at };
    }
    let running = lives.iter().filter(|(_, end)| *end >= now);
    let first = running.min_by_key(|(_, end)| *end);
    let life = |(start, end): &(Timestamp, Timestamp)| (end.unix() - start.unix()).max(0);
    let left = first.map_or(0, |first| (first.1.unix() - now.unix()) * 100 / life(first).max(1));
    Observation::Observed {
        observed_at: at,
        value: SignatureTimes {
            first_end: first.map(|(_, end)| *end),
            left_percent: left.clamp(0, 100),
            longest: Span(lives.iter().map(life).max().unwrap_or_default()),
            outlived: sets.iter().filter_map(|(server, set)| outlived(server, set, now)).take(SHOWN).collect(),
        },
    }
}

/// A resolver that does not validate keeps the record after its signature has ended, and gives it to those who do (RFC 4035
/// §5.3.3 has validators cut the time; RFC 6781 §4.4.2.2 has signers prevent it).
fn outlived(server: &str, set: &SignedSet, now: Timestamp) -> Option<String> {
    let last = set.signatures.iter().filter(|s| s.holds).filter_map(|s| s.expiration).max()?;
    let left = last.unix() - now.unix();
    let SignedSet { record_type, ttl, .. } = set;
    (ttl.0 > left)
        .then(|| format!("{record_type} at {server} may be kept until {}, signed until {last}", later(now, ttl.0)))
}

fn later(now: Timestamp, seconds: i64) -> String {
    Timestamp::from_unix(now.unix() + seconds).map_or_else(|| "for ever".to_owned(), |at| at.to_string())
}

/// The times of a signature.
pub(super) fn period(inception: u32, expiration: u32, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
    (moment(inception, now), moment(expiration, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::SetSignature;

    const DAY: i64 = 86_400;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_unix(day * DAY).unwrap()
    }

    fn set(ttl: i64, periods: &[(i64, i64)]) -> SignedSet {
        let signature = |&(start, end): &(i64, i64)| SetSignature {
            key_tag: 1,
            algorithm: 13,
            signer: "x.example".into(),
            inception: Some(day(start)),
            expiration: Some(day(end)),
            holds: true,
            why: String::new(),
        };
        SignedSet {
            record_type: "TXT".into(),
            status: "secure".into(),
            reason: String::new(),
            ttl: Span(ttl * DAY),
            signatures: periods.iter().map(signature).collect(),
        }
    }

    fn told(sets: &[SignedSet]) -> SignatureTimes {
        let sets: Vec<(&str, &SignedSet)> = sets.iter().map(|set| ("ns1.x.example/192.0.2.1", set)).collect();
        times(&sets, day(100), day(100)).value().cloned().unwrap()
    }

    #[test]
    fn the_first_to_end_is_said_with_what_is_left_of_its_life() {
        let seen = told(&[set(1, &[(90, 120)]), set(1, &[(80, 105)])]);
        assert_eq!((seen.first_end, seen.left_percent, seen.longest), (Some(day(105)), 20, Span(30 * DAY)));
        assert!(seen.outlived.is_empty());
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
        assert!(matches!(times(&[], day(1), day(1)), Observation::Absent { .. }));
    }
}
