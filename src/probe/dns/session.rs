//! The questions of one zone: counted, bounded, and kept with what came.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};

use crate::facts::{Exchange, Exchanges, Observation, Question, Reason};
use crate::net::{NetError, Transport};
use crate::probe::Context;
use crate::scope::{NotOurs, Target};

use super::ask::{code_word, exchange};
use super::own::Answering;
use super::question::Variant;
use super::records::name_text;
use super::walk::Names;

/// Questions that one zone may cost. A sound zone with two name servers takes about sixty; a hostile one must not keep us busy.
const BUDGET: usize = 768;
/// How long one server may keep us waiting in all, our own pace aside. All servers of a zone are asked at the same time and in
/// two rounds, so that this bounds the zone, too.
const DEADLINE: Duration = Duration::from_secs(12);

/// What is asked about one zone.
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    /// The zone as it is declared.
    pub(super) zone: &'a str,
    pub(super) name: Name,
    /// What the parent says of it; empty if that is not known.
    parent: Names,
    kept: Mutex<Kept>,
    answering: Mutex<Vec<Answering>>,
}

#[derive(Default)]
struct Kept {
    list: Vec<Exchange>,
    asked: usize,
    unasked: i64,
}

/// A server to ask, with what it may still cost.
pub(super) struct Server {
    target: Target,
    /// The zone that it is asked as a server of.
    of: String,
    waited: Mutex<Duration>,
}

/// An answer, read.
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) truncated: bool,
}

impl Reply {
    /// An answer that the server stands for.
    pub(super) fn is_authoritative(&self) -> bool {
        self.message.metadata.authoritative && self.message.metadata.response_code == ResponseCode::NoError
    }
}

impl Server {
    pub(super) fn new(target: Result<Target, NotOurs>, of: &str) -> Result<Self, NetError> {
        let target = target.map_err(|not_ours| NetError::new(Reason::NotOurs, not_ours.to_string()))?;
        Ok(Self { target, of: of.to_owned(), waited: Mutex::default() })
    }
    pub(super) fn name(&self) -> &str {
        self.target.name()
    }
    /// `name/address`.
    pub(super) fn label(&self) -> String {
        label(self.target.name(), self.target.address())
    }
}

/// How the facts name a server.
pub(super) fn label(name: &str, address: IpAddr) -> String {
    format!("{name}/{address}")
}

/// A zone as the facts name it.
pub(super) fn zone_text(zone: &Name) -> String {
    if zone.is_root() { ".".to_owned() } else { name_text(zone) }
}

impl<'a> Session<'a> {
    pub(super) fn new(context: &'a Context, zone: &'a str, name: Name) -> Self {
        Self { context, zone, name, parent: Names::new(), kept: Mutex::default(), answering: Mutex::default() }
    }

    /// Takes note of the delegation.
    pub(super) fn set_parent(&mut self, names: Names) {
        self.parent = names;
    }

    /// The addresses that the parent gives for a name.
    pub(super) fn glue_of(&self, name: &Name) -> &[IpAddr] {
        self.parent.get(&name_text(name)).map_or(&[], Vec::as_slice)
    }

    /// The parent's list.
    pub(super) fn parent(&self) -> &Names {
        &self.parent
    }

    /// Takes note of a server that answers for the zone.
    pub(super) fn answers(&self, server: &Arc<Server>, plain: Variant) {
        lock(&self.answering).push(Answering { server: Arc::clone(server), plain });
    }

    /// The servers that answer for the zone; of each, IPv4 before IPv6.
    pub(super) fn answering(&self) -> Vec<Answering> {
        let mut all = lock(&self.answering).clone();
        all.sort_by(|a, b| {
            a.server
                .target
                .name()
                .cmp(b.server.target.name())
                .then(a.server.target.address().cmp(&b.server.target.address()))
        });
        all
    }

    /// As [`Session::ask`], unless the server was asked that before.
    ///
    /// # Errors
    /// As for [`Session::ask`].
    pub(super) async fn ask_once(
        &self,
        server: &Server,
        variant: Variant,
        name: &Name,
        kind: RecordType,
    ) -> Result<Reply, NetError> {
        match self.told(server, variant, name, kind) {
            Some(outcome) => outcome,
            None => self.ask(server, variant, name, kind).await,
        }
    }

    /// What came of an earlier question.
    fn told(
        &self,
        server: &Server,
        variant: Variant,
        name: &Name,
        kind: RecordType,
    ) -> Option<Result<Reply, NetError>> {
        let wanted = question(server, variant, name, kind, variant.transport());
        let kept = lock(&self.kept);
        let exchange = kept.list.iter().find(|exchange| exchange.question == wanted)?;
        let raw = exchange.message.value().and_then(|digest| self.context.kept(digest));
        let message = raw.and_then(|raw| Message::from_vec(&raw).ok());
        Some(match message {
            Some(message) => Ok(Reply { message, truncated: exchange.truncated }),
            None => Err(NetError::new(Reason::Dependency, "it gave no usable answer before")),
        })
    }

    /// Asks a server.
    ///
    /// # Errors
    /// Not permitted, no answer, or what came is no DNS message.
    pub(super) async fn ask(
        &self,
        server: &Server,
        variant: Variant,
        name: &Name,
        kind: RecordType,
    ) -> Result<Reply, NetError> {
        self.carry(server, variant, name, kind, variant.transport()).await
    }

    /// Asks a server over TCP alone.
    ///
    /// # Errors
    /// As for [`Session::ask`].
    pub(super) async fn ask_over_tcp(&self, server: &Server, name: &Name, kind: RecordType) -> Result<Reply, NetError> {
        self.carry(server, Variant::Plain, name, kind, Transport::Tcp).await
    }

    async fn carry(
        &self,
        server: &Server,
        variant: Variant,
        name: &Name,
        kind: RecordType,
        transport: Transport,
    ) -> Result<Reply, NetError> {
        let question = question(server, variant, name, kind, transport);
        let told = |error: NetError| {
            NetError::new(
                error.reason,
                format!("asking {} for {} {kind}: {}", server.label(), shown(name), error.detail),
            )
        };
        let spent = *lock(&server.waited) >= DEADLINE;
        if spent || !self.take() {
            let why = if spent { "the server kept us waiting too long" } else { "the zone's questions were used up" };
            let error = told(NetError::new(Reason::Budget, why));
            self.keep(question, false, error.observation());
            return Err(error);
        }
        let message = variant.message(name, kind);
        let send = || async {
            let answered = self.context.net.exchange(&server.target, variant.class(), &message, transport).await;
            *lock(&server.waited) += answered.waited;
            match answered.outcome {
                // Not asked at all, because it was silent to other questions: that is no silence to this one.
                Err(error) if error.reason == Reason::Timeout && answered.waited.is_zero() => {
                    Err(NetError::new(Reason::Budget, error.detail))
                }
                outcome => outcome,
            }
        };
        let outcome = if variant == Variant::Version {
            self.context.versions().cell(server.target.address()).get_or_init(send).await.clone()
        } else {
            send().await
        };
        match outcome {
            Ok(bytes) => {
                self.keep(question, bytes.truncated, Observation::observed(self.blob(&bytes.raw)));
                let message = Message::from_vec(&bytes.raw)
                    .map_err(|e| told(NetError::garbage(format!("the answer is no DNS message: {e}"))))?;
                Ok(Reply { message, truncated: bytes.truncated })
            }
            Err(error) => {
                let error = told(error);
                self.keep(question, false, error.observation());
                Err(error)
            }
        }
    }

    /// Asks the resolver.
    ///
    /// # Errors
    /// Its reason, if it gave no usable answer.
    pub(super) async fn resolve(&self, name: &Name, kind: RecordType) -> Result<Message, NetError> {
        let question = Question {
            server: "resolver".into(),
            zone: String::new(),
            name: name.to_ascii(),
            record_type: kind.to_string(),
            variant: Variant::Resolver.word().to_owned(),
            transport: "udp".into(),
        };
        let outcome = if self.take() {
            exchange(self.context, name, kind).await
        } else {
            Err(NetError::new(Reason::Budget, "the zone's questions were used up"))
        };
        match outcome {
            Ok(reply) => {
                self.keep(question, reply.truncated, Observation::observed(self.blob(&reply.raw)));
                Ok(reply.message)
            }
            Err(error) => {
                self.keep(question, false, error.observation());
                Err(error)
            }
        }
    }

    /// Everything asked, in an order that does not depend on who answered first.
    pub(super) fn exchanges(self) -> Observation<Exchanges> {
        let mut kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        kept.list.sort_by(|a, b| a.question.cmp(&b.question));
        kept.list.shrink_to_fit();
        Observation::observed(Exchanges { list: kept.list, unasked: kept.unasked })
    }

    /// Takes one question from the budget.
    fn take(&self) -> bool {
        let mut kept = lock(&self.kept);
        kept.asked += 1;
        kept.asked <= BUDGET
    }

    /// What was not asked for lack of budget is counted, not listed, so that the list stays bounded.
    fn keep(&self, question: Question, truncated: bool, message: Observation<String>) {
        let mut kept = lock(&self.kept);
        if kept.list.len() < BUDGET {
            kept.list.push(Exchange { question, truncated, message });
        } else {
            kept.unasked += 1;
        }
    }

    /// The bytes without what differs at every look.
    fn blob(&self, raw: &[u8]) -> String {
        let mut raw = raw.to_vec();
        raw.iter_mut().take(2).for_each(|byte| *byte = 0);
        self.context.keep(&raw)
    }
}

fn question(server: &Server, variant: Variant, name: &Name, kind: RecordType, transport: Transport) -> Question {
    Question {
        server: server.label(),
        zone: server.of.clone(),
        name: name.to_ascii(),
        record_type: kind.to_string(),
        variant: variant.word().to_owned(),
        transport: if transport == Transport::UdpThenTcp { "udp" } else { "tcp" }.to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shown(name: &Name) -> String {
    if name.is_root() { ".".to_owned() } else { name_text(name) }
}

/// The error of an answer that is none: its code.
pub(super) fn not_usable(message: &Message) -> NetError {
    let code = message.metadata.response_code;
    let reason = match code {
        ResponseCode::ServFail => Reason::Servfail,
        ResponseCode::Refused => Reason::DnsRefused,
        _ => Reason::Other,
    };
    NetError::new(reason, format!("it answered {}", code_word(code)))
}
