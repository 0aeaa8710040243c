//! What servers send, as bytes of anybody's choice, through every reader of this room, for the fuzz target and the replay of its corpus.

use std::collections::BTreeMap;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{RData, RecordType};
use url::Url;

use super::{ask, ech, https, own, records, registration, server, tlsa, walk};
use crate::net::HttpReply;

/// Nothing may panic, hang or take memory without bound.
pub fn exercise(selector: u8, bytes: &[u8]) {
    match selector % 4 {
        0 => crate::net::exercise_dns(bytes),
        1 => drop(Message::from_vec(bytes).map(|message| answer(&message))),
        2 => drop(ech::read(bytes)),
        _ => registry(bytes),
    }
}

fn answer(message: &Message) {
    let (Ok(zone), Ok(above)) = (ask::parse_name("x.example"), ask::parse_name("example")) else { return };
    let asked = message.queries.first().map_or_else(|| zone.clone(), |query| query.name().clone());
    for kind in [RecordType::A, RecordType::TXT, RecordType::MX, RecordType::TLSA, RecordType::HTTPS] {
        let mut aliases = Vec::new();
        drop((ask::read(message, &asked, kind, &mut aliases), own::direct(message, &asked, kind)));
        let _ = server::denies(message, &zone, kind);
    }
    drop((walk::read(message, &above, &zone), walk::glue(message, &asked), server::read(message, &asked)));
    let data: Vec<RData> = message.answers.iter().map(|record| record.data.clone()).collect();
    drop((tlsa::records(&data), https::records(&data), records::caa("x.example", &data), records::soa(&data)));
    drop((records::texts(&data), records::addresses(&data), records::ns_names(&data)));
}

fn registry(bytes: &[u8]) {
    let Ok(url) = Url::parse("https://rdap.example/domain/x.example") else { return };
    let reply = HttpReply { status: 200, headers: BTreeMap::new(), body: bytes.to_vec(), cut: false };
    drop(registration::read("x.example", &url, &reply));
}
