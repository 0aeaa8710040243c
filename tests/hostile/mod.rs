//! Name servers that do what no real one does. A world of four addresses on loopback with one free port: a root, a resolver, a sound server
//! of the zone, and one that misbehaves. Each is a thread for UDP and one for TCP.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, MX, NS, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

pub(crate) const ZONE: &str = "cec.example";
/// The one that misbehaves.
pub(crate) const ODD: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 1);
/// Its twin that behaves.
pub(crate) const SOUND: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 2);
pub(crate) const ROOT: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 3);
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 4);
/// Nobody may be sent here: no declared zone has it.
pub(crate) const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 5);

/// What is put on the wire for an answer.
pub(crate) enum Wire {
    /// One packet, or one message with its length in front over TCP.
    Message(Vec<u8>),
    /// Bytes as they are, over TCP; over UDP a packet.
    Raw(Vec<u8>),
    /// From another address than the one that was asked.
    FromElsewhere(Vec<u8>),
    /// The connection is reset; over UDP nothing.
    Reset,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Via {
    Udp,
    Tcp,
}

/// From the question and the sound answer to what is sent, in order.
pub(crate) type Behaviour = fn(&Message, Message, Via) -> Vec<Wire>;

pub(crate) fn sound(_: &Message, answer: Message, _: Via) -> Vec<Wire> {
    vec![Wire::Message(bytes(&answer))]
}

pub(crate) fn bytes(message: &Message) -> Vec<u8> {
    message.to_vec().expect("a message")
}

/// The servers; they end with it.
pub(crate) struct World {
    pub(crate) port: u16,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// How often each address was asked.
    asked: Arc<Mutex<Vec<Ipv4Addr>>>,
}

type Answer = Arc<dyn Fn(&Message, Via) -> Vec<Wire> + Send + Sync>;

impl World {
    /// With a zone that has these name servers beside the two.
    pub(crate) fn new(odd: Behaviour, more: &[(String, Ipv4Addr)]) -> Self {
        let zone = Arc::new(Zone::new(more));
        let (udp, port) = sockets();
        let mut world = Self { port, stop: Arc::default(), threads: Vec::new(), asked: Arc::default() };
        for (address, sockets) in udp {
            let zone = Arc::clone(&zone);
            let answer: Answer = match address {
                ODD => Arc::new(move |query, via| odd(query, zone.authority(query), via)),
                ROOT => Arc::new(move |query, via| sound(query, zone.referral(query), via)),
                RESOLVER => Arc::new(move |query, via| sound(query, zone.resolved(query), via)),
                _ => Arc::new(move |query, via| sound(query, zone.authority(query), via)),
            };
            world.serve(address, sockets, answer);
        }
        world
    }

    /// Questions that an address got, over UDP and TCP.
    pub(crate) fn asked(&self, address: Ipv4Addr) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|one| **one == address).count()
    }

    fn serve(&mut self, address: Ipv4Addr, (udp, tcp): (UdpSocket, TcpListener), answer: Answer) {
        udp.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        tcp.set_nonblocking(true).expect("a listener");
        let elsewhere = UdpSocket::bind((Ipv4Addr::new(127, 0, 53, 9), 0)).expect("a socket");
        let (stop, asked, over_tcp) = (Arc::clone(&self.stop), Arc::clone(&self.asked), Arc::clone(&answer));
        let count = move || asked.lock().unwrap_or_else(PoisonError::into_inner).push(address);
        let counted = count.clone();
        self.threads.push(std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !stop.load(Ordering::Relaxed) {
                let Ok((length, from)) = udp.recv_from(&mut buffer) else { continue };
                counted();
                let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
                for wire in answer(&query, Via::Udp) {
                    let _ = match wire {
                        Wire::Message(bytes) | Wire::Raw(bytes) => udp.send_to(&bytes, from),
                        Wire::FromElsewhere(bytes) => elsewhere.send_to(&bytes, from),
                        Wire::Reset => Ok(0),
                    };
                }
            }
        }));
        let stop = Arc::clone(&self.stop);
        self.threads.push(std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                match tcp.accept() {
                    Ok((stream, _)) => {
                        count();
                        let answer = Arc::clone(&over_tcp);
                        std::thread::spawn(move || drop(converse(stream, &answer)));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        }));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One question of a connection, and what it gets.
fn converse(mut stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut raw = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut raw)?;
    let Ok(query) = Message::from_vec(&raw) else { return Ok(()) };
    for wire in answer(&query, Via::Tcp) {
        match wire {
            Wire::Message(bytes) | Wire::FromElsewhere(bytes) => {
                let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
                stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat())?;
            }
            // Closed with no time to linger, a connection is reset.
            Wire::Reset => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?,
            Wire::Raw(bytes) => {
                // Byte by byte, as nobody who means well would.
                for byte in bytes {
                    stream.write_all(&[byte])?;
                    stream.flush()?;
                }
            }
        }
    }
    Ok(())
}

type Sockets = Vec<(Ipv4Addr, (UdpSocket, TcpListener))>;

/// One port that is free at every address, over UDP and TCP.
fn sockets() -> (Sockets, u16) {
    for _ in 0..200 {
        let first = UdpSocket::bind((ODD, 0)).expect("a socket");
        let port = first.local_addr().expect("an address").port();
        let mut udp = vec![(ODD, first)];
        let rest = [SOUND, ROOT, RESOLVER, STRANGER];
        udp.extend(rest.into_iter().filter_map(|address| Some((address, UdpSocket::bind((address, port)).ok()?))));
        let both: Sockets = udp
            .into_iter()
            .filter_map(|(address, udp)| Some((address, (udp, TcpListener::bind((address, port)).ok()?))))
            .collect();
        if both.len() == 5 {
            return (both, port);
        }
    }
    panic!("no port is free at five addresses of loopback");
}

/// What is true.
struct Zone {
    servers: Vec<(Name, Ipv4Addr)>,
}

impl Zone {
    fn new(more: &[(String, Ipv4Addr)]) -> Self {
        let two = [("ns1.cec.example", ODD), ("ns2.cec.example", SOUND)];
        let more = more.iter().map(|(name, address)| (name.as_str(), *address));
        Self { servers: two.into_iter().chain(more).map(|(text, address)| (name(text), address)).collect() }
    }

    fn records(&self, asked: &Name, kind: RecordType) -> Option<Vec<Record>> {
        let of = |data: Vec<RData>| data.into_iter().map(|data| Record::from_rdata(asked.clone(), 300, data)).collect();
        let zone = name(ZONE);
        if let Some((_, address)) = self.servers.iter().find(|(server, _)| server == asked) {
            return Some(if kind == RecordType::A { of(vec![RData::A(A(*address))]) } else { Vec::new() });
        }
        if *asked == name("_dmarc.cec.example") {
            let dmarc = RData::TXT(TXT::new(vec!["v=DMARC1; p=reject".into()]));
            return Some(if kind == RecordType::TXT { of(vec![dmarc]) } else { Vec::new() });
        }
        (*asked == zone).then(|| match kind {
            RecordType::SOA => of(vec![self.soa()]),
            RecordType::NS => of(self.servers.iter().map(|(server, _)| RData::NS(NS(server.clone()))).collect()),
            RecordType::MX => of(vec![RData::MX(MX::new(0, Name::root()))]),
            RecordType::TXT => of(vec![RData::TXT(TXT::new(vec!["v=spf1 -all".into()]))]),
            _ => Vec::new(),
        })
    }

    fn soa(&self) -> RData {
        RData::SOA(SOA::new(self.servers[0].0.clone(), name("hostmaster.cec.example"), 7, 14_400, 3600, 1_209_600, 300))
    }

    /// As a server of the zone answers.
    fn authority(&self, query: &Message) -> Message {
        let mut answer = answer_to(query);
        let Some(question) = query.queries.first() else { return answer };
        if query.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            // BADVERS: the upper bits stand in EDNS.
            answer.metadata.response_code = ResponseCode::BADVERS;
            return answer;
        }
        let is_ours = name(ZONE).zone_of(question.name()) && question.query_type() != RecordType::AXFR;
        if !is_ours {
            answer.metadata.response_code = ResponseCode::Refused;
            return answer;
        }
        answer.metadata.authoritative = true;
        self.fill(&mut answer, question.name(), question.query_type());
        answer
    }

    fn fill(&self, answer: &mut Message, asked: &Name, kind: RecordType) {
        let records = self.records(asked, kind);
        if records.is_none() {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        answer.answers = records.unwrap_or_default();
        if answer.answers.is_empty() {
            answer.authorities.push(Record::from_rdata(name(ZONE), 300, self.soa()));
        }
    }

    /// As the root answers: where the zone is.
    fn referral(&self, query: &Message) -> Message {
        let mut answer = answer_to(query);
        let ns = |(server, _): &(Name, Ipv4Addr)| Record::from_rdata(name(ZONE), 300, RData::NS(NS(server.clone())));
        let glue =
            |(server, address): &(Name, Ipv4Addr)| Record::from_rdata(server.clone(), 300, RData::A(A(*address)));
        answer.authorities = self.servers.iter().map(ns).collect();
        answer.additionals = self.servers.iter().map(glue).collect();
        answer
    }

    /// As a resolver answers, of a world without signatures.
    fn resolved(&self, query: &Message) -> Message {
        let mut answer = answer_to(query);
        answer.metadata.recursion_available = true;
        if let Some(question) = query.queries.first() {
            self.fill(&mut answer, question.name(), question.query_type());
        }
        answer
    }
}

fn answer_to(query: &Message) -> Message {
    let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    answer.queries.clone_from(&query.queries);
    if query.edns.is_some() {
        answer.set_edns(Edns::new());
    }
    answer
}

pub(crate) fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name");
    name.set_fqdn(true);
    name
}

/// An estate with the zone, whose DNS is in this world.
pub(crate) fn estate(port: u16) -> String {
    format!(
        "schema = 1\n[authority]\nname = \"Commission\"\n[scan]\nprivate = true\nresolver = \"{RESOLVER}:{port}\"\nroot_hints = \"hints\"\n\
         port_map = {{ 53 = {port} }}\nrate = {{ per_host = 1000, total = 5000 }}\n\
         [[asset]]\nzone = \"{ZONE}\"\nfunction = \"authority-domain\"\ncriticality = \"critical\"\nowner = \"IT\"\n\
         mail = {{ sends = false, receives = false }}\n"
    )
}

/// The root of this world.
pub(crate) fn hints() -> String {
    format!(". 3600 IN NS root.example.\nroot.example. 3600 IN A {ROOT}\n")
}

/// For addresses in tables of facts.
pub(crate) fn place(server: &str, address: Ipv4Addr) -> String {
    format!("{server}/{}", IpAddr::V4(address))
}
