//! How each server keeps to the standards. Silence is a fault only against a control: the same server answered the same question
//! when it was put as usual.

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::EdnsCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::answers::{Answer, Answers, Said, parse_name};
use crate::facts::{NameServer, Observation, Reason, ServerBehaviour, Timestamp, printable};

/// Bytes of a DNS header.
const HEADER: usize = 12;
/// As asked (RFC 6891 §9).
const UNKNOWN_OPTION: u16 = 65_001;
/// Characters of a version that are kept.
const VERSION_CAP: usize = 100;

/// Every server with an address.
pub(super) fn all(answers: &Answers<'_>, servers: &Observation<Vec<NameServer>>) -> Observation<Vec<ServerBehaviour>> {
    servers.and_then(|servers, observed_at| {
        let asked = servers.iter().filter(|server| !server.address.is_empty());
        Observation::Observed { observed_at, value: asked.map(|server| Look { answers, server }.behaviour()).collect() }
    })
}

struct Look<'a> {
    answers: &'a Answers<'a>,
    server: &'a NameServer,
}

impl Look<'_> {
    fn behaviour(&self) -> ServerBehaviour {
        ServerBehaviour {
            server: self.server.server.clone(),
            case_kept: self.told("mixed-case", |answer| answer.observe(|said| seen(said.at, case_kept(answer, said)))),
            edns: self.told("mixed-case", |answer| self.edns(answer)),
            edns_version: self.told("edns-version", |answer| self.against_control(answer, knows_versions)),
            edns_unknown: self.edns_unknown(),
            aaaa: self.aaaa(),
            recursion: self
                .told("outside-name", |answer| answer.observe(|said| seen(said.at, recursion(&said.message)))),
            upward_referral: self
                .told("outside-name", |answer| answer.observe(|said| seen(said.at, upward_referral(&said.message)))),
            transfer: self.told("transfer", |answer| answer.observe(|said| seen(said.at, transfer(&said.message)))),
            version: self.told("version", |answer| answer.observe(version)),
        }
    }

    /// The first answer to a variant, read by `f`; why there is none, if there is none.
    fn told<T>(&self, variant: &str, f: impl FnOnce(&Answer<'_>) -> Observation<T>) -> Observation<T> {
        match self.answers.of(&self.server.server, variant).next() {
            Some(answer) => f(answer),
            None => self.unasked(),
        }
    }

    fn unasked<T>(&self) -> Observation<T> {
        match self.server.udp.unobserved() {
            Some(why) => why.cast(),
            None => Observation::NotRun {
                observed_at: self.answers.at,
                reason: Reason::Dependency,
                detail: format!(
                    "{} does not answer for the zone as it should, and was not asked for more",
                    self.server.server
                ),
            },
        }
    }

    /// Every usual question over UDP, that with EDNS at the start aside, was answered, and there was one.
    fn answers_otherwise(&self) -> bool {
        let mut usual = self
            .answers
            .plain()
            .filter(|a| a.question.server == self.server.server && a.question.variant != "mixed-case")
            .peekable();
        usual.peek().is_some() && !usual.any(Answer::is_silent)
    }

    fn against_control(&self, answer: &Answer<'_>, f: impl FnOnce(&Message) -> bool) -> Observation<bool> {
        match &answer.outcome {
            Ok(said) => seen(said.at, f(&said.message)),
            Err(_) if answer.is_silent() && self.answers_otherwise() => seen(self.answers.at, false),
            Err(why) => why.cast(),
        }
    }

    fn edns(&self, answer: &Answer<'_>) -> Observation<bool> {
        let without = self.answers.of(&self.server.server, "no-edns").any(|answer| answer.outcome.is_ok());
        match &answer.outcome {
            Ok(said) => seen(said.at, said.message.edns.is_some() && !is_format_error(&said.message)),
            Err(_) if without => self.against_control(answer, |_| false),
            Err(why) => why.cast(),
        }
    }

    /// Both peculiarities at once taken, or each alone.
    fn edns_unknown(&self) -> Observation<bool> {
        self.told("edns-unknown", |both| {
            let at_once = self.against_control(both, ignores_unknown);
            let alone: Vec<Observation<bool>> = ["edns-option", "edns-flag"]
                .into_iter()
                .filter_map(|variant| self.answers.of(&self.server.server, variant).next())
                .map(|answer| self.against_control(answer, ignores_unknown))
                .collect();
            if at_once.value() == Some(&false)
                && !alone.is_empty()
                && alone.iter().all(|one| one.value() == Some(&true))
            {
                return alone.into_iter().next().unwrap_or(at_once);
            }
            at_once
        })
    }

    fn aaaa(&self) -> Observation<bool> {
        let of_server = |a: &&Answer<'_>| a.question.server == self.server.server;
        let mut asked = self.answers.plain().filter(of_server);
        match asked.find(|answer| answer.is_about(&self.answers.zone, RecordType::AAAA)) {
            Some(answer) if answer.is_silent() => {
                let rest = self.answers.plain().filter(of_server).filter(|a| a.question.record_type != "AAAA");
                let mut others = rest.filter(|a| a.question.variant != "mixed-case").peekable();
                let control = others.peek().is_some() && !others.any(Answer::is_silent);
                if control { seen(self.answers.at, false) } else { answer.observe(|said| seen(said.at, true)) }
            }
            Some(answer) => answer.observe(|said| seen(said.at, said.is_authoritative())),
            None => self.unasked(),
        }
    }
}

fn seen(observed_at: Timestamp, value: bool) -> Observation<bool> {
    Observation::Observed { observed_at, value }
}

fn is_format_error(message: &Message) -> bool {
    matches!(message.metadata.response_code, ResponseCode::FormErr | ResponseCode::NotImp)
}

/// The question comes back byte for byte.
fn case_kept(answer: &Answer<'_>, said: &Said) -> bool {
    let mut wire = Vec::new();
    for label in parse_name(&answer.question.name).iter().flat_map(Name::iter) {
        wire.push(u8::try_from(label.len()).unwrap_or_default());
        wire.extend_from_slice(label);
    }
    said.raw.get(HEADER..HEADER + wire.len()) == Some(wire.as_slice())
}

fn knows_versions(message: &Message) -> bool {
    let code = u16::from(message.metadata.response_code);
    code == 16 && message.edns.as_ref().is_some_and(|edns| edns.version() == 0)
}

/// Answered as usual, and nothing unknown sent back.
fn ignores_unknown(message: &Message) -> bool {
    let echoes = message
        .edns
        .as_ref()
        .is_some_and(|edns| edns.flags().z != 0 || edns.options().get(EdnsCode::Unknown(UNKNOWN_OPTION)).is_some());
    message.metadata.response_code == ResponseCode::NoError && !echoes
}

/// It went and looked: it says that it would, and gives an outcome.
fn recursion(message: &Message) -> bool {
    let head = &message.metadata;
    let outcome = match head.response_code {
        ResponseCode::NXDomain => true,
        ResponseCode::NoError => !message.answers.is_empty() || has(message, RecordType::SOA),
        _ => false,
    };
    head.recursion_available && outcome
}

fn has(message: &Message, kind: RecordType) -> bool {
    message.authorities.iter().any(|record| record.record_type() == kind)
}

fn upward_referral(message: &Message) -> bool {
    let to_root = |r: &hickory_resolver::proto::rr::Record| r.record_type() == RecordType::NS && r.name.is_root();
    message.metadata.response_code == ResponseCode::NoError
        && message.answers.is_empty()
        && message.authorities.iter().any(to_root)
}

fn transfer(message: &Message) -> bool {
    message.metadata.response_code == ResponseCode::NoError
        && message.answers.first().is_some_and(|record| record.record_type() == RecordType::SOA)
}

/// The text, empty if there is none.
fn version(said: &Said) -> Observation<String> {
    let text = said.message.answers.iter().find_map(|record| match &record.data {
        RData::TXT(txt) => Some(printable(&String::from_utf8_lossy(&txt.txt_data.concat()), VERSION_CAP)),
        _ => None,
    });
    Observation::Observed { observed_at: said.at, value: text.unwrap_or_default() }
}
