//! Chains made here, held against roots made here.

use super::*;
use crate::facts::{Chain, Timestamp, Unobserved};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

pub(super) const NOW: &str = "2028-10-01T00:00:00Z";

/// A certificate and what signs in its name.
pub(super) struct Made {
    pub(super) der: CertificateDer<'static>,
    pub(super) pem: String,
    pub(super) key: String,
    issuer: Issuer<'static, KeyPair>,
}

pub(super) fn parameters(name: &str, authority: bool, from: &str, until: &str) -> CertificateParams {
    let names = if authority { vec![] } else { vec![name.to_owned()] };
    let mut parameters = CertificateParams::new(names).expect("names");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = Timestamp::parse(from).expect("a time").get();
    parameters.not_after = Timestamp::parse(until).expect("a time").get();
    if authority {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    } else {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    }
    parameters
}

pub(super) fn make(parameters: CertificateParams, by: Option<&Made>) -> Made {
    let key = KeyPair::generate().expect("a key");
    let certificate = match by {
        Some(by) => parameters.signed_by(&key, &by.issuer),
        None => parameters.self_signed(&key),
    }
    .expect("a certificate");
    Made {
        der: certificate.der().clone(),
        pem: certificate.pem(),
        key: key.serialize_pem(),
        issuer: Issuer::new(parameters, key),
    }
}

pub(super) fn root() -> Made {
    make(parameters("Lab Root", true, "2020-01-01", "2040-01-01"), None)
}

fn derived(chain: &[&Made], host: &str, roots: &str) -> Tls {
    let mut blobs = Blobs::default();
    let certificates = chain.iter().map(|made| blobs.keep(&made.der)).collect();
    let mut tls = Tls::unobserved(&Unobserved::absent());
    tls.chain = Observation::observed(Chain { certificates });
    let given = Given {
        now: Timestamp::parse(NOW).expect("a time"),
        extra_roots: roots.to_owned(),
        trust_anchor: String::new(),
        as_table: String::new(),
        dmarc_reports: String::new(),
    };
    derive(&mut tls, host, &blobs, &given, &Roots::new(roots));
    tls
}

/// `trusted in_time name_matches valid`, and the problem.
fn verdict(chain: &[&Made], host: &str, roots: &str) -> (String, String) {
    let tls = derived(chain, host, roots);
    let v = tls.validation.value().expect("validated").clone();
    let flags = [("trusted", v.trusted), ("in_time", v.in_time), ("name", v.name_matches), ("valid", v.valid)];
    let words: Vec<&str> = flags.iter().filter(|(_, set)| *set).map(|(word, _)| *word).collect();
    (words.join(" "), v.problem.unwrap_or_default())
}

#[test]
fn a_good_chain_over_an_intermediate_is_valid_and_names_its_root() {
    let root = root();
    let middle = make(parameters("Lab Intermediate", true, "2026-01-01", "2028-11-01"), Some(&root));
    let leaf = make(parameters("www.cec.example", false, "2028-09-01", "2028-12-01"), Some(&middle));
    let tls = derived(&[&leaf, &middle], "www.cec.example", &root.pem);
    let validation = tls.validation.value().expect("validated");
    assert!(validation.valid, "{validation:?}");
    assert!(validation.extra_root);
    assert_eq!(validation.root.as_deref(), Some("CN=Lab Root"));
    assert!(validation.programmes.iter().all(|programme| !programme.trusted), "nobody but the estate has it");
    assert_eq!(validation.chain_ends, Timestamp::parse("2028-11-01").ok(), "the intermediate ends first");
    let certificate = tls.certificate.value().expect("read");
    assert_eq!(certificate.names, ["www.cec.example"]);
    assert_eq!((certificate.key_type.as_str(), certificate.key_bits), ("ec", 256));
    assert_eq!(
        (certificate.signature.as_str(), certificate.signature_hash.as_deref()),
        ("ecdsa-with-SHA256", Some("sha256"))
    );
    assert_eq!((certificate.valid_days, certificate.sent, certificate.self_signed), (91, 2, false));
}

#[test]
fn the_order_in_which_a_chain_is_sent_does_not_matter() {
    let root = root();
    let outer = make(parameters("Outer", true, "2026-01-01", "2030-01-01"), Some(&root));
    let inner = make(parameters("Inner", true, "2026-01-01", "2030-01-01"), Some(&outer));
    let leaf = make(parameters("www.cec.example", false, "2028-09-01", "2028-12-01"), Some(&inner));
    assert_eq!(verdict(&[&leaf, &outer, &inner], "www.cec.example", &root.pem).0, "trusted in_time name valid");
}

#[test]
fn an_expired_certificate_is_still_trusted_and_rightly_named() {
    let root = root();
    let leaf = make(parameters("www.cec.example", false, "2028-01-01", "2028-09-01"), Some(&root));
    let (flags, problem) = verdict(&[&leaf], "www.cec.example", &root.pem);
    assert_eq!(flags, "trusted name");
    assert_eq!(problem, "the certificate of CN=www.cec.example ended on 2028-09-01T00:00:00Z");
}

#[test]
fn an_expired_intermediate_puts_the_chain_out_of_time() {
    let root = root();
    let middle = make(parameters("Lab Intermediate", true, "2026-01-01", "2028-09-15"), Some(&root));
    let leaf = make(parameters("www.cec.example", false, "2028-09-01", "2028-12-01"), Some(&middle));
    let (flags, problem) = verdict(&[&leaf, &middle], "www.cec.example", &root.pem);
    assert_eq!(flags, "trusted name");
    assert!(problem.contains("Lab Intermediate ended on 2028-09-15"), "{problem}");
}

#[test]
fn a_certificate_that_begins_later_is_out_of_time() {
    let root = root();
    let leaf = make(parameters("www.cec.example", false, "2028-10-20", "2028-12-01"), Some(&root));
    assert_eq!(verdict(&[&leaf], "www.cec.example", &root.pem).0, "trusted name");
}

#[test]
fn a_missing_intermediate_is_told_with_the_name_of_the_issuer() {
    let root = root();
    let middle = make(parameters("Lab Intermediate", true, "2026-01-01", "2030-01-01"), Some(&root));
    let leaf = make(parameters("www.cec.example", false, "2028-09-01", "2028-12-01"), Some(&middle));
    let (flags, problem) = verdict(&[&leaf], "www.cec.example", &root.pem);
    assert_eq!(flags, "in_time name");
    assert!(problem.contains("no certificate of its issuer, CN=Lab Intermediate"), "{problem}");
}

#[test]
fn a_self_signed_certificate_is_trusted_only_if_the_estate_declares_it() {
    let own = make(parameters("www.cec.example", false, "2028-09-01", "2028-12-01"), None);
    assert_eq!(verdict(&[&own], "www.cec.example", "").0, "in_time name");
    assert_eq!(verdict(&[&own], "www.cec.example", &own.pem).0, "trusted in_time name valid");
    assert!(derived(&[&own], "www.cec.example", "").certificate.value().expect("read").self_signed);
}

#[test]
fn names_match_as_in_a_browser() {
    let root = root();
    let wild = make(parameters("*.cec.example", false, "2028-09-01", "2028-12-01"), Some(&root));
    assert!(verdict(&[&wild], "www.cec.example", &root.pem).0.contains("name"));
    for host in ["cec.example", "a.b.cec.example", "www.cec.example.evil.test"] {
        assert!(!verdict(&[&wild], host, &root.pem).0.contains("name"), "{host}");
    }
    assert!(derived(&[&wild], "x", &root.pem).certificate.value().expect("read").wildcard);
}

#[test]
fn a_client_certificate_is_no_server_certificate() {
    let root = root();
    let mut client = parameters("www.cec.example", false, "2028-09-01", "2028-12-01");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (flags, problem) = verdict(&[&make(client, Some(&root))], "www.cec.example", &root.pem);
    assert!(!flags.contains("trusted"));
    assert!(problem.contains("another use"), "{problem}");
}

#[test]
fn must_staple_and_timestamps_are_read() {
    let root = root();
    let mut special = parameters("www.cec.example", false, "2028-09-01", "2028-12-01");
    special.custom_extensions = vec![
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]),
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], sct_list(2)),
    ];
    let tls = derived(&[&make(special, Some(&root))], "www.cec.example", &root.pem);
    let certificate = tls.certificate.value().expect("read");
    assert!(certificate.must_staple);
    assert_eq!(certificate.sct_count, 2);
}

/// An OCTET STRING with a list of version-1 timestamps (RFC 6962 §3.2, §3.3).
pub(super) fn sct_list(count: usize) -> Vec<u8> {
    let mut one = vec![0; 1 + 32 + 8 + 2];
    one.extend([4, 3, 0, 4, 0x30, 2, 5, 0]);
    let mut list: Vec<u8> = Vec::new();
    for _ in 0..count {
        list.extend(u16::try_from(one.len()).expect("short").to_be_bytes());
        list.extend(&one);
    }
    let mut body = u16::try_from(list.len()).expect("short").to_be_bytes().to_vec();
    body.extend(list);
    let mut der = vec![4, u8::try_from(body.len()).expect("short")];
    der.extend(body);
    der
}

#[test]
fn what_is_no_certificate_is_garbage_not_absence() {
    let mut blobs = Blobs::default();
    let mut tls = Tls::unobserved(&Unobserved::absent());
    tls.chain = Observation::observed(Chain { certificates: vec![blobs.keep(b"\x30\x03abc")] });
    let given = Given {
        now: Timestamp::parse(NOW).expect("a time"),
        extra_roots: String::new(),
        trust_anchor: String::new(),
        as_table: String::new(),
        dmarc_reports: String::new(),
    };
    derive(&mut tls, "www.cec.example", &blobs, &given, &Roots::new(""));
    for state in [tls.certificate.unobserved(), tls.validation.unobserved()] {
        assert!(matches!(state, Some(Observation::Failed { reason: Reason::Garbage, .. })), "{state:?}");
    }
}

#[test]
fn a_failed_chain_leaves_its_reason_on_what_is_derived() {
    let mut tls = Tls::unobserved(&Unobserved::failed(Reason::Timeout, "no answer from 192.0.2.1"));
    let given = Given {
        now: Timestamp::parse(NOW).expect("a time"),
        extra_roots: String::new(),
        trust_anchor: String::new(),
        as_table: String::new(),
        dmarc_reports: String::new(),
    };
    derive(&mut tls, "www.cec.example", &Blobs::default(), &given, &Roots::new(""));
    assert!(matches!(tls.validation, Observation::Failed { reason: Reason::Timeout, .. }));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let made = CertificateDer::from(bytes);
        let _ = certificate::read(&[made]);
    }
}
