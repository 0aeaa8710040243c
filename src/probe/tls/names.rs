//! Code points and their names (IANA TLS parameters).

use std::sync::LazyLock;

/// Every suite of the IANA table and the unregistered ones that servers were seen with, those in use first: code point and name.
pub(super) static SUITES: LazyLock<Vec<(u16, &'static str)>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let (code, name) = line.split_once(' ')?;
        Some((u16::from_str_radix(code, 16).ok()?, name))
    };
    include_str!("suites.txt").lines().filter_map(line).collect()
});

/// The name of a suite; of an unknown one its code point.
pub(super) fn suite(code: u16) -> String {
    name_in(&SUITES, code)
}

/// All code points of a version's suites, those in use first.
pub(super) fn suites_of(version: u16) -> Vec<u16> {
    SUITES.iter().map(|(code, _)| *code).filter(|code| is_tls13_suite(*code) == (version == 0x0304)).collect()
}

/// Whether a suite belongs to TLS 1.3 (RFC 8446 §B.4, RFC 8998, RFC 9150, RFC 9367).
pub(super) fn is_tls13_suite(code: u16) -> bool {
    matches!(code, 0x1301..=0x1307 | 0x00C6 | 0x00C7 | 0xC0B4 | 0xC0B5 | 0xC103..=0xC106)
}

/// How the keys are agreed on, from the suite's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// Ephemeral elliptic curve; also anonymous.
    Curve,
    /// Ephemeral finite field; also anonymous.
    Field,
    /// The key of the certificate.
    Static,
    /// A ServerKeyExchange of another shape (PSK hints, SRP, GOST, TLS 1.3).
    Other,
}

/// The key exchange of a suite below TLS 1.3 (RFC 5246 §7.4.3, RFC 8422 §5.4).
pub(super) fn exchange(code: u16) -> Exchange {
    let name = suite(code);
    let begins = |start: &str| name.starts_with(start);
    if name.contains("PSK") || name.contains("SRP") || is_tls13_suite(code) {
        Exchange::Other
    } else if begins("TLS_ECDHE_") || begins("TLS_ECDH_anon_") {
        Exchange::Curve
    } else if begins("TLS_DHE_") || begins("TLS_DH_anon_") {
        Exchange::Field
    } else if begins("TLS_RSA_") || begins("TLS_DH_") || begins("TLS_ECDH_") {
        Exchange::Static
    } else {
        Exchange::Other
    }
}

/// Whether the ServerKeyExchange of a suite names an elliptic curve.
pub(super) fn names_a_curve(code: u16) -> bool {
    exchange(code) == Exchange::Curve || suite(code).starts_with("TLS_ECDHE_PSK_")
}

/// Whether the ServerKeyExchange of a suite is signed: an anonymous one is not.
pub(super) fn signed(code: u16) -> bool {
    matches!(exchange(code), Exchange::Curve | Exchange::Field) && !suite(code).contains("_anon_")
}

/// The kind of key that signs the ServerKeyExchange of a suite below TLS 1.3, and how its signature schemes are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    Rsa,
    /// ECDSA and the Edwards curves (RFC 8422 §5.1.1).
    Curve,
    Dsa,
}

/// Who signs; `None` if nobody does.
pub(super) fn signer(code: u16) -> Option<Signer> {
    let name = suite(code);
    if !signed(code) {
        None
    } else if name.contains("_ECDSA_") {
        Some(Signer::Curve)
    } else if name.contains("_DSS_") {
        Some(Signer::Dsa)
    } else {
        Some(Signer::Rsa)
    }
}

/// The schemes with which this kind of key can sign.
pub(super) fn schemes_of(signer: Signer) -> Vec<u16> {
    let of = |name: &str| match signer {
        Signer::Rsa => name.starts_with("rsa_"),
        Signer::Dsa => name.starts_with("dsa_"),
        Signer::Curve => !name.starts_with("rsa_") && !name.starts_with("dsa_"),
    };
    SIGNATURES.iter().filter(|(_, name)| of(name)).map(|(code, _)| *code).collect()
}

/// Groups that servers may know, newest first (IANA TLS supported groups; 0x6399 is the draft that browsers shipped in 2023).
pub(super) const GROUPS: &[(u16, &str)] = &[
    (0x11EC, "X25519MLKEM768"),
    (0x11EB, "SecP256r1MLKEM768"),
    (0x11ED, "SecP384r1MLKEM1024"),
    (0x11EE, "curveSM2MLKEM768"),
    (0x6399, "X25519Kyber768Draft00"),
    (0x0201, "MLKEM768"),
    (0x0202, "MLKEM1024"),
    (0x0200, "MLKEM512"),
    (29, "x25519"),
    (23, "secp256r1"),
    (30, "x448"),
    (24, "secp384r1"),
    (25, "secp521r1"),
    (31, "brainpoolP256r1tls13"),
    (32, "brainpoolP384r1tls13"),
    (33, "brainpoolP512r1tls13"),
    (26, "brainpoolP256r1"),
    (27, "brainpoolP384r1"),
    (28, "brainpoolP512r1"),
    (256, "ffdhe2048"),
    (257, "ffdhe3072"),
    (258, "ffdhe4096"),
    (259, "ffdhe6144"),
    (260, "ffdhe8192"),
    (41, "curveSM2"),
    (34, "GC256A"),
    (35, "GC256B"),
    (36, "GC256C"),
    (37, "GC256D"),
    (38, "GC512A"),
    (39, "GC512B"),
    (40, "GC512C"),
    (22, "secp256k1"),
    (21, "secp224r1"),
    (20, "secp224k1"),
    (19, "secp192r1"),
    (18, "secp192k1"),
    (17, "secp160r2"),
    (16, "secp160r1"),
    (15, "secp160k1"),
    (14, "sect571r1"),
    (13, "sect571k1"),
    (12, "sect409r1"),
    (11, "sect409k1"),
    (10, "sect283r1"),
    (9, "sect283k1"),
    (8, "sect239k1"),
    (7, "sect233r1"),
    (6, "sect233k1"),
    (5, "sect193r2"),
    (4, "sect193r1"),
    (3, "sect163r2"),
    (2, "sect163r1"),
    (1, "sect163k1"),
];

/// Signature schemes, strong first (IANA TLS SignatureScheme; the SHA-224 and MD5 ones are pairs of TLS 1.2, RFC 5246 §7.4.1.4.1).
pub(super) const SIGNATURES: &[(u16, &str)] = &[
    (0x0904, "mldsa44"),
    (0x0905, "mldsa65"),
    (0x0906, "mldsa87"),
    (0x0807, "ed25519"),
    (0x0808, "ed448"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x081A, "ecdsa_brainpoolP256r1tls13_sha256"),
    (0x081B, "ecdsa_brainpoolP384r1tls13_sha384"),
    (0x081C, "ecdsa_brainpoolP512r1tls13_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0809, "rsa_pss_pss_sha256"),
    (0x080A, "rsa_pss_pss_sha384"),
    (0x080B, "rsa_pss_pss_sha512"),
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0708, "sm2sig_sm3"),
    (0x0402, "dsa_sha256"),
    (0x0502, "dsa_sha384"),
    (0x0602, "dsa_sha512"),
    (0x0303, "ecdsa_sha224"),
    (0x0301, "rsa_pkcs1_sha224"),
    (0x0302, "dsa_sha224"),
    (0x0203, "ecdsa_sha1"),
    (0x0201, "rsa_pkcs1_sha1"),
    (0x0202, "dsa_sha1"),
    (0x0101, "rsa_pkcs1_md5"),
];

/// The groups that a hello of this version may name: servers may hold any other to break TLS 1.3 (RFC 8446 §4.2.7 reserves them).
pub(super) fn groups_of(version: u16) -> Vec<u16> {
    let of_1_3 =
        |code: &u16| matches!(code, 23..=25 | 29..=41 | 256..=260 | 0x0200..=0x0202 | 0x11EB..=0x11EE | 0x6399);
    // Hybrids exist from TLS 1.3 on.
    let of_1_2 = |code: &u16| *code < 0x0200;
    codes(GROUPS).into_iter().filter(|code| if version == 0x0304 { of_1_3(code) } else { of_1_2(code) }).collect()
}

/// All code points of a table.
pub(super) fn codes(table: &[(u16, &str)]) -> Vec<u16> {
    table.iter().map(|(code, _)| *code).collect()
}

/// The name of a group.
pub(super) fn group(code: u16) -> String {
    name_in(GROUPS, code)
}

/// The name of a signature scheme.
pub(super) fn signature(code: u16) -> String {
    name_in(SIGNATURES, code)
}

fn name_in(table: &[(u16, &str)], code: u16) -> String {
    let known = table.iter().find(|(known, _)| *known == code);
    known.map_or_else(|| format!("0x{code:04X}"), |(_, name)| (*name).to_owned())
}

/// Whether a suite's key exchange is ephemeral (RFC 5246 §F.1.1.3; every TLS 1.3 suite is).
pub(super) fn forward_secret(name: &str) -> bool {
    name.starts_with("TLS_ECDHE_")
        || name.starts_with("TLS_DHE_")
        || !name.contains("_WITH_") && name.starts_with("TLS_")
}

/// Whether a suite is authenticated encryption (RFC 5116).
pub(super) fn aead(name: &str) -> bool {
    ["_GCM_", "_CCM", "_POLY1305_"].iter().any(|mark| name.contains(mark))
}

/// The name of a protocol version on the wire.
pub(super) fn version(code: u16) -> String {
    match code {
        0x0002 => "SSL 2.0".into(),
        0x0300 => "SSL 3.0".into(),
        0x0301 => "TLS 1.0".into(),
        0x0302 => "TLS 1.1".into(),
        0x0303 => "TLS 1.2".into(),
        0x0304 => "TLS 1.3".into(),
        other => format!("0x{other:04X}"),
    }
}

/// Whether an alert refuses what was offered. Others say something of the server or the name: user_canceled, internal_error,
/// unrecognized_name.
pub(super) fn refuses(alert: u8) -> bool {
    !matches!(alert, 80 | 90 | 112)
}

/// The name of an alert (RFC 8446 §6, RFC 5246 §7.2).
pub(super) fn alert(code: u8) -> String {
    let name = match code {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        other => return format!("alert {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_table_is_whole_and_without_doubles() {
        assert_eq!(SUITES.len(), include_str!("suites.txt").lines().count());
        let codes: std::collections::BTreeSet<u16> = SUITES.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), SUITES.len());
        assert!(SUITES.len() > 360);
        assert!(forward_secret(&suite(0x1301)) && forward_secret(&suite(0xC02B)) && !forward_secret(&suite(0x009C)));
        assert!(aead(&suite(0xCCA8)) && aead(&suite(0xC0AE)) && !aead(&suite(0x002F)));
    }

    #[test]
    fn the_exchange_is_told_from_the_name() {
        for (code, expected) in [
            (0xC02F, Exchange::Curve),
            (0xC018, Exchange::Curve),
            (0x009E, Exchange::Field),
            (0x0018, Exchange::Field),
            (0x0003, Exchange::Static),
            (0x0014, Exchange::Field),
            (0x000A, Exchange::Static),
            (0xC004, Exchange::Static),
            (0x0030, Exchange::Static),
            (0x00A8, Exchange::Other),
            (0x1301, Exchange::Other),
        ] {
            assert_eq!(exchange(code), expected, "{}", suite(code));
        }
    }
}
