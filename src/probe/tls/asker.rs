//! The one who asks: every hello of a look goes through here, so that what one question teaches about the endpoint helps the next.
//!
//! A server may refuse with an alert, by closing, or not at all. An alert is its word. A closed connection is a refusal only if
//! the endpoint answers a hello that it is known to answer (the *witness*) in between, every time; one lost witness, or one
//! question that was answered at the second try, and closing proves nothing any more: the network loses connections, or the
//! server counts them. Silence is never a refusal.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::{Answer, Depth, Progress, ServerHello, read};
use super::hello::Hello;
use super::names;
use super::sightings::Sightings;
use super::ssl2;
use super::starttls::Opening;
use super::versions::CHUNK;
use crate::facts::{Pace, Reason};
use crate::net::{Conn, NetError};
use crate::probe::Context;
use crate::scope::{Act, Target};

/// The most that is read of one answer.
const ANSWER_CAP: usize = 256 * 1024;
/// Tries of one question where connections get lost.
const TRIES: usize = 6;
/// Lost connections in a row that are no accident: where one in five gets lost, that happens once in three thousand.
const WITNESS_TRIES: usize = 5;
/// Closed connections, and witnesses between them, that prove a refusal: the first time, and once this server is known to close.
const PROOF: (usize, usize) = (4, 3);
const LATER_PROOF: (usize, usize) = (2, 1);
/// How long is waited for an endpoint that has stopped answering, between one try and the next.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];
/// The widest spacing between connections that is tried, and the time that all waiting for it may take.
const WIDEST: Duration = Duration::from_secs(4);
const WAITING: Duration = Duration::from_secs(120);

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Hello(ServerHello),
    /// A fatal alert, by code.
    Alert(u8),
    /// The connection was closed or reset, and that was shown to be the answer; in words.
    Dropped(String),
}

/// One endpoint under questions.
pub(super) struct Asker<'a> {
    pub(super) context: &'a Context,
    pub(super) target: &'a Target,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) opening: Opening,
    long_lists: OnceCell<bool>,
    state: Mutex<State>,
}

/// Bytes that are sent first on a connection, and how the answer is read.
struct Question<'q> {
    /// What it is, for messages.
    what: String,
    bytes: &'q (dyn Fn([u8; 32]) -> Vec<u8> + Sync),
    read: &'q (dyn Fn(&[u8]) -> Progress + Sync),
}

#[derive(Default)]
struct State {
    connections: u32,
    /// A hello that was answered with a ServerHello.
    witness: Option<Hello>,
    /// It has refused with an alert: then closing is no refusal.
    alerts: bool,
    /// It was shown to refuse by closing.
    closes: bool,
    /// Something was lost that should not have been.
    lossy: bool,
    /// Questions that were answered only after a pause.
    late: u32,
    /// The distance between connections once the endpoint was seen to count them, and how many it took at once.
    spacing: Option<(Duration, u32)>,
    next: Option<Instant>,
    waited: Duration,
    given_up: Option<NetError>,
    sightings: Sightings,
    /// Groups that HelloRetryRequests named, in the order of choice.
    groups: Vec<u16>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(context: &'a Context, target: &'a Target, host: &'a str, port: u16, opening: Opening) -> Self {
        Self { context, target, host, port, opening, long_lists: OnceCell::new(), state: Mutex::default() }
    }

    /// Asks once, and again as often as it takes to know what the answer is.
    ///
    /// # Errors
    /// Not permitted, no TLS, or no answer that could be relied on, with the reason.
    pub(super) async fn ask(&self, hello: &Hello, depth: Depth) -> Result<Heard, NetError> {
        let what = self.place(&names::version(hello.version));
        let bytes = |random| hello.bytes(self.host, random);
        let heard = self.put(&Question { what, bytes: &bytes, read: &|got| read(got, depth) }).await?;
        if let Heard::Hello(answer) = &heard {
            let mut state = self.state();
            if answer.version == hello.version && hello.is_plain() {
                state.witness.get_or_insert_with(|| hello.clone());
            }
            state.sightings.note(hello, answer);
            let group = answer.group().filter(|group| answer.retry && !hello.share && hello.groups.contains(group));
            if let Some(group) = group.filter(|group| !state.groups.contains(group)) {
                state.groups.push(group);
            }
        }
        Ok(heard)
    }

    /// Whether the server reads lists of suites beyond the first 64: it was offered one that it accepts behind many that it may not.
    /// Asked once.
    pub(super) async fn reads_long_lists(&self, hello: &Hello, many: &[u16], accepted: u16) -> bool {
        if many.len() < CHUNK {
            return false;
        }
        let asked = async {
            let offered = [many, &[accepted]].concat();
            match self.ask(&hello.clone().suites(&offered), Depth::Hello).await {
                Ok(Heard::Hello(answer)) => offered.iter().position(|suite| *suite == answer.suite) >= Some(CHUNK),
                _ => false,
            }
        };
        *self.long_lists.get_or_init(|| asked).await
    }

    /// Asks in SSL 2.0.
    ///
    /// # Errors
    /// As for [`Asker::ask`].
    pub(super) async fn ask_ssl2(&self) -> Result<Heard, NetError> {
        let what = self.place("SSL 2.0");
        self.put(&Question { what, bytes: &ssl2::hello, read: &ssl2::read }).await
    }

    async fn put(&self, question: &Question<'_>) -> Result<Heard, NetError> {
        let mut drops = 0;
        let mut witnesses = 0;
        for tried in 0.. {
            if let Some(error) = self.state().given_up.clone() {
                return Err(error);
            }
            let error = match self.once(question, self.patience(tried)).await {
                Ok(heard) => {
                    self.answered(&heard, tried);
                    return Ok(heard);
                }
                Err(error) => error,
            };
            let dropped = matches!(error.reason, Reason::Closed | Reason::Reset);
            let transient = dropped || matches!(error.reason, Reason::Timeout | Reason::Refused | Reason::Throttled);
            if !transient || tried + 1 >= self.tries(error.reason) {
                return Err(error);
            }
            drops = if dropped { drops + 1 } else { 0 };
            witnesses = if dropped { witnesses } else { 0 };
            if tried >= 1 {
                match self.witness().await {
                    Some(true) => witnesses += 1,
                    Some(false) => self.wait_for_it(&error).await,
                    // It refuses with alerts, so this was none.
                    None if self.state().alerts => {}
                    None if dropped => return Err(error),
                    None => {}
                }
            }
            if let Some(how) = self.proven(drops, witnesses, error.reason) {
                return Ok(Heard::Dropped(how));
            }
            sleep(Duration::from_millis(50 << tried.min(5))).await;
        }
        unreachable!("the loop ends by returning")
    }

    /// What is asked where, for messages.
    fn place(&self, version: &str) -> String {
        format!("hello for {version} to port {} of {}", self.port, self.target.address())
    }

    /// One connection, one hello, one answer.
    async fn once(&self, question: &Question<'_>, patience: Duration) -> Result<Heard, NetError> {
        let mut conn = self.connect(Act::polite(self.port)).await?;
        let place = |e: NetError| NetError::new(e.reason, format!("{}: {}", question.what, e.detail));
        conn.send(&(question.bytes)(random()?), patience).await.map_err(place)?;
        let more = |got: &[u8]| (question.read)(got) != Progress::More;
        let bytes = conn.receive(ANSWER_CAP, patience, more).await.map_err(place)?;
        match (question.read)(&bytes) {
            Progress::Done(Answer::Hello(hello)) => Ok(Heard::Hello(hello)),
            Progress::Done(Answer::Alert(code)) => Ok(Heard::Alert(code)),
            Progress::Broken(why) => Err(place(NetError::garbage(why))),
            Progress::More => Err(place(NetError::new(Reason::Closed, "the connection ended inside the answer"))),
        }
    }

    /// Opens a connection, in its turn and within the budget.
    ///
    /// # Errors
    /// Not permitted, given up, used up, or not connected.
    pub(super) async fn connect(&self, act: Act) -> Result<Conn, NetError> {
        self.connect_smuggling(act, &[]).await
    }

    /// As [`Asker::connect`], with more bytes behind the command that starts TLS.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn connect_smuggling(&self, act: Act, smuggled: &[u8]) -> Result<Conn, NetError> {
        let turn = {
            let mut state = self.state();
            if let Some(error) = &state.given_up {
                return Err(error.clone());
            }
            let budget = self.context.net.connections();
            if state.connections >= budget {
                let detail = format!("the {budget} connections that this endpoint may be asked with are used up");
                return Err(NetError::new(Reason::Budget, detail));
            }
            state.connections += 1;
            let now = Instant::now();
            state.spacing.map(|(spacing, _)| {
                let turn = state.next.map_or(now, |next| next.max(now));
                state.next = Some(turn + spacing);
                turn
            })
        };
        if let Some(turn) = turn {
            sleep_until(turn).await;
        }
        let mut conn = self.context.net.connect(self.target, act).await?;
        self.opening.lead(&mut conn, self.host, self.context.net.answer_time(), smuggled).await?;
        Ok(conn)
    }

    /// What equal questions were answered with.
    pub(super) fn sightings(&self) -> Sightings {
        self.state().sightings.clone()
    }

    /// Groups of TLS 1.3 that were chosen so far, each from all that were not chosen before.
    pub(super) fn groups(&self) -> Vec<u16> {
        self.state().groups.clone()
    }

    /// Whether a hello is known that the endpoint answers.
    pub(super) fn has_witness(&self) -> bool {
        self.state().witness.is_some()
    }

    /// Whether the endpoint answers a hello that it answered before, right now and without any loss so far.
    pub(super) async fn is_there(&self) -> bool {
        self.witness().await == Some(true) && !self.state().lossy
    }

    /// How the asking went.
    pub(super) fn pace(&self) -> Pace {
        let state = self.state();
        Pace {
            connections: i64::from(state.connections),
            slowed_to_ms: state.spacing.map(|(spacing, _)| i64::try_from(spacing.as_millis()).unwrap_or(i64::MAX)),
            burst: state.spacing.map(|(_, burst)| i64::from(burst)),
            lossy: state.lossy,
        }
    }

    /// A hello that the endpoint answered before; `None` while there is none.
    async fn witness(&self) -> Option<bool> {
        let hello = self.state().witness.clone()?;
        for _ in 0..WITNESS_TRIES {
            match self.once_again(&hello).await {
                Ok(_) => return Some(true),
                Err(_) => self.state().lossy = true,
            }
        }
        Some(false)
    }

    async fn once_again(&self, hello: &Hello) -> Result<Heard, NetError> {
        let bytes = |random| hello.bytes(self.host, random);
        let what = self.place(&names::version(hello.version));
        let question = Question { what, bytes: &bytes, read: &|got| read(got, Depth::Hello) };
        self.once(&question, self.context.net.answer_time()).await
    }

    /// It has stopped answering what it answered before: waits, and if that helps, keeps a distance from then on.
    async fn wait_for_it(&self, error: &NetError) {
        for pause in PAUSES {
            let taken = {
                let mut state = self.state();
                state.waited += pause;
                if state.waited > WAITING || state.given_up.is_some() {
                    break;
                }
                state.connections
            };
            sleep(pause).await;
            let Some(hello) = self.state().witness.clone() else { return };
            if self.once_again(&hello).await.is_ok() {
                self.slow_down(taken);
                return;
            }
        }
        let mut state = self.state();
        let detail = format!(
            "{} answered at first, and no longer after {} connections, also not after pauses of up to 8 s: {}",
            self.target.address(),
            state.connections,
            error.detail
        );
        state.given_up.get_or_insert(NetError::new(Reason::Throttled, detail));
    }

    fn slow_down(&self, taken: u32) {
        let mut state = self.state();
        state.lossy = true;
        state.spacing = Some(match state.spacing {
            None => (Duration::from_millis(250), taken),
            Some((spacing, burst)) => ((spacing * 2).min(WIDEST), burst),
        });
    }

    fn answered(&self, heard: &Heard, tried: usize) {
        let mut state = self.state();
        if matches!(heard, Heard::Alert(_)) {
            state.alerts = true;
        }
        if tried > 0 {
            state.lossy = true;
        }
        if tried > 2 {
            state.late += 1;
        }
        if state.late > 2 && state.spacing.is_none() {
            let taken = state.connections;
            state.spacing = Some((Duration::from_millis(100), taken));
        }
    }

    fn proven(&self, drops: usize, witnesses: usize, reason: Reason) -> Option<String> {
        let mut state = self.state();
        if state.alerts || state.lossy {
            return None;
        }
        let (needs_drops, needs_witnesses) = if state.closes { LATER_PROOF } else { PROOF };
        if drops < needs_drops || witnesses < needs_witnesses {
            return None;
        }
        state.closes = true;
        let how = if reason == Reason::Reset { "reset" } else { "closed" };
        let witness = state.witness.as_ref().map_or_else(String::new, |hello| names::version(hello.version));
        Some(format!("connection {how} {drops} times, while {witness} was answered in between"))
    }

    /// Silence is asked twice (design §3.1), where connections get lost a few times more.
    fn tries(&self, reason: Reason) -> usize {
        let state = self.state();
        match reason {
            Reason::Timeout if !state.lossy => 2,
            Reason::Refused if state.witness.is_none() => 2,
            _ => TRIES,
        }
    }

    /// The second try is slow.
    fn patience(&self, tried: usize) -> Duration {
        let patience = self.context.net.answer_time();
        if tried == 0 { patience } else { patience * 2 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Thirty-two random bytes.
///
/// # Errors
/// The system has none.
pub(super) fn random() -> Result<[u8; 32], NetError> {
    let mut random = [0; 32];
    rand::fill(&mut random).map_err(|_| NetError::new(Reason::Other, "no random numbers from the system"))?;
    Ok(random)
}
