//! The state of a zone, by the chain that leads to it.

use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, PublicKeyBuf};
use hickory_resolver::proto::rr::rdata::SOA;
use hickory_resolver::proto::rr::{RData, Record, RecordType};

use super::*;
use crate::derive::dnssec::keys;
use crate::facts::Reason;

#[test]
fn a_chain_from_the_anchor_to_the_soa_is_secure() {
    let lab = Lab::new();
    let verdict = lab.is("secure", &["cec.example"]);
    assert!(verdict.signed && verdict.delegated_securely == Some(true));
    assert_eq!((verdict.keys[0].algorithm, verdict.keys[0].bits, verdict.keys[0].flags), (13, 256, 257));
    assert_eq!((verdict.ds[0].tag, verdict.ds[0].digest_type), (verdict.keys[0].tag, 2));
    assert_eq!(verdict.signatures_end, Timestamp::from_unix(now().unix() + 29 * DAY));
}

#[test]
fn a_key_as_anchor_does_as_well_as_its_digest_and_a_strange_one_does_not() {
    let lab = Lab::new();
    let dnskey = format!(". IN DNSKEY {}", lab.root.signer.to_dnskey());
    assert_eq!(lab.verdict_of("cec.example", &dnskey).value().unwrap().status, "secure");
    let builtin = lab.verdict_of("cec.example", "");
    assert_eq!(builtin.value().unwrap().status, "indeterminate");
    assert!(builtin.value().unwrap().reason.contains("20326"));
    let unreadable = lab.verdict_of("cec.example", "not a record");
    assert_eq!(unreadable.value().unwrap().status, "indeterminate");
}

#[test]
fn an_expired_signature_is_bogus_and_says_since_when() {
    let lab =
        Lab::of(Signed::new("."), Signed::new("example"), Signed::new("cec.example").from(now().unix() - 40 * DAY));
    let verdict = lab.is("bogus", &["DNSKEY records of cec.example", "expired on 2028-10-10T12:00:00Z"]);
    assert!(verdict.reason.contains(&verdict.keys[0].tag.to_string()));
    assert_eq!(verdict.signatures_end, Timestamp::parse("2028-10-10T12:00:00Z").ok());
}

#[test]
fn a_signature_holds_to_the_second_of_its_end_and_no_longer() {
    let ending = |seconds: i64| {
        let zone = Signed::new("cec.example").from(now().unix() - 30 * DAY + seconds);
        Lab::of(Signed::new("."), Signed::new("example"), zone).verdict().status
    };
    assert_eq!((ending(0).as_str(), ending(-1).as_str()), ("secure", "bogus"));
}

#[test]
fn a_signature_from_the_future_is_bogus() {
    let zone = Signed::new("cec.example").from(now().unix() + 1);
    let lab = Lab::of(Signed::new("."), Signed::new("example"), zone);
    lab.is("bogus", &["is not valid before 2028-10-20T12:00:01Z"]);
}

#[test]
fn a_ds_that_matches_no_key_is_bogus() {
    let mut lab = Lab::new();
    let other = Signed::new("cec.example");
    let records = lab.tld.sign(&lab.zone.apex, vec![other.ds()]);
    lab.kept.answer("cec.example", "DS", records);
    lab.is("bogus", &["no DNSKEY of cec.example", "matches a DS"]);
}

#[test]
fn a_record_changed_after_signing_is_bogus() {
    let mut lab = Lab::new();
    let mut records = lab.zone.sign(&lab.zone.apex, vec![lab.zone.soa()]);
    records[0].data = RData::SOA(SOA::new(name("ns.x"), name("root.x"), 2, 1, 1, 1, 1));
    lab.kept.answer("cec.example", "SOA", records);
    lab.is("bogus", &["SOA record of cec.example", "does not verify"]);
}

#[test]
fn a_missing_signature_is_bogus() {
    let mut lab = Lab::new();
    let record = Record::from_rdata(lab.zone.apex.clone(), 300, lab.zone.soa());
    lab.kept.answer("cec.example", "SOA", vec![record]);
    lab.is("bogus", &["no RRSIG over cec.example SOA"]);
}

#[test]
fn a_ttl_counted_down_by_a_cache_does_not_matter() {
    let mut lab = Lab::new();
    let second = Signed::new("cec.example");
    let mut records = lab.zone.sign(&lab.zone.apex, vec![lab.zone.key(), second.key()]);
    records[0].ttl = 17;
    lab.kept.answer("cec.example", "DNSKEY", records);
    lab.is("secure", &[]);
}

#[test]
fn a_delegation_without_ds_that_nsec_proves_is_insecure() {
    let mut lab = Lab::new();
    let proof = lab.tld.nsec("cec.example", "d.example", &[RecordType::NS, RecordType::NSEC, RecordType::RRSIG]);
    lab.kept.denial("cec.example", "DS", proof);
    let verdict = lab.is("insecure", &["cec.example is delegated without DS"]);
    assert_eq!((verdict.signed, verdict.delegated_securely), (true, Some(false)));
}

#[test]
fn a_delegation_without_ds_and_without_proof_is_bogus() {
    let mut lab = Lab::new();
    lab.kept.denial("cec.example", "DS", vec![]);
    lab.is("bogus", &["DS of cec.example is absent without proof", "neither NSEC nor NSEC3"]);
}

type Proof = fn(&Lab) -> Vec<Record>;

#[test]
fn proofs_that_prove_something_else_do_not_count() {
    use RecordType as T;
    let lab = || Lab::new();
    let cases: [(Proof, &str); 7] = [
        (|lab| lab.tld.nsec("d.example", "e.example", &[T::NS]), "no NSEC covers"),
        (|lab| lab.tld.nsec("cec.example", "d.example", &[T::NS, T::DS]), "says that there is a DS"),
        (|lab| lab.tld.nsec("cec.example", "d.example", &[T::NS, T::SOA]), "the child's own"),
        (|lab| lab.zone.nsec("cec.example", "cec.example", &[T::NS]), "not of example"),
        (|lab| lab.root.nsec("cec.example", "d.example", &[T::NS]), "not of example"),
        (
            |lab| {
                let mut records = lab.tld.nsec("cec.example", "d.example", &[T::NS]);
                records.pop();
                records
            },
            "no RRSIG over cec.example NSEC",
        ),
        (|lab| lab.tld.nsec3("d.example", 0, false, true, &[T::NS]), "closest encloser"),
    ];
    for (proof, words) in cases {
        let mut lab = lab();
        let records = proof(&lab);
        lab.kept.denial("cec.example", "DS", records);
        lab.is("bogus", &[words]);
    }
}

#[test]
fn nsec3_proves_an_unsigned_delegation_by_match_and_by_opt_out() {
    let mut lab = Lab::new();
    let proof = lab.tld.nsec3("cec.example", 0, false, false, &[RecordType::NS]);
    lab.kept.denial("cec.example", "DS", proof);
    lab.is("insecure", &["cec.example is delegated without DS"]);

    let around = |lab: &Lab, opt_out| {
        let mut proof = lab.tld.nsec3("example", 0, false, opt_out, &[RecordType::SOA, RecordType::NS]);
        proof.append(&mut lab.tld.nsec3("cec.example", -1, true, opt_out, &[RecordType::NS]));
        proof
    };
    let proof = around(&lab, true);
    lab.kept.denial("cec.example", "DS", proof);
    lab.is("insecure", &["opt-out span of example"]);

    let proof = around(&lab, false);
    lab.kept.denial("cec.example", "DS", proof);
    lab.is("indeterminate", &["proves that there is no name cec.example"]);
}

#[test]
fn more_nsec3_iterations_than_resolvers_accept_leave_a_zone_insecure() {
    let mut lab = Lab::new();
    let proof = lab.tld.nsec3_iterated("cec.example", 0, false, false, &[RecordType::NS], 151);
    lab.kept.denial("cec.example", "DS", proof);
    lab.is("insecure", &["151 NSEC3 iterations"]);
}

/// `x.gov.example` in `example`, with `gov.example` no zone of its own.
fn without_cut(proof: impl Fn(&Lab) -> Vec<Record>) -> Observation<Dnssec> {
    let mut lab = Lab::new();
    let child = Signed::new("x.gov.example");
    let proof = proof(&lab);
    lab.kept.denial("gov.example", "DS", proof);
    let ds = lab.tld.sign(&child.apex, vec![child.ds()]);
    lab.kept.answer("x.gov.example", "DS", ds);
    lab.kept.answer("x.gov.example", "DNSKEY", child.sign(&child.apex, vec![child.key()]));
    lab.kept.answer("x.gov.example", "SOA", child.sign(&child.apex, vec![child.soa()]));
    lab.verdict_of("x.gov.example", &lab.anchor())
}

#[test]
fn a_name_that_is_no_zone_cut_is_passed_over_by_proof() {
    let proofs: [Proof; 4] = [
        |lab| lab.tld.nsec("gov.example", "h.example", &[RecordType::TXT]),
        |lab| lab.tld.nsec("f.example", "x.gov.example", &[RecordType::TXT]),
        |lab| lab.tld.nsec3("gov.example", 0, false, false, &[]),
        |_| vec![],
    ];
    let states = proofs.map(|proof| without_cut(proof).value().unwrap().status.clone());
    assert_eq!(states, ["secure", "secure", "secure", "bogus"]);
}

#[test]
fn a_ds_of_unknown_algorithm_or_digest_leaves_a_zone_insecure() {
    for (algorithm, digest) in
        [(Algorithm::Unknown(200), DigestType::SHA256), (Algorithm::ECDSAP256SHA256, DigestType::Unknown(99))]
    {
        let mut lab = Lab::new();
        let ds = DS::new(1, algorithm, digest, vec![1, 2, 3]);
        let records = lab.tld.sign(&lab.zone.apex, vec![RData::DNSSEC(DNSSECRData::DS(ds))]);
        lab.kept.answer("cec.example", "DS", records);
        lab.is("insecure", &["not supported"]);
    }
}

#[test]
fn a_resolver_that_strips_signatures_says_nothing_about_the_zone() {
    let mut lab = Lab::new();
    let mut records = lab.root.sign(&lab.root.apex, vec![lab.root.key()]);
    records.pop();
    lab.kept.answer(".", "DNSKEY", records);
    lab.is("indeterminate", &["passes on no signatures"]);
}

#[test]
fn what_only_we_cannot_verify_is_indeterminate() {
    let mut lab = Lab::new();
    let ed448 = DS::new(1, Algorithm::Unknown(16), DigestType::SHA256, vec![1, 2, 3]);
    let records = lab.tld.sign(&lab.zone.apex, vec![RData::DNSSEC(DNSSECRData::DS(ed448))]);
    lab.kept.answer("cec.example", "DS", records);
    lab.is("indeterminate", &["not supported (16/2"]);

    let mut lab = Lab::new();
    let short =
        DNSKEY::with_flags(257, PublicKeyBuf::new([vec![3, 1, 0, 1], vec![0xff; 64]].concat(), Algorithm::RSASHA256));
    let digest = short.to_digest(&lab.zone.apex, DigestType::SHA256).unwrap().as_ref().to_vec();
    let ds = DS::new(keys::tag(&short), Algorithm::RSASHA256, DigestType::SHA256, digest);
    let records = lab.tld.sign(&lab.zone.apex, vec![RData::DNSSEC(DNSSECRData::DS(ds))]);
    lab.kept.answer("cec.example", "DS", records);
    let mut records = lab.zone.sign(&lab.zone.apex, vec![RData::DNSSEC(DNSSECRData::DNSKEY(short.clone()))]);
    if let RData::DNSSEC(DNSSECRData::RRSIG(sig)) = records[1].data.clone() {
        let mut input = sig.input().clone();
        (input.key_tag, input.algorithm) = (keys::tag(&short), Algorithm::RSASHA256);
        records[1].data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, vec![1; 64])));
    }
    lab.kept.answer("cec.example", "DNSKEY", records);
    let verdict = lab.is("indeterminate", &["cannot be verified here"]);
    assert_eq!(verdict.keys[0].bits, 512);
}

#[test]
fn an_answer_that_failed_or_is_missing_is_indeterminate_never_bogus() {
    for (owner, kind) in
        [(".", "DNSKEY"), ("example", "DS"), ("example", "DNSKEY"), ("cec.example", "DS"), ("cec.example", "SOA")]
    {
        let mut lab = Lab::new();
        lab.kept.set(owner, kind, Observation::failed(Reason::Servfail, "it answered SERVFAIL"));
        let verdict = lab.is("indeterminate", &[kind, owner, "it answered SERVFAIL"]);
        let is_ds = (owner, kind) == ("cec.example", "DS");
        assert_eq!(verdict.delegated_securely, (!is_ds).then_some(true));
        lab.kept.answers.retain(|answer| (answer.name.as_str(), answer.record_type.as_str()) != (owner, kind));
        lab.is("indeterminate", &["was not asked"]);
    }
}

#[test]
fn without_the_zones_own_keys_nothing_is_claimed_about_signing() {
    let mut lab = Lab::new();
    lab.kept.set("cec.example", "DNSKEY", Observation::failed(Reason::Timeout, "no answer"));
    let verdict = lab.verdict_of("cec.example", &lab.anchor());
    assert!(matches!(verdict, Observation::Failed { reason: Reason::Timeout, .. }), "{verdict:?}");
}

#[test]
fn a_zone_without_keys_below_a_ds_is_bogus() {
    let mut lab = Lab::new();
    lab.kept.answer("cec.example", "DNSKEY", vec![]);
    let verdict = lab.is("bogus", &["has DS records but no DNSKEY"]);
    assert!(!verdict.signed);
}

#[test]
fn a_name_inside_a_zone_is_said_to_be_none() {
    let mut lab = Lab::new();
    let proof = lab.tld.nsec("cec.example", "d.example", &[RecordType::TXT]);
    lab.kept.denial("cec.example", "DS", proof);
    lab.is("indeterminate", &["is no zone of its own: it lies in example"]);
}

#[test]
fn colliding_key_tags_cost_a_bounded_number_of_trials() {
    let mut lab = Lab::new();
    let mut records = lab.zone.sign(&lab.zone.apex, vec![lab.zone.soa()]);
    let RData::DNSSEC(DNSSECRData::RRSIG(good)) = records[1].data.clone() else { unreachable!() };
    for n in 0..100_u8 {
        let bad = RRSIG::from_sig(good.input().clone(), vec![n; 64]);
        records.insert(1, Record::from_rdata(lab.zone.apex.clone(), 300, RData::DNSSEC(DNSSECRData::RRSIG(bad))));
    }
    lab.kept.answer("cec.example", "SOA", records);
    lab.is("bogus", &["does not verify"]);
}

#[test]
fn key_sizes_are_read_from_the_key() {
    let key = |algorithm, bytes: Vec<u8>| {
        keys::bits(&DNSKEY::with_flags(256, PublicKeyBuf::new(bytes, Algorithm::from_u8(algorithm))))
    };
    let rsa = |modulus: Vec<u8>| [vec![3, 1, 0, 1], modulus].concat();
    assert_eq!(key(8, rsa(vec![0x80; 256])), 2048);
    assert_eq!(key(8, rsa([vec![0, 1], vec![0x80; 127]].concat())), 1017);
    assert_eq!(key(8, [vec![0, 0, 3, 1, 0, 1], vec![0xff; 128]].concat()), 1024);
    assert_eq!((key(8, vec![]), key(8, vec![200, 1])), (0, 0));
    assert_eq!((key(14, vec![0; 96]), key(15, vec![0; 32])), (384, 256));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    /// Whatever a server sends, the validator ends in words.
    #[test]
    fn damaged_answers_never_panic(which in 0_usize..6, changes in proptest::collection::vec((0_usize..600, 0_u8..), 1..6)) {
        let mut lab = Lab::new();
        let answer = lab.kept.answers[which].clone();
        let mut raw = lab.kept.blobs.bytes(answer.message.value().unwrap()).unwrap();
        for (at, byte) in changes {
            let length = raw.len();
            raw[at % length] = byte;
        }
        let id = lab.kept.blobs.keep(&raw);
        lab.kept.set(&answer.name, &answer.record_type, Observation::observed(id));
        if let Some(verdict) = lab.verdict_of("cec.example", &lab.anchor()).value() {
            proptest::prop_assert!(!verdict.reason.is_empty());
        }
    }
}
