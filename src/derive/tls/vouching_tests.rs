//! Staples, timestamps, keys, names and chains made here, and what is derived from them.

use aws_lc_rs::digest::{SHA256, digest as sha256};
use der::asn1::{BitString, OctetString};
use der::{DateTime, Decode, Encode};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, KeyPair, SigningKey};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, ResponderId, ResponseData, RevokedInfo,
    SingleResponse,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::tests::{Made, NOW, make, parameters, root, sct_list};
use super::*;
use crate::facts::{Revocation, Scts, Sending};

const HOST: &str = "www.cec.example";

fn leaf(by: &Made) -> Made {
    make(parameters(HOST, false, "2028-09-01", "2028-12-01"), Some(by))
}

/// ecdsa-with-SHA256 and SHA-256 as AlgorithmIdentifier (RFC 5758 §3.2, RFC 5754 §2.2).
const ECDSA: &[u8] = &[0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
const HASH: &[u8] = &[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];

/// What a response says.
struct Says<'a> {
    about: &'a Made,
    status: CertStatus,
    this_update: &'a str,
    next_update: Option<&'a str>,
}

fn says(about: &Made) -> Says<'_> {
    let status = CertStatus::good();
    Says { about, status, this_update: "2028-09-30T00:00:00Z", next_update: Some("2028-10-05T00:00:00Z") }
}

fn revoked() -> CertStatus {
    CertStatus::revoked(RevokedInfo { revocation_time: time("2028-09-20T00:00:00Z"), revocation_reason: None })
}

fn time(text: &str) -> OcspGeneralizedTime {
    OcspGeneralizedTime::from(text.parse::<DateTime>().expect("a time"))
}

fn response(says: &Says<'_>, issuer: &Made, signer: &Made, delegate: Option<&Made>) -> Vec<u8> {
    let (_, about) = X509Certificate::from_der(&says.about.der).expect("a certificate");
    let key = KeyPair::from_pem(&issuer.key).expect("a key");
    let hash = |bytes: &[u8]| OctetString::new(sha256(&SHA256, bytes).as_ref()).expect("short");
    let serial = about.raw_serial();
    let serial = [&[2, u8::try_from(serial.len()).expect("short")][..], serial].concat();
    let one = SingleResponse {
        cert_id: CertId {
            hash_algorithm: Decode::from_der(HASH).expect("an algorithm"),
            issuer_name_hash: hash(about.issuer().as_raw()),
            issuer_key_hash: hash(key.public_key_raw()),
            serial_number: Decode::from_der(&serial).expect("a number"),
        },
        cert_status: says.status,
        this_update: time(says.this_update),
        next_update: says.next_update.map(time),
        single_extensions: None,
    };
    let data = ResponseData {
        version: Default::default(),
        responder_id: ResponderId::ByKey(OctetString::new(vec![0xAB; 20]).expect("short")),
        produced_at: time(says.this_update),
        responses: vec![one],
        response_extensions: None,
    };
    let signer = KeyPair::from_pem(&signer.key).expect("a key");
    let signature = signer.sign(&data.to_der().expect("DER")).expect("a signature");
    let basic = BasicOcspResponse {
        tbs_response_data: data,
        signature_algorithm: Decode::from_der(ECDSA).expect("an algorithm"),
        signature: BitString::from_bytes(&signature).expect("bits"),
        certs: delegate.map(|made| vec![Decode::from_der(&made.der).expect("a certificate")]),
    };
    OcspResponse::successful(basic).expect("a response").to_der().expect("DER")
}

fn derived(chain: &[&Made], staple: Option<&[u8]>, list: Option<&[u8]>, roots: &str) -> Tls {
    let mut blobs = Blobs::default();
    let certificates: Vec<String> = chain.iter().map(|made| blobs.keep(&made.der)).collect();
    let mut tls = Tls::unobserved(&Unobserved::absent());
    tls.staple =
        staple.map_or_else(Observation::absent, |der| Observation::observed(Staple { response: blobs.keep(der) }));
    let kept = list.map(|list| SctList { list: blobs.keep(list), certificate: certificates[0].clone() });
    tls.sct_list = kept.map_or_else(Observation::absent, Observation::observed);
    tls.chain = Observation::observed(Chain { certificates });
    let given = Given { extra_roots: roots.to_owned(), ..Given::at(Timestamp::parse(NOW).expect("a time")) };
    derive(&mut tls, HOST, &blobs, &given, &Roots::new(roots));
    tls
}

/// What is derived from a staple for a leaf under a root that was not sent.
fn stapled(make_response: impl Fn(&Made, &Made) -> Vec<u8>) -> Observation<Revocation> {
    let root = root();
    let leaf = leaf(&root);
    derived(&[&leaf], Some(&make_response(&leaf, &root)), None, &root.pem).revocation
}

#[test]
fn a_staple_of_the_issuer_is_believed() {
    let seen = stapled(|leaf, root| response(&says(leaf), root, root, None));
    let revocation = seen.value().expect("read");
    assert!(revocation.valid, "{revocation:?}");
    assert_eq!((revocation.status.as_str(), revocation.problem.as_deref()), ("good", None));
    assert_eq!(revocation.next_update, Timestamp::parse("2028-10-05T00:00:00Z").ok());
    assert!(revocation.responder.as_ref().is_some_and(|name| name.starts_with("key abab")));
}

#[test]
fn a_staple_that_says_revoked_tells_since_when() {
    let seen = stapled(|leaf, root| response(&Says { status: revoked(), ..says(leaf) }, root, root, None));
    let revocation = seen.value().expect("read");
    assert_eq!((revocation.status.as_str(), revocation.valid), ("revoked", true));
    assert_eq!(revocation.revoked_at, Timestamp::parse("2028-09-20T00:00:00Z").ok());
}

#[test]
fn a_responder_counts_only_if_the_issuer_made_it_one() {
    let responder = |purpose: ExtendedKeyUsagePurpose, from: &str, until: &str, by: &Made| {
        let mut params = parameters("Responder", true, from, until);
        params.is_ca = rcgen::IsCa::NoCa;
        params.extended_key_usages = vec![purpose];
        make(params, Some(by))
    };
    let stranger = root();
    for (purpose, until, by_issuer, authentic) in [
        (ExtendedKeyUsagePurpose::OcspSigning, "2030-01-01", true, true),
        (ExtendedKeyUsagePurpose::OcspSigning, "2028-09-15", true, false),
        (ExtendedKeyUsagePurpose::ServerAuth, "2030-01-01", true, false),
        // Of the same name, with another key.
        (ExtendedKeyUsagePurpose::OcspSigning, "2030-01-01", false, false),
    ] {
        let seen = stapled(|leaf, root| {
            let by = if by_issuer { root } else { &stranger };
            let delegate = responder(purpose.clone(), "2028-01-01", until, by);
            response(&says(leaf), root, &delegate, Some(&delegate))
        });
        assert_eq!(seen.value().map(|r| r.authentic), Some(authentic), "{purpose:?} {until} {by_issuer}");
    }
}

#[test]
fn a_staple_of_a_stranger_is_not_believed() {
    let stranger = root();
    let seen = stapled(|leaf, root| response(&says(leaf), root, &stranger, None));
    let revocation = seen.value().expect("read");
    assert!(!revocation.authentic && !revocation.valid && revocation.about_certificate && revocation.current);
}

#[test]
fn a_staple_of_another_certificate_is_told() {
    let seen = stapled(|_, root| response(&says(&leaf(root)), root, root, None));
    let revocation = seen.value().expect("read");
    assert!(!revocation.about_certificate && !revocation.valid && revocation.authentic);
    assert_eq!(revocation.problem.as_deref(), Some("it speaks of another certificate"));
}

#[test]
fn a_staple_counts_between_its_updates() {
    for (this_update, next_update, current) in [
        ("2028-10-01T00:05:00Z", Some("2028-10-05T00:00:00Z"), true),
        ("2028-10-01T01:00:00Z", Some("2028-10-05T00:00:00Z"), false),
        ("2028-09-20T00:00:00Z", Some("2028-09-30T23:59:59Z"), false),
        ("2028-09-20T00:00:00Z", Some("2028-10-01T00:00:00Z"), true),
        ("2028-09-25T00:00:00Z", None, true),
        ("2028-09-10T00:00:00Z", None, false),
    ] {
        let seen = stapled(|leaf, root| response(&Says { this_update, next_update, ..says(leaf) }, root, root, None));
        let revocation = seen.value().expect("read");
        assert_eq!(revocation.current, current, "{this_update} {next_update:?}: {revocation:?}");
    }
}

#[test]
fn a_responder_that_gives_an_error_has_not_vouched() {
    let seen = stapled(|_, _| OcspResponse::try_later().to_der().expect("DER"));
    let revocation = seen.value().expect("read");
    assert_eq!((revocation.status.as_str(), revocation.valid), ("try-later", false));
}

#[test]
fn a_malformed_staple_is_garbage_and_one_without_known_issuer_is_open() {
    let seen = stapled(|leaf, root| {
        let whole = response(&says(leaf), root, root, None);
        whole[..whole.len() - 1].to_vec()
    });
    assert!(matches!(seen, Observation::Failed { reason: Reason::Garbage, .. }), "{seen:?}");
    let root = root();
    let leaf = leaf(&root);
    let der = response(&says(&leaf), &root, &root, None);
    let seen = derived(&[&leaf], Some(&der), None, "").revocation;
    assert!(matches!(seen, Observation::Failed { reason: Reason::Dependency, .. }), "{seen:?}");
    assert!(matches!(derived(&[&leaf], None, None, &root.pem).revocation, Observation::Absent { .. }));
}

#[test]
fn timestamps_are_counted_over_all_sources() {
    let root = root();
    let mut params = parameters(HOST, false, "2028-09-01", "2028-12-01");
    params.custom_extensions =
        vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], sct_list(2))];
    let embedding = make(params, Some(&root));
    // Without the OCTET STRING around it.
    let list = &sct_list(1)[2..];
    let of = |chain: &Made, list: Option<&[u8]>| derived(&[chain], None, list, &root.pem).scts;
    let told = |seen: Observation<Scts>| seen.value().map(|scts| (scts.count, scts.sources.join(" "))).expect("known");
    assert_eq!(told(of(&embedding, None)), (2, "certificate".into()));
    assert_eq!(told(of(&embedding, Some(list))), (3, "certificate tls-extension".into()));
    assert_eq!(told(of(&leaf(&root), None)), (0, String::new()));
    let cut = of(&leaf(&root), Some(&list[1..]));
    assert!(matches!(cut, Observation::Failed { reason: Reason::Garbage, .. }), "{cut:?}");
    // What cannot be read takes nothing from what can.
    assert_eq!(told(of(&embedding, Some(&list[1..]))).0, 2);
}

#[test]
fn that_there_is_no_timestamp_is_open_where_a_source_was_not_asked() {
    let root = root();
    let leaf = leaf(&root);
    let mut blobs = Blobs::default();
    let mut tls = Tls::unobserved(&Unobserved::absent());
    tls.chain = Observation::observed(Chain { certificates: vec![blobs.keep(&leaf.der)] });
    let given = Given::at(Timestamp::parse(NOW).expect("a time"));
    for unknown in [Observation::not_run(Reason::Unsupported, "TLS 1.3 alone"), Observation::underived()] {
        tls.sct_list = unknown;
        derive(&mut tls, HOST, &blobs, &given, &Roots::new(""));
        assert!(matches!(tls.scts, Observation::NotRun { reason: Reason::Unsupported, .. }), "{:?}", tls.scts);
        derive(&mut tls, HOST, &blobs, &given, &Roots::new(&root.pem));
        assert!(
            matches!(tls.scts, Observation::Absent { .. }),
            "no log takes what a private root signed: {:?}",
            tls.scts
        );
    }
}

fn sending(chain: &[&Made], roots: &str) -> Sending {
    derived(chain, None, None, roots).sending.value().expect("a chain").clone()
}

#[test]
fn a_chain_in_order_has_nothing_to_tell() {
    let root = root();
    let middle = make(parameters("Middle", true, "2026-01-01", "2030-01-01"), Some(&root));
    let good = sending(&[&leaf(&middle), &middle], &root.pem);
    assert!(!good.incomplete && !good.disordered && !good.root_sent, "{good:?}");
    assert!(good.superfluous.is_empty() && good.weak.is_empty(), "{good:?}");
}

#[test]
fn order_strangers_doubles_and_the_root_are_told_apart() {
    let root = root();
    let outer = make(parameters("Outer", true, "2026-01-01", "2030-01-01"), Some(&root));
    let inner = make(parameters("Inner", true, "2026-01-01", "2030-01-01"), Some(&outer));
    let stranger = make(parameters("Stranger", true, "2026-01-01", "2030-01-01"), Some(&root));
    let leaf = leaf(&inner);
    assert!(sending(&[&leaf, &outer, &inner], &root.pem).disordered);
    let much = sending(&[&leaf, &inner, &stranger, &outer, &inner, &root], &root.pem);
    assert!(!much.disordered && much.root_sent, "{much:?}");
    assert_eq!(much.superfluous, ["CN=Stranger", "CN=Inner"]);
}

#[test]
fn a_missing_intermediate_is_told_if_the_certificate_says_where_it_is() {
    let root = root();
    let middle = make(parameters("Middle", true, "2026-01-01", "2030-01-01"), Some(&root));
    let mut params = parameters(HOST, false, "2028-09-01", "2028-12-01");
    let mut access = vec![0x30, 23, 0x30, 21, 6, 8, 0x2B, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 9];
    access.extend(b"http://i/");
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)];
    let pointing = make(params, Some(&middle));
    let seen = sending(&[&pointing], &root.pem);
    assert_eq!((seen.incomplete, seen.missing_at.as_deref()), (true, Some("http://i/")));
    assert!(!sending(&[&pointing, &middle], &root.pem).incomplete);
    assert!(!sending(&[&leaf(&middle)], &root.pem).incomplete, "nobody knows where it would be");
    assert!(!sending(&[&leaf(&root)], &root.pem).incomplete, "the root need not be sent");
}

#[test]
fn an_expired_intermediate_is_a_weak_link() {
    let root = root();
    let middle = make(parameters("Middle", true, "2026-01-01", "2028-09-15"), Some(&root));
    assert_eq!(sending(&[&leaf(&middle), &middle], &root.pem).weak, ["CN=Middle: ended on 2028-09-15T00:00:00Z"]);
}

#[test]
fn an_ordinary_certificate_has_no_flaw_and_no_peculiar_name() {
    let root = root();
    let tls = derived(&[&leaf(&root)], None, None, &root.pem);
    let certificate = tls.certificate.value().expect("read");
    assert!(certificate.key_flaws.is_empty() && certificate.key_published_in.is_empty());
    assert!(certificate.peculiar_names.is_empty());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_any_parser_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        exercise(&bytes);
    }
    #[test]
    fn no_change_to_a_staple_makes_it_panic_or_be_believed(at in 0_usize..400, to in proptest::num::u8::ANY) {
        static MADE: std::sync::LazyLock<(Made, Made, Vec<u8>)> = std::sync::LazyLock::new(|| {
            let root = root();
            let leaf = leaf(&root);
            let der = response(&says(&leaf), &root, &root, None);
            (root, leaf, der)
        });
        let (root, leaf, der) = &*MADE;
        let mut changed = der.clone();
        let at = at % changed.len();
        let same = changed[at] == to;
        changed[at] = to;
        let seen = derived(&[leaf], Some(&changed), None, &root.pem).revocation;
        proptest::prop_assert!(same || seen.value().is_none_or(|revocation| !revocation.valid), "{} {}", at, to);
    }
}
