//! What each server signs and proves.

use hickory_resolver::proto::dnssec::rdata::{CDNSKEY, CDS, DNSSECRData, DS};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{A, NS, TXT};
use hickory_resolver::proto::rr::{RData, Record, RecordType};

use super::*;
use crate::derive::dns::exercise::server;
use crate::derive::dnssec::keys;
use crate::facts::{
    Exchange, Exchanges, Question, Reason, ServerSigning, Signing, SigningAlgorithm, Unobserved, ZoneDns,
};

const ZONE: &str = "cec.example";
const NS1: &str = "ns1.cec.example/192.0.2.1";
const NS2: &str = "ns2.cec.example/192.0.2.2";
const MISSING: &str = "no-such-name.cec.example";

/// The chain, and what the zone's own servers said.
struct World {
    lab: Lab,
    list: Vec<Exchange>,
}

impl World {
    /// Two servers that give and deny what they should.
    fn sound() -> Self {
        Self::of(Lab::new())
    }

    fn of(lab: Lab) -> Self {
        let mut world = Self { lab, list: Vec::new() };
        let ns = RData::NS(NS(name("ns1.cec.example")));
        for server in [NS1, NS2] {
            let zone = &world.lab.zone;
            let (soa, ns, key) = (zone.soa(), ns.clone(), zone.key());
            let [soa, ns, key] = [soa, ns, key].map(|data| zone.sign(&zone.apex, vec![data]));
            world.gives(server, RecordType::SOA, soa);
            world.gives(server, RecordType::NS, ns);
            world.gives(server, RecordType::DNSKEY, key);
            let all = [RecordType::SOA, RecordType::NS, RecordType::DNSKEY, RecordType::NSEC];
            let denial = world.lab.zone.nsec(ZONE, ZONE, &all);
            world.denies(server, RecordType::TXT, denial.clone());
            world.has_no_name(server, denial);
        }
        world
    }

    fn gives(&mut self, server: &str, kind: RecordType, answers: Vec<Record>) {
        self.says(server, "plain", (ZONE, kind), ResponseCode::NoError, answers, vec![]);
    }

    fn denies(&mut self, server: &str, kind: RecordType, authorities: Vec<Record>) {
        self.says(server, "plain", (ZONE, kind), ResponseCode::NoError, vec![], authorities);
    }

    fn has_no_name(&mut self, server: &str, authorities: Vec<Record>) {
        let question = (MISSING, RecordType::A);
        self.says(server, "missing-name", question, ResponseCode::NXDomain, vec![], authorities);
    }

    fn says(
        &mut self,
        server: &str,
        variant: &str,
        question: (&str, RecordType),
        code: ResponseCode,
        answers: Vec<Record>,
        authorities: Vec<Record>,
    ) {
        let mut message = Message::new(0, MessageType::Response, OpCode::Query);
        message.metadata.authoritative = code != ResponseCode::Refused;
        message.metadata.response_code = code;
        message.answers = answers;
        message.authorities = authorities;
        let digest = self.lab.kept.blobs.keep(&message.to_vec().unwrap());
        self.set(server, variant, question, Observation::observed(digest));
    }

    fn set(&mut self, server: &str, variant: &str, (asked, kind): (&str, RecordType), message: Observation<String>) {
        let question = Question {
            server: server.into(),
            zone: ZONE.into(),
            name: format!("{asked}."),
            record_type: kind.to_string(),
            variant: variant.into(),
            transport: "udp".into(),
        };
        self.list.retain(|exchange| {
            let q = &exchange.question;
            (&q.server, &q.record_type, &q.name) != (&question.server, &question.record_type, &question.name)
        });
        self.list.push(Exchange { question, truncated: false, message });
    }

    fn derived(&self) -> Observation<Signing> {
        self.dns().signing
    }

    fn dns(&self) -> ZoneDns {
        let mut dns = ZoneDns::unobserved(&Unobserved::absent());
        dns.chain = Observation::observed(DnssecChain { answers: self.lab.kept.answers.clone() });
        dns.servers = Observation::observed([NS1, NS2].map(server).to_vec());
        dns.exchanges = Observation::observed(Exchanges { list: self.list.clone(), unasked: 0 });
        let given = Given { trust_anchor: self.lab.anchor(), ..Given::at(now()) };
        crate::derive::dns::derive(ZONE, &mut dns, &self.lab.kept.blobs, &given);
        dns
    }

    #[track_caller]
    fn signing(&self) -> Signing {
        self.derived().value().cloned().unwrap()
    }

    /// What is said of the first server.
    #[track_caller]
    fn first(&self) -> ServerSigning {
        self.signing().servers[0].clone()
    }
}

fn txt(text: &str) -> RData {
    RData::TXT(TXT::new(vec![text.into()]))
}

fn states(signing: &Signing) -> Vec<(&str, &str)> {
    signing.servers.iter().map(|one| (&*one.answers.status, &*one.absences.status)).collect()
}

#[test]
fn sound_servers_are_secure_with_every_signature_and_denial_explained() {
    let signing = World::sound().signing();
    assert_eq!(states(&signing), [("secure", "secure"), ("secure", "secure")]);
    let first = &signing.servers[0];
    let sets: Vec<&str> = first.sets.iter().map(|set| set.set.as_str()).collect();
    assert_eq!(sets, ["DNSKEY", "NS", "SOA"]);
    let signature = &first.sets[2].signatures[0];
    assert_eq!((signature.algorithm, signature.holds, signature.signer.as_str()), (13, true, ZONE));
    assert_eq!(signature.expiration, Timestamp::from_unix(now().unix() + 29 * DAY));
    let denials: Vec<(&str, &str)> = first.denials.iter().map(|d| (&*d.question, &*d.kind)).collect();
    assert_eq!(denials, [("TXT cec.example", "type"), ("A no-such-name.cec.example", "name")]);
    assert!(
        signing.delegation[0].has_key && signing.algorithms == [SigningAlgorithm { algorithm: 13, unsigned: vec![] }]
    );
    assert_eq!(signing.denial.value().unwrap().method, "NSEC");
    assert!(matches!(signing.child, Observation::Absent { .. }));
    assert_eq!(signing.times.value().unwrap().left_percent, 96);
}

#[test]
fn one_server_with_an_old_copy_is_bogus_and_the_other_is_not() {
    let mut world = World::sound();
    let inception = world.lab.zone.inception;
    world.lab.zone.inception = now().unix() - 40 * DAY;
    let old = world.lab.zone.sign(&world.lab.zone.apex, vec![world.lab.zone.soa()]);
    world.lab.zone.inception = inception;
    world.gives(NS2, RecordType::SOA, old);
    let signing = world.signing();
    assert_eq!(states(&signing), [("secure", "secure"), ("bogus", "secure")]);
    let reason = &signing.servers[1].answers.reason;
    assert!(reason.starts_with("SOA: ") && reason.contains("expired on 2028-10-10"), "{reason}");
}

#[test]
fn a_set_changed_after_signing_or_without_signature_is_bogus_by_name() {
    let mut world = World::sound();
    let mut changed = world.lab.zone.sign(&world.lab.zone.apex, vec![txt("v=spf1 -all")]);
    changed[0].data = txt("v=spf1 +all");
    world.gives(NS1, RecordType::TXT, changed);
    let first = world.first();
    assert_eq!(first.answers.status, "bogus");
    assert!(first.answers.reason.contains("TXT") && first.answers.reason.contains("does not verify"));

    let bare = Record::from_rdata(world.lab.zone.apex.clone(), 300, txt("v=spf1 -all"));
    world.gives(NS1, RecordType::TXT, vec![bare]);
    assert!(world.first().answers.reason.contains("no RRSIG over cec.example TXT"));
}

/// What NS1 says with authority of TXT records at a name below the zone's own.
fn below(owner: &str, code: ResponseCode, make: impl Fn(&Signed) -> [Vec<Record>; 2]) -> ServerSigning {
    let mut world = World::sound();
    let [answers, authorities] = make(&world.lab.zone);
    world.says(NS1, "plain", (owner, RecordType::TXT), code, answers, authorities);
    world.first()
}

#[test]
fn records_of_mail_below_the_zones_own_name_are_verified_too() {
    const DMARC: &str = "_dmarc.cec.example";
    let policy = || vec![txt("v=DMARC1; p=reject")];
    let sound = below(DMARC, ResponseCode::NoError, |zone| [zone.sign(&name(DMARC), policy()), vec![]]);
    assert_eq!((sound.answers.status.as_str(), sound.sets[3].set.as_str()), ("secure", "TXT _dmarc.cec.example"));
    let altered = below(DMARC, ResponseCode::NoError, |zone| {
        let mut answers = zone.sign(&name(DMARC), policy());
        answers[0].data = txt("v=DMARC1; p=none");
        [answers, vec![]]
    });
    assert_eq!(altered.answers.status, "bogus");
    assert!(altered.answers.reason.starts_with("TXT _dmarc.cec.example: "), "{}", altered.answers.reason);
    let bare = below(DMARC, ResponseCode::NoError, |_| {
        [vec![Record::from_rdata(name(DMARC), 300, policy().remove(0))], vec![]]
    });
    assert!(bare.answers.reason.contains("no RRSIG over _dmarc.cec.example TXT"), "{}", bare.answers.reason);
    let denied = below(DMARC, ResponseCode::NXDomain, |zone| [vec![], zone.nsec(ZONE, ZONE, &[RecordType::SOA])]);
    assert_eq!(denied.absences.status, "secure", "{}", denied.absences.reason);
    for code in [ResponseCode::Refused, ResponseCode::ServFail] {
        let unseen = below(DMARC, code, |_| [vec![], vec![]]);
        assert_eq!(unseen.absences.status, "indeterminate", "{code}: {}", unseen.absences.reason);
    }
    let unproven = below(DMARC, ResponseCode::NXDomain, |_| [vec![], vec![]]);
    assert_eq!(unproven.absences.status, "bogus", "{}", unproven.absences.reason);
}

#[test]
fn what_a_server_says_for_another_zone_that_it_has_is_not_held_against_this_one() {
    const OWNER: &str = "mx.sub.cec.example";
    let child = || Signed::new("sub.cec.example");
    let signed = below(OWNER, ResponseCode::NoError, |_| [child().sign(&name(OWNER), vec![txt("x")]), vec![]]);
    let soa = || Record::from_rdata(child().apex, 300, child().soa());
    let denied = below(OWNER, ResponseCode::NXDomain, |_| [vec![], vec![soa()]]);
    for said in [signed, denied] {
        assert_eq!(
            (&*said.answers.status, &*said.absences.status, said.sets.len()),
            ("secure", "secure", 3),
            "{said:?}"
        );
    }
    // Without a signature nobody can tell whose it is.
    let bare = below(OWNER, ResponseCode::NoError, |_| [vec![Record::from_rdata(name(OWNER), 300, txt("x"))], vec![]]);
    assert_eq!(bare.answers.status, "indeterminate", "{}", bare.answers.reason);
}

#[test]
fn what_was_not_answered_is_indeterminate_never_bogus() {
    for kind in [RecordType::SOA, RecordType::DNSKEY] {
        let mut world = World::sound();
        world.set(NS1, "plain", (ZONE, kind), Observation::failed(Reason::Timeout, "no answer in time"));
        let first = world.first();
        assert_eq!(first.answers.status, "indeterminate", "{first:?}");
    }
    let mut lame = World::sound();
    lame.says(NS1, "plain", (ZONE, RecordType::SOA), ResponseCode::Refused, vec![], vec![]);
    assert_eq!(lame.first().answers.status, "indeterminate");
}

#[test]
fn if_nobody_told_the_keys_nothing_is_known() {
    let mut world = World::sound();
    for server in [NS1, NS2] {
        world.set(server, "plain", (ZONE, RecordType::DNSKEY), Observation::failed(Reason::Timeout, "no answer"));
    }
    assert!(matches!(world.derived(), Observation::Failed { reason: Reason::Dependency, .. }));
}

#[test]
fn a_zone_without_ds_is_insecure_and_its_signatures_are_shown_all_the_same() {
    let mut world = World::sound();
    let proof = world.lab.tld.nsec(ZONE, "d.example", &[RecordType::NS, RecordType::NSEC, RecordType::RRSIG]);
    world.lab.kept.denial(ZONE, "DS", proof);
    let signing = world.signing();
    assert_eq!(states(&signing)[0], ("insecure", "insecure"));
    assert!(signing.servers[0].answers.reason.contains("delegated without DS"));
    assert!(signing.servers[0].sets.iter().flat_map(|set| &set.signatures).all(|signature| signature.holds));
}

#[test]
fn a_zone_with_neither_keys_nor_ds_is_not_signed_at_all() {
    let mut world = World::sound();
    let proof = world.lab.tld.nsec(ZONE, "d.example", &[RecordType::NS, RecordType::NSEC, RecordType::RRSIG]);
    world.lab.kept.denial(ZONE, "DS", proof);
    for server in [NS1, NS2] {
        world.denies(server, RecordType::DNSKEY, vec![]);
    }
    assert!(matches!(world.derived(), Observation::Absent { .. }));
}

#[test]
fn a_ds_of_no_key_is_told_beside_one_that_fits() {
    let mut world = World::sound();
    let stray = RData::DNSSEC(DNSSECRData::DS(DS::new(7, Algorithm::ECDSAP256SHA256, DigestType::SHA256, vec![1; 32])));
    let both = world.lab.tld.sign(&world.lab.zone.apex, vec![world.lab.zone.ds(), stray]);
    world.lab.kept.answer(ZONE, "DS", both);
    let signing = world.signing();
    let stray = signing.delegation.iter().find(|one| one.ds == "7/13/2").unwrap();
    assert!(!stray.has_key && signing.delegation.iter().any(|one| one.has_key));
    assert_eq!(states(&signing)[0], ("secure", "secure"));
}

#[test]
fn an_algorithm_with_a_key_that_signs_nothing_is_told() {
    let mut world = World::sound();
    let other = DNSKEY::with_flags(
        257,
        hickory_resolver::proto::dnssec::PublicKeyBuf::new(
            [vec![3, 1, 0, 1], vec![0xff; 256]].concat(),
            Algorithm::RSASHA256,
        ),
    );
    let keys = vec![world.lab.zone.key(), RData::DNSSEC(DNSSECRData::DNSKEY(other))];
    let signed = world.lab.zone.sign(&world.lab.zone.apex, keys);
    world.gives(NS1, RecordType::DNSKEY, signed);
    let algorithms = world.signing().algorithms;
    assert_eq!(algorithms[0].algorithm, 8);
    assert!(algorithms[0].unsigned.contains(&format!("SOA at {NS1}")) && algorithms[1].unsigned.is_empty());
}

#[test]
fn a_resolver_that_passes_on_the_bad_server_does_not_make_the_zone_bogus_while_another_is_secure() {
    let mut world = World::sound();
    let bare = Record::from_rdata(world.lab.zone.apex.clone(), 300, world.lab.zone.soa());
    world.gives(NS2, RecordType::SOA, vec![bare.clone()]);
    world.lab.kept.answer(ZONE, "SOA", vec![bare.clone()]);
    let told = world.dns().dnssec.value().cloned().unwrap();
    assert_eq!(told.status, "secure");
    assert!(told.reason.contains(NS1) && told.reason.contains("not what the resolver passed on"), "{}", told.reason);
    world.gives(NS1, RecordType::SOA, vec![bare]);
    assert_eq!(world.dns().dnssec.value().unwrap().status, "bogus");
}

type Denying = fn(&Lab) -> Vec<Record>;

#[test]
fn a_denial_that_proves_something_else_is_bogus() {
    use RecordType as T;
    let cases: [(Denying, &str); 6] = [
        (|_| vec![], "neither NSEC nor NSEC3"),
        (|lab| lab.zone.nsec("x.cec.example", ZONE, &[T::A]), "no NSEC covers no-such-name.cec.example"),
        (|lab| lab.zone.nsec(MISSING, ZONE, &[T::A]), "says that there is a name"),
        (|lab| lab.zone.nsec("n.cec.example", "o.cec.example", &[T::A]), "no NSEC covers *.cec.example"),
        (|lab| lab.tld.nsec(ZONE, ZONE, &[T::A]), "not of cec.example"),
        (|lab| lab.zone.nsec3(ZONE, 0, false, false, &[T::SOA]), "no NSEC3 covers no-such-name.cec.example"),
    ];
    for (denying, words) in cases {
        let mut world = World::sound();
        let records = denying(&world.lab);
        world.has_no_name(NS1, records);
        let first = world.first();
        assert_eq!((&*first.answers.status, &*first.absences.status), ("secure", "bogus"));
        assert!(first.absences.reason.contains(words), "'{words}' is not in: {}", first.absences.reason);
    }
}

#[test]
fn a_type_that_is_there_by_the_denial_itself_is_bogus() {
    let mut world = World::sound();
    let denial = world.lab.zone.nsec(ZONE, ZONE, &[RecordType::SOA, RecordType::TXT]);
    world.denies(NS1, RecordType::TXT, denial);
    assert!(world.first().absences.reason.contains("says that there is a TXT"));
}

#[test]
fn nsec3_proves_a_name_away_with_encloser_next_closer_and_wildcard() {
    let around = |lab: &Lab, opt_out: bool, iterations: u16| {
        let nsec3 =
            |at: &str, shift, wide| lab.zone.nsec3_iterated(at, shift, wide, opt_out, &[RecordType::SOA], iterations);
        [nsec3(ZONE, 0, false), nsec3(MISSING, -1, true), nsec3("*.cec.example", -1, true)].concat()
    };
    for (opt_out, iterations, status, words) in [
        (false, 0, "secure", "all 2 verify"),
        (true, 0, "insecure", "opt-out span"),
        (false, 151, "insecure", "151 NSEC3 iterations"),
    ] {
        let mut world = World::sound();
        let records = around(&world.lab, opt_out, iterations);
        world.has_no_name(NS1, records);
        let absences = world.first().absences;
        assert_eq!(absences.status, status);
        assert!(absences.reason.contains(words), "{}", absences.reason);
    }
    let mut world = World::sound();
    let records = around(&world.lab, true, 10);
    world.has_no_name(NS1, records);
    let denial = world.signing().denial.value().cloned().unwrap();
    assert_eq!((denial.method.as_str(), denial.iterations, denial.salt, denial.opt_out), ("NSEC3", 10, 0, true));
}

#[test]
fn an_answer_made_from_a_wildcard_needs_the_proof_that_nothing_is_closer() {
    let made = |world: &World| {
        let address = RData::A(A::new(192, 0, 2, 80));
        let wildcard = name("*.cec.example");
        let mut records = world.lab.zone.sign(&wildcard, vec![address]);
        records.iter_mut().for_each(|record| record.name = name(MISSING));
        records
    };
    let mut world = World::sound();
    let (records, none) = (made(&world), vec![]);
    let proof = world.lab.zone.nsec("*.cec.example", ZONE, &[RecordType::A]);
    for (authorities, status) in [(proof, "secure"), (none, "bogus")] {
        let code = ResponseCode::NoError;
        world.says(NS1, "missing-name", (MISSING, RecordType::A), code, records.clone(), authorities);
        let first = world.first();
        let denial = first.denials.iter().find(|denial| denial.question.starts_with("A ")).unwrap();
        assert_eq!((denial.kind.as_str(), denial.status.as_str()), ("wildcard", status), "{}", denial.reason);
    }
}

#[test]
fn what_is_asked_of_the_parent_must_be_of_keys_that_are_there() {
    let wanted = |data: Vec<RData>| {
        let mut world = World::sound();
        let kind = data[0].record_type();
        let signed = world.lab.zone.sign(&world.lab.zone.apex, data);
        world.gives(NS1, kind, signed);
        world.signing().child.value().cloned().unwrap()
    };
    let cds = |ds: &DS| {
        let data = CDS::new(ds.key_tag(), Some(ds.algorithm()), ds.digest_type(), ds.digest().to_vec());
        RData::DNSSEC(DNSSECRData::CDS(data))
    };
    let stray = DS::new(7, Algorithm::ECDSAP256SHA256, DigestType::SHA256, vec![1; 32]);
    assert_eq!(wanted(vec![cds(&stray)]).faults, ["CDS 7/13/2 is of no key of the zone"]);
    let removal = RData::DNSSEC(DNSSECRData::CDS(CDS::new(0, None, DigestType::Unknown(0), vec![0])));
    let asked = wanted(vec![removal.clone()]);
    assert!(asked.asks_removal && asked.faults.is_empty());
    assert!(wanted(vec![removal, cds(&stray)]).faults.iter().any(|fault| fault.contains("RFC 8078 §4")));
    let strange = RData::DNSSEC(DNSSECRData::CDNSKEY(CDNSKEY::with_flags(257, Some(Algorithm::ED25519), vec![1; 32])));
    assert!(wanted(vec![strange]).faults[0].contains("is no key of the zone"));
}

#[test]
fn a_request_to_the_parent_that_fits_its_key_has_no_fault() {
    let mut world = World::sound();
    let RData::DNSSEC(DNSSECRData::DS(ds)) = world.lab.zone.ds() else { unreachable!() };
    let data = CDS::new(ds.key_tag(), Some(ds.algorithm()), ds.digest_type(), ds.digest().to_vec());
    let signed = world.lab.zone.sign(&world.lab.zone.apex, vec![RData::DNSSEC(DNSSECRData::CDS(data))]);
    world.gives(NS1, RecordType::CDS, signed);
    let asked = world.signing().child.value().cloned().unwrap();
    assert!(!asked.asks_removal && asked.faults.is_empty(), "{:?}", asked.faults);
}

/// What could not be asked is not what is not there: a zone may ask its parent to give up DNSSEC all the same.
#[test]
fn a_question_about_cds_that_was_not_answered_leaves_open_what_the_zone_asks_for() {
    let mut world = World::sound();
    let denial = world.lab.zone.nsec(ZONE, ZONE, &[RecordType::SOA, RecordType::NSEC]);
    world.denies(NS2, RecordType::CDS, denial.clone());
    world.set(NS1, "plain", (ZONE, RecordType::CDS), Observation::failed(Reason::Timeout, "no answer in time"));
    assert!(matches!(world.signing().child, Observation::Failed { reason: Reason::Timeout, .. }));
    world.denies(NS1, RecordType::CDS, denial);
    assert!(matches!(world.signing().child, Observation::Absent { .. }));
}

#[test]
fn denials_that_were_not_answered_leave_open_how_the_zone_denies() {
    let mut world = World::sound();
    for server in [NS1, NS2] {
        for question in [(ZONE, RecordType::TXT), (MISSING, RecordType::A)] {
            let variant = if question.0 == ZONE { "plain" } else { "missing-name" };
            world.set(server, variant, question, Observation::failed(Reason::Reset, "it reset the connection"));
        }
    }
    let signing = world.signing();
    assert!(matches!(signing.denial, Observation::Failed { reason: Reason::Reset, .. }));
    assert_eq!(signing.servers[0].absences.status, "indeterminate");
    assert!(signing.servers[0].absences.reason.contains("reset the connection"));
}

#[test]
fn the_keys_tag_is_the_one_that_the_signature_names() {
    let world = World::sound();
    let RData::DNSSEC(DNSSECRData::DNSKEY(key)) = world.lab.zone.key() else { unreachable!() };
    assert_eq!(world.first().sets[0].signatures[0].key_tag, i64::from(keys::tag(&key)));
}
