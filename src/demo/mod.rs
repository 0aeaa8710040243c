//! A small flawed election estate, served on loopback inside this process: DNS with a root of its own, websites, a store that
//! should not be open. It knows nothing of the rest of this crate, and is audited by it like anybody else's.
//!
//! All ports are chosen by the system and reached through the estate's `port_map`, so that nothing else on this machine is
//! ever spoken to. On Linux every machine of the estate has its own 127.x.y.z; where the system has only 127.0.0.1 they share it,
//! and what needs an address of its own (the open store, the machine that does not answer, the lame server) is left out.

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
    /// Whether every machine has its own.
    fn are_own(&self) -> bool {
        self.www != self.results
    }
}

/// Nominal ports and the ones that the system chose.
#[derive(Clone, Copy, Debug)]
struct Ports {
    dns: u16,
    http: u16,
    https: u16,
    /// None where it would seem to be open on every machine.
    store: Option<u16>,
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
        store: match addresses.are_own() {
            true => Some(store::serve(&mut servers, addresses.register).await?),
            false => None,
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_that_share_one_address_show_no_flaw_that_would_look_like_everybodys() {
        let ports = Ports { dns: 1, http: 2, https: 3, store: None };
        let shared = estate::text(OffsetDateTime::UNIX_EPOCH, &Addresses::new(false), ports);
        assert!(!shared.contains("6379") && !shared.contains("media.cec.example"), "{shared}");
        let own = estate::text(OffsetDateTime::UNIX_EPOCH, &Addresses::new(true), Ports { store: Some(4), ..ports });
        assert!(own.contains("6379 = 4") && own.contains("media.cec.example"), "{own}");
    }

    #[tokio::test]
    async fn its_ports_are_free_again_when_it_is_dropped() {
        let folder = std::env::temp_dir().join(format!("scrutineer-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let demo = serve(&folder).await.unwrap();
        let text = std::fs::read_to_string(&demo.estate).unwrap();
        let map = text.lines().find(|line| line.starts_with("port_map")).unwrap();
        let port = map.split("443 = ").nth(1).unwrap();
        let port: u16 = port.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        drop(demo);
        tokio::task::yield_now().await;
        let www = Addresses::new(listen::has_whole_loopback().await).www;
        let mut again = tokio::net::TcpListener::bind((www, port)).await;
        for _ in 0..50 {
            if again.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            again = tokio::net::TcpListener::bind((www, port)).await;
        }
        assert!(again.is_ok(), "{again:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
