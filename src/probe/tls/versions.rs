//! Which versions an endpoint speaks: one hello each, and care about silence. An alert is a refusal; a closed connection is one
//! only if the endpoint shows, just before and just after, that it answers others.

use aws_lc_rs::rand;

use super::answer::{ANSWER_CAP, Answer, Progress, ServerHello, read};
use super::hello::client_hello;
use super::names;
use crate::facts::{Observation, Reason, Version, Versions};
use crate::net::NetError;
use crate::probe::Context;
use crate::scope::{Act, Target};

/// The endpoint that is asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) context: &'a Context,
    pub(super) target: &'a Target,
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// Wire versions, oldest first.
const VERSIONS: [u16; 5] = [0x0300, 0x0301, 0x0302, 0x0303, 0x0304];

/// Alerts that say something of the server or the name, not of the version: internal_error, unrecognized_name.
const NO_REFUSAL: [u8; 3] = [80, 112, 90];

/// Asks for every version. Also gives the newest version that was offered.
pub(super) async fn look(asked: Asked<'_>) -> (Versions, Option<u16>) {
    let [a, b, c, d, e] = VERSIONS.map(|version| asked.hello(version, false));
    let (a, b, c, d, e) = futures_util::join!(a, b, c, d, e);
    let answers = [a, b, c, d, e];
    let witness =
        VERSIONS.into_iter().zip(&answers).rev().find(|(_, answer)| answer.is_ok()).map(|(version, _)| version);
    let mut versions = Vec::new();
    for (version, answer) in VERSIONS.into_iter().zip(&answers) {
        versions.push(match answer {
            Ok(answer) => judged(version, answer),
            Err(error) => asked.silence(version, error, witness).await,
        });
    }
    let offered = |v: &Observation<Version>| v.value().is_some_and(|v| v.offered);
    let newest = VERSIONS.into_iter().zip(&versions).rev().find(|(_, v)| offered(v)).map(|(version, _)| version);
    let mut versions = versions.into_iter();
    let mut next = || versions.next().unwrap_or_default();
    (Versions { ssl3: next(), tls1_0: next(), tls1_1: next(), tls1_2: next(), tls1_3: next() }, newest)
}

impl Asked<'_> {
    /// One hello and its answer. A timeout is tried once more, more slowly.
    pub(super) async fn hello(&self, version: u16, certificates: bool) -> Result<Answer, NetError> {
        let patience = self.context.net.answer_time();
        match self.try_hello(version, certificates, patience).await {
            Err(e) if e.reason == Reason::Timeout => self.try_hello(version, certificates, patience * 2).await,
            outcome => outcome,
        }
    }

    async fn try_hello(
        &self,
        version: u16,
        certificates: bool,
        patience: std::time::Duration,
    ) -> Result<Answer, NetError> {
        let Asked { context, target, host, port } = *self;
        let mut random = [0; 32];
        rand::fill(&mut random).map_err(|_| NetError::new(Reason::Other, "no random numbers from the system"))?;
        let mut conn = context.net.connect(target, Act::polite(port)).await?;
        conn.send(&client_hello(version, host, random), patience).await?;
        let place = |e: NetError| {
            NetError::new(
                e.reason,
                format!("hello for {} to port {port} of {}: {}", names::version(version), target.address(), e.detail),
            )
        };
        let bytes =
            conn.receive(ANSWER_CAP, patience, |got| read(got, certificates) != Progress::More).await.map_err(place)?;
        match read(&bytes, certificates) {
            Progress::Done(answer) => Ok(answer),
            Progress::Broken(why) => Err(place(NetError::garbage(why))),
            Progress::More => Err(place(NetError::new(Reason::Closed, "the connection ended inside the answer"))),
        }
    }

    /// What a hello without answer means.
    async fn silence(&self, version: u16, error: &NetError, witness: Option<u16>) -> Observation<Version> {
        let (Reason::Closed | Reason::Reset, Some(witness)) = (error.reason, witness) else {
            return error.observation();
        };
        let again = self.hello(version, false).await;
        let same = matches!(&again, Err(e) if matches!(e.reason, Reason::Closed | Reason::Reset));
        if let Ok(answer) = &again {
            return judged(version, answer);
        }
        if same && self.hello(witness, false).await.is_ok() {
            let how = if error.reason == Reason::Reset { "reset" } else { "closed" };
            let refusal =
                format!("connection {how} twice, while {} was answered before and after", names::version(witness));
            return Observation::observed(Version { offered: false, suite: None, refusal: Some(refusal) });
        }
        error.observation()
    }
}

/// The verdict rests on the version that the server chose, never on the one we offered.
fn judged(version: u16, answer: &Answer) -> Observation<Version> {
    match answer {
        Answer::Hello(ServerHello { version: chosen, suite, .. }) if *chosen == version => {
            Observation::observed(Version { offered: true, suite: Some(names::suite(*suite)), refusal: None })
        }
        Answer::Hello(other) => {
            let refusal = Some(format!("answered with {}", names::version(other.version)));
            Observation::observed(Version { offered: false, suite: None, refusal })
        }
        Answer::Alert(code) if NO_REFUSAL.contains(code) => Observation::failed(
            Reason::Other,
            format!("the hello for {} was answered with the alert {}", names::version(version), names::alert(*code)),
        ),
        Answer::Alert(code) => Observation::observed(Version {
            offered: false,
            suite: None,
            refusal: Some(format!("alert {}", names::alert(*code))),
        }),
    }
}
