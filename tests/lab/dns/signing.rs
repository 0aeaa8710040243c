//! Signing a zone, soundly or with a fault.

use time::{Duration, OffsetDateTime};

use crate::namespace::Namespace;

/// How a zone is signed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Signing {
    None,
    Sound,
    /// RSA/SHA-1, a SHA-1 digest at the parent, and signatures that end in six hours.
    Old,
    /// The parent's digest is of another key.
    Broken,
}

/// Writes the zone's file, signed if so wanted; gives its path and the DS for the parent.
pub(super) fn sign(lab: &Namespace, now: OffsetDateTime, name: &str, text: &str, signing: Signing) -> (String, String) {
    let stem = if name == "." { "root" } else { name };
    let file = lab.write(&format!("{stem}.zone"), text).display().to_string();
    if signing == Signing::None {
        return (file, String::new());
    }
    let algorithm = if signing == Signing::Old { "RSASHA1" } else { "ECDSAP256SHA256" };
    let key = || lab.must("ldns-keygen", &["-k", "-a", algorithm, name]).trim().to_owned();
    let used = key();
    let signed = format!("{file}.signed");
    let lasting = if signing == Signing::Old { Duration::hours(6) } else { Duration::days(28) };
    let from = (now - Duration::days(1)).unix_timestamp().to_string();
    let until = (now + lasting).unix_timestamp().to_string();
    let arguments = ["-o", name, "-i", &from, "-e", &until, "-f", &signed, &file, &used];
    lab.must("ldns-signzone", &arguments);
    let vouched = if signing == Signing::Broken { key() } else { used };
    let digest = if signing == Signing::Old { "-1" } else { "-2" };
    let ds = lab.must("ldns-key2ds", &["-n", digest, &format!("{vouched}.key")]);
    (signed, format!("{}\n", ds.trim()))
}
