//! The allow-list: the only maker of [`Target`]s. A target carries what may be asked of it (design §8).

mod permission;
mod providers;
mod target;

pub use permission::{Act, Class, NotOurs};
pub use target::{Role, Target};

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use time::OffsetDateTime;

use crate::estate::{Estate, OperatorKind};

/// Whose an address is, and why we say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    pub kind: OperatorKind,
    /// `estate operator Hosting Ltd`, `provider table (2026-11): Cloudflare`, `asserted by the estate's author`, `command line`.
    pub by: String,
}

/// What a run may contact.
#[derive(Clone, Debug)]
pub struct Scope {
    estate: Arc<Estate>,
    resolvers: Vec<SocketAddr>,
    now: OffsetDateTime,
}

impl Scope {
    /// `resolvers`: the estate's, or the system's. `now` decides about the authorisation's period and freezes.
    pub fn new(estate: Arc<Estate>, resolvers: Vec<SocketAddr>, now: OffsetDateTime) -> Self {
        Self { estate, resolvers, now }
    }
    /// The declaration behind this scope.
    pub fn estate(&self) -> &Estate {
        &self.estate
    }
    /// Whose an address of a declared asset is: the estate's operators first, then the provider table, else asserted own
    /// (or unknown for a bare host).
    pub fn ownership(&self, address: IpAddr) -> Ownership {
        let _ = address;
        todo!()
    }
    /// The resolvers: any question.
    pub fn resolvers(&self) -> Vec<Target> {
        todo!()
    }
    /// An address of a declared host.
    ///
    /// # Errors
    /// The host is not declared; its address is special-use and the estate is not private; a freeze forbids looking.
    pub fn host(&self, host: &str, address: IpAddr) -> Result<Target, NotOurs> {
        let _ = (host, address);
        todo!()
    }
    /// A name server of a declared zone: DNS questions about that zone.
    ///
    /// # Errors
    /// As for [`Scope::host`].
    pub fn name_server(&self, zone: &str, server: &str, address: IpAddr) -> Result<Target, NotOurs> {
        let _ = (zone, server, address);
        todo!()
    }
}
