//! Errors of the network as stable reasons.

use std::io::{Error as IoError, ErrorKind};

use crate::facts::{Observation, Reason};

/// Why nothing was learned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NetError {
    pub reason: Reason,
    /// A sentence with address and act.
    pub detail: String,
}

impl NetError {
    /// An error with its sentence.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
    /// Bytes that do not follow the protocol.
    pub fn garbage(detail: impl Into<String>) -> Self {
        Self::new(Reason::Garbage, detail)
    }
    /// The reason behind an I/O error; `doing` says what was under way.
    pub fn from_io(error: &IoError, doing: &str) -> Self {
        let reason = match error.kind() {
            ErrorKind::ConnectionRefused => Reason::Refused,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Reason::Reset,
            ErrorKind::TimedOut => Reason::Timeout,
            ErrorKind::UnexpectedEof => Reason::Closed,
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => {
                Reason::Unreachable
            }
            ErrorKind::InvalidData => Reason::Garbage,
            _ => Reason::Other,
        };
        Self::new(reason, format!("{doing}: {error}"))
    }
    /// The observation this error leads to: *not run* if scope forbade the act, else *failed*.
    pub fn observation<T>(&self) -> Observation<T> {
        match self.reason {
            Reason::NotOurs | Reason::NotSelected | Reason::Unsupported => {
                Observation::not_run(self.reason, &self.detail)
            }
            reason => Observation::failed(reason, &self.detail),
        }
    }
}
