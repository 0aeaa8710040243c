//! A TLS server by script, without cryptography but where a fault needs it: it shows what no server that can be installed shows any
//! more. A script is a list of words, such as `suites=002F,0014 dh=512 heartbeat=bleed`; [`Script::parse`] has them all.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    reason = "a mock that cannot be set up has failed; not every test needs all of it"
)]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

mod cbc;
mod real;
mod script;

pub use script::Script;

/// Certificates with the RSA key of the first one.
#[derive(Clone)]
pub struct Identity {
    pub certificates: Vec<Vec<u8>>,
    pub key: Vec<u8>,
}

impl Identity {
    /// Reads PEM files.
    pub fn read(certificates: &[&Path], key: &Path) -> Self {
        let first = |path: &&Path| CertificateDer::from_pem_file(path).expect("a certificate").to_vec();
        let key = match PrivateKeyDer::from_pem_file(key).expect("a key") {
            PrivateKeyDer::Pkcs8(key) => key.secret_pkcs8_der().to_vec(),
            _ => panic!("a key in PKCS #8"),
        };
        Self { certificates: certificates.iter().map(first).collect(), key }
    }
}

/// Serves on its own threads until the process ends; gives the count of connections.
pub fn serve(listener: TcpListener, script: Script, identity: Identity) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let recent: Mutex<VecDeque<Instant>> = Mutex::default();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            if script.rate.is_some_and(|rate| too_many(&recent, rate)) {
                reset(&stream);
                continue;
            }
            let (script, identity) = (script.clone(), identity.clone());
            std::thread::spawn(move || drop(answer(stream, &script, &identity, number)));
        }
    });
    count
}

fn too_many(recent: &Mutex<VecDeque<Instant>>, rate: usize) -> bool {
    let mut recent = recent.lock().expect("a lock");
    while recent.front().is_some_and(|then| then.elapsed() > Duration::from_secs(1)) {
        recent.pop_front();
    }
    if recent.len() >= rate {
        return true;
    }
    recent.push_back(Instant::now());
    false
}

fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// What is read of a ClientHello.
#[derive(Default)]
struct Hello {
    legacy: u16,
    random: [u8; 32],
    versions: Vec<u16>,
    session: Vec<u8>,
    suites: Vec<u16>,
    compressions: Vec<u8>,
    extensions: Vec<(u16, Vec<u8>)>,
    length: usize,
}

impl Hello {
    fn extension(&self, kind: u16) -> Option<&[u8]> {
        self.extensions.iter().find(|(k, _)| *k == kind).map(|(_, body)| body.as_slice())
    }
    fn list(&self, kind: u16) -> Vec<u16> {
        self.extension(kind).map(|body| pairs(body.get(2..).unwrap_or_default())).unwrap_or_default()
    }
    fn read(body: &[u8]) -> Option<Self> {
        let mut hello = Self { length: body.len(), legacy: pairs(body.get(4..6)?)[0], ..Self::default() };
        hello.random = body.get(6..38)?.try_into().ok()?;
        let mut at = 4 + 2 + 32;
        let session = usize::from(*body.get(at)?);
        hello.session = body.get(at + 1..at + 1 + session)?.to_vec();
        at += 1 + session;
        let suites = usize::from(pairs(body.get(at..at + 2)?)[0]);
        hello.suites = pairs(body.get(at + 2..at + 2 + suites)?);
        at += 2 + suites;
        let methods = usize::from(*body.get(at)?);
        hello.compressions = body.get(at + 1..at + 1 + methods)?.to_vec();
        at += 1 + methods + 2;
        while let Some(head) = body.get(at..at + 4) {
            let (kind, length) = (pairs(head)[0], usize::from(pairs(head)[1]));
            hello.extensions.push((kind, body.get(at + 4..at + 4 + length)?.to_vec()));
            at += 4 + length;
        }
        hello.versions = match hello.extension(43) {
            Some(listed) => pairs(listed.get(1..)?),
            None => (0x0300..=hello.legacy.min(0x0303)).rev().collect(),
        };
        Some(hello)
    }
}

fn pairs(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

fn answer(mut stream: TcpStream, script: &Script, identity: &Identity, number: usize) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    let kept = match script.smtp {
        Some(keeps) => {
            let rest = start_tls(&mut stream)?;
            if let Some(how) = script.after.as_deref().filter(|_| !rest.is_empty()) {
                // The hello first: what comes before it is none of TLS.
                if stream.read(&mut [0; 4096])? == 0 {
                    return Ok(());
                }
                return instead(stream, how);
            }
            if keeps { rest } else { Vec::new() }
        }
        None => Vec::new(),
    };
    if let Some(bleeds) = script.tickets {
        return real::with_tickets(stream, identity, bleeds, script.after.as_deref());
    }
    if script.smtp.is_some() {
        return real::inside_tls(stream, identity, &kept);
    }
    let mut header = [0; 5];
    stream.read_exact(&mut header)?;
    if header[0] & 0x80 != 0 {
        return if script.ssl2 { ssl2(stream, identity) } else { refuse(stream, script, 70) };
    }
    let mut body = vec![0; usize::from(pairs(&header[3..])[0])];
    stream.read_exact(&mut body)?;
    let Some(hello) = Hello::read(&body) else { return refuse(stream, script, 50) };
    if script.tarpit {
        loop {
            stream.write_all(&[22])?;
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    if let Some(length) = script.record_length {
        stream.write_all(&[22, 3, 3, length.to_be_bytes()[0], length.to_be_bytes()[1], 2, 0, 0, 4, 0])?;
        std::thread::sleep(Duration::from_secs(5));
        return Ok(());
    }
    if let Some(alert) = script.alert {
        return refuse(stream, script, alert);
    }
    let grease = |code: &u16| code & 0x0F0F == 0x0A0A;
    let stumbles = script.intolerant.iter().any(|word| match word.as_str() {
        "grease" => hello.suites.iter().any(grease),
        "long" => hello.length > 1500,
        "current" => hello.extension(43).is_some(),
        "own-name" => hello.extension(15).is_some() && hello.extension(0).is_some(),
        _ => hello.legacy > 0x0304,
    });
    if stumbles {
        return refuse(stream, script, 50);
    }
    let Some(version) = script.versions.iter().copied().filter(|v| hello.versions.contains(v)).max() else {
        return refuse(stream, script, 70);
    };
    let newest = script.versions.iter().copied().max().unwrap_or(version);
    if hello.suites.contains(&0x5600) && version < newest && !script.ignores_fallback {
        return refuse(stream, script, 86);
    }
    let groups = hello.list(10);
    let group = script.groups.iter().copied().find(|group| groups.contains(group));
    let curve = |suite: u16| matches!(suite, 0xC001..=0xC0FF | 0xCCA8..=0xCCAE);
    let of_version = |suite: &u16| (0x1301..=0x1305).contains(suite) == (version == 0x0304);
    let read: Vec<u16> = hello.suites.iter().copied().take(script.limit).collect();
    let suite = script.suites.iter().copied().filter(of_version);
    let Some(suite) = suite.into_iter().find(|s| read.contains(s) && (!curve(*s) || group.is_some())) else {
        return refuse(stream, script, 40);
    };
    if version == 0x0304 {
        return modern(stream, script, &hello, suite, group);
    }
    let certificate = &identity.certificates[if script.mixed { number % identity.certificates.len() } else { 0 }];
    let mut flight = server_hello(script, &hello, version, suite);
    flight.extend(message(11, &vector24(&vector24(certificate).repeat(script.certificates))));
    flight.extend(key_exchange(script, version, suite, group, &hello.list(13)));
    flight.extend(message(14, &[]));
    let mut bytes = Vec::new();
    for part in flight.chunks(16_000) {
        bytes.extend(record(22, version, part));
    }
    if let Some(at) = script.reset_at {
        stream.write_all(&bytes[..at.min(bytes.len())])?;
        std::thread::sleep(Duration::from_millis(20));
        reset(&stream);
        return Ok(());
    }
    stream.write_all(&bytes)?;
    let talk = cbc::Talk { version, suite, ems: hello.extension(23).is_some() && !script.no_ems, random: hello.random };
    after_flight(stream, script, identity, &talk, [body, flight].concat())
}

fn refuse(mut stream: TcpStream, script: &Script, alert: u8) -> std::io::Result<()> {
    if !script.closes {
        stream.write_all(&record(21, 0x0303, &[2, alert]))?;
    }
    stream.shutdown(Shutdown::Write)
}

fn server_hello(script: &Script, hello: &Hello, version: u16, suite: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([0x11; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(u8::from(script.compression && hello.compressions.contains(&1)));
    let mut extensions = Vec::new();
    let mut put = |kind: u16, body: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(vector16(body));
    };
    let asks = hello.suites.contains(&0x00FF) || hello.extension(0xFF01).is_some();
    if asks && !script.no_renegotiation_info {
        put(0xFF01, &[0]);
    }
    if hello.extension(23).is_some() && !script.no_ems {
        put(23, &[]);
    }
    if hello.extension(15).is_some() && script.heartbeat.is_some() {
        put(15, &[1]);
    }
    if let (Some(whole), Some(_)) = (script.timestamp, hello.extension(18)) {
        // Version, log, moment, no extensions, an ECDSA signature of one byte.
        let mut one =
            [vec![0], vec![0xAB; 32], 1_850_000_000_000_u64.to_be_bytes().to_vec(), vec![0, 0, 4, 3, 0, 1, 9]];
        if !whole {
            one[3].pop();
        }
        put(18, &vector16(&vector16(&one.concat())));
    }
    if version > 0x0300 && !extensions.is_empty() {
        body.extend(vector16(&extensions));
    }
    message(2, &body)
}

fn key_exchange(script: &Script, version: u16, suite: u16, group: Option<u16>, schemes: &[u16]) -> Vec<u8> {
    let curve = matches!(suite, 0xC007..=0xC014 | 0xC023..=0xC030 | 0xCCA8 | 0xCCA9);
    let field = matches!(suite, 0x0011..=0x0016 | 0x0033 | 0x0039 | 0x0067 | 0x006B | 0x009E | 0x009F);
    let mut body = Vec::new();
    match (curve, field, group) {
        (true, _, Some(group)) => {
            body.push(3);
            body.extend(group.to_be_bytes());
            body.push(65);
            body.extend([4; 65]);
        }
        (_, true, _) => {
            let bits = if matches!(suite, 0x0011 | 0x0014) { 512 } else { script.dh };
            let prime = vec![0xF5; bits / 8];
            body.extend(vector16(&prime));
            body.extend(vector16(&[2]));
            body.extend(vector16(&vec![9; bits / 8]));
        }
        _ => return Vec::new(),
    }
    if version >= 0x0303 {
        body.extend(schemes.iter().copied().find(|scheme| *scheme == 0x0401).unwrap_or(0x0401).to_be_bytes());
    }
    body.extend(vector16(&[7; 256]));
    message(12, &body)
}

/// TLS 1.3 up to its ServerHello: by the list of signature schemes where the script has one, and the hello a key share.
fn modern(
    mut stream: TcpStream,
    script: &Script,
    hello: &Hello,
    suite: u16,
    group: Option<u16>,
) -> std::io::Result<()> {
    let (Some(schemes), Some(group)) = (&script.schemes, group) else { return retry(stream, hello, suite, group) };
    if hello.extension(51).is_none_or(|shares| shares.len() <= 2) {
        return retry(stream, hello, suite, Some(group));
    }
    if !schemes.is_empty() && !hello.list(13).iter().any(|scheme| schemes.contains(scheme)) {
        return refuse(stream, script, 40);
    }
    let mut body = vec![3, 3];
    body.extend([0x22; 32]);
    body.push(hello.session.len() as u8);
    body.extend(&hello.session);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let share = [&group.to_be_bytes()[..], &vector16(&[9; 32])].concat();
    body.extend(vector16(&[&[0, 43, 0, 2, 3, 4, 0, 51][..], &vector16(&share)].concat()));
    stream.write_all(&record(22, 0x0303, &message(2, &body)))?;
    stream.shutdown(Shutdown::Write)
}

/// A HelloRetryRequest, whatever comes: to a client that answers it, again and again.
fn retry(mut stream: TcpStream, hello: &Hello, suite: u16, group: Option<u16>) -> std::io::Result<()> {
    const RETRY: [u8; 32] = [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2,
        0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];
    let mut body = vec![3, 3];
    body.extend(RETRY);
    body.push(hello.session.len() as u8);
    body.extend(&hello.session);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let mut extensions = vec![0, 43, 0, 2, 3, 4];
    if let Some(group) = group {
        extensions.extend([0, 51, 0, 2]);
        extensions.extend(group.to_be_bytes());
    }
    body.extend(vector16(&extensions));
    for _ in 0..64 {
        stream.write_all(&record(22, 0x0303, &message(2, &body)))?;
        let mut chunk = [0; 4096];
        if stream.read(&mut chunk)? == 0 {
            break;
        }
    }
    Ok(())
}

/// Reads records until it makes of them what the script says.
fn after_flight(
    mut stream: TcpStream,
    script: &Script,
    identity: &Identity,
    talk: &cbc::Talk,
    mut transcript: Vec<u8>,
) -> std::io::Result<()> {
    let version = talk.version;
    let mut changed = false;
    loop {
        let mut header = [0; 5];
        stream.read_exact(&mut header)?;
        let mut body = vec![0; usize::from(pairs(&header[3..])[0])];
        stream.read_exact(&mut body)?;
        if let Some(how) = script.after.as_deref() {
            return instead(stream, how);
        }
        match header[0] {
            _ if changed => return stream.write_all(&record(21, version, &[2, 20])),
            20 if script.takes_ccs => changed = true,
            20 => return stream.write_all(&record(21, version, &[2, 10])),
            21 => return stream.shutdown(Shutdown::Write),
            24 => match script.heartbeat.as_deref() {
                Some("bleed") => stream.write_all(&record(24, version, &[2; 16_000]))?,
                Some("echo") if body.len() >= 19 => {
                    body[0] = 2;
                    stream.write_all(&record(24, version, &body))?;
                }
                _ => {}
            },
            22 => {
                let premaster = body.get(6..).and_then(|secret| decrypted(identity, secret));
                if let (Some(premaster), Some(_), (0x0303, 0x002F)) = (&premaster, &script.cbc, (version, talk.suite)) {
                    transcript.extend(&body);
                    return cbc::converse(stream, script, talk, premaster, transcript);
                }
                let right = premaster.is_some();
                let alert = if script.robot && !right { 51 } else { 20 };
                return stream.write_all(&record(21, version, &[2, alert]));
            }
            _ => return Ok(()),
        }
    }
}

/// What comes in place of an answer.
fn instead(mut stream: TcpStream, how: &str) -> std::io::Result<()> {
    let mut sink = [0; 4096];
    match how {
        "reset" => {
            reset(&stream);
            Ok(())
        }
        "silence" => {
            while stream.read(&mut sink)? > 0 {}
            Ok(())
        }
        "cut" => {
            stream.write_all(&[22, 3, 3, 0, 64, 2])?;
            stream.shutdown(Shutdown::Write)?;
            // Read to the end: unread bytes would make a reset of it.
            while stream.read(&mut sink)? > 0 {}
            Ok(())
        }
        _ => panic!("no such end: {how}"),
    }
}

/// A premaster secret, if it is padded as PKCS #1 v1.5 wants it.
fn decrypted(identity: &Identity, secret: &[u8]) -> Option<Vec<u8>> {
    use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
    let key = PrivateDecryptingKey::from_pkcs8(&identity.key).expect("an RSA key");
    let key = Pkcs1PrivateDecryptingKey::new(key).expect("a decrypting key");
    let mut plain = vec![0; key.min_output_size()];
    key.decrypt(secret, &mut plain).ok().filter(|plain| plain.len() == 48).map(|plain| plain.to_vec())
}

/// SERVER-HELLO with one cipher kind.
fn ssl2(mut stream: TcpStream, identity: &Identity) -> std::io::Result<()> {
    let certificate = &identity.certificates[0];
    let mut body = vec![4, 0, 1, 0, 2];
    body.extend((certificate.len() as u16).to_be_bytes());
    body.extend([0, 3, 0, 16]);
    body.extend(certificate);
    body.extend([2, 0, 0x80]);
    body.extend([5; 16]);
    let length = (0x8000 | body.len() as u16).to_be_bytes();
    stream.write_all(&[&length[..], &body].concat())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(vector24(body));
    out
}

fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(version.to_be_bytes());
    out.extend(vector16(body));
    out
}

fn vector16(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u16).to_be_bytes()[..], body].concat()
}

fn vector24(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[1..], body].concat()
}

/// SMTP up to STARTTLS; gives what came behind it in the same packet.
fn start_tls(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    stream.write_all(b"220 mail.bad.example ESMTP\r\n")?;
    let mut buffer = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let n = stream.read(&mut chunk)?;
        buffer.extend_from_slice(&chunk[..n]);
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        while let Some(end) = buffer.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = buffer.drain(..end + 2).collect();
            match &line[..4] {
                b"EHLO" => stream.write_all(b"250-mail.bad.example\r\n250-STARTTLS\r\n250 HELP\r\n")?,
                b"STAR" => {
                    stream.write_all(b"220 go ahead\r\n")?;
                    return Ok(buffer);
                }
                b"QUIT" => {
                    stream.write_all(b"221 bye\r\n")?;
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                _ => stream.write_all(b"502 no\r\n")?,
            }
        }
    }
}
