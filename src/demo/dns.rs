//! DNS over UDP and TCP. The resolver answers a question with the RD bit as one does, every other as the zone's own server.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::zones::World;
use super::{Addresses, failed, listen};

/// A payload that is not fragmented.
const PAYLOAD: u16 = 1232;

/// Serves on one port of all addresses; gives the port.
pub(super) async fn serve(servers: &mut JoinSet<()>, addresses: &Addresses, world: Arc<World>) -> io::Result<u16> {
    let roles = Arc::new(Roles::new(addresses));
    let Addresses { resolver, ns1, ns2, party_ns1, party_ns2, .. } = *addresses;
    let (port, sockets, listeners) = listen::udp_and_tcp(&[resolver, ns1, ns2, party_ns1, party_ns2]).await?;
    for socket in sockets {
        let here = socket.local_addr()?.ip();
        let (world, roles) = (Arc::clone(&world), Arc::clone(&roles));
        servers.spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                if let Some(answer) = answer(&buffer[..length], here, &world, &roles, Some(PAYLOAD)) {
                    let _ = socket.send_to(&answer, peer).await;
                }
            }
        });
    }
    for listener in listeners {
        let here = listener.local_addr()?.ip();
        let (world, roles) = (Arc::clone(&world), Arc::clone(&roles));
        listen::each(servers, listener, move |stream| over_tcp(stream, here, Arc::clone(&world), Arc::clone(&roles)));
    }
    Ok(port)
}

async fn over_tcp(mut stream: TcpStream, here: IpAddr, world: Arc<World>, roles: Arc<Roles>) -> io::Result<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        let Some(answer) = answer(&question, here, &world, &roles, None) else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(failed("answering over TCP"))?;
        stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat()).await?;
    }
}

/// Who resolves, and which zone each server serves.
struct Roles {
    resolver: IpAddr,
    zones: Vec<(IpAddr, &'static str)>,
}

impl Roles {
    fn new(addresses: &Addresses) -> Self {
        // The second server of the party is named in DNS and knows nothing of it.
        let Addresses { resolver, ns1, ns2, party_ns1, .. } = *addresses;
        Self { resolver, zones: vec![(ns1, "cec.example"), (ns2, "cec.example"), (party_ns1, "party.example")] }
    }
}

/// The bytes of the answer; `None` for what is no question. Over UDP, `cap` is the largest that is sent whole.
fn answer(bytes: &[u8], here: IpAddr, world: &World, roles: &Roles, cap: Option<u16>) -> Option<Vec<u8>> {
    let question = Message::from_vec(bytes).ok()?;
    let query = question.queries.first()?.clone();
    let mut reply = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    let recursive = question.metadata.recursion_desired && here == roles.resolver;
    reply.metadata.recursion_desired = question.metadata.recursion_desired;
    reply.metadata.recursion_available = recursive;
    reply.metadata.checking_disabled = question.metadata.checking_disabled;
    let (name, kind) = (query.name().clone(), query.query_type());
    reply.add_query(query);
    let found = if recursive {
        world.resolve(&name, kind)
    } else {
        let mine = roles.zones.iter().filter(|(address, _)| *address == here);
        mine.into_iter().find_map(|(_, zone)| world.ask_zone(zone, &name, kind))
    };
    reply.metadata.authoritative = !recursive && found.is_some();
    match found {
        Some(found) => {
            let signed = question.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
            let wanted = |kind: RecordType| signed || !matches!(kind, RecordType::RRSIG | RecordType::NSEC);
            reply.answers = found.answers.into_iter().filter(|r| wanted(r.record_type())).collect();
            reply.authorities = found.authorities.into_iter().filter(|r| wanted(r.record_type())).collect();
            if found.no_such_name {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
        }
        None => reply.metadata.response_code = ResponseCode::Refused,
    }
    if let Some(asked) = &question.edns {
        if asked.version() > 0 {
            reply.metadata.response_code = ResponseCode::BADVERS;
            (reply.answers, reply.authorities) = (Vec::new(), Vec::new());
        }
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD).set_version(0).set_dnssec_ok(asked.flags().dnssec_ok);
        reply.set_edns(edns);
    }
    let whole = reply.to_vec().ok()?;
    let limit = cap.map(|cap| cap.min(question.edns.as_ref().map_or(512, |edns| edns.max_payload())));
    if limit.is_none_or(|limit| whole.len() <= usize::from(limit)) {
        return Some(whole);
    }
    reply.metadata.truncation = true;
    reply.answers.clear();
    reply.authorities.clear();
    reply.to_vec().ok()
}
