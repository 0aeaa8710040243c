//! Known attacks, by the suites that a server takes.

use crate::facts::{
    Enumerated, Exposure, Exposures, Field, Observation, Reason, Suites, Timestamp, Tls, Unobserved, Versions,
};

/// Judges the suites of all versions by name (IANA names say what a suite is made of).
pub(super) fn derive(tls: &Tls) -> Exposures {
    let Tls { suites, versions, .. } = tls;
    let of = |is: fn(&str, &str) -> bool| exposure(suites, versions, is);
    let has_fields = of(|name, _| name.starts_with("TLS_DHE_")).value().is_none_or(|fields| fields.exposed);
    Exposures {
        sweet32: of(|name, _| ["_3DES_", "_DES_", "_DES40_", "_IDEA_", "_RC2_"].iter().any(|mark| name.contains(mark))),
        rc4: of(|name, _| name.contains("_RC4_")),
        unprotected: of(|name, _| {
            ["_WITH_NULL_", "_anon_", "_EXPORT", "_WITH_DES_CBC_", "TLS_SHA256_SHA256", "TLS_SHA384_SHA384"]
                .iter()
                .any(|mark| name.contains(mark))
        }),
        static_key: of(|name, _| {
            name.starts_with("TLS_RSA_WITH_") || name.starts_with("TLS_RSA_EXPORT") || is_static_dh(name)
        }),
        poodle: of(|name, version| version == "SSL 3.0" && name.contains("_CBC_")),
        freak: of(|name, _| name.starts_with("TLS_RSA_EXPORT")),
        logjam: with(
            of(|name, _| name.starts_with("TLS_DHE_") && name.contains("_EXPORT")),
            &tls.fields,
            has_fields,
            breakable,
        ),
        drown: Observation::underived(),
        legacy: lucky13(legacy(tls, of), &tls.behaviour.encrypt_then_mac),
    }
}

/// A prime for which the work of breaking has been done or can be: up to 768 bits any, up to 1024 one that many servers share.
fn breakable(field: &Field) -> Option<String> {
    let name = field.name.as_deref().unwrap_or("its own");
    let breakable = field.bits <= 768 || (field.bits <= 1024 && field.name.is_some());
    breakable.then(|| format!("Diffie-Hellman with {} bits ({name})", field.bits))
}

/// Adds what the parameters of Diffie-Hellman say.
fn with(
    suites: Observation<Exposure>,
    fields: &Observation<Vec<Field>>,
    has_fields: bool,
    says: fn(&Field) -> Option<String>,
) -> Observation<Exposure> {
    match (suites, fields) {
        (Observation::Observed { observed_at, mut value }, Observation::Observed { value: fields, .. }) => {
            value.because.extend(fields.iter().filter_map(says));
            value.exposed = !value.because.is_empty();
            Observation::Observed { observed_at, value }
        }
        // That there are no such suites is not enough where the primes are not known.
        (Observation::Observed { value, .. }, why @ (Observation::Failed { .. } | Observation::NotRun { .. }))
            if !value.exposed && has_fields =>
        {
            let why = if why.is_underived() { Some(not_asked()) } else { why.unobserved() };
            why.map_or_else(Observation::underived, |why| why.cast())
        }
        (suites, _) => suites,
    }
}

/// Each construction once, with one suite as an example.
fn legacy(tls: &Tls, of: impl Fn(fn(&str, &str) -> bool) -> Observation<Exposure>) -> Observation<Exposure> {
    let beast = of(|name, version| version == "TLS 1.0" && name.contains("_CBC_"));
    let cbc = of(|name, version| version != "SSL 3.0" && name.contains("_CBC_"));
    let raccoon = of(|name, _| name.starts_with("TLS_DH_RSA_") || name.starts_with("TLS_DH_DSS_"));
    let dheat = of(|name, _| name.starts_with("TLS_DHE_") || name.starts_with("TLS_DH_anon_"));
    let mut because = Vec::new();
    let mut unknown = None;
    let named = [("BEAST", beast), ("LUCKY13", cbc), ("Raccoon", raccoon), ("D(HE)at", dheat)];
    let at = tls.suites.tls1_2.observed_at();
    for (name, exposure) in named {
        match exposure {
            Observation::Observed { value, .. } => {
                because.extend(value.because.first().map(|example| format!("{name}: {example}")));
            }
            other => unknown = unknown.or_else(|| other.unobserved()),
        }
    }
    match (because.is_empty(), unknown) {
        (true, Some(why)) => why.cast(),
        (empty, _) => Observation::Observed { observed_at: at, value: Exposure { exposed: !empty, because } },
    }
}

/// Encrypt-then-MAC takes the ground from LUCKY13 for clients that have it; those are few, so it is said and not left out.
fn lucky13(mut legacy: Observation<Exposure>, encrypt_then_mac: &Observation<bool>) -> Observation<Exposure> {
    if encrypt_then_mac.value() == Some(&true)
        && let Some(exposure) = legacy.value_mut()
    {
        for reason in exposure.because.iter_mut().filter(|reason| reason.starts_with("LUCKY13")) {
            reason.push_str(", except for clients with encrypt-then-MAC");
        }
    }
    legacy
}

fn is_static_dh(name: &str) -> bool {
    ["TLS_DH_RSA_", "TLS_DH_DSS_", "TLS_ECDH_RSA_", "TLS_ECDH_ECDSA_"].iter().any(|start| name.starts_with(start))
}

/// One accepted suite decides it; that there is none is known only if every version and every suite is.
fn exposure(suites: &Suites, versions: &Versions, is: fn(&str, &str) -> bool) -> Observation<Exposure> {
    let mut because = Vec::new();
    let mut seen_at = None;
    let mut unknown: Option<Unobserved> = None;
    for (version, set) in suites.all() {
        match set {
            Observation::Observed { observed_at, value } => {
                seen_at = seen_at.max(Some(*observed_at));
                let named = value.accepted.iter().filter(|item| is(&item.name, version));
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
    let detail = "these facts were written before this was asked for".into();
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
        derive(&Tls { suites: suites.clone(), ..Tls::unobserved(&Unobserved::absent()) })
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
        let silent = Tls::unobserved(&Unobserved::failed(Reason::Timeout, "silence"));
        let old = derive(&Tls { suites: Suites::default(), ..silent }).rc4;
        assert!(matches!(old, Observation::NotRun { reason: Reason::Unsupported, .. }), "{old:?}");
        assert!(!old.is_underived());
    }

    #[test]
    fn a_short_shared_prime_is_breakable_and_an_unknown_one_leaves_it_open() {
        let mut tls = Tls {
            suites: suites(taking(&["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"], 0)),
            ..Tls::unobserved(&Unobserved::absent())
        };
        let field = |bits, name: Option<&str>| Field {
            prime: "sha256:1".into(),
            bits,
            export: false,
            name: name.map(str::to_owned),
            safe: Some(true),
        };
        for (bits, name, exposed) in
            [(1024, Some("x"), true), (1024, None, false), (768, None, true), (2048, Some("x"), false)]
        {
            tls.fields = Observation::observed(vec![field(bits, name)]);
            assert_eq!(derive(&tls).logjam.value().map(|logjam| logjam.exposed), Some(exposed), "{bits} {name:?}");
        }
        tls.fields = Observation::failed(Reason::Timeout, "silence");
        assert!(matches!(derive(&tls).logjam, Observation::Failed { .. }));
    }

    #[test]
    fn poodle_needs_ssl_3_and_a_block_cipher() {
        let cbc = taking(&["TLS_RSA_WITH_3DES_EDE_CBC_SHA"], 0);
        let mut set = suites(cbc.clone());
        assert!(of(&set).poodle.value().is_some_and(|poodle| !poodle.exposed));
        set.ssl3 = cbc;
        assert!(of(&set).poodle.value().is_some_and(|poodle| poodle.exposed));
    }

    #[test]
    fn without_tls_there_is_nothing_to_be_exposed() {
        assert!(matches!(of(&Suites::unobserved(&Unobserved::absent())).rc4, Observation::Absent { .. }));
    }
}
