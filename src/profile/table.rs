//! The table of profiles.

use std::sync::LazyLock;

use serde::Deserialize;

/// What one authority asks of TLS. What a key leaves out is not asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub id: String,
    pub name: String,
    pub version: String,
    pub date: String,
    pub source: String,
    /// Versions that may be offered, by name.
    pub versions: Option<Vec<String>>,
    #[serde(default)]
    pub versions_required: Vec<String>,
    /// Suites that may be accepted, by IANA name.
    pub suites: Option<Vec<String>>,
    /// Still allowed, to be given up.
    #[serde(default)]
    pub suites_phase_out: Vec<String>,
    pub groups: Option<Vec<String>>,
    #[serde(default)]
    pub groups_phase_out: Vec<String>,
    /// One of these has to be accepted.
    #[serde(default)]
    pub groups_required_any: Vec<String>,
    pub signatures: Option<Vec<String>>,
    /// Least size of a finite field.
    pub dh_bits: Option<i64>,
    /// Only primes of RFC 7919.
    #[serde(default)]
    pub dh_named_only: bool,
    pub rsa_bits: Option<i64>,
    /// Curves that the key of a certificate may be on, or kinds of Edwards keys.
    pub ec_curves: Option<Vec<String>>,
    pub certificate_hashes: Option<Vec<String>>,
    /// The most days that a certificate may be valid.
    pub certificate_days: Option<i64>,
    /// `server` or `client`.
    pub preference: Option<String>,
    /// What must not be: `compression`, `early_data`, `insecure_renegotiation`, `client_renegotiation`,
    /// `no_extended_master_secret`, `no_fallback_scsv`.
    #[serde(default)]
    pub forbids: Vec<String>,
    #[serde(default)]
    pub requires_staple: bool,
    /// What the profile asks and TLS does not show.
    #[serde(default)]
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
struct Table {
    profile: Vec<Profile>,
}

/// All profiles, in the table's order. Read from the binary itself; a test holds that it can be.
pub fn profiles() -> &'static [Profile] {
    static ALL: LazyLock<Vec<Profile>> = LazyLock::new(|| {
        let text = include_str!(concat!(env!("OUT_DIR"), "/reference-tls-profiles.json"));
        let table: Result<Table, _> = serde_json::from_str(text);
        table.map(|table| table.profile).unwrap_or_default()
    });
    &ALL
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_profile_of_the_table_is_read() {
        let lines = include_str!("../../checks/reference/tls-profiles.toml").matches("\n[[profile]]").count();
        assert_eq!(super::profiles().len(), lines);
        assert!(lines >= 7);
    }
}
