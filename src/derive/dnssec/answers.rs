//! The kept answers, read once.

use std::collections::BTreeMap;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RecordType};

use crate::facts::{Blobs, ChainAnswer, DnssecChain, Observation, Reason};

/// Messages by question.
pub(super) struct Answers {
    by_question: BTreeMap<(Name, String), Result<Message, Unknown>>,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) struct Unknown {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Answers {
    pub(super) fn new(chain: &DnssecChain, blobs: &Blobs) -> Self {
        let read = |answer: &ChainAnswer| {
            Some(((parse_name(&answer.name)?, answer.record_type.clone()), message(answer, blobs)))
        };
        Self { by_question: chain.answers.iter().filter_map(read).collect() }
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// It was not asked, not answered, or what was kept cannot be read.
    pub(super) fn get(&self, name: &Name, kind: RecordType) -> Result<&Message, Unknown> {
        match self.by_question.get(&(name.clone(), kind.to_string())) {
            Some(Ok(message)) => Ok(message),
            Some(Err(unknown)) => Err(unknown.clone()),
            None => Err(Unknown {
                reason: Reason::Dependency,
                detail: format!("{kind} of {} was not asked", question_text(name)),
            }),
        }
    }
}

fn message(answer: &ChainAnswer, blobs: &Blobs) -> Result<Message, Unknown> {
    let question = format!("{} of {}", answer.record_type, answer.name);
    let unknown = |reason, why: &str| Unknown { reason, detail: format!("{question} is not known: {why}") };
    match &answer.message {
        Observation::Observed { value, .. } => {
            let raw = blobs
                .bytes(value)
                .ok_or_else(|| unknown(Reason::Dependency, "its raw answer is not in the evidence"))?;
            Message::from_vec(&raw).map_err(|e| unknown(Reason::Garbage, &e.to_string()))
        }
        Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. } => {
            Err(unknown(*reason, detail))
        }
        Observation::Absent { .. } => Err(unknown(Reason::Dependency, "there was no answer")),
    }
}

/// A fully qualified name.
pub(super) fn parse_name(text: &str) -> Option<Name> {
    let mut name = Name::from_ascii(text).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// A name in lower case without its final dot.
pub(super) fn name_text(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

fn question_text(name: &Name) -> String {
    if name.is_root() { "the root zone".to_owned() } else { name_text(name) }
}
