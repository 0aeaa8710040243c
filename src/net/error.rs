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

/// Whether a TLS peer ended the talk with an alert (RFC 8446 §6): that is an answer in TLS, not garbage.
pub fn is_alert(error: &IoError) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::AlertReceived(_)))
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
            _ if is_alert(error) => Reason::Other,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_an_answer_and_what_is_no_tls_is_garbage() {
        let io = |error: rustls::Error| IoError::new(ErrorKind::InvalidData, error);
        let alert = io(rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired));
        assert_eq!(NetError::from_io(&alert, "reading").reason, Reason::Other);
        let junk = io(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType));
        assert_eq!(NetError::from_io(&junk, "reading").reason, Reason::Garbage);
    }
}
