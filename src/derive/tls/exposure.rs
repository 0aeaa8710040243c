//! Known attacks, by the suites that a server takes.

use crate::facts::{Enumerated, Exposure, Exposures, Observation, Reason, Suites, Timestamp, Unobserved, Versions};

/// Judges the suites of all versions by name (IANA names say what a suite is made of).
pub(super) fn derive(suites: &Suites, versions: &Versions) -> Exposures {
    let of = |is: fn(&str) -> bool| exposure(suites, versions, is);
    Exposures {
        sweet32: of(|name| ["_3DES_", "_DES_", "_DES40_", "_IDEA_", "_RC2_"].iter().any(|mark| name.contains(mark))),
        rc4: of(|name| name.contains("_RC4_")),
        unprotected: of(|name| {
            ["_WITH_NULL_", "_anon_", "_EXPORT", "_WITH_DES_CBC_", "TLS_SHA256_SHA256", "TLS_SHA384_SHA384"]
                .iter()
                .any(|mark| name.contains(mark))
        }),
        static_key: of(|name| {
            name.starts_with("TLS_RSA_WITH_") || name.starts_with("TLS_RSA_EXPORT") || is_static_dh(name)
        }),
    }
}

fn is_static_dh(name: &str) -> bool {
    ["TLS_DH_RSA_", "TLS_DH_DSS_", "TLS_ECDH_RSA_", "TLS_ECDH_ECDSA_"].iter().any(|start| name.starts_with(start))
}

/// One accepted suite decides it; that there is none is known only if every version and every suite is.
fn exposure(suites: &Suites, versions: &Versions, is: fn(&str) -> bool) -> Observation<Exposure> {
    let mut because = Vec::new();
    let mut seen_at = None;
    let mut unknown: Option<Unobserved> = None;
    for (version, set) in suites.all() {
        match set {
            Observation::Observed { observed_at, value } => {
                seen_at = seen_at.max(Some(*observed_at));
                let named = value.accepted.iter().filter(|item| is(&item.name));
                because.extend(named.map(|item| format!("{} in {version}", item.name)));
                unknown = unknown.or_else(|| not_all_known(value, version));
            }
            Observation::Absent { .. } => {}
            other if other.is_underived() && !may_be_offered(versions, version) => {}
            other if other.is_underived() => unknown = unknown.or_else(|| Some(not_asked())),
            other => unknown = unknown.or_else(|| other.unobserved()),
        }
    }
    match (because.is_empty(), unknown, seen_at) {
        (false, _, Some(observed_at)) => {
            because.truncate(crate::facts::LIST_CAP);
            Observation::Observed { observed_at, value: Exposure { exposed: true, because } }
        }
        (_, Some(unknown), _) => unknown.cast(),
        (_, None, Some(observed_at)) => {
            Observation::Observed { observed_at, value: Exposure { exposed: false, because } }
        }
        // No version is offered: the port does not speak TLS.
        (_, None, None) => versions.tls1_2.unobserved().map_or_else(Observation::underived, |why| why.cast()),
    }
}

/// Whether a version without suites could have some.
fn may_be_offered(versions: &Versions, name: &str) -> bool {
    let of_that_name = versions.all().into_iter().find(|(version, _)| *version == name).map(|(_, version)| version);
    match of_that_name {
        Some(Observation::Observed { value, .. }) => value.offered,
        Some(Observation::Absent { .. }) => false,
        _ => true,
    }
}

/// Facts of a time when suites were not enumerated: that nobody asked is not that there is none.
fn not_asked() -> Unobserved {
    let detail = "these facts were written before suites were enumerated (version 2 of the tls probe)".into();
    Unobserved::NotRun { observed_at: Timestamp::EPOCH, reason: Reason::Unsupported, detail }
}

fn not_all_known(set: &Enumerated, version: &str) -> Option<Unobserved> {
    let range = set.unknown.first()?;
    let count: i64 = set.unknown.iter().map(|range| range.count).sum();
    Some(Unobserved::failed(range.reason, format!("{count} suites of {version} are unknown: {}", range.detail)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Item, UnknownRange};

    fn taking(names: &[&str], unknown: i64) -> Observation<Enumerated> {
        let accepted = names.iter().map(|name| Item { code: 0, name: (*name).into() }).collect();
        let lost = UnknownRange { from: 1, to: 9, count: unknown, reason: Reason::Timeout, detail: "silence".into() };
        let unknown = if unknown > 0 { vec![lost] } else { Vec::new() };
        Observation::observed(Enumerated { accepted, refused: Vec::new(), unknown })
    }
    fn suites(tls1_2: Observation<Enumerated>) -> Suites {
        Suites { tls1_2, ..Suites::unobserved(&Unobserved::absent()) }
    }

    fn of(suites: &Suites) -> Exposures {
        derive(suites, &Versions::unobserved(&Unobserved::absent()))
    }

    #[test]
    fn one_accepted_suite_is_enough_although_others_are_unknown() {
        let exposures = of(&suites(taking(&["TLS_RSA_WITH_RC4_128_SHA"], 3)));
        assert!(exposures.rc4.value().is_some_and(|rc4| rc4.exposed));
        assert!(exposures.static_key.value().is_some_and(|key| key.exposed));
    }

    #[test]
    fn that_there_is_none_is_known_only_if_all_are() {
        let safe = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        assert!(of(&suites(taking(&[safe], 0))).rc4.value().is_some_and(|rc4| !rc4.exposed));
        let unknown = of(&suites(taking(&[safe], 3))).rc4;
        assert!(matches!(unknown, Observation::Failed { reason: Reason::Timeout, .. }), "{unknown:?}");
    }

    #[test]
    fn a_version_that_was_not_answered_leaves_it_open() {
        let mut set = suites(taking(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], 0));
        set.ssl3 = Observation::failed(Reason::Timeout, "silence");
        assert!(matches!(of(&set).rc4, Observation::Failed { .. }));
    }

    #[test]
    fn facts_from_before_the_enumeration_leave_it_open() {
        let old =
            derive(&Suites::default(), &Versions::unobserved(&Unobserved::failed(Reason::Timeout, "silence"))).rc4;
        assert!(matches!(old, Observation::NotRun { reason: Reason::Unsupported, .. }), "{old:?}");
        assert!(!old.is_underived());
    }

    #[test]
    fn without_tls_there_is_nothing_to_be_exposed() {
        assert!(matches!(of(&Suites::unobserved(&Unobserved::absent())).rc4, Observation::Absent { .. }));
    }
}
