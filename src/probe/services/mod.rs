//! What is open, what speaks there, and whether it serves strangers.

mod greeting;
mod identify;
mod lines;
mod mysql;
mod port_list;
mod ports;
mod requests;
mod talk;
mod vnc;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Context;
use crate::estate::Scheme;
use crate::facts::{Access, AddressPorts, Observation, PortState, Protocol, Reason};
use crate::net::{Conn, NetError};
use crate::scope::{Act, Target};
use identify::{Door, Pace};
use port_list::{First, PORT_LIST};
use ports::{Knocker, Plan};
use requests::Speech;

/// The state of one port as the port list saw it.
pub type PortStates = BTreeMap<u16, Observation<PortState>>;

/// The first try of a port; a second gets twice that.
const KNOCK: Duration = Duration::from_secs(1);

/// Looks at the port list plus the `declared` ports on one address. Gives the summary and the state of every port looked at.
/// Where the target allows only its declared ports, only those are looked at. A declared port that may not be asked has its state
/// *not run* and is not in the summary.
pub async fn look_at_ports(context: &Context, target: &Target, declared: &[u16]) -> (AddressPorts, PortStates) {
    let declared: BTreeSet<u16> = declared.iter().copied().collect();
    let door = At { context, target, host: target.name(), port: 0, declared: &declared, scheme: None };
    let wanted = declared.iter().copied().chain(PORT_LIST.iter().map(|listed| listed.port));
    let (allowed, barred): (BTreeSet<u16>, BTreeSet<u16>) = wanted.partition(|port| door.may(*port).is_ok());
    let plan = Plan {
        address: target.address().to_string(),
        random: random_ports(&allowed).into_iter().filter(|port| door.may(*port).is_ok()).collect(),
        ports: allowed,
        declared: declared.clone(),
        patience: KNOCK.min(context.net.answer_time()),
    };
    let (summary, mut states) = ports::look(&door, &plan).await;
    for port in barred.intersection(&declared) {
        if let Err(why) = door.may(*port) {
            states.insert(*port, why.observation());
        }
    }
    (summary, states)
}

/// Three ports above 10000 that are neither listed nor declared. Without randomness none: the question is then not asked.
fn random_ports(known: &BTreeSet<u16>) -> Vec<u16> {
    let mut bytes = [0_u8; 16];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        return Vec::new();
    }
    let numbers = bytes.chunks_exact(2).map(|pair| 10_000 + u16::from_be_bytes([pair[0], pair[1]]) % 50_000);
    let fresh: BTreeSet<u16> = numbers.filter(|port| !known.contains(port)).collect();
    fresh.into_iter().take(3).collect()
}

/// Protocols whose purpose is to meet strangers, or to ask them who they are: the question of access is not theirs.
const MEETS_STRANGERS: [&str; 8] = ["ftp", "http", "imap", "pop3", "smtp", "ssh", "telnet", "tls"];

/// Identifies what speaks on an open port, and whether it serves strangers.
pub async fn identify(
    context: &Context,
    target: &Target,
    host: &str,
    port: u16,
    scheme: Option<Scheme>,
) -> (Observation<Protocol>, Observation<Access>) {
    if port_list::listed(port).is_some_and(|listed| listed.silent) {
        let why = format!("nothing is sent to port {port}: a printer would print it, a controller might act on it");
        return (Observation::not_run(Reason::Unsupported, &why), Observation::not_run(Reason::Unsupported, why));
    }
    let none = BTreeSet::new();
    let door = At { context, target, host, port, declared: &none, scheme };
    let declared = match scheme {
        Some(Scheme::Https) => Some(First::Tls),
        Some(Scheme::Http) => Some(First::Http),
        Some(Scheme::Tcp) | None => None,
    };
    let pace =
        Pace { greeting: Duration::from_millis(1200), answer: context.net.answer_time().min(Duration::from_secs(4)) };
    match identify::identify(&door, port, declared, &pace).await {
        Ok(found) => {
            let name = found.protocol.name.clone();
            let access = match found.access {
                Some(access) => Observation::observed(access),
                None if MEETS_STRANGERS.contains(&name.as_str()) => Observation::absent(),
                None => {
                    let why = format!("no single harmless request proves whether {name} serves strangers");
                    Observation::not_run(Reason::Unsupported, why)
                }
            };
            (Observation::observed(found.protocol), access)
        }
        Err(e) => {
            let e = NetError::new(e.reason, format!("port {port} of {}: {}", target.address(), e.detail));
            (e.observation(), e.observation())
        }
    }
}

/// One address, as the port list and the greetings see it.
struct At<'a> {
    context: &'a Context,
    target: &'a Target,
    host: &'a str,
    port: u16,
    declared: &'a BTreeSet<u16>,
    /// What the port is declared to speak: to speak just that is what any visitor does.
    scheme: Option<Scheme>,
}

impl At<'_> {
    /// A connection to a declared port is what any visitor makes; to another it is more.
    fn act(&self, port: u16) -> Act {
        if self.declared.contains(&port) { Act::passive(port) } else { Act::polite(port) }
    }
    fn may(&self, port: u16) -> Result<(), NetError> {
        let not_ours = |why: String| NetError::new(Reason::NotOurs, why);
        self.target.permits(self.act(port)).map_err(|why| not_ours(why.to_string()))?;
        let unmapped = || not_ours(format!("port {port} is not in the estate's port map"));
        self.context.net.mapped(port).map(drop).ok_or_else(unmapped)
    }
}

impl Knocker for At<'_> {
    async fn knock(&self, port: u16, patience: Duration) -> Result<(), NetError> {
        self.context.net.knock(self.target, self.act(port), patience).await.map(drop)
    }
}

impl Door for At<'_> {
    type Stream = Conn;

    fn host(&self) -> String {
        let scheme_default = self.port == 80;
        if scheme_default { self.host.to_owned() } else { format!("{}:{}", self.host, self.port) }
    }
    async fn open(&self, speech: Option<Speech>) -> Result<Conn, NetError> {
        let visit = self.scheme == Some(Scheme::Http) && speech == Some(Speech::Http);
        let act = if visit { Act::passive(self.port) } else { Act::polite(self.port) };
        self.context.net.connect(self.target, act).await
    }
    async fn open_tls(&self) -> Result<Option<String>, NetError> {
        let visit = self.scheme == Some(Scheme::Https);
        let act = if visit { Act::passive(self.port) } else { Act::polite(self.port) };
        let version = super::tls::version(self.context, self.target, act, self.host).await?;
        Ok(version.map(|version| readable(&version)))
    }
}

/// `TLSv1_3` as `1.3`.
fn readable(version: &str) -> String {
    version.trim_start_matches("TLSv").replace('_', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles only while the scheduler can spawn the looks.
    #[allow(dead_code)]
    fn the_looks_can_be_spawned(context: &Context, target: &Target) -> impl Send {
        (look_at_ports(context, target, &[]), identify(context, target, "www.cec.example", 1, None))
    }

    #[test]
    fn random_ports_are_high_and_not_known() {
        let known: BTreeSet<u16> = (10_000..35_000).collect();
        for port in random_ports(&known) {
            assert!(port >= 35_000);
        }
        assert_eq!(random_ports(&BTreeSet::new()).len(), 3);
    }

    #[test]
    fn a_tls_version_is_written_as_people_do() {
        assert_eq!(readable("TLSv1_3"), "1.3");
    }
}
