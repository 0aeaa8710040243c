//! Signed certificate timestamps from all three places that they may come from (RFC 6962 §3.3).

use std::collections::BTreeSet;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, SignedCertificateTimestamp, parse_ct_signed_certificate_timestamp};
use x509_parser::prelude::FromDer;

use super::staple;
use crate::facts::{Blobs, LIST_CAP, Observation, Reason, Sct, SctList, Scts, Staple, Timestamp, Tls, digest};

/// Every timestamp. That there is none is known only if every source is.
pub(super) fn derive(tls: &Tls, leaf: &CertificateDer<'_>, at: Timestamp, blobs: &Blobs) -> Observation<Scts> {
    let stapled = from_staple(&tls.staple, blobs);
    let extension = from_extension(&tls.sct_list, leaf, blobs);
    let mut list = embedded(leaf);
    list.extend([&stapled, &extension].into_iter().filter_map(|source| source.value()).flatten().cloned());
    let unknown = [&extension, &stapled].into_iter().find_map(|source| match source {
        Observation::Absent { .. } => None,
        other if other.is_underived() => Some(not_asked()),
        other => other.unobserved().map(|why| why.cast()),
    });
    let private = tls.validation.value().is_some_and(|validation| validation.extra_root);
    match unknown {
        // Logs do not take certificates below a root that only the estate has: there is none to look for.
        Some(Observation::NotRun { .. }) if list.is_empty() && private => Observation::Absent { observed_at: at },
        Some(unknown) if list.is_empty() => unknown,
        _ => Observation::Observed { observed_at: at, value: told(list) },
    }
}

fn told(mut list: Vec<Sct>) -> Scts {
    let sources: BTreeSet<String> = list.iter().map(|sct| sct.source.clone()).collect();
    let count = i64::try_from(list.len()).unwrap_or(i64::MAX);
    list.truncate(LIST_CAP);
    Scts { count, sources: sources.into_iter().collect(), list }
}

fn embedded(leaf: &CertificateDer<'_>) -> Vec<Sct> {
    let Ok((_, x509)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let lists = x509.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SCT(list) => Some(list.iter().filter_map(|sct| one(sct, "certificate"))),
        _ => None,
    });
    lists.flatten().collect()
}

fn from_staple(staple: &Observation<Staple>, blobs: &Blobs) -> Observation<Vec<Sct>> {
    staple.and_then(|staple, observed_at| {
        let list = blobs.bytes(&staple.response).and_then(|der| staple::timestamps(&der).ok());
        match list {
            Some(None) => Observation::Absent { observed_at },
            Some(Some(list)) => read(&list, "ocsp-staple", observed_at),
            None => {
                let detail = "the stapled response cannot be read".into();
                Observation::Failed { observed_at, reason: Reason::Garbage, detail }
            }
        }
    })
}

/// A list that came with another certificate says nothing of this one.
fn from_extension(list: &Observation<SctList>, leaf: &CertificateDer<'_>, blobs: &Blobs) -> Observation<Vec<Sct>> {
    list.and_then(|list, observed_at| {
        let missing =
            |detail: &str| Observation::Failed { observed_at, reason: Reason::Dependency, detail: detail.to_owned() };
        if list.certificate != digest(leaf) {
            return missing("the timestamps in the TLS extension came with another certificate");
        }
        match blobs.bytes(&list.list) {
            Some(bytes) => read(&bytes, "tls-extension", observed_at),
            None => missing("the list of timestamps is not among the blobs of this document"),
        }
    })
}

fn read(bytes: &[u8], source: &str, observed_at: Timestamp) -> Observation<Vec<Sct>> {
    match parse(bytes, source) {
        Some(value) => Observation::Observed { observed_at, value },
        None => {
            let detail = format!("the list of timestamps ({source}) cannot be read");
            Observation::Failed { observed_at, reason: Reason::Garbage, detail }
        }
    }
}

/// A SignedCertificateTimestampList: its length, then each timestamp behind its own.
fn parse(bytes: &[u8], source: &str) -> Option<Vec<Sct>> {
    let (length, mut rest) = bytes.split_first_chunk::<2>()?;
    if usize::from(u16::from_be_bytes(*length)) != rest.len() {
        return None;
    }
    let mut list = Vec::new();
    while !rest.is_empty() {
        let (after, sct) = parse_ct_signed_certificate_timestamp(rest).ok()?;
        list.extend(one(&sct, source));
        rest = after;
    }
    Some(list)
}

/// Of a version that is known (RFC 6962 §3.2 has one), with a moment inside of the calendar.
fn one(sct: &SignedCertificateTimestamp<'_>, source: &str) -> Option<Sct> {
    let seconds = i64::try_from(sct.timestamp / 1000).ok()?;
    let log = digest_hex(sct.id.key_id);
    (sct.version.0 == 0).then_some(())?;
    Some(Sct { log, timestamp: Timestamp::from_unix(seconds)?, source: source.to_owned() })
}

fn digest_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Facts of a time when only certificates were read.
fn not_asked() -> Observation<Scts> {
    let detail = "these facts were written before timestamps outside of certificates were asked for".into();
    Observation::NotRun { observed_at: Timestamp::EPOCH, reason: Reason::Unsupported, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let mut one = vec![0; 1 + 32];
        one.extend(1_850_000_000_000_u64.to_be_bytes());
        one.extend([0, 0, 4, 3, 0, 1, 9]);
        let mut item = u16::try_from(one.len()).expect("short").to_be_bytes().to_vec();
        item.extend(&one);
        let two = [item.clone(), item].concat();
        let mut list = u16::try_from(two.len()).expect("short").to_be_bytes().to_vec();
        list.extend(&two);
        let read = parse(&list, "tls-extension").expect("a list");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].log, "0".repeat(64));
        assert_eq!(read[0].timestamp.to_string(), "2028-08-16T00:53:20Z");
        for cut in 0..list.len() {
            assert!(parse(&list[..cut], "tls-extension").is_none(), "{cut}");
        }
        assert_eq!(parse(&[0, 0], "tls-extension"), Some(Vec::new()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&bytes, "tls-extension");
        }
    }
}
