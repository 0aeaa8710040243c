//! Something that may be contacted.

use std::net::IpAddr;

use super::{Act, Class, NotOurs, Ownership};
use crate::estate::OperatorKind;

/// What a target is to the estate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// An address of a declared host, with its declared nominal ports.
    Host { declared: Vec<u16> },
    /// A name server of a declared zone: port 53 only.
    NameServer { zone: String },
    /// The RDAP server that the estate names for a zone: one visitor's request on its port.
    Registry { port: u16 },
    /// The MTA-STS policy host of a declared zone: port 443, one GET.
    PolicyHost { zone: String },
    /// A server of the root or of another zone above a declared one: asked for the delegation of that zone alone.
    Parent { zone: String },
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
    pub(super) limit: Limit,
}

/// What calendar and authorisation take from the permissions of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Nothing: active acts are authorised, too.
    None,
    /// Active acts.
    NoActive,
    /// Everything but passive acts, for this reason.
    PassiveOnly(String),
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
        let refuse = |why: String| Err(NotOurs(format!("not ours to ask ({why})")));
        let Ownership { kind, by } = &self.ownership;
        match &self.role {
            Role::Resolver { port } if act.port == *port && act.class == Class::Passive => return Ok(()),
            Role::Resolver { .. } => return refuse("the resolver is asked DNS questions only".into()),
            Role::Registry { port } if act.port == *port && act.class == Class::Passive => return Ok(()),
            Role::Registry { .. } => return refuse("a registry is asked over RDAP only".into()),
            Role::NameServer { zone } if act.port != 53 => {
                return refuse(format!("a name server of {zone} is asked DNS questions only"));
            }
            Role::PolicyHost { .. } if act == Act::passive(443) => return Ok(()),
            Role::PolicyHost { zone } => {
                return refuse(format!("the policy host of {zone} is asked for its MTA-STS policy only"));
            }
            Role::Parent { .. } if act.port == 53 && act.class == Class::Passive => return Ok(()),
            Role::Parent { zone } => return refuse(format!("a server above {zone} is asked for its delegation only")),
            Role::NameServer { .. } | Role::Host { .. } => {}
        }
        if let (Limit::PassiveOnly(why), Class::Polite | Class::Active) = (&self.limit, act.class) {
            return refuse(why.clone());
        }
        let declared = match &self.role {
            Role::Host { declared } => declared.contains(&act.port),
            Role::NameServer { .. }
            | Role::Parent { .. }
            | Role::PolicyHost { .. }
            | Role::Resolver { .. }
            | Role::Registry { .. } => true,
        };
        match (kind, act.class) {
            (OperatorKind::Own | OperatorKind::Consented, Class::Passive | Class::Polite) => Ok(()),
            (OperatorKind::Own | OperatorKind::Consented, Class::Active) if self.limit == Limit::None => Ok(()),
            (OperatorKind::Own | OperatorKind::Consented, Class::Active) => {
                refuse("active acts need authorisation.active".into())
            }
            (OperatorKind::Unknown, Class::Passive | Class::Polite) if declared => Ok(()),
            (OperatorKind::Shared | OperatorKind::PublicService, Class::Passive) if declared => Ok(()),
            _ => refuse(format!("{kind}: {by}")),
        }
    }
}
