//! Our ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2): whatever a question needs, and no more. A TLS 1.3 one carries no key
//! share unless it is given one, so that the server must name its choice in a HelloRetryRequest and neither side computes a key.

use std::net::IpAddr;

use super::names::{self, SIGNATURES};

/// Renegotiation support, said as a suite (RFC 5746 §3.3).
const RENEGOTIATION_SCSV: u16 = 0x00FF;

/// Extension numbers that are sent or read (IANA TLS ExtensionType values).
pub(super) mod extension {
    pub(in super::super) const SERVER_NAME: u16 = 0;
    pub(in super::super) const GROUPS: u16 = 10;
    pub(in super::super) const POINT_FORMATS: u16 = 11;
    pub(in super::super) const SIGNATURES: u16 = 13;
    pub(in super::super) const PADDING: u16 = 21;
    pub(in super::super) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(in super::super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in super::super) const PSK_MODES: u16 = 45;
    pub(in super::super) const CERTIFICATE_SIGNATURES: u16 = 50;
    pub(in super::super) const KEY_SHARE: u16 = 51;
    pub(in super::super) const STATUS_REQUEST: u16 = 5;
    pub(in super::super) const HEARTBEAT: u16 = 15;
    pub(in super::super) const ALPN: u16 = 16;
    pub(in super::super) const SCT: u16 = 18;
    pub(in super::super) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(in super::super) const SESSION_TICKET: u16 = 35;
    pub(in super::super) const RENEGOTIATION_INFO: u16 = 0xFF01;
}

/// A retry in a lower version than the client's best (RFC 7507 §2).
const FALLBACK_SCSV: u16 = 0x5600;

/// The group of the key shares that are random bytes.
pub(super) const X25519: u16 = 29;

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Hello {
    /// The version asked for; in TLS 1.3 the only one in `supported_versions`.
    pub(super) version: u16,
    pub(super) suites: Vec<u16>,
    pub(super) groups: Vec<u16>,
    pub(super) signatures: Vec<u16>,
    /// Sends a key share of X25519 where that group is offered. Any 32 bytes are a public key of it (RFC 7748 §5), so none is made;
    /// what the server encrypts to it is never read.
    pub(super) share: bool,
    /// A key share of another group instead, with its public key.
    pub(super) point: Option<(u16, Vec<u8>)>,
    pub(super) name: Name,
    /// Says that this is a retry in a lower version.
    pub(super) fallback: bool,
    /// Beside none.
    pub(super) compressions: Vec<u8>,
    /// Number and body.
    pub(super) extra: Vec<(u16, Vec<u8>)>,
    pub(super) session: Vec<u8>,
    /// The version field, where it is not to follow from `version`.
    pub(super) claimed: Option<u16>,
    pub(super) browser: Option<Browser>,
}

/// What makes a hello a browser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Browser {
    grease: Option<u16>,
    length: usize,
}

/// The server name of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Of the host that is looked at, unless it is an address.
    Host,
    None,
    Other(&'static str),
}

impl Hello {
    /// With everything that the version knows.
    pub(super) fn new(version: u16) -> Self {
        Self {
            version,
            suites: Vec::new(),
            groups: names::groups_of(version),
            signatures: names::codes(SIGNATURES),
            share: false,
            point: None,
            name: Name::Host,
            fallback: false,
            compressions: Vec::new(),
            extra: Vec::new(),
            session: Vec::new(),
            claimed: None,
            browser: None,
        }
    }
    pub(super) fn suites(mut self, suites: &[u16]) -> Self {
        self.suites = suites.to_vec();
        self
    }
    pub(super) fn groups(mut self, groups: &[u16]) -> Self {
        self.groups = groups.to_vec();
        self
    }
    pub(super) fn signatures(mut self, signatures: &[u16]) -> Self {
        self.signatures = signatures.to_vec();
        self
    }

    /// As a current browser sends it: TLS 1.3 and what is older in one hello, with a key share, perhaps with a reserved value in every
    /// list and filled up to a length.
    pub(super) fn browser(suites: &[u16], grease: Option<u16>, length: usize) -> Self {
        let mut hello = Self::new(0x0304).suites(suites);
        hello.share = true;
        hello.browser = Some(Browser { grease, length });
        hello
    }
    /// Whether it is one that any client of its version could send: such a one may be asked again to see whether anybody is there.
    pub(super) fn is_plain(&self) -> bool {
        self.name == Name::Host
            && self.claimed.is_none()
            && self.extra.is_empty()
            && self.session.is_empty()
            && self.browser.is_none()
            && !self.fallback
    }
    /// Whether it asks for the host that is looked at.
    pub(super) fn is_for_host(&self) -> bool {
        self.name == Name::Host
    }
    pub(super) fn name(mut self, name: Name) -> Self {
        self.name = name;
        self
    }
    pub(super) fn extra(mut self, kind: u16, body: &[u8]) -> Self {
        self.extra.push((kind, body.to_vec()));
        self
    }

    /// The bytes of a record with this hello. `host` becomes the server name unless it is an address.
    pub(super) fn bytes(&self, host: &str, random: [u8; 32]) -> Vec<u8> {
        let tls13 = self.version == 0x0304;
        let mut body = Vec::with_capacity(768);
        body.extend(self.claimed.unwrap_or(self.version.min(0x0303)).to_be_bytes());
        body.extend(random);
        // A session id makes TLS 1.3 look like 1.2 to what lies between (RFC 8446 §D.4).
        let session: &[u8] = if tls13 { &random } else { &self.session };
        body.push(session.len() as u8);
        body.extend(session);
        let grease = self.browser.and_then(|browser| browser.grease);
        let mut suites: Vec<u16> = grease.into_iter().chain(self.suites.iter().copied()).collect();
        // Said once: with the extension instead, and in a renegotiation never (RFC 5746 §3.5).
        if !tls13 && !self.extra.iter().any(|(kind, _)| *kind == extension::RENEGOTIATION_INFO) {
            suites.push(RENEGOTIATION_SCSV);
        }
        if self.fallback {
            suites.push(FALLBACK_SCSV);
        }
        vector16(&mut body, &codes(&suites));
        body.push(self.compressions.len() as u8 + 1);
        body.extend(&self.compressions);
        body.push(0); // no compression
        // SSL 3.0 has no extensions, and its servers may choke on them.
        if self.version > 0x0300 {
            let mut extensions = self.extensions(host, &random);
            match self.browser {
                Some(Browser { length: length @ 1.., .. }) => fill(&mut extensions, body.len() + 6, length),
                _ => pad(&mut extensions, body.len() + 6),
            }
            vector16(&mut body, &extensions);
        }
        record(self.version, &body)
    }

    fn extensions(&self, host: &str, random: &[u8; 32]) -> Vec<u8> {
        let mut out = Vec::new();
        let name = match self.name {
            Name::Host => Some(host).filter(|host| host.parse::<IpAddr>().is_err()),
            Name::None => None,
            Name::Other(name) => Some(name),
        };
        if let Some(host) = name {
            let mut name = vec![0];
            vector16(&mut name, host.as_bytes());
            push(&mut out, extension::SERVER_NAME, &nested(&name));
        }
        let grease = self.browser.and_then(|browser| browser.grease);
        if let Some(grease) = grease {
            push(&mut out, grease, &[]);
        }
        if !self.groups.is_empty() {
            let groups: Vec<u16> = grease.into_iter().chain(self.groups.iter().copied()).collect();
            push(&mut out, extension::GROUPS, &nested(&codes(&groups)));
            push(&mut out, extension::POINT_FORMATS, &[1, 0]); // uncompressed points
        }
        // Also below TLS 1.2: there are servers that choose the certificate by it in every version.
        if !self.signatures.is_empty() {
            push(&mut out, extension::SIGNATURES, &nested(&codes(&self.signatures)));
        }
        push(&mut out, extension::EXTENDED_MASTER_SECRET, &[]);
        if self.version == 0x0304 {
            let versions: Vec<u16> = match self.browser {
                None => vec![0x0304],
                Some(Browser { grease, .. }) => grease.into_iter().chain([0x0304, 0x0303]).collect(),
            };
            let listed = codes(&versions);
            push(&mut out, extension::SUPPORTED_VERSIONS, &[&[listed.len() as u8][..], &listed].concat());
            push(&mut out, extension::PSK_MODES, &[1, 1]); // psk_dhe_ke
            let share = match &self.point {
                Some((group, point)) => [&group.to_be_bytes()[..], &nested(point)].concat(),
                None if self.share && self.groups.contains(&X25519) => {
                    [&X25519.to_be_bytes()[..], &nested(random)].concat()
                }
                None => Vec::new(),
            };
            push(&mut out, extension::KEY_SHARE, &nested(&share));
        }
        for (kind, body) in &self.extra {
            push(&mut out, *kind, body);
        }
        out
    }
}

/// Old load balancers hang on a hello of 256 to 511 bytes (RFC 7685 §1): such a one is filled up.
fn pad(extensions: &mut Vec<u8>, before: usize) {
    let length = before + extensions.len();
    if (250..512).contains(&length) {
        fill(extensions, before, 512);
    }
}

/// Fills up to a length with zeros (RFC 7685 §3).
fn fill(extensions: &mut Vec<u8>, before: usize, wanted: usize) {
    let zeros = vec![0; wanted.saturating_sub(before + extensions.len() + 4)];
    push(extensions, extension::PADDING, &zeros);
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

/// A list with its length before it.
fn nested(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 2);
    vector16(&mut out, body);
    out
}

fn push(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend(kind.to_be_bytes());
    vector16(out, body);
}

/// All our vectors are far below 64 kB.
fn vector16(out: &mut Vec<u8>, body: &[u8]) {
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hello_has_a_length_that_old_load_balancers_hang_on() {
        for count in 0..300 {
            let hello = Hello::new(0x0303).suites(&vec![0xC02F; count]);
            let length = hello.bytes("www.cec.example", [7; 32]).len() - 5;
            assert!(!(256..512).contains(&length), "{count} suites give {length} bytes");
        }
    }
}
