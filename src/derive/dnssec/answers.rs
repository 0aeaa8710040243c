//! The kept answers, read once.

use std::collections::BTreeMap;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RecordType};

use crate::derive::message::{kept, name_text, parse_name};
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
    match kept(&answer.message, blobs) {
        Ok(kept) => Ok(kept.message),
        Err(Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. }) => {
            Err(Unknown { reason, detail: format!("{question} is not known: {detail}") })
        }
        Err(_) => {
            Err(Unknown { reason: Reason::Dependency, detail: format!("{question} is not known: there was no answer") })
        }
    }
}

fn question_text(name: &Name) -> String {
    if name.is_root() { "the root zone".to_owned() } else { name_text(name) }
}
