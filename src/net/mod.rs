//! The only code that opens a socket. It dials [`Target`]s and nothing else, applies the estate's port map, keeps the
//! rates, counts and logs every connection and datagram, and turns each error into a stable [`Reason`].

#![expect(clippy::disallowed_methods, reason = "this is the module that opens sockets")]

mod conn;
mod dns;
mod error;
mod http;
mod log;
mod patience;
mod rate;
mod system;

pub use conn::Conn;
pub use dns::{Answered, DnsBytes, DnsReply, Transport, exercise as exercise_dns};
pub use error::{NetError, is_alert};
pub use http::{HttpReply, HttpRequest, USER_AGENT, fetch};
pub use log::{ConnectionLog, LogEntry};
pub use system::system_resolvers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use crate::facts::{Reason, Traffic};
use crate::scope::{Act, Role, Target};
use patience::Patience;
use rate::Rates;

/// A name server that takes longer is as good as dead to a resolver, which turns to the next one much earlier.
const NAME_SERVER_PACE: Duration = Duration::from_secs(1);

/// How long to wait for what, and how much at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For a TCP connection to open, or one answer to arrive. A second, last try gets twice that.
    pub answer: Duration,
    /// Connections at once to one address.
    pub per_address: usize,
    /// Connections or datagrams a second to one address, and in all.
    pub rate: (u32, u32),
    /// Connections that the enumeration of one TLS endpoint may take.
    pub connections: u32,
    /// Nominal port to dialled port; only of a private estate.
    pub port_map: BTreeMap<u16, u16>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            per_address: 4,
            rate: (5, 50),
            connections: 400,
            port_map: BTreeMap::new(),
        }
    }
}

/// The dialer of a run.
#[derive(Debug)]
pub struct Net {
    limits: Limits,
    rates: Rates,
    patience: Patience,
    log: Arc<ConnectionLog>,
}

impl Net {
    /// A dialer with these limits, writing to this log.
    pub fn new(limits: Limits, log: ConnectionLog) -> Self {
        let rates = Rates::new(&limits);
        Self { limits, rates, patience: Patience::default(), log: Arc::new(log) }
    }
    /// The patience for one answer.
    pub fn answer_time(&self) -> Duration {
        self.limits.answer
    }
    /// The connections that the enumeration of one TLS endpoint may take.
    pub fn connections(&self) -> u32 {
        self.limits.connections
    }
    /// The port that is really dialled for a nominal one; with a port map, `None` for a port that is not in it.
    pub fn mapped(&self, nominal: u16) -> Option<u16> {
        if self.limits.port_map.is_empty() { Some(nominal) } else { self.limits.port_map.get(&nominal).copied() }
    }
    /// What was sent so far.
    pub fn traffic(&self) -> Traffic {
        self.log.traffic()
    }

    /// Opens a TCP connection for one permitted act. A timeout is tried once more, more slowly; after several in a row the
    /// address is left alone.
    ///
    /// # Errors
    /// Not permitted, or not connected, with the reason.
    pub async fn connect(&self, target: &Target, act: Act) -> Result<Conn, NetError> {
        let address = self.address(target, act)?;
        self.patience.check(target)?;
        let pace = self.pace(target);
        let outcome = match self.dial(target, act, address, pace).await {
            Err(e) if e.reason == Reason::Timeout => self.dial(target, act, address, pace * 2).await,
            outcome => outcome,
        };
        self.patience.note(target, &outcome);
        outcome
    }

    /// As [`Net::connect`], with one short try and no second: for the port list, which has its own second pass.
    ///
    /// # Errors
    /// As for [`Net::connect`].
    pub async fn knock(&self, target: &Target, act: Act, patience: Duration) -> Result<Conn, NetError> {
        let address = self.address(target, act)?;
        self.dial(target, act, address, patience).await
    }

    /// Sends one datagram and waits for an answer that `accept` recognises; others are ignored. Tried twice. Adds to `waited` how
    /// long that took, our own pace aside.
    ///
    /// # Errors
    /// Not permitted, or no such answer in time.
    async fn ask(
        &self,
        target: &Target,
        act: Act,
        payload: &[u8],
        accept: impl Fn(&[u8]) -> bool,
        waited: &mut Duration,
    ) -> Result<Vec<u8>, NetError> {
        let address = self.address(target, act)?;
        self.patience.check(target)?;
        let pace = self.pace(target);
        let (took, mut outcome) = self.datagram(target, act, address, payload, &accept, pace / 2).await;
        *waited += took;
        if matches!(&outcome, Err(e) if e.reason == Reason::Timeout) {
            let (took, second) = self.datagram(target, act, address, payload, &accept, pace).await;
            *waited += took;
            outcome = second;
        }
        self.patience.note(target, &outcome);
        outcome
    }

    /// The patience for one answer of this target.
    fn pace(&self, target: &Target) -> Duration {
        match target.role() {
            Role::NameServer { .. } | Role::Parent { .. } => self.limits.answer.min(NAME_SERVER_PACE),
            Role::Host { .. } | Role::PolicyHost { .. } | Role::Registry { .. } | Role::Resolver { .. } => {
                self.limits.answer
            }
        }
    }

    /// Checks permission and maps the port.
    fn address(&self, target: &Target, act: Act) -> Result<SocketAddr, NetError> {
        if let Err(not_ours) = target.permits(act) {
            self.log.refuse(target, act, &not_ours);
            return Err(NetError::new(Reason::NotOurs, not_ours.to_string()));
        }
        // The resolver is given with its real port; everything else by nominal port.
        let port = match target.role() {
            Role::Resolver { port } => Some(*port),
            _ => self.mapped(act.port),
        };
        let port = port.ok_or_else(|| {
            NetError::new(Reason::NotOurs, format!("port {} is not in the estate's port map", act.port))
        })?;
        Ok(SocketAddr::new(target.address(), port))
    }

    async fn dial(&self, target: &Target, act: Act, address: SocketAddr, patience: Duration) -> Result<Conn, NetError> {
        let place = self.rates.admit(target).await;
        let entry = self.log.open(target, act, address, "tcp");
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let opened = match socket {
            Ok(socket) => timeout(patience, socket.connect(address)).await,
            Err(e) => Ok(Err(e)),
        };
        match opened {
            Ok(Ok(stream)) if is_self_connect(&stream) => {
                self.log.fail(entry, "refused");
                Err(NetError::new(Reason::Refused, format!("{address} refused the connection")))
            }
            Ok(Ok(stream)) => Ok(Conn::new(stream, Arc::clone(&self.log), entry, place)),
            Ok(Err(e)) => {
                let error = NetError::from_io(&e, &format!("connecting to {address}"));
                self.log.fail(entry, &error.reason.word());
                Err(error)
            }
            Err(_) => {
                self.log.fail(entry, "timeout");
                Err(NetError::new(
                    Reason::Timeout,
                    format!("{address} did not accept a connection within {} s", patience.as_secs_f32()),
                ))
            }
        }
    }

    async fn datagram(
        &self,
        target: &Target,
        act: Act,
        address: SocketAddr,
        payload: &[u8],
        accept: &impl Fn(&[u8]) -> bool,
        patience: Duration,
    ) -> (Duration, Result<Vec<u8>, NetError>) {
        let _place = self.rates.admit(target).await;
        let begun = Instant::now();
        let entry = self.log.open(target, act, address, "udp");
        let exchange = async {
            let any: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
            // A fresh socket per question gives a fresh source port; connecting it drops answers from elsewhere.
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            socket.send(payload).await?;
            self.log.sent(entry, payload.len());
            let mut buffer = vec![0; 65_535];
            loop {
                let n = socket.recv(&mut buffer).await?;
                self.log.received(entry, n);
                if accept(&buffer[..n]) {
                    return Ok::<_, std::io::Error>(buffer[..n].to_vec());
                }
            }
        };
        let outcome = timeout(patience, exchange).await;
        let result = match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(e)) => Err(NetError::from_io(&e, &format!("asking {address} over UDP"))),
            Err(_) => Err(NetError::new(
                Reason::Timeout,
                format!("{address} did not answer over UDP within {} s", patience.as_secs_f32()),
            )),
        };
        self.log.close(entry, &result.as_ref().map_or_else(|e| e.reason.word(), |_| "answered".into()));
        (begun.elapsed(), result)
    }
}

/// On loopback a connect into the ephemeral range can meet itself; that is no server.
fn is_self_connect(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(a), Ok(b)) if a == b)
}
