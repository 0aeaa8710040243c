//! Listeners on several loopback addresses at one port that the system chose.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// How often a port that is taken on one of the addresses is given back for another.
const TRIES: usize = 50;

/// Whether the system gives out addresses of 127.0.0.0/8 beside 127.0.0.1, as Linux does.
pub(super) async fn has_whole_loopback() -> bool {
    TcpListener::bind((Ipv4Addr::new(127, 0, 99, 1), 0)).await.is_ok()
}

/// TCP at one port of all these addresses.
pub(super) async fn tcp(addresses: &[IpAddr]) -> io::Result<(u16, Vec<TcpListener>)> {
    for _ in 0..TRIES {
        match tcp_at(addresses, 0).await {
            Ok(bound) => return Ok(bound),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
            Err(e) => return Err(e),
        }
    }
    tcp_at(addresses, 0).await
}

/// UDP and TCP at one port of all these addresses.
#[expect(clippy::disallowed_methods, reason = "the demo listens; it sends answers only")]
pub(super) async fn udp_and_tcp(addresses: &[IpAddr]) -> io::Result<(u16, Vec<UdpSocket>, Vec<TcpListener>)> {
    let addresses = distinct(addresses);
    let mut last = None;
    for _ in 0..TRIES {
        let (port, listeners) = tcp(&addresses).await?;
        let mut sockets = Vec::new();
        for address in &addresses {
            match UdpSocket::bind((*address, port)).await {
                Ok(socket) => sockets.push(socket),
                Err(e) => last = Some(e),
            }
        }
        if sockets.len() == addresses.len() {
            return Ok((port, sockets, listeners));
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("no port is free on all addresses")))
}

async fn tcp_at(addresses: &[IpAddr], first: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let mut port = first;
    let mut listeners = Vec::new();
    for address in distinct(addresses) {
        let listener = TcpListener::bind(SocketAddr::new(address, port)).await?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok((port, listeners))
}

fn distinct(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut distinct = addresses.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

/// Talks with whoever comes, until the set of servers is dropped.
pub(super) fn each<F, T>(servers: &mut JoinSet<()>, listener: TcpListener, talk: F)
where
    F: Fn(TcpStream) -> T + Send + Sync + 'static,
    T: Future<Output = io::Result<()>> + Send + 'static,
{
    servers.spawn(async move {
        // The set lives in this task: when the task is aborted, so are the conversations.
        let mut conversations = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let conversation = talk(stream);
            conversations.spawn(async move {
                // A visitor who goes away in the middle is no fault of the demo.
                let _ = conversation.await;
            });
            while conversations.try_join_next().is_some() {}
        }
    });
}
