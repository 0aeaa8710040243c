//! Which ports of an address are open, refused, filtered, or unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;

use super::PortStates;
use crate::facts::{AddressPorts, LIST_CAP, Observation, PortState, PortUnknown, Reason};
use crate::net::NetError;

/// Tries whether a port accepts.
pub(super) trait Knocker: Sync {
    fn knock(&self, port: u16, patience: Duration) -> impl Future<Output = Result<(), NetError>> + Send;
}

/// What to look at on one address.
pub(super) struct Plan {
    pub(super) address: String,
    /// Listed and declared, as far as they may be asked.
    pub(super) ports: BTreeSet<u16>,
    pub(super) declared: BTreeSet<u16>,
    /// High ports where nothing is expected; empty where none may be asked.
    pub(super) random: Vec<u16>,
    /// For the first try; the second gets twice that.
    pub(super) patience: Duration,
}

/// Silent ports between two looks at a port that answers.
const BATCH: usize = 8;

/// What one port did.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Open,
    Refused,
    /// Silent or unreachable, while another port answered just before and after.
    Filtered,
    /// Silent or unreachable so far.
    Silent(NetError),
    Unknown(Reason, String),
}

/// Looks at every port of the plan.
pub(super) async fn look(knocker: &impl Knocker, plan: &Plan) -> (AddressPorts, PortStates) {
    let (mut answers, random) = futures_util::join!(
        knock_all(knocker, plan.ports.iter().copied(), plan.patience),
        knock_all(knocker, plan.random.iter().copied(), plan.patience)
    );
    let accepts_everything = random.values().filter(|answer| **answer == Answer::Open).count() >= 2;
    look_again(knocker, plan, &mut answers).await;
    if accepts_everything {
        let invented = |port: &u16, answer: &Answer| *answer == Answer::Open && !plan.declared.contains(port);
        for (_, answer) in answers.iter_mut().filter(|(port, answer)| invented(port, answer)) {
            *answer = Answer::Unknown(
                Reason::Other,
                format!("{} accepts connections on random ports, so an open one means nothing", plan.address),
            );
        }
    }
    (summary(plan, &answers, accepts_everything), states(plan, answers))
}

async fn knock_all(
    knocker: &impl Knocker,
    ports: impl Iterator<Item = u16>,
    patience: Duration,
) -> BTreeMap<u16, Answer> {
    let tries = ports.map(|port| async move { (port, knock(knocker, port, patience).await) });
    join_all(tries.collect::<Vec<_>>()).await.into_iter().collect()
}

async fn knock(knocker: &impl Knocker, port: u16, patience: Duration) -> Answer {
    match knocker.knock(port, patience).await {
        Ok(()) => Answer::Open,
        Err(e) => match e.reason {
            Reason::Refused => Answer::Refused,
            Reason::Timeout | Reason::Unreachable => Answer::Silent(e),
            reason => Answer::Unknown(reason, e.detail),
        },
    }
}

/// Gives silent ports a second, slower try between two looks at a port that answers. Without such a port only the declared ones
/// are tried again: an address that says nothing at all is not asked on and on.
async fn look_again(knocker: &impl Knocker, plan: &Plan, answers: &mut BTreeMap<u16, Answer>) {
    let silent = |answer: &Answer| matches!(answer, Answer::Silent(_));
    let mut waiting: Vec<u16> = answers.iter().filter(|(_, a)| silent(a)).map(|(port, _)| *port).collect();
    let mut witness = witness(answers);
    if witness.is_none() {
        waiting.retain(|port| plan.declared.contains(port));
    }
    for batch in waiting.chunks(BATCH) {
        let before = speaks(knocker, plan, witness).await;
        let again = knock_all(knocker, batch.iter().copied(), plan.patience * 2).await;
        let after = speaks(knocker, plan, witness).await;
        for (port, answer) in again {
            let answer = if silent(&answer) && before && after { Answer::Filtered } else { answer };
            answers.insert(port, answer);
        }
        witness = witness.or_else(|| self::witness(answers));
    }
}

/// A port that answered: a refused one before an open one, because it costs the server nothing.
fn witness(answers: &BTreeMap<u16, Answer>) -> Option<u16> {
    let first = |wanted: &Answer| answers.iter().find(|(_, answer)| *answer == wanted).map(|(port, _)| *port);
    first(&Answer::Refused).or_else(|| first(&Answer::Open))
}

async fn speaks(knocker: &impl Knocker, plan: &Plan, witness: Option<u16>) -> bool {
    match witness {
        Some(port) => matches!(knock(knocker, port, plan.patience).await, Answer::Open | Answer::Refused),
        None => false,
    }
}

fn summary(plan: &Plan, answers: &BTreeMap<u16, Answer>, accepts_everything: bool) -> AddressPorts {
    let those = |wanted: Answer| -> Vec<i64> {
        answers
            .iter()
            .filter(|(_, answer)| **answer == wanted)
            .map(|(port, _)| i64::from(*port))
            .take(LIST_CAP)
            .collect()
    };
    let unknown = answers.iter().filter_map(|(port, answer)| match answer {
        Answer::Silent(e) => Some((port, e.reason.word())),
        Answer::Unknown(..) if accepts_everything => Some((port, "accepts-everything".to_owned())),
        Answer::Unknown(reason, _) => Some((port, reason.word())),
        _ => None,
    });
    AddressPorts {
        address: plan.address.clone(),
        looked: i64::try_from(answers.len()).unwrap_or(i64::MAX),
        open: those(Answer::Open),
        refused: i64::try_from(answers.values().filter(|a| **a == Answer::Refused).count()).unwrap_or(i64::MAX),
        filtered: those(Answer::Filtered),
        unknown: unknown.map(|(port, reason)| PortUnknown { port: i64::from(*port), reason }).take(LIST_CAP).collect(),
        accepts_everything,
    }
}

fn states(plan: &Plan, answers: BTreeMap<u16, Answer>) -> PortStates {
    let state = |word: &str| Observation::observed(PortState { answer: word.into() });
    let observation = |port: u16, answer| match answer {
        Answer::Open => state("open"),
        Answer::Filtered => state("filtered"),
        Answer::Refused if plan.declared.contains(&port) => Observation::failed(
            Reason::Refused,
            format!("{} refused a connection to declared port {port}", plan.address),
        ),
        Answer::Refused => Observation::absent(),
        Answer::Silent(e) => e.observation(),
        Answer::Unknown(reason, detail) => NetError::new(reason, detail).observation(),
    };
    answers.into_iter().map(|(port, answer)| (port, observation(port, answer))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An address by its ports: open, refused, or (not listed) silent.
    #[derive(Default)]
    struct Address {
        open: Vec<u16>,
        refused: Vec<u16>,
        /// Answers the second try only.
        slow: Vec<u16>,
        /// The knocks, counted from one, that nothing answers.
        dead: std::ops::Range<usize>,
        knocks: Mutex<Vec<u16>>,
    }

    impl Knocker for Address {
        async fn knock(&self, port: u16, _: Duration) -> Result<(), NetError> {
            let mut knocks = self.knocks.lock().unwrap();
            knocks.push(port);
            let dead = self.dead.contains(&knocks.len());
            let second = knocks.iter().filter(|p| **p == port).count() > 1;
            match port {
                _ if dead => Err(NetError::new(Reason::Timeout, "silent")),
                p if self.open.contains(&p) || (second && self.slow.contains(&p)) => Ok(()),
                p if self.refused.contains(&p) => Err(NetError::new(Reason::Refused, "refused")),
                _ => Err(NetError::new(Reason::Timeout, "silent")),
            }
        }
    }

    async fn of(address: &Address, ports: &[u16], declared: &[u16], random: &[u16]) -> (AddressPorts, PortStates) {
        let plan = Plan {
            address: "192.0.2.1".into(),
            ports: ports.iter().copied().collect(),
            declared: declared.iter().copied().collect(),
            random: random.to_vec(),
            patience: Duration::from_millis(1),
        };
        look(address, &plan).await
    }
    fn reason(state: &Observation<PortState>) -> Option<Reason> {
        match state {
            Observation::Failed { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    #[tokio::test]
    async fn open_refused_and_filtered_are_told_apart() {
        let address = Address { open: vec![80, 443], refused: vec![22, 8080], ..Address::default() };
        let (ports, states) = of(&address, &[22, 80, 443, 6379, 8080], &[443, 8080], &[]).await;
        assert_eq!((ports.looked, ports.open, ports.refused, ports.filtered), (5, vec![80, 443], 2, vec![6379]));
        assert!(ports.unknown.is_empty() && !ports.accepts_everything);
        assert!(matches!(states[&22], Observation::Absent { .. }));
        assert_eq!(reason(&states[&8080]), Some(Reason::Refused));
        assert_eq!(states[&6379].value().unwrap().answer, "filtered");
        assert_eq!(states[&443].value().unwrap().answer, "open");
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_is_unknown_not_filtered() {
        let address = Address::default();
        let (ports, states) = of(&address, &[22, 80, 443], &[443], &[]).await;
        assert!(ports.filtered.is_empty());
        assert_eq!(ports.unknown.len(), 3);
        assert_eq!(ports.unknown[0].reason, "timeout");
        assert_eq!(reason(&states[&443]), Some(Reason::Timeout));
        assert_eq!(*address.knocks.lock().unwrap(), [22, 80, 443, 443]);
    }

    #[tokio::test]
    async fn an_address_that_falls_silent_in_between_leaves_ports_unknown() {
        // The fourth knock is the look at a port that answers before the second tries, the seventh the one after.
        for dead in [5..99, 4..7] {
            let address = Address { refused: vec![22], dead, ..Address::default() };
            let (ports, _) = of(&address, &[22, 80, 443], &[], &[]).await;
            assert_eq!((ports.refused, ports.filtered.len(), ports.unknown.len()), (1, 0, 2));
        }
    }

    #[tokio::test]
    async fn a_slow_port_is_found_by_the_second_try() {
        let address = Address { refused: vec![22], slow: vec![443], ..Address::default() };
        let (ports, _) = of(&address, &[22, 443], &[443], &[]).await;
        assert_eq!((ports.open, ports.filtered.len()), (vec![443], 0));
    }

    #[tokio::test]
    async fn a_host_that_accepts_everything_has_no_invented_services() {
        let all: Vec<u16> = vec![22, 80, 443, 40001, 40002];
        let address = Address { open: all, refused: vec![40003], ..Address::default() };
        let (ports, states) = of(&address, &[22, 80, 443], &[443], &[40001, 40002, 40003]).await;
        assert!(ports.accepts_everything);
        assert_eq!((ports.open, ports.looked), (vec![443], 3));
        assert_eq!(ports.unknown.iter().map(|u| u.port).collect::<Vec<_>>(), [22, 80]);
        assert_eq!(ports.unknown[0].reason, "accepts-everything");
        assert_eq!(reason(&states[&22]), Some(Reason::Other));
    }
}
