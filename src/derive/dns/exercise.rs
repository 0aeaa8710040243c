//! Bytes of anybody's choice in place of every answer, for the fuzz target and the replay of its corpus.

use super::derive;
use crate::derive::Given;
use crate::facts::{
    Blobs, ChainAnswer, DnssecChain, Exchange, Exchanges, NameServer, Observation, Question, Reason, Timestamp,
    Unobserved, ZoneDns,
};

const ZONE: &str = "good.example";
const SERVERS: [&str; 2] = ["ns1.good.example/45.10.1.53", "ns2.good.example/45.20.1.53"];
const PARENT: &str = "ns.example/45.11.2.53";
/// The root key of the lab that the corpus was taken from, and a moment at which its signatures held: so its answers validate.
const ANCHOR: &str = ". IN DS 50013 13 2 144603fb3ce6457f88b28b607f3a901d5f565d03b25a48bac8d968e133c8ed3c
";
const MOMENT: i64 = 1_795_706_432;
/// Bytes of the length before each message.
const LENGTH: usize = 2;

/// Questions on the way down, then those to the zone's servers and its parent's: name, type, variant.
const CHAIN: [(&str, &str); 6] =
    [(".", "DNSKEY"), ("example", "DS"), ("example", "DNSKEY"), (ZONE, "DS"), (ZONE, "DNSKEY"), (ZONE, "SOA")];
const ASKED: [(&str, &str, &str); 17] = [
    ("GoOd.ExAmPlE.", "SOA", "mixed-case"),
    ("good.example.", "NS", "plain"),
    ("good.example.", "DNSKEY", "plain"),
    ("good.example.", "MX", "plain"),
    ("good.example.", "TXT", "plain"),
    ("good.example.", "A", "plain"),
    ("good.example.", "AAAA", "plain"),
    ("good.example.", "CAA", "plain"),
    ("good.example.", "CDS", "plain"),
    ("good.example.", "CDNSKEY", "plain"),
    ("no-such-name-4055311b.good.example.", "A", "missing-name"),
    ("4055311b.scrutineer.invalid.", "A", "outside-name"),
    ("version.bind.", "TXT", "version"),
    ("good.example.", "SOA", "edns-version"),
    ("good.example.", "SOA", "edns-unknown"),
    ("good.example.", "AXFR", "transfer"),
    ("ns1.good.example.", "A", "resolver"),
];
/// Questions about names below the zone's own, put last: what the corpus hands out before them stays where it was.
const BELOW: [(&str, &str, &str); 2] =
    [("_dmarc.good.example.", "TXT", "plain"), ("_25._tcp.mx.good.example.", "TLSA", "plain")];

/// Derives everything of a zone whose answers these bytes are. By `selector`: the bytes are every answer; or a row of messages, each
/// after its length, that are handed out in turn; or that row for one server, and silence for the rest.
pub(in crate::derive) fn answers(selector: u8, bytes: &[u8]) {
    let mut blobs = Blobs::default();
    let row = if selector.is_multiple_of(3) { vec![bytes] } else { row(bytes) };
    let mut turn = row.iter().cycle();
    let mut next = || match turn.next() {
        Some(raw) => seen(blobs.keep(raw)),
        None => silence(),
    };
    let chain = CHAIN.map(|(name, kind)| ChainAnswer { name: name.into(), record_type: kind.into(), message: next() });
    let mut list = Vec::new();
    for (at, server) in SERVERS.into_iter().enumerate() {
        for (name, kind, variant) in ASKED {
            let message = if selector % 3 == 2 && at == 1 { silence() } else { next() };
            list.push(exchange(server, ZONE, (name, kind, variant), message));
        }
    }
    list.push(exchange(PARENT, "example", ("good.example.", "NS", "referral"), next()));
    for server in SERVERS {
        list.extend(BELOW.map(|question| exchange(server, ZONE, question, next())));
    }
    let mut dns = ZoneDns::unobserved(&Unobserved::absent());
    dns.chain = seen(DnssecChain { answers: chain.into() });
    dns.parent = seen(PARENT.to_owned());
    dns.servers = seen(SERVERS.map(server).into());
    dns.exchanges = seen(Exchanges { list, unasked: 0 });
    let now = Timestamp::from_unix(MOMENT).unwrap_or(Timestamp::EPOCH);
    derive(ZONE, &mut dns, &blobs, &Given { trust_anchor: ANCHOR.to_owned(), ..Given::at(now) });
}

fn row(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut row = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() {
        let (message, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        row.push(message);
        bytes = rest;
    }
    row
}

fn seen<T>(value: T) -> Observation<T> {
    Observation::Observed { observed_at: Timestamp::EPOCH, value }
}

fn silence<T>() -> Observation<T> {
    Observation::Failed { observed_at: Timestamp::EPOCH, reason: Reason::Timeout, detail: "no answer".into() }
}

fn exchange(
    server: &str,
    zone: &str,
    (name, kind, variant): (&str, &str, &str),
    message: Observation<String>,
) -> Exchange {
    let transport = if variant == "transfer" { "tcp" } else { "udp" };
    let question = Question {
        server: server.into(),
        zone: zone.into(),
        name: name.into(),
        record_type: kind.into(),
        variant: variant.into(),
        transport: transport.into(),
    };
    Exchange { question, truncated: false, message }
}

/// A server that was not looked at otherwise.
pub(in crate::derive) fn server(label: &str) -> NameServer {
    let (name, address) = label.split_once('/').unwrap_or((label, ""));
    NameServer {
        server: label.into(),
        name: name.into(),
        address: address.into(),
        operator: "own".into(),
        prefix: String::new(),
        use_kind: None,
        udp: silence(),
        tcp: silence(),
    }
}
