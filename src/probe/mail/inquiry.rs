//! The questions of one look at a zone's mail: none is asked twice, their number is bounded, and what became of each is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::sync::OnceCell;

use crate::facts::{LIST_CAP, MailAnswer, Observation, Reason, Span};
use crate::net::NetError;
use crate::probe::Context;
use crate::probe::dns::{Authority, End, Reply, name_text, texts};

/// The most questions about the mail of one zone. A sound zone takes fifteen to thirty.
const MAX_QUESTIONS: usize = 96;

type Asked = Arc<OnceCell<(Reply, MailAnswer)>>;

/// One look.
pub(super) struct Inquiry<'a> {
    authority: Authority<'a>,
    asked: Mutex<BTreeMap<String, Asked>>,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(authority: Authority<'a>) -> Self {
        Self { authority, asked: Mutex::default() }
    }

    pub(super) fn context(&self) -> &'a Context {
        self.authority.context
    }

    /// Who is asked.
    pub(super) fn authority(&self) -> Authority<'a> {
        self.authority
    }

    /// The answer to a question, asked now or before.
    pub(super) async fn ask(&self, name: &str, kind: RecordType) -> Reply {
        let name = name.to_ascii_lowercase();
        let Some(cell) = self.cell(format!("{name} {kind}")) else {
            let why = format!("{name} {kind}: more than {MAX_QUESTIONS} questions about one zone's mail");
            return Reply { aliases: Vec::new(), end: End::Failed(NetError::new(Reason::Budget, why)), ttl: None };
        };
        let asking = async {
            let reply = self.authority.ask(&name, kind).await;
            let answer = answer(&reply);
            (reply, answer)
        };
        cell.get_or_init(|| asking).await.0.clone()
    }

    /// The TXT records of a name.
    pub(super) async fn text(&self, name: &str) -> Observation<Vec<String>> {
        self.ask(name, RecordType::TXT).await.observe(texts)
    }

    /// What became of every question.
    pub(super) fn answers(&self) -> BTreeMap<String, MailAnswer> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter_map(|(question, cell)| Some((question.clone(), cell.get()?.1.clone()))).collect()
    }

    fn cell(&self, question: String) -> Option<Asked> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= MAX_QUESTIONS && !asked.contains_key(&question) {
            return None;
        }
        Some(Arc::clone(asked.entry(question).or_default()))
    }
}

fn answer(reply: &Reply) -> MailAnswer {
    MailAnswer {
        records: reply.observe(|records| {
            let mut all: Vec<String> = records.iter().filter_map(shown).take(LIST_CAP).collect();
            all.sort();
            all
        }),
        exists: match reply.end {
            End::Records(_) | End::NoData => Some(true),
            End::NxDomain => Some(false),
            End::Failed(_) => None,
        },
        aliases: reply.aliases.iter().map(name_text).collect(),
        ttl: reply.ttl.map(|seconds| Span(i64::from(seconds))),
    }
}

fn shown(data: &RData) -> Option<String> {
    match data {
        RData::TXT(_) => texts(std::slice::from_ref(data)).pop(),
        RData::MX(mx) => Some(format!("{} {}", mx.preference, name_text(&mx.exchange))),
        RData::SOA(soa) => Some(format!("{} {}", name_text(&soa.mname), soa.serial)),
        other => other.ip_addr().map(|address| address.to_string()),
    }
}
