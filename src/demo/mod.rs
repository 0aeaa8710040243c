//! A small flawed election estate, served on loopback inside this process: DNS with a root of its own, websites, a store that
//! should not be open. It knows nothing of the rest of this crate, and is audited by it like anybody else's.
//!
//! All ports are chosen by the system and reached through the estate's `port_map`, so that nothing else on this machine is
//! ever spoken to. On Linux every machine of the estate has its own 127.x.y.z; where the system has only 127.0.0.1 they share it.

mod certificates;
mod dns;
mod estate;
mod listen;
mod store;
mod web;
mod zone;
mod zones;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::task::JoinSet;

/// The running estate; its servers stop when it is dropped.
#[derive(Debug)]
pub struct Demo {
    /// The estate file to audit.
    pub estate: PathBuf,
    _servers: JoinSet<()>,
}

/// Where each machine stands.
#[derive(Clone, Copy, Debug)]
struct Addresses {
    resolver: IpAddr,
    ns1: IpAddr,
    ns2: IpAddr,
    party_ns1: IpAddr,
    party_ns2: IpAddr,
    www: IpAddr,
    results: IpAddr,
    register: IpAddr,
    /// Nobody listens here.
    media: IpAddr,
    mail: IpAddr,
}

impl Addresses {
    /// Own addresses if the system has the whole of 127.0.0.0/8, else one for all.
    fn new(own: bool) -> Self {
        let at =
            |network, host| IpAddr::V4(if own { Ipv4Addr::new(127, 0, network, host) } else { Ipv4Addr::LOCALHOST });
        Self {
            resolver: at(0, 1),
            ns1: at(53, 1),
            ns2: at(54, 1),
            party_ns1: at(55, 1),
            party_ns2: at(55, 2),
            www: at(10, 1),
            results: at(20, 1),
            register: at(30, 1),
            media: at(40, 1),
            mail: at(25, 1),
        }
    }
}

/// Nominal ports and the ones that the system chose.
#[derive(Clone, Copy, Debug)]
struct Ports {
    dns: u16,
    http: u16,
    https: u16,
    store: u16,
}

/// Starts the estate's servers and writes its files (`estate.toml`, `demo-root.key`, `demo-ca.pem`) into `folder`.
///
/// # Errors
/// A port cannot be had or a file not be written.
pub async fn serve(folder: &Path) -> io::Result<Demo> {
    let now = now();
    let addresses = Addresses::new(listen::has_whole_loopback().await);
    let authority = certificates::Authority::new(now)?;
    let world = Arc::new(zones::world(&addresses, now)?);
    let mut servers = JoinSet::new();
    let ports = Ports {
        dns: dns::serve(&mut servers, &addresses, Arc::clone(&world)).await?,
        http: web::serve_plain(&mut servers, &addresses).await?,
        https: web::serve_tls(&mut servers, &addresses, &authority, now).await?,
        store: store::serve(&mut servers, addresses.register).await?,
    };
    std::fs::write(folder.join("demo-root.key"), world.trust_anchor())?;
    std::fs::write(folder.join("demo-ca.pem"), authority.pem())?;
    let estate = folder.join("estate.toml");
    std::fs::write(&estate, estate::text(now, &addresses, ports))?;
    Ok(Demo { estate, _servers: servers })
}

#[expect(clippy::disallowed_methods, reason = "the demo's calendar and certificates begin today")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Somebody else's error as an I/O error, with what was being done.
fn failed<E: std::fmt::Display>(doing: &str) -> impl FnOnce(E) -> io::Error {
    let doing = doing.to_owned();
    move |error| io::Error::other(format!("{doing}: {error}"))
}
