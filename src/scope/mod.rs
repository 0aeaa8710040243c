//! The allow-list: the only maker of [`Target`]s. A target carries what may be asked of it (design §8).

mod address;
mod permission;
mod providers;
mod roots;
mod target;

pub use address::use_kind;
pub use permission::{Act, Class, NotOurs};
pub use target::{Role, Target};

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use time::OffsetDateTime;

use crate::estate::{Asset, AssetKind, Estate, OperatorKind, Rdap, ScanDuringFreeze};
use providers::provider_of;
use target::Limit;

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
    root_hints: Option<String>,
    now: OffsetDateTime,
}

impl Scope {
    /// `resolvers`: the estate's, or the system's. `now` decides about the authorisation's period and freezes.
    pub fn new(estate: Arc<Estate>, resolvers: Vec<SocketAddr>, now: OffsetDateTime) -> Self {
        Self { estate, resolvers, root_hints: None, now }
    }
    /// With the text of the estate's root hints.
    #[must_use]
    pub fn with_root_hints(self, root_hints: Option<String>) -> Self {
        Self { root_hints, ..self }
    }
    /// The declaration behind this scope.
    pub fn estate(&self) -> &Estate {
        &self.estate
    }
    /// Whose an address of a declared asset is: the estate's operators first (the longest network wins), then the provider table,
    /// else asserted own (or unknown for a bare host).
    pub fn ownership(&self, address: IpAddr) -> Ownership {
        let claims =
            self.estate.operators.iter().flat_map(|operator| operator.networks.iter().map(move |net| (operator, net)));
        if let Some((operator, _)) =
            claims.filter(|(_, net)| net.contains(&address)).max_by_key(|(_, net)| net.prefix_len())
        {
            return Ownership { kind: operator.kind, by: format!("estate operator {}", operator.name) };
        }
        if let Some((provider, date)) = provider_of(address) {
            return Ownership { kind: provider.kind, by: format!("provider table ({date}): {}", provider.name) };
        }
        if self.estate.bare {
            return Ownership { kind: OperatorKind::Unknown, by: "named on the command line".into() };
        }
        Ownership { kind: OperatorKind::Own, by: "asserted by the estate's author".into() }
    }

    /// The resolvers: any question.
    pub fn resolvers(&self) -> Vec<Target> {
        let ownership = Ownership { kind: OperatorKind::Unknown, by: "the configured resolver".into() };
        let target = |resolver: &SocketAddr| Target {
            name: "resolver".into(),
            address: resolver.ip(),
            ownership: ownership.clone(),
            role: Role::Resolver { port: resolver.port() },
            limit: Limit::None,
        };
        self.resolvers.iter().map(target).collect()
    }

    /// An address of a declared host.
    ///
    /// # Errors
    /// The host is not declared; its address is special-use and the estate is not private; a freeze forbids looking.
    pub fn host(&self, host: &str, address: IpAddr) -> Result<Target, NotOurs> {
        let asset = self.estate.asset(host);
        let Some(AssetKind::Host { services, addresses, origins, .. }) = asset.map(|asset| &asset.kind) else {
            return Err(NotOurs(format!("not ours to ask ({host} is not declared)")));
        };
        if !addresses.is_empty() && !addresses.contains(&address) && !origins.contains(&address) {
            return Err(NotOurs(format!("not ours to ask ({address} is not among the declared addresses of {host})")));
        }
        let declared = services.iter().map(|service| service.port).collect();
        self.target(host, address, Role::Host { declared })
    }

    /// A name server of a declared zone: DNS questions about that zone.
    ///
    /// # Errors
    /// As for [`Scope::host`].
    pub fn name_server(&self, zone: &str, server: &str, address: IpAddr) -> Result<Target, NotOurs> {
        if !self.estate.zones().any(|asset| asset.name() == zone) {
            return Err(NotOurs(format!("not ours to ask (the zone {zone} is not declared)")));
        }
        self.target(server, address, Role::NameServer { zone: zone.to_owned() })
    }

    /// The RDAP server that the estate names for a zone, at one of its addresses.
    ///
    /// # Errors
    /// The estate names another server or none, or as for [`Scope::host`].
    pub fn registry(&self, zone: &str, server: &str, address: IpAddr, port: u16) -> Result<Target, NotOurs> {
        let named = |asset: &Asset| match &asset.kind {
            AssetKind::Zone { rdap: Some(Rdap::At(url)), .. } => {
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
                asset.name() == zone && host == server && url.port_or_known_default() == Some(port)
            }
            _ => false,
        };
        if !self.estate.zones().any(named) {
            return Err(NotOurs(format!(
                "not ours to ask (the estate does not name {server} as the registry of {zone})"
            )));
        }
        self.target(server, address, Role::Registry { port })
    }

    /// The policy host of MTA-STS of a declared zone that receives mail: one GET over HTTPS.
    ///
    /// # Errors
    /// The zone is not declared or declared to receive no mail; else as for [`Scope::host`].
    pub fn policy_host(&self, zone: &str, address: IpAddr) -> Result<Target, NotOurs> {
        let asset = self.estate.zones().find(|asset| asset.name() == zone);
        let Some(AssetKind::Zone { mail, .. }) = asset.map(|asset| &asset.kind) else {
            return Err(NotOurs(format!("not ours to ask (the zone {zone} is not declared)")));
        };
        if mail.receives == Some(false) {
            return Err(NotOurs(format!("not ours to ask ({zone} is declared to receive no mail)")));
        }
        self.target(&format!("mta-sts.{zone}"), address, Role::PolicyHost { zone: zone.to_owned() })
    }

    /// Name and address of every server of the root zone: the estate's hints, or the public ones. A private estate has a root of
    /// its own or none.
    ///
    /// # Errors
    /// The estate is private and names no root.
    pub fn root_servers(&self) -> Result<Vec<(String, IpAddr)>, NotOurs> {
        match &self.root_hints {
            Some(hints) => Ok(roots::read_hints(hints)),
            None if self.estate.scan.private => Err(NotOurs(
                "not ours to ask (a private estate has no public root; [scan] root_hints names its own)".into(),
            )),
            None => Ok(roots::public()),
        }
    }

    /// A server of the root, or of another zone above a declared one: the delegation of that zone, and nothing else.
    ///
    /// # Errors
    /// As for [`Scope::host`].
    pub fn parent_server(&self, zone: &str, server: &str, address: IpAddr) -> Result<Target, NotOurs> {
        let mut target = self.name_server(zone, server, address)?;
        target.role = Role::Parent { zone: zone.to_owned() };
        target.ownership = Ownership { kind: OperatorKind::Unknown, by: format!("a server above {zone}") };
        Ok(target)
    }

    fn target(&self, name: &str, address: IpAddr, role: Role) -> Result<Target, NotOurs> {
        // A name in public DNS may point into the assessor's own network; following it there would look at somebody else's machines.
        // A private estate may also hold public addresses: a lab seldom does, an inside look often.
        let kind = use_kind(address);
        if kind != "public" && !self.estate.scan.private {
            return Err(NotOurs(format!(
                "not ours to ask ({address} is {kind} address space; only an estate with private = true may be there)"
            )));
        }
        Ok(Target { name: name.to_owned(), address, ownership: self.ownership(address), role, limit: self.limit()? })
    }

    /// What the calendar and the authorisation leave of the permissions.
    fn limit(&self) -> Result<Limit, NotOurs> {
        let today = self.now.date();
        let frozen = self
            .estate
            .elections
            .iter()
            .flat_map(|e| &e.freeze)
            .find(|f| (f.period.from..=f.period.until).contains(&today));
        match frozen {
            Some(freeze) if freeze.scan == ScanDuringFreeze::None => {
                return Err(NotOurs(format!("not ours to ask (freeze until {})", freeze.period.until)));
            }
            Some(freeze) => return Ok(Limit::PassiveOnly(format!("freeze until {}", freeze.period.until))),
            None => {}
        }
        Ok(match &self.estate.authorisation {
            Some(granted) if !(granted.period.from..=granted.period.until).contains(&today) => Limit::PassiveOnly(
                format!("the authorisation runs from {} until {}", granted.period.from, granted.period.until),
            ),
            Some(granted) if granted.active => Limit::None,
            _ => Limit::NoActive,
        })
    }
}

/// Two name servers and the resolver of an estate, for the tests of whoever is handed targets.
#[cfg(test)]
pub(crate) fn some_targets() -> [Target; 3] {
    let text =
        "schema = 1\n[authority]\nname = \"CEC\"\n[[asset]]\nzone = \"cec.test\"\nfunction = \"authority-domain\"\n";
    let estate = std::sync::Arc::new(Estate::parse("estate.toml", text).unwrap());
    let scope = Scope::new(estate, vec![([9, 9, 9, 9], 53).into()], time::OffsetDateTime::UNIX_EPOCH);
    let server = |last| scope.name_server("cec.test", "ns.cec.test", [45, 1, 1, last].into()).unwrap();
    [server(1), server(2), scope.resolvers().remove(0)]
}
