//! Name servers that do what no real one does, each beside a sound one: the program ends, what could not be seen is not known rather than
//! not there, and the sound server is seen all the same.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]
#![expect(clippy::disallowed_methods, reason = "the servers of these tests open their own sockets")]

mod hostile;
mod support;

use std::net::Ipv4Addr;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, NS, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use serde_json::Value;

use hostile::{Behaviour, ODD, SOUND, STRANGER, Via, Wire, World, ZONE, bytes, estate, hints, name, place, sound};
use support::{Desk, Ended};

/// What a server does, and what is to be seen of its answer to the first question: `observed`, or why not.
struct Odd {
    does: &'static str,
    behaviour: Behaviour,
    seen: &'static str,
}

const fn odd(does: &'static str, behaviour: Behaviour, seen: &'static str) -> Odd {
    Odd { does, behaviour, seen }
}

const ALL: [Odd; 31] = [
    odd("behaves", sound, "observed"),
    odd("answers with another id", |_, a, _| vec![Wire::Message(other_id(&a))], "timeout"),
    odd("answers from another address", |_, a, _| vec![Wire::FromElsewhere(bytes(&a))], "timeout"),
    odd("answers another question", |_, a, _| vec![Wire::Message(bytes(&other_question(a)))], "timeout"),
    odd("is preceded by a forger who does not know the id", |_, a, _| forged_first(other_id(&a), &a), "observed"),
    odd(
        "is preceded by a forger who asks something else",
        |_, a, _| forged_first(bytes(&other_question(a.clone())), &a),
        "observed",
    ),
    odd("answers everything twice", |_, a, _| vec![Wire::Message(bytes(&a)), Wire::Message(bytes(&a))], "observed"),
    odd("repeats the question in small letters", |_, a, _| vec![Wire::Message(bytes(&small(a)))], "observed"),
    odd("sends the question back", |q, _, _| vec![Wire::Message(bytes(q))], "timeout"),
    odd("is silent", |_, _, _| Vec::new(), "timeout"),
    odd("answers SERVFAIL", |_, a, _| coded(a, ResponseCode::ServFail), "observed"),
    odd("answers REFUSED", |_, a, _| coded(a, ResponseCode::Refused), "observed"),
    odd("answers NOTIMP", |_, a, _| coded(a, ResponseCode::NotImp), "observed"),
    odd("answers with a code that nobody knows", |_, a, _| coded(a, ResponseCode::from(0, 14)), "observed"),
    odd(
        "knows no EDNS and says so",
        |q, a, _| if q.edns.is_some() { format_error(a) } else { sound(q, a, Via::Udp) },
        "observed",
    ),
    odd("refers to the root", |_, a, _| vec![Wire::Message(bytes(&upward(a)))], "observed"),
    odd("is cut in the middle of a record", |_, a, _| vec![Wire::Message(cut(&a))], "garbage"),
    odd("says that there are 65,535 records", |_, a, _| vec![Wire::Message(many_records(&a))], "garbage"),
    odd("has a name that points to itself", |_, a, _| vec![Wire::Message(pointing(&a, Pointer::Itself))], "garbage"),
    odd("has a name that points ahead", |_, a, _| vec![Wire::Message(pointing(&a, Pointer::Ahead))], "garbage"),
    odd("says truncated, with nonsense", |_, a, via| truncated_nonsense(&a, via), "observed"),
    odd("says truncated, and nothing more", |_, a, via| truncated(&a, via), "observed"),
    odd("says truncated over TCP as well", |_, a, _| vec![Wire::Message(bytes(&with_tc(a)))], "observed"),
    odd("sends 64 KiB over TCP", |_, a, via| large(a, via), "observed"),
    odd("sends byte by byte over TCP", |_, a, via| slowly(&a, via), "observed"),
    odd("promises more over TCP than it sends", |_, a, via| lying_length(&a, via, u16::MAX), "closed"),
    odd("resets every connection", |_, a, via| reset(&a, via), "reset"),
    odd("ends a connection in the middle of the length", |_, a, via| half_a_length(&a, via), "closed"),
    odd("has EDNS twice", |_, a, _| vec![Wire::Message(edns_twice(&a))], "observed"),
    odd("promises nothing over TCP", |_, a, via| lying_length(&a, via, 0), "garbage"),
    odd("is an alias of itself, whatever is asked", |_, a, _| vec![Wire::Message(bytes(&alias_loop(a)))], "observed"),
];

#[test]
fn whatever_one_server_does_the_audit_ends_and_the_other_server_is_seen() {
    let faults: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = ALL.iter().map(|odd| scope.spawn(|| faults_of(odd))).collect();
        runs.into_iter().flat_map(|run| run.join().expect("the check ran")).collect()
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// One audit with one odd server: everything that is not as it should be.
fn faults_of(odd: &Odd) -> Vec<String> {
    let world = World::new(odd.behaviour, &[]);
    let (desk, ended) = audited(&world);
    let mut faults = Vec::new();
    let mut hold =
        |holds: bool, what: String| faults.extend((!holds).then(|| format!("a server {}: {what}", odd.does)));
    hold([0, 1, 4].contains(&ended.code), format!("ended with {}: {}", ended.code, ended.stderr));
    hold(desk.path("facts.json").exists(), "left no facts".to_owned());
    if !desk.path("facts.json").exists() {
        return faults;
    }
    let (facts, findings) = (desk.json("facts.json"), desk.json("findings.json"));
    let dns = &facts["first"]["zones"][ZONE]["dns"];
    hold(seen(dns, "ns1.cec.example", ODD) == odd.seen, format!("seen as {}", seen(dns, "ns1.cec.example", ODD)));
    let twin = seen(dns, "ns2.cec.example", SOUND);
    hold(twin == "observed", format!("its sound twin is seen as {twin}"));
    // What it costs is bounded: two looks, each question at most twice.
    hold(world.asked(ODD) <= 120, format!("was asked {} times", world.asked(ODD)));
    hold(world.asked(SOUND) <= 60, format!("its twin was asked {} times", world.asked(SOUND)));
    // The zone has all of these, as the sound server shows: a bad answer takes nothing away.
    for check in ["mail.spf-missing", "mail.dmarc-missing", "dns.dangling-name-server", "dns.too-few-name-servers"] {
        hold(verdicts(&findings, check).all(|finding| finding["verdict"] != "fail"), format!("{check} fails"));
    }
    if odd.seen == "observed" {
        return faults;
    }
    // What was not seen is not known, for the reason that it was not seen, to whoever reads the findings or the report.
    let place = place("ns1.cec.example", ODD);
    let html = std::fs::read_to_string(desk.path("report.html")).expect("a report");
    for check in ["dns.lame-delegation", "dns.edns-broken", "dns.zone-transfer-open"] {
        let of_server: Vec<&Value> = verdicts(&findings, check).filter(|f| f["element"] == place.as_str()).collect();
        let reason = |f: &&Value| f["reason"].as_str().is_some_and(|reason| reason.starts_with(odd.seen));
        let is_open = |f: &&Value| f["verdict"] == "undetermined" && reason(f);
        hold(!of_server.is_empty() && of_server.iter().all(is_open), format!("{check} is not open: {of_server:?}"));
    }
    hold(
        html.contains("What could not be determined") || html.contains(odd.seen),
        "the report is silent about it".into(),
    );
    faults
}

fn audited(world: &World) -> (Desk, Ended) {
    let desk = Desk::new();
    desk.write("estate.toml", &estate(world.port));
    desk.write("hints", &hints());
    let outputs = ["-o", "facts=facts.json", "-o", "json=findings.json", "-o", "html=report.html"];
    let how = ["audit", "--family", "dns,mail", "--timeout", "1", "-q", "--connection-log", "connections.log"];
    let ended = desk.run(&[&how[..], &outputs].concat());
    (desk, ended)
}

/// How the first answer of a server over UDP stands in the facts: observed, or the reason.
fn seen(dns: &Value, server: &str, address: Ipv4Addr) -> String {
    let servers = dns["servers"]["value"].as_array().cloned().unwrap_or_default();
    let place = place(server, address);
    let Some(one) = servers.iter().find(|one| one["server"] == place) else { return "no server at all".into() };
    let word = if one["udp"]["state"] == "observed" { &one["udp"]["state"] } else { &one["udp"]["reason"] };
    word.as_str().unwrap_or_default().to_owned()
}

fn verdicts<'a>(findings: &'a Value, check: &'a str) -> impl Iterator<Item = &'a Value> {
    findings["findings"].as_array().expect("findings").iter().filter(move |finding| finding["check"] == check)
}

fn fails(odd: Behaviour, check: &str) -> bool {
    let (desk, _) = audited(&World::new(odd, &[]));
    let findings = desk.json("findings.json");
    let place = place("ns1.cec.example", ODD);
    verdicts(&findings, check).any(|f| f["verdict"] == "fail" && f.to_string().contains(&place))
}

#[test]
fn a_server_that_changes_the_letters_or_refers_upward_or_has_no_edns_is_told_as_that() {
    let cases: [(Behaviour, &str); 3] = [
        (|_, a, _| vec![Wire::Message(bytes(&small(a)))], "dns.name-case-not-kept"),
        (|_, a, _| vec![Wire::Message(bytes(&upward(a)))], "dns.name-server-refers-upward"),
        (|q, a, _| if q.edns.is_some() { format_error(a) } else { sound(q, a, Via::Udp) }, "dns.edns-broken"),
    ];
    for (behaviour, check) in cases {
        assert!(fails(behaviour, check), "{check}");
        assert!(!fails(sound, check), "{check} on a sound server");
    }
}

#[test]
fn a_thousand_name_servers_are_not_all_asked() {
    let more: Vec<(String, Ipv4Addr)> =
        (0..1000).map(|n| (format!("n{n}.cec.example"), Ipv4Addr::new(127, 0, 54, (n % 250 + 1) as u8))).collect();
    let world = World::new(sound, &more);
    let (desk, ended) = audited(&world);
    assert!([0, 1, 4].contains(&ended.code), "{}", ended.stderr);
    // The log has every socket, also those to addresses at which nobody listens.
    let log = std::fs::read_to_string(desk.path("connections.log")).expect("a log");
    let opened = log.lines().count();
    assert!(opened <= 1100, "two looks at one zone took {opened} connections");
    let dns = &desk.json("facts.json")["first"]["zones"][ZONE]["dns"];
    let servers = dns["servers"]["value"].as_array().expect("servers").len();
    assert!((20..=256).contains(&servers), "{servers} of a thousand were looked at");
    let exchanges = &dns["exchanges"]["value"];
    assert!(exchanges["list"].as_array().expect("a list").len() <= 768, "the budget of a zone holds");
}

/// Where a name of another zone lies is not for a server of this one to say (RFC 5452 §6).
#[test]
fn a_server_that_names_a_stranger_with_an_address_leads_nobody_there() {
    let luring: Behaviour = |q, mut a, _| {
        if q.queries.first().is_some_and(|question| question.query_type() == RecordType::NS) {
            let stranger = name("ns.stranger.test");
            a.answers.push(Record::from_rdata(name(ZONE), 300, RData::NS(NS(stranger.clone()))));
            a.additionals.push(Record::from_rdata(stranger, 300, RData::A(A(STRANGER))));
        }
        vec![Wire::Message(bytes(&a))]
    };
    let world = World::new(luring, &[]);
    let (desk, ended) = audited(&world);
    assert!([0, 1, 4].contains(&ended.code), "{}", ended.stderr);
    assert_eq!(world.asked(STRANGER), 0);
    let servers = desk.json("facts.json")["first"]["zones"][ZONE]["dns"]["servers"]["value"].to_string();
    assert!(servers.contains("ns.stranger.test"), "it is told all the same: {servers}");
}

#[test]
fn what_a_server_plants_in_its_records_is_shown_as_text_alone() {
    let planting: Behaviour = |q, mut a, _| {
        if q.queries.first().is_some_and(|question| question.query_type() == RecordType::TXT && !a.answers.is_empty()) {
            let planted = TXT::from_bytes(vec![b"v=spf1 <script>planted()</script>\x00\x1b[31m\xff\xfe -all"]);
            a.answers = vec![Record::from_rdata(name(ZONE), 300, RData::TXT(planted))];
        }
        vec![Wire::Message(bytes(&a))]
    };
    let (desk, _) = audited(&World::new(planting, &[]));
    let html = std::fs::read_to_string(desk.path("report.html")).expect("a report");
    assert!(!html.contains("<script>planted") && !html.contains('\u{1b}') && !html.contains('\0'));
    assert!(html.contains("&lt;script&gt;planted"), "it is shown all the same");
}

fn other_id(answer: &Message) -> Vec<u8> {
    let mut raw = bytes(answer);
    raw[0] ^= 0x55;
    raw
}

fn other_question(mut answer: Message) -> Message {
    if let Some(question) = answer.queries.first_mut() {
        question.set_name(name("elsewhere.cec.example"));
    }
    answer
}

fn forged_first(forged: Vec<u8>, answer: &Message) -> Vec<Wire> {
    vec![Wire::Message(forged), Wire::Message(bytes(answer))]
}

fn small(mut answer: Message) -> Message {
    if let Some(question) = answer.queries.first_mut() {
        let small = question.name().to_lowercase();
        question.set_name(small);
    }
    answer
}

fn coded(mut answer: Message, code: ResponseCode) -> Vec<Wire> {
    answer.metadata.response_code = code;
    answer.metadata.authoritative = false;
    (answer.answers, answer.authorities) = (Vec::new(), Vec::new());
    vec![Wire::Message(bytes(&answer))]
}

fn format_error(mut answer: Message) -> Vec<Wire> {
    answer.edns = None;
    coded(answer, ResponseCode::FormErr)
}

/// What is not the zone's is referred to the root.
fn upward(mut answer: Message) -> Message {
    if answer.metadata.response_code == ResponseCode::Refused {
        answer.metadata.response_code = ResponseCode::NoError;
        answer.authorities = vec![Record::from_rdata(Name::root(), 300, RData::NS(NS(name("a.root.example"))))];
    }
    answer
}

fn cut(answer: &Message) -> Vec<u8> {
    let mut raw = bytes(answer);
    // EDNS stands last, with eleven bytes.
    raw.truncate(raw.len().saturating_sub(14));
    raw
}

fn many_records(answer: &Message) -> Vec<u8> {
    let mut raw = bytes(answer);
    raw[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
    raw
}

enum Pointer {
    Itself,
    Ahead,
}

/// One answer whose name is a pointer (RFC 1035 §4.1.4) that must not be followed.
fn pointing(answer: &Message, to: Pointer) -> Vec<u8> {
    let mut only = answer.clone();
    (only.answers, only.authorities, only.edns) = (Vec::new(), Vec::new(), None);
    let mut raw = bytes(&only);
    let here = raw.len();
    let target = match to {
        Pointer::Itself => here,
        Pointer::Ahead => here + 12,
    };
    raw[7] = 1;
    raw.extend(u16::try_from(0xC000 | target).expect("a short message").to_be_bytes());
    raw.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    raw
}

fn with_tc(mut answer: Message) -> Message {
    answer.metadata.truncation = true;
    answer
}

fn truncated(answer: &Message, via: Via) -> Vec<Wire> {
    if via == Via::Tcp {
        return vec![Wire::Message(bytes(answer))];
    }
    let mut only = with_tc(answer.clone());
    (only.answers, only.authorities, only.edns) = (Vec::new(), Vec::new(), None);
    vec![Wire::Message(bytes(&only))]
}

/// The header says that there is a record, and what follows is none.
fn truncated_nonsense(answer: &Message, via: Via) -> Vec<Wire> {
    let mut sent = truncated(answer, via);
    if let (Via::Udp, Some(Wire::Message(raw))) = (via, sent.first_mut()) {
        raw[7] = 1;
        raw.extend([0xFF; 40]);
    }
    sent
}

/// So many strings that the message just fits.
fn large(mut answer: Message, via: Via) -> Vec<Wire> {
    let is_txt = answer.answers.iter().any(|record| record.record_type() == RecordType::TXT);
    if is_txt && via == Via::Tcp {
        let long = "x".repeat(250);
        let filler = (0..240).map(|n| TXT::new(vec![format!("{n:05}{long}")]));
        answer.answers.extend(filler.map(|txt| Record::from_rdata(name(ZONE), 300, RData::TXT(txt))));
    }
    truncated(&answer, via)
}

fn slowly(answer: &Message, via: Via) -> Vec<Wire> {
    match via {
        Via::Udp => truncated(answer, via),
        Via::Tcp => {
            let raw = bytes(answer);
            vec![Wire::Raw([&u16::try_from(raw.len()).expect("short").to_be_bytes()[..], &raw].concat())]
        }
    }
}

fn lying_length(answer: &Message, via: Via, length: u16) -> Vec<Wire> {
    match via {
        Via::Udp => truncated(answer, via),
        Via::Tcp => vec![Wire::Raw([&length.to_be_bytes()[..], &bytes(answer)].concat())],
    }
}

fn reset(answer: &Message, via: Via) -> Vec<Wire> {
    if via == Via::Tcp { vec![Wire::Reset] } else { truncated(answer, via) }
}

fn half_a_length(answer: &Message, via: Via) -> Vec<Wire> {
    if via == Via::Tcp { vec![Wire::Raw(vec![0])] } else { truncated(answer, via) }
}

/// RFC 6891 §6.1.1 permits one OPT record.
fn edns_twice(answer: &Message) -> Vec<u8> {
    let mut raw = bytes(answer);
    let opt: Vec<u8> = raw[raw.len().saturating_sub(11)..].to_vec();
    let count = u16::from_be_bytes([raw[10], raw[11]]) + u16::from(answer.edns.is_some());
    raw[10..12].copy_from_slice(&count.to_be_bytes());
    if answer.edns.is_some() {
        raw.extend(opt);
    }
    raw
}

fn alias_loop(mut answer: Message) -> Message {
    if answer.metadata.message_type == MessageType::Response
        && let Some(question) = answer.queries.first()
    {
        let asked = question.name().clone();
        answer.answers = vec![Record::from_rdata(asked.clone(), 300, RData::CNAME(CNAME(asked)))];
        answer.authorities = Vec::new();
    }
    answer
}
