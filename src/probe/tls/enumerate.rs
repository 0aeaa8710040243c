//! Which items of a list a server takes. A ServerHello names one, so a list with *k* accepted items costs *k* answers and one
//! refusal. Two ways lead there: *removal* (offer all, drop the chosen, offer the rest) takes exactly *k + 1* connections, one
//! after the other, and shows the order of choice; *bisection* (offer all, drop the chosen, ask both halves of the rest at once)
//! takes up to *2k + 1*, but only about log₂ *k* of them one after the other.

use futures_util::future::{BoxFuture, FutureExt};

use super::answer::Depth;
use super::asker::{Asker, Heard};
use super::hello::Hello;
use super::names;
use crate::facts::{CodeRange, Enumerated, Item, Reason, UnknownRange};
use crate::net::NetError;

/// From this many connections on, time is worth more than they are.
const BISECTION_BUDGET: u32 = 800;

/// A server's answer to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Chose(u16),
    /// None of these.
    Refused,
}

/// The outcome for a list: every item is in exactly one of the three.
#[derive(Clone, Debug, Default)]
pub(super) struct Sorted {
    /// In the order of choice; by bisection, the first of each part.
    pub(super) accepted: Vec<u16>,
    pub(super) refused: Vec<u16>,
    pub(super) unknown: Vec<(u16, NetError)>,
}

impl Sorted {
    pub(super) fn join(mut self, other: Self) -> Self {
        self.accepted.extend(other.accepted);
        self.refused.extend(other.refused);
        self.unknown.extend(other.unknown);
        self
    }
    pub(super) fn unknown(items: Vec<u16>, error: &NetError) -> Self {
        Self { unknown: items.into_iter().map(|item| (item, error.clone())).collect(), ..Self::default() }
    }
    pub(super) fn refused(items: Vec<u16>) -> Self {
        Self { refused: items, ..Self::default() }
    }

    /// As facts: accepted as objects, the others as ranges of code points among those asked for.
    pub(super) fn facts(mut self, name: impl Fn(u16) -> String) -> Enumerated {
        let accepted = self.accepted.iter().map(|code| Item { code: i64::from(*code), name: name(*code) }).collect();
        let mut asked: Vec<u16> = self.accepted.iter().chain(&self.refused).copied().collect();
        asked.extend(self.unknown.iter().map(|(code, _)| *code));
        asked.sort_unstable();
        self.unknown.sort_by_key(|(code, _)| *code);
        let mut refused: Vec<CodeRange> = Vec::new();
        let mut unknown: Vec<UnknownRange> = Vec::new();
        let mut before = None;
        for code in asked {
            let code64 = i64::from(code);
            if self.refused.contains(&code) {
                match refused.last_mut() {
                    Some(range) if before == Some(range.to) => (range.to, range.count) = (code64, range.count + 1),
                    _ => refused.push(CodeRange { from: code64, to: code64, count: 1 }),
                }
            } else if let Some((_, error)) = self.unknown.iter().find(|(unknown, _)| *unknown == code) {
                match unknown.last_mut() {
                    Some(range) if before == Some(range.to) && range.reason == error.reason => {
                        (range.to, range.count) = (code64, range.count + 1);
                    }
                    _ => unknown.push(UnknownRange {
                        from: code64,
                        to: code64,
                        count: 1,
                        reason: error.reason,
                        detail: error.detail.clone(),
                    }),
                }
            }
            before = Some(code64);
        }
        Enumerated { accepted, refused, unknown }
    }
}

/// What is varied from question to question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Suites,
    Groups,
    Signatures,
}

/// A hello of which one list is varied.
pub(super) struct Question<'a> {
    pub(super) asker: &'a Asker<'a>,
    pub(super) hello: Hello,
    pub(super) list: List,
}

impl Question<'_> {
    /// Sorts all items: by removal, or by bisection where the budget of connections has room for it.
    pub(super) async fn sort(&self, items: Vec<u16>) -> Sorted {
        if self.asker.context.net.connections() >= BISECTION_BUDGET {
            self.bisect(items).await
        } else {
            self.remove(items).await
        }
    }

    /// As [`Question::sort`], when the first choices are known already, in their order.
    pub(super) async fn sort_after(&self, chosen: Vec<u16>, items: Vec<u16>) -> Sorted {
        let mut rest = items;
        rest.retain(|item| !chosen.contains(item));
        let first = Sorted { accepted: chosen, ..Sorted::default() };
        first.join(self.sort(rest).await)
    }

    async fn remove(&self, items: Vec<u16>) -> Sorted {
        let mut left = items;
        let mut accepted = Vec::new();
        while !left.is_empty() {
            match self.ask(&left).await {
                Ok(Pick::Chose(chosen)) => {
                    accepted.push(chosen);
                    left.retain(|item| *item != chosen);
                }
                Ok(Pick::Refused) => return Sorted { accepted, ..Sorted::refused(left) },
                Err(error) => return Sorted { accepted, ..Sorted::unknown(left, &error) },
            }
        }
        Sorted { accepted, ..Sorted::default() }
    }

    fn bisect(&self, items: Vec<u16>) -> BoxFuture<'_, Sorted> {
        async move {
            if items.is_empty() {
                return Sorted::default();
            }
            match self.ask(&items).await {
                Ok(Pick::Chose(chosen)) => {
                    let mut rest = items;
                    rest.retain(|item| *item != chosen);
                    let second = rest.split_off(rest.len() / 2);
                    let (first, second) = futures_util::join!(self.bisect(rest), self.bisect(second));
                    Sorted { accepted: vec![chosen], ..Sorted::default() }.join(first).join(second)
                }
                Ok(Pick::Refused) => Sorted::refused(items),
                Err(error) => Sorted::unknown(items, &error),
            }
        }
        .boxed()
    }

    /// Which one of these.
    ///
    /// # Errors
    /// No answer that says it.
    pub(super) async fn ask(&self, items: &[u16]) -> Result<Pick, NetError> {
        let (hello, depth) = self.offering(items);
        let answer = match self.asker.ask(&hello, depth).await? {
            Heard::Hello(answer) if answer.version == self.hello.version => answer,
            Heard::Hello(_) | Heard::Dropped(_) => return Ok(Pick::Refused),
            Heard::Alert(code) if names::refuses(code) => return Ok(Pick::Refused),
            Heard::Alert(code) => {
                let detail = format!("answered with the alert {}, which refuses nothing", names::alert(code));
                return Err(NetError::new(Reason::Other, detail));
            }
        };
        // Some servers choose a suite first and then find that nothing else fits.
        if self.list != List::Suites && answer.exchange.is_none() && answer.broken_off.is_some_and(names::refuses) {
            return Ok(Pick::Refused);
        }
        let (chosen, what) = match self.list {
            List::Suites => (Some(answer.suite), "suite"),
            List::Groups => (answer.group(), "group"),
            List::Signatures => (answer.exchange.and_then(|exchange| exchange.signature), "signature scheme"),
        };
        match chosen {
            Some(chosen) if items.contains(&chosen) => Ok(Pick::Chose(chosen)),
            Some(chosen) => {
                Err(NetError::garbage(format!("the server chose a {what} that was not offered: 0x{chosen:04X}")))
            }
            None => Err(NetError::garbage(format!("the server named no {what}"))),
        }
    }

    /// A HelloRetryRequest names suite and group. So questions about suites of TLS 1.3 also tell groups, if those that are known
    /// stand back: all but one that is accepted in any case, so that a refusal is still that of the suites.
    fn riding(&self) -> Vec<u16> {
        let known = self.asker.groups();
        let mut groups = self.hello.groups.clone();
        if self.hello.version == 0x0304 && !self.hello.share && known.iter().all(|group| groups.contains(group)) {
            groups.retain(|group| !known.contains(group));
            groups.extend(known.first());
        }
        groups
    }

    fn offering(&self, items: &[u16]) -> (Hello, Depth) {
        let hello = self.hello.clone();
        match self.list {
            List::Suites => {
                let groups = self.riding();
                (Hello { groups, ..hello }.suites(items), Depth::Hello)
            }
            // TLS 1.3 names the group in its first message, older versions in their third.
            List::Groups if hello.version == 0x0304 => (hello.groups(items), Depth::Hello),
            List::Groups => (hello.groups(items), Depth::Flight),
            List::Signatures => (hello.signatures(items), Depth::Flight),
        }
    }
}
