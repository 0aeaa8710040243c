//! What an act is, and who may permit it.

use std::fmt;

/// How much load or risk an act carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// What a visitor's browser, resolver or mail server sends.
    Passive,
    /// More of it, still conformant: the port list, version enumeration.
    Polite,
    /// Malformed records, guessed communities, anonymous logins, reading content.
    Active,
}

/// One act on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    pub class: Class,
    /// Nominal port.
    pub port: u16,
}

impl Act {
    /// A visitor's act.
    pub fn passive(port: u16) -> Self {
        Self { class: Class::Passive, port }
    }
    /// More than a visitor's.
    pub fn polite(port: u16) -> Self {
        Self { class: Class::Polite, port }
    }
    /// Needs an authorisation.
    pub fn active(port: u16) -> Self {
        Self { class: Class::Active, port }
    }
}

/// Why an act is not permitted, in words: `not ours to ask (shared: Example CDN)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOurs(pub String);

impl fmt::Display for NotOurs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotOurs {}
