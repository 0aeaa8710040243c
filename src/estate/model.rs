//! The parts of an estate.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use time::{Date, OffsetDateTime};
use url::Url;

use super::vocabulary::{AssessorKind, Criticality, ElectionFunction, OperatorKind, ScanDuringFreeze};

/// Whose estate it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Authority {
    pub name: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
}

/// Who scans.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessor {
    pub name: String,
    pub kind: AssessorKind,
    pub independence: Option<String>,
}

/// One election or round.
#[derive(Clone, Debug, PartialEq)]
pub struct Election {
    pub name: String,
    /// IANA name; kept as written, printed beside dates.
    pub timezone: Option<String>,
    pub polling_day: Date,
    pub early_voting: Option<Period>,
    pub results_final: OffsetDateTime,
    pub freeze: Vec<Freeze>,
}

/// From the first to the last day, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    pub from: Date,
    pub until: Date,
}

/// Days in which nothing is changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Freeze {
    pub period: Period,
    pub scan: ScanDuringFreeze,
}

/// Who allowed the audit, and for which time.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorisation {
    pub reference: String,
    pub granted_by: String,
    pub period: Period,
    /// Allows acts of class active on own and consented addresses.
    pub active: bool,
}

/// Whom to call.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub url: Option<String>,
}

/// Who runs the machines of some networks.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    pub name: String,
    pub kind: OperatorKind,
    pub networks: Vec<IpNet>,
    pub consent: Option<String>,
}

/// How to look.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanSettings {
    pub resolver: Option<SocketAddr>,
    /// Relative paths are relative to the estate file.
    pub trust_anchor: Option<PathBuf>,
    pub root_hints: Option<PathBuf>,
    pub extra_roots: Vec<PathBuf>,
    pub private: bool,
    /// Nominal port to the port really dialled.
    pub port_map: BTreeMap<u16, u16>,
    pub as_table: Option<PathBuf>,
    /// IANA's list of RDAP servers (RFC 9224), as a file.
    pub rdap_bootstrap: Option<PathBuf>,
    pub rate: Rate,
    /// The most connections that the enumeration of one TLS endpoint may take.
    pub connections: u32,
    /// Connections at once to one address.
    pub connections_at_once: usize,
}

impl Default for ScanSettings {
    fn default() -> Self {
        Self {
            resolver: None,
            trust_anchor: None,
            root_hints: None,
            extra_roots: Vec::new(),
            private: false,
            port_map: BTreeMap::new(),
            as_table: None,
            rdap_bootstrap: None,
            rate: Rate::default(),
            connections: 400,
            connections_at_once: 4,
        }
    }
}

/// Connections or datagrams a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_host: u32,
    pub total: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_host: 5, total: 50 }
    }
}

/// One declared host or zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Lower case, ASCII (IDNA), without the final dot.
    pub name: String,
    pub function: ElectionFunction,
    pub criticality: Option<Criticality>,
    pub owner: Option<String>,
    pub supplier: Option<String>,
    pub kind: AssetKind,
    /// Line of the asset in the estate file, from 1; 0 on the command line.
    pub line: usize,
}

impl Asset {
    /// The host or zone name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What kind of asset, with what only that kind has.
#[derive(Clone, Debug, PartialEq)]
pub enum AssetKind {
    Host {
        services: Vec<DeclaredService>,
        /// At least `/`.
        paths: Vec<String>,
        origins: Vec<IpAddr>,
        /// Pinned addresses; empty means resolve.
        addresses: Vec<IpAddr>,
    },
    Zone {
        registration_ends: Option<Date>,
        /// The registry's RDAP server, if it may be asked for the registration.
        rdap: Option<Rdap>,
        mail: MailUse,
    },
}

/// An RDAP server.
#[derive(Clone, Debug, PartialEq)]
pub enum Rdap {
    /// At this base address.
    At(Url),
    /// At the address that the list `[scan] rdap_bootstrap` has for the zone.
    Listed,
}

/// A port that is meant to be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredService {
    pub scheme: Scheme,
    /// Nominal port.
    pub port: u16,
}

/// What a declared port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    Http,
    Https,
    /// `tcp/N`: anything else.
    Tcp,
}

/// What the zone's name is used for in mail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MailUse {
    pub sends: Option<bool>,
    pub receives: Option<bool>,
    pub dkim_selectors: Vec<String>,
}
