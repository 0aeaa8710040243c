//! The answers from the root down that a validator needs, kept raw.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::facts::{ChainAnswer, DnssecChain, Observation, Soa};
use crate::net::{DnsReply, NetError};
use crate::probe::Context;

use super::ask::{exchange, parse_name};
use super::climb;
use super::records::{name_text, soa};

type Answers = BTreeMap<(Name, RecordType), Result<DnsReply, NetError>>;

/// Asks for the DNSKEY of the root, the DS of every name from the top level down to the zone, the DNSKEY of those that have a
/// DS and of the zone itself, and the zone's SOA. A name that is no zone cut shows itself by a signed denial of its DS.
pub(super) async fn walk(context: &Context, zone: &str) -> (Observation<Soa>, Observation<DnssecChain>) {
    let name = match parse_name(zone) {
        Ok(name) => name,
        Err(error) => return (error.observation(), error.observation()),
    };
    let mut path = climb(&name);
    path.reverse();
    let mut first =
        vec![(Name::root(), RecordType::DNSKEY), (name.clone(), RecordType::SOA), (name, RecordType::DNSKEY)];
    first.extend(path.iter().map(|name| (name.clone(), RecordType::DS)));
    let mut answers = ask_all(context, path.last(), first).await;
    let cuts = path.iter().filter(|cut| has_ds(&answers, cut)).map(|cut| ((*cut).clone(), RecordType::DNSKEY));
    let second: Vec<_> = cuts.filter(|question| !answers.contains_key(question)).collect();
    answers.append(&mut ask_all(context, path.last(), second).await);
    (soa_fact(&answers), facts(context, &path, &answers))
}

/// What concerns the zone itself is asked for it alone; the zones above are the same for many.
async fn ask_all(context: &Context, zone: Option<&Name>, questions: Vec<(Name, RecordType)>) -> Answers {
    let one = |(name, kind): (Name, RecordType)| async move {
        let answer =
            if Some(&name) == zone { exchange(context, &name, kind).await } else { above(context, &name, kind).await };
        ((name, kind), answer)
    };
    join_all(questions.into_iter().map(one)).await.into_iter().collect()
}

/// As [`exchange`], once in a look. An answer is everybody's; a failure is nobody else's, who then asks for himself.
pub(super) async fn above(context: &Context, name: &Name, kind: RecordType) -> Result<DnsReply, NetError> {
    let cell = context.above().cell((name.clone(), kind));
    let mut is_mine = false;
    let first = cell.get_or_init(|| {
        is_mine = true;
        exchange(context, name, kind)
    });
    let first = first.await.clone();
    if first.is_err() && !is_mine { exchange(context, name, kind).await } else { first }
}

fn has_ds(answers: &Answers, name: &Name) -> bool {
    matches!(answers.get(&(name.clone(), RecordType::DS)), Some(Ok(reply))
        if reply.message.answers.iter().any(|r| r.record_type() == RecordType::DS && r.name == *name))
}

fn soa_fact(answers: &Answers) -> Observation<Soa> {
    let Some(((name, _), outcome)) = answers.iter().find(|((_, kind), _)| *kind == RecordType::SOA) else {
        return Observation::absent();
    };
    match outcome {
        Ok(reply) => {
            let own = reply.message.answers.iter().filter(|record| record.name == *name);
            let records: Vec<RData> = own.map(|record| record.data.clone()).collect();
            soa(&records).map_or_else(Observation::absent, Observation::observed)
        }
        Err(error) => error.observation(),
    }
}

/// Root first; at each name DS before DNSKEY before SOA.
fn facts(context: &Context, path: &[Name], answers: &Answers) -> Observation<DnssecChain> {
    let mut ordered = Vec::new();
    for name in std::iter::once(&Name::root()).chain(path) {
        for kind in [RecordType::DS, RecordType::DNSKEY, RecordType::SOA] {
            if let Some(outcome) = answers.get(&(name.clone(), kind)) {
                ordered.push(fact(context, name, kind, outcome));
            }
        }
    }
    Observation::observed(DnssecChain { answers: ordered })
}

fn fact(context: &Context, name: &Name, kind: RecordType, outcome: &Result<DnsReply, NetError>) -> ChainAnswer {
    let message = match outcome {
        Ok(reply) => Observation::observed(context.keep(&reply.raw)),
        Err(error) => error.observation(),
    };
    let name = if name.is_root() { ".".to_owned() } else { name_text(name) };
    ChainAnswer { name, record_type: kind.to_string(), message }
}
