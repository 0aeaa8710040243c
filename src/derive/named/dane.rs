//! TLSA records held against certificates (RFC 6698, operation in RFC 7671, mail in RFC 7672).

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Known;
use crate::derive::tls::certificates;
use crate::facts::{Blobs, Dane, DaneRecord, Observation, Reason, Timestamp, Tls, Tlsa, TlsaRecord};

/// Mail servers ask each other for usages 2 and 3 alone (RFC 7672 §3.1.3).
const SMTP: i64 = 25;
/// Digits of the data that are shown.
const SHOWN: usize = 16;
/// How many authorities a path may have; sound ones have three.
const MAX_AUTHORITIES: usize = 8;

/// The records of a service as one endpoint bears them out.
pub(super) fn of(
    tlsa: &Observation<Tlsa>,
    host: &str,
    port: i64,
    tls: &Tls,
    blobs: &Blobs,
    known: &Known<'_>,
) -> Observation<Dane> {
    tlsa.and_then(|tlsa, observed_at| {
        let (dnssec, dnssec_reason) = state(tlsa, known);
        let faults = |record| fault(record, port).map(|fault| format!("{}: {fault}", shown(record)));
        let usable: Vec<&TlsaRecord> = tlsa.records.iter().filter(|record| fault(record, port).is_none()).collect();
        let first = certificates(&tls.chain, blobs);
        let path = first.value().and_then(|chain| Path::of(chain));
        let fits = |record| path.as_ref().filter(|_| usable.contains(&record)).and_then(|path| path.fits(record));
        let records: Vec<DaneRecord> =
            tlsa.records.iter().map(|record| DaneRecord { record: shown(record), fits: fits(record) }).collect();
        let fitting: Option<Vec<bool>> = usable.iter().map(|record| fits(*record)).collect();
        let holds = if usable.is_empty() || matches!(dnssec, "insecure" | "bogus") {
            Observation::Absent { observed_at }
        } else {
            doubted(holds(&usable, tls, blobs), dnssec, &dnssec_reason, is_alias(host, known))
        };
        let value = Dane {
            name: tlsa.asked.clone(),
            dnssec: dnssec.to_owned(),
            dnssec_reason,
            faults: tlsa.records.iter().filter_map(faults).collect(),
            usable: i64::try_from(usable.len()).unwrap_or(i64::MAX),
            spare: fitting.map(|fits| fits.contains(&true) && fits.contains(&false)),
            records,
            holds,
        };
        Observation::Observed { observed_at, value }
    })
}

/// `3 1 1 0a1b…`
fn shown(record: &TlsaRecord) -> String {
    let cut = if record.data.len() > SHOWN { "…" } else { "" };
    let data: String = record.data.chars().take(SHOWN).collect();
    format!("{} {} {} {data}{cut}", record.usage, record.selector, record.matching)
}

/// The state of the zones that the answer went through; the weakest decides. A zone that nobody declared was not validated.
fn state(tlsa: &Tlsa, known: &Known<'_>) -> (&'static str, String) {
    let names = std::iter::once(&tlsa.asked).chain(&tlsa.aliases);
    let states: Vec<(&'static str, String)> = names.map(|name| state_of(name, known)).collect();
    let weakest = ["bogus", "insecure", "indeterminate"];
    let found = weakest.iter().find_map(|word| states.iter().find(|(state, _)| state == word));
    found.or(states.first()).cloned().unwrap_or(("indeterminate", "no name was asked".into()))
}

fn state_of(name: &str, known: &Known<'_>) -> (&'static str, String) {
    let Some(zone) = known.zone_of(name) else {
        return ("indeterminate", format!("{name} lies in no zone that is declared, so signatures were not checked"));
    };
    match &zone.dns.dnssec {
        Observation::Observed { value, .. } => {
            let words = ["secure", "insecure", "bogus"];
            let word = words.into_iter().find(|word| *word == value.status).unwrap_or("indeterminate");
            (word, value.reason.clone())
        }
        Observation::Failed { detail, .. } | Observation::NotRun { detail, .. } => ("indeterminate", detail.clone()),
        Observation::Absent { .. } => ("indeterminate", format!("nothing is known of the signatures of {}", zone.name)),
    }
}

/// What makes a record useless to every client (RFC 6698 §2.1, RFC 7671 §10.1.2).
fn fault(record: &TlsaRecord, port: i64) -> Option<String> {
    let bytes = record.data.len() / 2;
    match (record.usage, record.selector, record.matching) {
        (4.., _, _) => Some(format!("there is no usage {}", record.usage)),
        (_, 2.., _) => Some(format!("there is no selector {}", record.selector)),
        (_, _, 3..) => Some(format!("there is no matching type {}", record.matching)),
        (_, _, 1) if bytes != 32 => Some(format!("a SHA-256 digest has 32 bytes, not {bytes}")),
        (_, _, 2) if bytes != 64 => Some(format!("a SHA-512 digest has 64 bytes, not {bytes}")),
        (_, selector, 0) if !is_whole(selector, &record.data) => {
            Some(format!("its data is no {}", if selector == 0 { "certificate" } else { "public key" }))
        }
        (0 | 1, _, _) if port == SMTP => Some(format!("mail servers do not heed usage {}", record.usage)),
        _ => None,
    }
}

/// Data that is not a digest is a certificate or a public key as a whole.
fn is_whole(selector: i64, hex: &str) -> bool {
    let Some(der) = bytes(hex) else { return false };
    match selector {
        0 => X509Certificate::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty()),
        _ => SubjectPublicKeyInfo::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty()),
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pair = |at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// Whether every chain that the endpoint shows fits one of the records.
fn holds(usable: &[&TlsaRecord], tls: &Tls, blobs: &Blobs) -> Observation<bool> {
    let others: Observation<Vec<_>> = tls.other_chains.and_then(|chains, observed_at| {
        let chain = |value: &crate::facts::Chain| Observation::Observed { observed_at, value: value.clone() };
        let value = chains.iter().map(|one| certificates(&chain(one), blobs)).collect();
        Observation::Observed { observed_at, value }
    });
    certificates(&tls.chain, blobs).and_then(|first, observed_at| {
        let mut fits = vec![one_fits(usable, first)];
        let mut unseen = others.unobserved().filter(|why| !matches!(why, Observation::Absent { .. }));
        for other in others.value().into_iter().flatten() {
            match (other.value(), other.unobserved()) {
                (Some(chain), _) => fits.push(one_fits(usable, chain)),
                (None, why) => unseen = why,
            }
        }
        if fits.contains(&Some(false)) {
            return Observation::Observed { observed_at, value: false };
        }
        if fits.contains(&None) {
            let detail = "the records speak of a certificate that the server does not send";
            return failed(observed_at, detail);
        }
        unseen.map_or(Observation::Observed { observed_at, value: true }, |why| why.cast())
    })
}

/// One record that fits is enough; with none, one of which that is not known leaves it open.
fn one_fits(usable: &[&TlsaRecord], chain: &[CertificateDer<'_>]) -> Option<bool> {
    let path = Path::of(chain)?;
    let fits: Vec<Option<bool>> = usable.iter().map(|record| path.fits(record)).collect();
    if fits.contains(&Some(true)) {
        Some(true)
    } else {
        fits.iter().copied().collect::<Option<Vec<_>>>().map(|_| false)
    }
}

/// A mismatch counts only if clients heed the records, and heed those: what they would do is otherwise not known.
fn doubted(holds: Observation<bool>, dnssec: &str, reason: &str, alias: bool) -> Observation<bool> {
    let Observation::Observed { observed_at, value: false } = holds else { return holds };
    if dnssec == "indeterminate" {
        return failed(observed_at, &format!("whether clients trust the records is not known: {reason}"));
    }
    if alias {
        return failed(
            observed_at,
            "the host is an alias, and records at the alias's end, which come first, were not asked for",
        );
    }
    holds
}

fn failed(observed_at: Timestamp, detail: &str) -> Observation<bool> {
    Observation::Failed { observed_at, reason: Reason::Dependency, detail: detail.to_owned() }
}

fn is_alias(host: &str, known: &Known<'_>) -> bool {
    known.host(host).is_some_and(|host| host.dns.cname.value().is_some_and(|names| !names.is_empty()))
}

/// What of a chain records may speak of.
struct Path<'a> {
    leaf: &'a CertificateDer<'a>,
    /// From the leaf's issuer on, as far as names lead through what was sent; a leaf that signed itself is its own authority.
    authorities: Vec<&'a CertificateDer<'a>>,
    ends_in_root: bool,
}

impl<'a> Path<'a> {
    fn of(chain: &'a [CertificateDer<'a>]) -> Option<Self> {
        let (leaf, rest) = chain.split_first()?;
        let mut authorities = if is_self_issued(leaf) { vec![leaf] } else { Vec::new() };
        let mut below = leaf;
        while authorities.len() < MAX_AUTHORITIES
            && let Some(next) = rest.iter().find(|one| !authorities.contains(one) && issued(one, below))
        {
            authorities.push(next);
            below = next;
        }
        Some(Self { leaf, ends_in_root: is_self_issued(below), authorities })
    }

    /// Whether a usable record fits; `None` if the certificate it may speak of is not sent.
    fn fits(&self, record: &TlsaRecord) -> Option<bool> {
        if matches!(record.usage, 1 | 3) {
            return Some(is_of(record, self.leaf));
        }
        if self.authorities.iter().any(|authority| is_of(record, authority)) {
            return Some(true);
        }
        match (record.usage, record.matching) {
            // A root that clients have need not be sent (RFC 6698 §2.1.1).
            (0, _) if !self.ends_in_root => None,
            // The record may itself carry the anchor (RFC 7671 §5.2.3).
            (2, 0) if !self.ends_in_root => None,
            _ => Some(false),
        }
    }
}

fn is_self_issued(der: &CertificateDer<'_>) -> bool {
    issued(der, der)
}

fn issued(authority: &CertificateDer<'_>, below: &CertificateDer<'_>) -> bool {
    match (X509Certificate::from_der(authority), X509Certificate::from_der(below)) {
        (Ok((_, authority)), Ok((_, below))) => authority.subject().as_raw() == below.issuer().as_raw(),
        _ => false,
    }
}

/// RFC 6698 §2.1.2 and §2.1.3.
fn is_of(record: &TlsaRecord, der: &CertificateDer<'_>) -> bool {
    let whole = der.as_ref();
    let selected = match record.selector {
        0 => Some(whole),
        _ => X509Certificate::from_der(whole).ok().map(|(_, x509)| x509.tbs_certificate.subject_pki.raw),
    };
    let Some(selected) = selected else { return false };
    let matched = match record.matching {
        0 => selected.to_vec(),
        1 => digest(&SHA256, selected).as_ref().to_vec(),
        _ => digest(&SHA512, selected).as_ref().to_vec(),
    };
    bytes(&record.data).is_some_and(|data| data == matched)
}
