//! The log of every connection and datagram, and every act that scope forbade.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::facts::{Timestamp, Traffic};
use crate::scope::{Act, NotOurs, Target};

/// Collects the traffic of a run; with a sink, also writes a JSON line for each connection when it ends.
pub struct ConnectionLog {
    inner: Mutex<Inner>,
}

struct Inner {
    sink: Option<Box<dyn Write + Send>>,
    /// What is still open; a large estate has hundreds of thousands in all.
    open: BTreeMap<u64, LogEntry>,
    opened: u64,
    traffic: Traffic,
    addresses: BTreeSet<String>,
}

/// One connection, datagram exchange or forbidden act.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    pub opened_at: Timestamp,
    /// `tcp` or `udp`.
    pub transport: &'static str,
    /// The name it was dialled for.
    pub name: String,
    /// Address and port as dialled.
    pub address: String,
    /// Port as the facts show it.
    pub nominal_port: u16,
    /// `passive`, `polite` or `active`.
    pub class: String,
    pub sent: u64,
    pub received: u64,
    /// `closed`, `answered`, or a reason word; `not-ours` for what was not done.
    pub outcome: String,
}

/// Handle of an open entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry(u64);

impl ConnectionLog {
    /// A log that only counts.
    pub fn counting() -> Self {
        Self::with(None)
    }
    /// A log that writes JSON lines, too.
    pub fn writing(sink: Box<dyn Write + Send>) -> Self {
        Self::with(Some(sink))
    }
    fn with(sink: Option<Box<dyn Write + Send>>) -> Self {
        let (open, traffic, addresses) = (BTreeMap::new(), Traffic::default(), BTreeSet::new());
        let inner = Inner { sink, open, opened: 0, traffic, addresses };
        Self { inner: Mutex::new(inner) }
    }

    /// The sums so far.
    pub fn traffic(&self) -> Traffic {
        self.edit(|inner| Traffic { addresses: inner.addresses.iter().cloned().collect(), ..inner.traffic.clone() })
    }

    pub(super) fn open(&self, target: &Target, act: Act, address: SocketAddr, transport: &'static str) -> Entry {
        self.edit(|inner| {
            let count =
                if transport == "tcp" { &mut inner.traffic.tcp_connections } else { &mut inner.traffic.udp_datagrams };
            *count += 1;
            inner.addresses.insert(address.ip().to_string());
            inner.opened += 1;
            inner.open.insert(inner.opened, entry(target, act, address.to_string(), transport));
            Entry(inner.opened)
        })
    }

    pub(super) fn refuse(&self, target: &Target, act: Act, why: &NotOurs) {
        self.edit(|inner| {
            inner.traffic.refused_by_scope += 1;
            let mut line = entry(target, act, target.address().to_string(), "none");
            line.outcome = format!("not-ours: {why}");
            inner.write(&line);
        });
    }

    pub(super) fn sent(&self, entry: Entry, bytes: usize) {
        self.edit(|inner| {
            inner.traffic.bytes_sent += bytes as i64;
            inner.open.entry(entry.0).and_modify(|line| line.sent += bytes as u64);
        });
    }

    pub(super) fn received(&self, entry: Entry, bytes: usize) {
        self.edit(|inner| {
            inner.traffic.bytes_received += bytes as i64;
            inner.open.entry(entry.0).and_modify(|line| line.received += bytes as u64);
        });
    }

    pub(super) fn fail(&self, entry: Entry, reason: &str) {
        self.close(entry, reason);
    }

    pub(super) fn close(&self, entry: Entry, outcome: &str) {
        self.edit(|inner| {
            if let Some(mut line) = inner.open.remove(&entry.0) {
                line.outcome = outcome.to_owned();
                inner.write(&line);
            }
        });
    }

    fn edit<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// A log that cannot be written must not stop the audit; the counts still stand.
    fn write(&mut self, line: &LogEntry) {
        if let (Some(sink), Ok(text)) = (&mut self.sink, serde_json::to_string(line)) {
            let _ = writeln!(sink, "{text}");
        }
    }
}

fn entry(target: &Target, act: Act, address: String, transport: &'static str) -> LogEntry {
    LogEntry {
        opened_at: Timestamp::now(),
        transport,
        name: target.name().to_owned(),
        address,
        nominal_port: act.port,
        class: format!("{:?}", act.class).to_lowercase(),
        sent: 0,
        received: 0,
        outcome: String::new(),
    }
}

impl std::fmt::Debug for ConnectionLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectionLog")
    }
}
