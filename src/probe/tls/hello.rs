//! Our ClientHello: one for each protocol version, with every suite that the version ever had (RFC 8446 §4.1.2, RFC 5246
//! §7.4.1.2). The TLS 1.3 one carries no key share, so that the server must name its choice in a HelloRetryRequest and neither
//! side computes a key.

use std::net::IpAddr;

use super::names::SUITES;

/// Renegotiation support, said as a suite (RFC 5746 §3.3).
const RENEGOTIATION_SCSV: u16 = 0x00FF;

/// Groups offered: elliptic curves, finite fields, post-quantum hybrids.
const GROUPS: [u16; 13] =
    [0x11EC, 0x11EB, 0x11ED, 0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x001A, 0x001B, 0x0100, 0x0101, 0x0102];

/// Signature schemes offered (RFC 8446 §4.2.3), old ones included.
const SIGNATURES: [u16; 16] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0401, 0x0501, 0x0601,
    0x0203, 0x0201,
];

/// The bytes of a record with a hello for exactly this version. `host` becomes the server name unless it is an address.
pub(super) fn client_hello(version: u16, host: &str, random: [u8; 32]) -> Vec<u8> {
    let tls13 = version == 0x0304;
    let mut body = Vec::with_capacity(512);
    body.extend(version.min(0x0303).to_be_bytes());
    body.extend(random);
    // A session id makes TLS 1.3 look like 1.2 to what lies between (RFC 8446 §D.4).
    let session: &[u8] = if tls13 { &random } else { &[] };
    body.push(session.len() as u8);
    body.extend(session);
    let mut suites: Vec<u16> =
        SUITES.iter().map(|(code, _)| *code).filter(|code| (*code >> 8 == 0x13) == tls13).collect();
    if !tls13 {
        suites.push(RENEGOTIATION_SCSV);
    }
    vector16(&mut body, &codes(&suites));
    body.extend([1, 0]); // one compression method: none
    // SSL 3.0 has no extensions, and its servers may choke on them.
    if version > 0x0300 {
        vector16(&mut body, &extensions(version, host));
    }
    record(version, &body)
}

fn extensions(version: u16, host: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if host.parse::<IpAddr>().is_err() {
        let mut name = vec![0];
        vector16(&mut name, host.as_bytes());
        let mut list = Vec::new();
        vector16(&mut list, &name);
        extension(&mut out, 0, &list);
    }
    let mut groups = Vec::new();
    vector16(&mut groups, &codes(&GROUPS));
    extension(&mut out, 10, &groups);
    extension(&mut out, 11, &[1, 0]); // uncompressed points
    if version >= 0x0303 {
        let mut schemes = Vec::new();
        vector16(&mut schemes, &codes(&SIGNATURES));
        extension(&mut out, 13, &schemes);
    }
    extension(&mut out, 23, &[]); // extended master secret
    if version == 0x0304 {
        extension(&mut out, 43, &[2, 0x03, 0x04]); // supported_versions
        extension(&mut out, 45, &[1, 1]); // psk_dhe_ke
        extension(&mut out, 51, &[0, 0]); // no key share
    }
    out
}

fn record(version: u16, body: &[u8]) -> Vec<u8> {
    let mut message = vec![1];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    let mut out = vec![22];
    // The record says 1.0 at most: old servers refuse more (RFC 8446 §5.1).
    out.extend(version.min(0x0301).to_be_bytes());
    vector16(&mut out, &message);
    out
}

fn codes(codes: &[u16]) -> Vec<u8> {
    codes.iter().flat_map(|code| code.to_be_bytes()).collect()
}

fn extension(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend(kind.to_be_bytes());
    vector16(out, body);
}

/// All our vectors are far below 64 kB.
fn vector16(out: &mut Vec<u8>, body: &[u8]) {
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body);
}
