//! Code points and their names (IANA TLS parameters).

use std::sync::LazyLock;

/// Suites as offered, most wanted first: code point and IANA name. One hello holds them all (fewer than 120).
pub(super) static SUITES: LazyLock<Vec<(u16, &'static str)>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let (code, name) = line.split_once(' ')?;
        Some((u16::from_str_radix(code, 16).ok()?, name))
    };
    include_str!("suites.txt").lines().filter_map(line).collect()
});

/// The name of a suite; of an unknown one its code point.
pub(super) fn suite(code: u16) -> String {
    SUITES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or_else(|| format!("0x{code:04X}"), |(_, name)| (*name).to_owned())
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
    fn the_suite_table_is_whole_and_fits_one_hello() {
        assert_eq!(SUITES.len(), include_str!("suites.txt").lines().count());
        assert!(SUITES.len() < 120);
        assert!(forward_secret(&suite(0x1301)) && forward_secret(&suite(0xC02B)) && !forward_secret(&suite(0x009C)));
        assert!(aead(&suite(0xCCA8)) && aead(&suite(0xC0AE)) && !aead(&suite(0x002F)));
    }
}
