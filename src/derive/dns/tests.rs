//! Derivation over exchanges as the probe keeps them.

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, NS, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;

use super::*;
use crate::facts::{Exchange, Exchanges, NameServer, Question, Reason, ServerAnswer, Timestamp, Unobserved};

const ZONE: &str = "cec.example";
const NS1: &str = "ns1.cec.example/192.0.2.1";
const NS2: &str = "ns2.cec.example/192.0.2.2";
const PARENT: &str = "a.example/198.51.100.1";

fn name(text: &str) -> Name {
    answers::parse_name(text).unwrap()
}

fn ns(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::NS(NS(name(target))))
}

fn a(owner: &str, last: u8) -> Record {
    Record::from_rdata(name(owner), 60, RData::A(A::new(192, 0, 2, last)))
}

fn txt(text: &str) -> Record {
    Record::from_rdata(name(ZONE), 3600, RData::TXT(TXT::new(vec![text.into()])))
}

fn message(asked: &str, kind: RecordType, answers: Vec<Record>) -> Message {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.metadata.authoritative = true;
    message.add_query(Query::query(Name::from_ascii(format!("{asked}.")).unwrap(), kind));
    message.answers = answers;
    message.set_edns(Edns::new());
    message
}

fn with_code(mut message: Message, code: ResponseCode) -> Message {
    message.metadata.response_code = code;
    message.metadata.authoritative = false;
    message
}

/// What a test's servers said.
struct World {
    list: Vec<Exchange>,
    blobs: Blobs,
}

impl World {
    fn new() -> Self {
        Self { list: Vec::new(), blobs: Blobs::default() }
    }
    fn add(&mut self, server: &str, variant: &str, asked: &str, kind: RecordType, message: Observation<String>) {
        let zone = if server == PARENT { "example" } else { ZONE };
        let question = Question {
            server: server.into(),
            zone: zone.into(),
            name: format!("{asked}."),
            record_type: kind.to_string(),
            variant: variant.into(),
            transport: "udp".into(),
        };
        self.list.push(Exchange { question, truncated: false, message });
    }
    fn says(&mut self, server: &str, variant: &str, said: &Message) {
        let (asked, kind) = (said.queries[0].name().to_ascii(), said.queries[0].query_type());
        let digest = self.blobs.keep(&said.to_vec().unwrap());
        self.add(server, variant, asked.trim_end_matches('.'), kind, Observation::observed(digest));
    }
    fn is_silent(&mut self, server: &str, variant: &str, asked: &str, kind: RecordType) {
        self.add(server, variant, asked, kind, Observation::failed(Reason::Timeout, "no answer"));
    }
    fn derived(self) -> ZoneDns {
        let mut dns = ZoneDns::unobserved(&Unobserved::absent());
        dns.parent = Observation::observed(PARENT.into());
        dns.servers = Observation::observed(vec![server(NS1), server(NS2)]);
        dns.exchanges = Observation::observed(Exchanges { list: self.list, unasked: 0 });
        derive(ZONE, &mut dns, &self.blobs, &given());
        dns
    }
    fn behaviour(self) -> crate::facts::ServerBehaviour {
        self.derived().behaviour.value().unwrap()[0].clone()
    }
}

fn given() -> Given {
    Given::at(Timestamp::EPOCH)
}

fn server(label: &str) -> NameServer {
    let (server, address) = label.split_once('/').unwrap();
    let answer = Observation::observed(ServerAnswer {
        authoritative: true,
        rcode: "NOERROR".into(),
        serial: Some(1),
        ns: Some(vec!["ns1.cec.example".into(), "ns2.cec.example".into()]),
        recursion_available: false,
        truncated: false,
    });
    NameServer {
        server: label.into(),
        name: server.into(),
        address: address.into(),
        operator: "own".into(),
        prefix: String::new(),
        use_kind: None,
        udp: answer.clone(),
        tcp: answer,
    }
}

fn referral(names: &[&str], glue: Vec<Record>) -> Message {
    let mut said = message(ZONE, RecordType::NS, vec![]);
    said.metadata.authoritative = false;
    said.authorities = names.iter().map(|target| ns(ZONE, target)).collect();
    said.additionals = glue;
    said
}

#[test]
fn the_parents_list_is_compared_with_the_zones_own() {
    let mut world = World::new();
    world.says(PARENT, "referral", &referral(&["ns1.cec.example", "old.cec.example"], vec![a("ns1.cec.example", 1)]));
    let dns = world.derived();
    let delegation = dns.delegation.value().unwrap();
    assert_eq!((delegation.parent.as_str(), delegation.ns.len()), ("example", 2));
    let matched = dns.delegation_match.value().unwrap();
    assert_eq!(matched.only_parent, ["old.cec.example"]);
    assert_eq!(matched.only_child, ["ns2.cec.example"]);
}

#[test]
fn glue_is_missing_differs_or_is_not_needed() {
    let mut world = World::new();
    let names = ["ns1.cec.example", "ns2.cec.example", "ns.other.example"];
    world.says(PARENT, "referral", &referral(&names, vec![a("ns1.cec.example", 9)]));
    let mut own = message(ZONE, RecordType::NS, names.map(|target| ns(ZONE, target)).to_vec());
    own.additionals = vec![a("ns1.cec.example", 1), a("ns2.cec.example", 2)];
    world.says(NS1, "plain", &own);
    world.is_silent("resolver", "resolver", "ns.other.example", RecordType::A);
    let dns = world.derived();
    let all = dns.names.value().unwrap();
    let of = |name: &str| all.iter().find(|n| n.name == name).unwrap();
    assert_eq!(of("ns1.cec.example").glue.value().unwrap(), &["192.0.2.9"]);
    assert_eq!(of("ns1.cec.example").addresses.value().unwrap(), &["192.0.2.1"]);
    assert_eq!(of("ns2.cec.example").glue.value().unwrap().len(), 0);
    assert!(matches!(of("ns.other.example").glue, Observation::Absent { .. }));
    assert!(matches!(of("ns.other.example").addresses, Observation::Failed { reason: Reason::Timeout, .. }));
    assert!(matches!(of("ns.other.example").is_alias, Observation::Failed { .. }));
}

#[test]
fn an_alias_is_seen_in_the_answer_for_its_address() {
    let mut world = World::new();
    world.says(PARENT, "referral", &referral(&["ns1.cec.example"], vec![a("ns1.cec.example", 1)]));
    let alias = Record::from_rdata(name("ns1.cec.example"), 60, RData::CNAME(CNAME(name("real.cec.example"))));
    world.says(NS1, "plain", &message("ns1.cec.example", RecordType::A, vec![alias, a("real.cec.example", 1)]));
    let dns = world.derived();
    assert_eq!(dns.names.value().unwrap()[0].is_alias.value(), Some(&true));
}

#[test]
fn a_parent_that_could_not_be_asked_leaves_everything_about_it_unknown() {
    let mut dns = ZoneDns::unobserved(&Unobserved::absent());
    dns.parent = Observation::failed(Reason::Timeout, "no answer");
    dns.servers = Observation::observed(vec![server(NS1)]);
    dns.exchanges = Observation::observed(Exchanges { list: vec![], unasked: 0 });
    derive(ZONE, &mut dns, &Blobs::default(), &given());
    assert!(matches!(dns.delegation, Observation::Failed { reason: Reason::Timeout, .. }));
    assert!(matches!(dns.delegation_match, Observation::Failed { .. }));
    assert!(matches!(dns.names.value().unwrap()[0].glue, Observation::Failed { .. }));
    assert!(matches!(dns.records, Observation::Failed { .. }) && matches!(dns.wildcard, Observation::Failed { .. }));
}

#[test]
fn the_least_referral_counts_the_longest_question_and_the_addresses_that_are_needed() {
    let size = |names: &[&str], glue| {
        let mut world = World::new();
        world.says(PARENT, "referral", &referral(names, glue));
        world.derived().delegation.value().unwrap().size
    };
    // Header, question of 255 bytes and 4, one NS of 2 + 10 + 6, one A of 2 + 10 + 4.
    assert_eq!(size(&["ns1.cec.example"], vec![a("ns1.cec.example", 1)]), 12 + 259 + 18 + 16);
    // Outside of the zone no address is needed: "ns", and a pointer to "example".
    assert_eq!(size(&["ns.example"], vec![a("ns.example", 1)]), 12 + 259 + 17);
}

#[test]
fn records_are_compared_by_content_and_silence_is_no_disagreement() {
    let mut world = World::new();
    world.says(NS1, "plain", &message(ZONE, RecordType::TXT, vec![txt("one"), txt("two")]));
    world.says(NS2, "plain", &message(ZONE, RecordType::TXT, vec![txt("two"), txt("one")]));
    world.says(NS1, "plain", &message(ZONE, RecordType::A, vec![a(ZONE, 1)]));
    world.says(NS2, "plain", &message(ZONE, RecordType::A, vec![a(ZONE, 2)]));
    world.says(NS1, "plain", &message(ZONE, RecordType::MX, vec![]));
    world.is_silent(NS2, "plain", ZONE, RecordType::MX);
    let dns = world.derived();
    let all = dns.records.value().unwrap();
    let of = |kind: &str| all.iter().find(|r| r.record_type == kind).unwrap();
    assert_eq!((of("TXT").contents, of("TXT").ttl), (1, crate::facts::Span(3600)));
    assert_eq!((of("A").contents, of("A").views.len()), (2, 2));
    assert!(of("A").views[0].contains("192.0.2.1"), "{:?}", of("A").views);
    assert_eq!((of("MX").contents, of("MX").answered, of("MX").unanswered, of("MX").exists), (1, 1, 1, false));
}

#[test]
fn the_serial_alone_is_no_other_soa() {
    let soa = |serial, expire| {
        let data = SOA::new(name("ns1.cec.example"), name("root.example"), serial, 1, 2, expire, 4);
        message("CeC.eXaMpLe", RecordType::SOA, vec![Record::from_rdata(name(ZONE), 60, RData::SOA(data))])
    };
    let contents = |first: Message, second: Message| {
        let mut world = World::new();
        world.says(NS1, "mixed-case", &first);
        world.says(NS2, "mixed-case", &second);
        world.derived().records.value().unwrap()[0].contents
    };
    assert_eq!(contents(soa(1, 9), soa(2, 9)), 1);
    assert_eq!(contents(soa(1, 9), soa(1, 8)), 2);
}

/// The number of different contents, and of servers that answered, by question.
fn compared(world: World) -> Vec<(String, i64, i64)> {
    let dns = world.derived();
    let of = |one: &crate::facts::RecordAgreement| (one.question.clone(), one.contents, one.answered);
    dns.records.value().into_iter().flatten().map(of).collect()
}

#[test]
fn a_mail_record_that_one_server_does_not_have_is_a_disagreement_and_a_referral_none() {
    let dmarc = "_dmarc.cec.example";
    let record = |text: &str| Record::from_rdata(name(dmarc), 60, RData::TXT(TXT::new(vec![text.into()])));
    let has = |text: &str| message(dmarc, RecordType::TXT, vec![record(text)]);
    let mut has_not = message(dmarc, RecordType::TXT, vec![]);
    has_not.metadata.response_code = ResponseCode::NXDomain;
    let alias = RData::CNAME(CNAME(name("dmarc.elsewhere.example")));
    let alias = message(dmarc, RecordType::TXT, vec![Record::from_rdata(name(dmarc), 60, alias)]);
    let mut refers = message(dmarc, RecordType::TXT, vec![]);
    refers.metadata.authoritative = false;
    let refuses = with_code(message(dmarc, RecordType::TXT, vec![]), ResponseCode::Refused);
    let table: &[(&Message, &Message, i64, i64)] = &[
        (&has("v=DMARC1; p=reject"), &has("v=DMARC1; p=reject"), 1, 2),
        (&has("v=DMARC1; p=reject"), &has("v=DMARC1; p=none"), 2, 2),
        (&has("v=DMARC1; p=reject"), &has_not, 2, 2),
        (&has("v=DMARC1; p=reject"), &alias, 2, 2),
        (&alias, &alias, 1, 2),
        (&has_not, &has_not, 1, 2),
        (&has("v=DMARC1; p=reject"), &refers, 1, 1),
        (&has("v=DMARC1; p=reject"), &refuses, 1, 1),
    ];
    for (one, other, contents, answered) in table {
        let mut world = World::new();
        world.says(NS1, "plain", one);
        world.says(NS2, "plain", other);
        assert_eq!(compared(world), [("_dmarc.cec.example TXT".to_owned(), *contents, *answered)], "{one}\n{other}");
    }
}

#[test]
fn a_type_that_a_denial_leaves_out_counts_as_told_where_the_other_server_has_it() {
    use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, NSEC};
    let lists = |types: &[RecordType]| {
        let mut denial = message(ZONE, RecordType::CDS, vec![]);
        let nsec = NSEC::new(name("a.cec.example"), types.iter().copied());
        denial.authorities.push(Record::from_rdata(name(ZONE), 60, RData::DNSSEC(DNSSECRData::NSEC(nsec))));
        denial
    };
    let address = message(ZONE, RecordType::A, vec![a(ZONE, 80)]);
    let told = |types: &[RecordType]| {
        let mut world = World::new();
        world.says(NS1, "plain", &address);
        world.says(NS2, "plain", &lists(types));
        compared(world).into_iter().find(|(question, ..)| question == "cec.example A").unwrap()
    };
    assert_eq!(told(&[RecordType::SOA, RecordType::NS]), ("cec.example A".to_owned(), 2, 2));
    assert_eq!(
        told(&[RecordType::SOA, RecordType::A]),
        ("cec.example A".to_owned(), 1, 1),
        "it says that there are some"
    );
}

#[test]
fn letter_case_is_compared_byte_by_byte() {
    let kept = |answered: &str| {
        let mut world = World::new();
        let digest = world.blobs.keep(&message(answered, RecordType::SOA, vec![]).to_vec().unwrap());
        world.add(NS1, "mixed-case", "CeC.eXaMpLe", RecordType::SOA, Observation::observed(digest));
        world.behaviour().case_kept.value().copied()
    };
    assert_eq!((kept("CeC.eXaMpLe"), kept("cec.example")), (Some(true), Some(false)));
}

#[test]
fn silence_to_edns_is_a_fault_only_if_the_server_answers_without() {
    let edns = |answers_without: bool| {
        let mut world = World::new();
        world.is_silent(NS1, "mixed-case", "CeC.eXaMpLe", RecordType::SOA);
        if answers_without {
            world.says(NS1, "no-edns", &message(ZONE, RecordType::SOA, vec![]));
        } else {
            world.is_silent(NS1, "no-edns", ZONE, RecordType::SOA);
        }
        world.behaviour().edns
    };
    assert_eq!(edns(true).value(), Some(&false));
    assert!(matches!(edns(false), Observation::Failed { reason: Reason::Timeout, .. }));
}

#[test]
fn silence_to_a_new_version_is_a_fault_only_if_nothing_else_was_lost() {
    let version = |lossy: bool| {
        let mut world = World::new();
        world.says(NS1, "plain", &message(ZONE, RecordType::MX, vec![]));
        if lossy {
            world.is_silent(NS1, "plain", ZONE, RecordType::TXT);
        }
        world.is_silent(NS1, "edns-version", ZONE, RecordType::SOA);
        world.behaviour().edns_version
    };
    assert_eq!(version(false).value(), Some(&false));
    assert!(matches!(version(true), Observation::Failed { .. }));
}

#[test]
fn what_a_stranger_gets_is_told_apart() {
    let outside = |said: Message| {
        let mut world = World::new();
        world.says(NS1, "outside-name", &said);
        let behaviour = world.behaviour();
        (behaviour.recursion.value().copied().unwrap(), behaviour.upward_referral.value().copied().unwrap())
    };
    let asked = || message("x.scrutineer.invalid", RecordType::A, vec![]);
    assert_eq!(outside(with_code(asked(), ResponseCode::Refused)), (false, false));
    let mut resolved = with_code(asked(), ResponseCode::NXDomain);
    assert_eq!(outside(resolved.clone()), (false, false), "a server may hold the root itself");
    resolved.metadata.recursion_available = true;
    assert_eq!(outside(resolved), (true, false));
    let mut upward = with_code(asked(), ResponseCode::NoError);
    upward.authorities = vec![Record::from_rdata(Name::root(), 60, RData::NS(NS(name("a.root"))))];
    assert_eq!(outside(upward), (false, true));
}

#[test]
fn a_transfer_is_one_that_begins_with_the_soa() {
    let open = |said: Message| {
        let mut world = World::new();
        world.says(NS1, "transfer", &said);
        world.behaviour().transfer.value().copied()
    };
    let data = SOA::new(name("ns1.cec.example"), name("root.example"), 1, 1, 2, 3, 4);
    let soa = Record::from_rdata(name(ZONE), 60, RData::SOA(data));
    assert_eq!(open(message(ZONE, RecordType::AXFR, vec![soa, txt("x")])), Some(true));
    assert_eq!(open(with_code(message(ZONE, RecordType::AXFR, vec![]), ResponseCode::Refused)), Some(false));
}

#[test]
fn what_was_not_ours_to_ask_stays_not_run() {
    let mut world = World::new();
    let refused = Observation::not_run(Reason::NotOurs, "not ours to ask (public-service: DNS Ltd)");
    world.add(NS1, "transfer", ZONE, RecordType::AXFR, refused);
    assert!(matches!(world.behaviour().transfer, Observation::NotRun { reason: Reason::NotOurs, .. }));
}

#[test]
fn facts_from_before_there_were_exchanges_stay_underived() {
    let mut dns = ZoneDns::unobserved(&Unobserved::absent());
    dns.exchanges = Observation::underived();
    derive(ZONE, &mut dns, &Blobs::default(), &given());
    assert!(dns.behaviour.is_underived() && dns.delegation.is_underived());
}

#[test]
fn what_could_not_be_looked_at_stays_so() {
    let why = Unobserved::failed(Reason::Servfail, "it answered SERVFAIL");
    let mut dns = ZoneDns::unobserved(&why);
    derive(ZONE, &mut dns, &Blobs::default(), &given());
    assert!(matches!(dns.dnssec, Observation::Failed { reason: Reason::Servfail, .. }));
    assert!(matches!(dns.server_index, Observation::Failed { reason: Reason::Servfail, .. }));
    assert!(matches!(dns.behaviour, Observation::Failed { reason: Reason::Servfail, .. }));
}

proptest! {
    /// Whatever came, as whatever answer: bytes at random, and a sound answer with bytes changed.
    #[test]
    fn no_answer_makes_it_panic(bytes: Vec<u8>, at in 0_usize..200, byte: u8) {
        let mut own = message(ZONE, RecordType::NS, vec![ns(ZONE, "ns1.cec.example"), ns(ZONE, "ns2.cec.example")]);
        own.additionals = vec![a("ns1.cec.example", 1)];
        let mut damaged = own.to_vec().unwrap();
        let place = at % damaged.len();
        damaged[place] = byte;
        for raw in [bytes, damaged] {
            let mut world = World::new();
            let digest = world.blobs.keep(&raw);
            for (server, variant) in [
                (PARENT, "referral"), (NS1, "plain"), (NS1, "mixed-case"), (NS1, "no-edns"), (NS1, "missing-name"),
                (NS1, "outside-name"), (NS1, "edns-version"), (NS1, "edns-unknown"), (NS1, "edns-option"), (NS1, "version"),
                (NS1, "transfer"), ("resolver", "resolver"),
            ] {
                world.add(server, variant, ZONE, RecordType::NS, Observation::observed(digest.clone()));
            }
            world.derived();
        }
    }
}
