//! One endpoint held against one profile.

use serde::Serialize;

use super::Profile;
use crate::facts::{Certificate, Enumerated, Observation, Tls};

/// The outcome for one endpoint and one profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    pub profile: String,
    /// `host:port/transport`.
    pub service: String,
    pub address: String,
    pub outcome: Outcome,
    pub deviations: Vec<Deviation>,
    /// Allowed still, and to be given up.
    pub phase_out: Vec<Deviation>,
    /// What could not be seen, each with its reason: a profile is met only if nothing of it is open.
    pub unknown: Vec<String>,
}

/// Three answers, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Meets,
    Undetermined,
    Deviates,
}

/// One thing that is otherwise than asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// Which of the profile's demands: `versions`, `suites`, `groups`, …
    pub demand: &'static str,
    /// What is there instead.
    pub found: String,
}

/// Holds the TLS facts of an endpoint, derived ones included, against a profile.
pub fn judge(profile: &Profile, service: &str, address: &str, tls: &Tls) -> Judgement {
    let mut judging = Judging::default();
    versions(&mut judging, profile, tls);
    suites(&mut judging, profile, tls);
    groups(&mut judging, profile, tls);
    signatures(&mut judging, profile, tls);
    fields(&mut judging, profile, tls);
    certificates(&mut judging, profile, tls);
    behaviour(&mut judging, profile, tls);
    let Judging { deviations, phase_out, unknown } = judging;
    let outcome = match (deviations.is_empty(), unknown.is_empty()) {
        (false, _) => Outcome::Deviates,
        (true, false) => Outcome::Undetermined,
        (true, true) => Outcome::Meets,
    };
    let (profile, service, address) = (profile.id.clone(), service.to_owned(), address.to_owned());
    Judgement { profile, service, address, outcome, deviations, phase_out, unknown }
}

#[derive(Default)]
struct Judging {
    deviations: Vec<Deviation>,
    phase_out: Vec<Deviation>,
    unknown: Vec<String>,
}

impl Judging {
    fn deviates(&mut self, demand: &'static str, found: impl Into<String>) {
        self.deviations.push(Deviation { demand, found: found.into() });
    }
    /// The value; or notes why there is none. What is absent is no deviation by itself.
    fn see<'a, T>(&mut self, what: &str, observation: &'a Observation<T>) -> Option<&'a T> {
        match observation {
            Observation::Observed { value, .. } => Some(value),
            Observation::Absent { .. } => None,
            Observation::Failed { reason, detail, .. } => {
                self.unknown.push(format!("{what}: {} ({detail})", reason.word()));
                None
            }
            older if older.is_underived() => {
                self.unknown.push(format!("{what}: unknown to the probe that wrote these facts"));
                None
            }
            Observation::NotRun { reason, detail, .. } => {
                self.unknown.push(format!("{what}: not run, {} ({detail})", reason.word()));
                None
            }
        }
    }
    /// Accepted items held against what is allowed and what is to be given up.
    fn list(&mut self, demand: &'static str, place: &str, set: &Enumerated, allowed: &[String], phase_out: &[String]) {
        for item in &set.accepted {
            let found = format!("{} in {place}", item.name);
            if phase_out.contains(&item.name) {
                self.phase_out.push(Deviation { demand, found });
            } else if !allowed.contains(&item.name) {
                self.deviates(demand, found);
            }
        }
        if let Some(range) = set.unknown.first() {
            let count: i64 = set.unknown.iter().map(|range| range.count).sum();
            self.unknown.push(format!("{count} {demand} of {place}: {} ({})", range.reason.word(), range.detail));
        }
    }
}

fn versions(judging: &mut Judging, profile: &Profile, tls: &Tls) {
    let all = std::iter::once(("SSL 2.0", &tls.versions.ssl2)).chain(tls.versions.all());
    for (name, version) in all {
        let Some(version) = judging.see(name, version) else { continue };
        let allowed = profile.versions.as_ref().is_none_or(|allowed| allowed.iter().any(|v| v == name));
        if version.offered && !allowed {
            judging.deviates("versions", format!("{name} is offered"));
        }
        if !version.offered && profile.versions_required.iter().any(|required| required == name) {
            judging.deviates("versions_required", format!("{name} is not offered"));
        }
    }
}

fn suites(judging: &mut Judging, profile: &Profile, tls: &Tls) {
    let Some(allowed) = &profile.suites else { return };
    for (version, set) in tls.suites.all() {
        if let Some(set) = judging.see(&format!("suites of {version}"), set) {
            judging.list("suites", version, set, allowed, &profile.suites_phase_out);
        }
    }
}

fn groups(judging: &mut Judging, profile: &Profile, tls: &Tls) {
    let both = [("TLS 1.2", &tls.groups.tls1_2), ("TLS 1.3", &tls.groups.tls1_3)];
    let mut accepted = Vec::new();
    let mut all_known = true;
    for (version, set) in both {
        let open = judging.unknown.len();
        if let Some(set) = judging.see(&format!("groups of {version}"), set) {
            accepted.extend(set.accepted.iter().map(|item| item.name.clone()));
            if let Some(allowed) = &profile.groups {
                judging.list("groups", version, set, allowed, &profile.groups_phase_out);
            }
            all_known &= set.unknown.is_empty();
        }
        all_known &= judging.unknown.len() == open;
    }
    let required = &profile.groups_required_any;
    if required.is_empty() || required.iter().any(|group| accepted.contains(group)) {
        return;
    }
    if all_known {
        judging.deviates("groups_required_any", format!("none of {} is accepted", required.join(", ")));
    } else if judging.unknown.is_empty() {
        judging.unknown.push(format!("whether one of {} is accepted: not all groups are known", required.join(", ")));
    }
}

fn signatures(judging: &mut Judging, profile: &Profile, tls: &Tls) {
    let Some(allowed) = &profile.signatures else { return };
    if let Some(set) = judging.see("signature schemes of TLS 1.2", &tls.signatures.tls1_2) {
        judging.list("signatures", "TLS 1.2", set, allowed, &[]);
    }
    // Facts of older probes know nothing of it, and were whole without.
    if !tls.signatures.tls1_3.is_underived()
        && let Some(set) = judging.see("signature schemes of TLS 1.3", &tls.signatures.tls1_3)
    {
        judging.list("signatures", "TLS 1.3", set, allowed, &[]);
    }
}

fn fields(judging: &mut Judging, profile: &Profile, tls: &Tls) {
    if profile.dh_bits.is_none() && !profile.dh_named_only {
        return;
    }
    for field in judging.see("finite fields", &tls.fields).into_iter().flatten() {
        if let Some(least) = profile.dh_bits.filter(|least| field.bits < *least) {
            judging.deviates("dh_bits", format!("a finite field of {} bits; {least} are asked for", field.bits));
        }
        let named = field.name.as_deref().is_some_and(|name| name.starts_with("RFC 7919"));
        if profile.dh_named_only && !named {
            judging.deviates("dh_named_only", format!("a finite field of {} bits that is not of RFC 7919", field.bits));
        }
    }
}

fn certificates(judging: &mut Judging, profile: &Profile, tls: &Tls) {
    let asks = profile.rsa_bits.is_some()
        || profile.ec_curves.is_some()
        || profile.certificate_hashes.is_some()
        || profile.certificate_days.is_some();
    if !asks && !profile.requires_staple {
        return;
    }
    let first = judging.see("certificate", &tls.certificate);
    if let Some(first) = first {
        certificate(judging, profile, first);
        if profile.requires_staple
            && !first.ocsp.is_empty()
            && let Some(negotiated) = judging.see("handshake", &tls.negotiated)
            && negotiated.ocsp_stapled == Some(false)
        {
            judging.deviates("requires_staple", "no certificate status is stapled");
        }
    }
    for other in judging.see("other certificates", &tls.others).into_iter().flatten() {
        certificate(judging, profile, &other.certificate);
    }
}

fn certificate(judging: &mut Judging, profile: &Profile, certificate: &Certificate) {
    let Certificate { key_type, key_bits, .. } = certificate;
    match (key_type.as_str(), profile.rsa_bits, &profile.ec_curves) {
        ("rsa", Some(least), _) if *key_bits < least => {
            judging.deviates("rsa_bits", format!("an RSA key of {key_bits} bits; {least} are asked for"));
        }
        // Curves alone: then only such keys.
        ("rsa", None, Some(_)) => judging.deviates("ec_curves", format!("an RSA key of {key_bits} bits")),
        ("rsa", ..) | (_, _, None) => {}
        (_, _, Some(curves)) => {
            let curve = certificate.curve.as_deref().unwrap_or(key_type);
            if !curves.iter().any(|allowed| allowed == curve) {
                judging.deviates("ec_curves", format!("a key on {curve}"));
            }
        }
    }
    let hash = certificate.signature_hash.as_deref();
    if let (Some(hash), Some(allowed)) = (hash, &profile.certificate_hashes)
        && !allowed.iter().any(|allowed| allowed == hash)
    {
        judging.deviates("certificate_hashes", format!("a certificate signed with {hash}"));
    }
    if let Some(most) = profile.certificate_days.filter(|most| certificate.valid_days > *most) {
        let days = certificate.valid_days;
        judging.deviates("certificate_days", format!("a certificate for {days} days; at most {most} are asked for"));
    }
}

fn behaviour(judging: &mut Judging, profile: &Profile, tls: &Tls) {
    let seen = &tls.behaviour;
    for forbidden in &profile.forbids {
        let (what, fact, bad) = match forbidden.as_str() {
            "compression" => ("compression is accepted", &seen.compression, true),
            "insecure_renegotiation" => ("renegotiation is not bound (RFC 5746)", &seen.secure_renegotiation, false),
            "client_renegotiation" => ("a client may renegotiate", &seen.client_renegotiation, true),
            "no_extended_master_secret" => {
                ("no extended master secret (RFC 7627)", &seen.extended_master_secret, false)
            }
            "no_fallback_scsv" => ("a retry in a lower version is not stopped (RFC 7507)", &seen.fallback_scsv, false),
            "early_data" => {
                if judging.see("0-RTT", &seen.early_data).is_some_and(|bytes| *bytes > 0) {
                    judging.deviates("forbids", "0-RTT data is accepted");
                }
                continue;
            }
            other => {
                judging.unknown.push(format!("{other}: this build has no word for it"));
                continue;
            }
        };
        if judging.see(what, fact) == Some(&bad) {
            judging.deviates("forbids", what);
        }
    }
    let Some(wanted) = &profile.preference else { return };
    for (version, whose) in [("TLS 1.2", &tls.preference.tls1_2), ("TLS 1.3", &tls.preference.tls1_3)] {
        if let Some(whose) = judging.see(&format!("order of suites in {version}"), whose)
            && whose != wanted
        {
            judging.deviates("preference", format!("the order of the {whose} counts in {version}"));
        }
    }
}
