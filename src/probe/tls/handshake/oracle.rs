//! Padding oracles (Vaudenay: Security Flaws Induced by CBC Padding, 2002; Merget and others: Scalable Scanning and Automatic
//! Classification of TLS Padding Oracle Vulnerabilities, 2019): a server that answers a wrong padding otherwise than a wrong MAC tells
//! whoever changes a record whether the padding that came of it is right (RFC 5246 §6.2.3.2 wants one answer to both).

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::super::asker::Asker;
use super::super::attacks::{safe, vulnerable};
use super::super::hello::Hello;
use super::super::robot::{Round, alike, told};
use super::super::versions::Found;
use super::poodle::{control, doubted, finished, hello};
use super::record::Padding;
use crate::facts::{Attack, Observation, Reason};
use crate::net::NetError;

/// Rounds that must show the same difference.
const ROUNDS: usize = 3;

/// One thing wrong each, but the third.
const FAULTS: [(&str, Padding); 4] = [
    ("wrong MAC", Padding::WrongMac),
    ("wrong padding", Padding::LongWrong),
    ("wrong MAC and padding", Padding::WrongBoth),
    ("padding longer than the record", Padding::Beyond),
];

/// A Finished with each of the faults, and all again if they were not answered alike.
pub(in super::super) async fn look(asker: &Asker<'_>, found: &[Found; 5]) -> Observation<Attack> {
    match hello(asker, found) {
        Ok(hello) => judge(asker, &hello).await.unwrap_or_else(|error| error.observation()),
        Err(why) => why,
    }
}

async fn judge(asker: &Asker<'_>, hello: &Hello) -> Result<Observation<Attack>, NetError> {
    control(asker, hello).await?;
    let mut rounds: Vec<Round> = Vec::new();
    for _ in 0..ROUNDS {
        let round = round(asker, hello).await?;
        if round.values().all(|reaction| reaction == SILENCE) {
            return Err(NetError::new(Reason::Timeout, "no answer to any wrong record"));
        }
        for reaction in round.values() {
            doubted(asker, reaction)?;
        }
        if alike(&round) {
            control(asker, hello).await?;
            return Ok(safe(format!("wrong MACs and wrong paddings are answered alike: {}", told(&round))));
        }
        rounds.push(round);
    }
    match rounds.as_slice() {
        [first, rest @ ..] if rest.iter().all(|round| round == first) => Ok(vulnerable(told(first))),
        _ => {
            let detail = "wrong records were answered differently, but not in the same way three times";
            Err(NetError::new(Reason::Other, detail))
        }
    }
}

const SILENCE: &str = "silence";

async fn round(asker: &Asker<'_>, hello: &Hello) -> Result<Round, NetError> {
    let reactions = FAULTS.map(|(name, padding)| async move {
        match finished(asker, hello, padding).await {
            Ok(reaction) => Ok((name, reaction.words())),
            Err(error) if error.reason == Reason::Timeout => Ok((name, SILENCE.to_owned())),
            Err(error) => Err(error),
        }
    });
    join_all(reactions).await.into_iter().collect::<Result<BTreeMap<_, _>, _>>()
}
