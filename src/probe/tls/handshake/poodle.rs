//! POODLE against TLS (CVE-2014-8730 and its kin; RFC 5246 §6.2.3.2): a server that looks at the length of a padding and not at the
//! padding itself lets an attacker between find out a byte of a cookie in 256 tries.

use super::super::asker::Asker;
use super::super::attacks::{forbidden, ground_from, safe, vulnerable};
use super::super::hello::Hello;
use super::super::names;
use super::super::versions::Found;
use super::GROUPS;
use super::conversation::{Conversation, Said};
use super::record::Padding;
use super::suite::spoken_cbc;
use crate::facts::{Attack, Observation, Reason};
use crate::net::NetError;
use crate::scope::Act;

/// How often a reaction is looked at.
const REPEATS: usize = 2;
/// Tries of one handshake where connections get lost.
const TRIES: usize = 4;

/// A reaction that may be the network's.
const ENDED: &str = "the end of the connection";

/// A Finished with a right MAC and a wrong padding; before it and after it one with a padding as long and right.
pub(in super::super) async fn look(asker: &Asker<'_>, found: &[Found; 5]) -> Observation<Attack> {
    let hello = match hello(asker, found) {
        Ok(hello) => hello,
        Err(why) => return why,
    };
    let judged = match judge(asker, &hello).await {
        Err(error) if error.reason == Reason::Timeout => judge(asker, &hello).await,
        outcome => outcome,
    };
    judged.unwrap_or_else(|error| error.observation())
}

/// A hello for what both questions about paddings need, or why they are not asked.
pub(super) fn hello(asker: &Asker<'_>, found: &[Found; 5]) -> Result<Hello, Observation<Attack>> {
    match ground_from(0x0301, found, spoken_cbc) {
        Ok(Some((version, suites))) => match forbidden(asker) {
            Some(forbidden) => Err(forbidden),
            None => Ok(Hello::new(version).suites(&suites).groups(&GROUPS)),
        },
        Ok(None) => Err(without(found)),
        Err(why) => Err(why.cast()),
    }
}

async fn judge(asker: &Asker<'_>, hello: &Hello) -> Result<Observation<Attack>, NetError> {
    control(asker, hello).await?;
    let mut reaction = String::new();
    for _ in 0..REPEATS {
        match finished(asker, hello, Padding::LongWrong).await? {
            Reaction::Said(said) if said.is_finished() => {
                return Ok(vulnerable("a record with a right MAC and a wrong padding was taken for a good one"));
            }
            other => reaction = other.words(),
        }
    }
    // That it still takes good records: it was the padding that it did not take.
    control(asker, hello).await?;
    doubted(asker, &reaction)?;
    Ok(safe(format!("a record with a right MAC and a wrong padding was answered with {reaction}")))
}

/// Where connections get lost, the end of one is no reaction.
pub(super) fn doubted(asker: &Asker<'_>, reaction: &str) -> Result<(), NetError> {
    if reaction == ENDED && asker.pace().lossy {
        let detail = "the connection ended at a wrong record, but here connections get lost without any, too";
        return Err(NetError::new(Reason::Reset, detail));
    }
    Ok(())
}

/// A right padding of the same length must be taken.
pub(super) async fn control(asker: &Asker<'_>, hello: &Hello) -> Result<(), NetError> {
    let mut ended = String::new();
    for _ in 0..TRIES {
        match finished(asker, hello, Padding::Long).await? {
            Reaction::Said(said) if said.is_finished() => return Ok(()),
            Reaction::Said(said) => {
                ended = said.words();
                break;
            }
            Reaction::Lost => ended = ENDED.into(),
        }
    }
    let version = names::version(hello.version);
    let detail = format!("a handshake of {version} with a long and right padding was answered with {ended}");
    Err(NetError::new(Reason::Other, detail))
}

pub(super) enum Reaction {
    Said(Said),
    /// Closed or reset.
    Lost,
}

impl Reaction {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Said(said) => said.words(),
            Self::Lost => ENDED.into(),
        }
    }
}

/// One handshake. A connection that is lost before our Finished is no reaction to it.
pub(super) async fn finished(asker: &Asker<'_>, hello: &Hello, padding: Padding) -> Result<Reaction, NetError> {
    let mut tried = 1;
    let mut talk = loop {
        match Conversation::open(asker, Act::active(asker.port), hello).await {
            Err(error) if tried < TRIES && matches!(error.reason, Reason::Closed | Reason::Reset | Reason::Timeout) => {
                tried += 1;
            }
            outcome => break outcome?,
        }
    };
    match talk.finish(padding).await {
        Ok(said) => {
            if said.is_finished() {
                talk.farewell().await;
            }
            Ok(Reaction::Said(said))
        }
        Err(error) if matches!(error.reason, Reason::Closed | Reason::Reset) => Ok(Reaction::Lost),
        Err(error) => Err(error),
    }
}

/// Without a suite with CBC that is spoken here.
fn without(found: &[Found; 5]) -> Observation<Attack> {
    match ground_from(0x0301, found, |suite| names::suite(suite).contains("_CBC_")) {
        Ok(None) => safe("no suite of TLS 1.0 to 1.2 pads its records"),
        Ok(Some((_, suites))) => Observation::not_run(
            Reason::Unsupported,
            format!("the suites that pad their records are not spoken here, such as {}", names::suite(suites[0])),
        ),
        Err(why) => why.cast(),
    }
}
