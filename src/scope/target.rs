//! Something that may be contacted.

use std::net::IpAddr;

use super::{Act, NotOurs, Ownership};

/// What a target is to the estate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// An address of a declared host, with its declared nominal ports.
    Host { declared: Vec<u16> },
    /// A name server of a declared zone: port 53 only.
    NameServer { zone: String },
    /// The resolver: DNS on its port only, any question.
    Resolver { port: u16 },
}

/// An address that may be contacted, and for what. Only `scope` makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) name: String,
    pub(super) address: IpAddr,
    pub(super) ownership: Ownership,
    pub(super) role: Role,
    pub(super) active: bool,
    /// A freeze lets only passive acts through.
    pub(super) passive_only: bool,
}

impl Target {
    /// The declared name behind the address.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The address.
    pub fn address(&self) -> IpAddr {
        self.address
    }
    /// Whose it is.
    pub fn ownership(&self) -> &Ownership {
        &self.ownership
    }
    /// What it is to the estate.
    pub fn role(&self) -> &Role {
        &self.role
    }
    /// Whether an act is permitted, by the table of design §8.
    ///
    /// # Errors
    /// Why not.
    pub fn permits(&self, act: Act) -> Result<(), NotOurs> {
        let _ = act;
        todo!()
    }
}
