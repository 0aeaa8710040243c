//! Whether a client may begin a second handshake inside the first (RFC 5246 §7.4.1.1). Each costs the server many times what it costs
//! the client (CVE-2011-1473). One conformant hello is asked; the second handshake is never finished.

use super::super::asker::{Asker, random};
use super::super::attacks::ground_from;
use super::super::hello::{Hello, extension};
use super::super::names;
use super::super::versions::Found;
use super::GROUPS;
use super::conversation::{Conversation, HANDSHAKE, Said};
use super::record::Padding;
use super::suite::spoken;
use crate::facts::{Observation, Reason};
use crate::net::NetError;
use crate::scope::Act;

/// Whole attempts where a connection is lost or nothing comes.
const TRIES: usize = 2;

/// What a finished handshake left behind.
#[derive(Clone, Debug)]
pub(in super::super) struct Session {
    pub(in super::super) version: u16,
    pub(in super::super) suite: u16,
    /// Empty if the server keeps none.
    pub(in super::super) id: Vec<u8>,
}

/// Asks; and tells the session of the handshake if it ended in a way that keeps it.
pub(in super::super) async fn look(asker: &Asker<'_>, found: &[Found; 5]) -> (Observation<bool>, Option<Session>) {
    let (version, suites) = match ground_from(0x0301, found, spoken) {
        Ok(Some(ground)) => ground,
        Ok(None) => return (none(found), None),
        Err(why) => return (why.cast(), None),
    };
    let hello = Hello::new(version).suites(&suites).groups(&GROUPS);
    let mut session = None;
    let mut outcome = Err(NetError::new(Reason::Other, "not tried"));
    for _ in 0..TRIES {
        outcome = attempt(asker, &hello, &mut session).await;
        match &outcome {
            Err(error) if matches!(error.reason, Reason::Closed | Reason::Reset | Reason::Timeout) => {}
            _ => break,
        }
    }
    (outcome.map_or_else(|error| error.observation(), Observation::observed), session)
}

/// Without any suite that is spoken here.
fn none(found: &[Found; 5]) -> Observation<bool> {
    match ground_from(0x0300, found, |_| true) {
        Ok(None) => Observation::absent(),
        Ok(Some(_)) => Observation::not_run(
            Reason::Unsupported,
            "below TLS 1.3 the server accepts no version and suite in which a handshake can be completed here",
        ),
        Err(why) => why.cast(),
    }
}

async fn attempt(asker: &Asker<'_>, hello: &Hello, session: &mut Option<Session>) -> Result<bool, NetError> {
    let mut talk = Conversation::open(asker, Act::polite(asker.port), hello).await?;
    let said = talk.finish(Padding::Short).await?;
    if !said.is_finished() {
        let detail = format!("a handshake of {} ended with {}", names::version(hello.version), said.words());
        return Err(NetError::new(Reason::Other, detail));
    }
    let kept = Session { version: talk.hello.version, suite: talk.hello.suite, id: talk.hello.session.clone() };
    let again = if talk.hello.extension(extension::RENEGOTIATION_INFO).is_some() {
        let info = [&[talk.verified.len() as u8][..], &talk.verified].concat();
        hello.clone().extra(extension::RENEGOTIATION_INFO, &info)
    } else {
        hello.clone()
    };
    let bytes = again.bytes(asker.host, random()?);
    match talk.say(HANDSHAKE, &bytes[5..]).await {
        Ok(Said::Message(2)) => Ok(true),
        Ok(Said::Message(kind)) => {
            Err(NetError::garbage(format!("a second hello was answered with a handshake message of type {kind}")))
        }
        // no_renegotiation and close_notify leave the session as it is (RFC 5246 §7.2.1).
        Ok(Said::Alert { code, warning }) => {
            if warning || code == 0 {
                *session = Some(kept);
                talk.farewell().await;
            }
            Ok(false)
        }
        Ok(Said::HiddenAlert) => Ok(false),
        // Ended in good order, if without a word.
        Err(error) if error.reason == Reason::Closed => Ok(false),
        Err(error) => Err(error),
    }
}
