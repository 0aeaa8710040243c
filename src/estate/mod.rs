//! What the authority declares, parsed into types that cannot hold nonsense. Imports nothing else of this crate.
//!
//! [`Estate::parse`] is the only way in; every error names file, line, key and what was expected.

mod bootstrap;
mod error;
mod model;
mod parse;
mod reader;
mod values;
mod vocabulary;

pub use error::EstateError;
pub use model::{
    Assessor, Asset, AssetKind, Authorisation, Authority, Contact, DeclaredService, Election, Freeze, MailUse,
    Operator, Period, Rate, Rdap, ScanSettings, Scheme,
};
pub use vocabulary::{AssessorKind, Criticality, ElectionFunction, OperatorKind, Phase, ScanDuringFreeze};

use std::net::SocketAddr;

/// The text of `scrutineer init`.
pub const STARTER: &str = include_str!("starter.toml");

/// The whole declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Estate {
    pub authority: Authority,
    pub assessor: Option<Assessor>,
    /// In order of polling day.
    pub elections: Vec<Election>,
    pub authorisation: Option<Authorisation>,
    /// By role: `csirt`, `police`, …
    pub contacts: std::collections::BTreeMap<String, Contact>,
    pub operators: Vec<Operator>,
    pub scan: ScanSettings,
    /// In the order of the file.
    pub assets: Vec<Asset>,
    /// True for `scrutineer audit HOST`: declared on the command line, operator unknown.
    pub bare: bool,
}

impl Estate {
    /// The declared asset with this host or zone name.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name() == name)
    }
    /// The declared host assets.
    pub fn hosts(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter().filter(|asset| matches!(asset.kind, AssetKind::Host { .. }))
    }
    /// The declared zone assets.
    pub fn zones(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter().filter(|asset| matches!(asset.kind, AssetKind::Zone { .. }))
    }
    /// The longest declared zone that the name lies in or is.
    pub fn zone_of(&self, name: &str) -> Option<&str> {
        let inside = |zone: &str| name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
        self.zones().map(Asset::name).filter(|zone| inside(zone)).max_by_key(|zone| zone.len())
    }
    /// The declared resolver, if any.
    pub fn resolver(&self) -> Option<SocketAddr> {
        self.scan.resolver
    }
}
