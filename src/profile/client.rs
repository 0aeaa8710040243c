//! Who can still visit a server, and with what: clients as a table, each held against what the server accepts. Nothing is sent.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::facts::{Enumerated, Field, Observation, Tls};

/// One client, as its hello says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub id: String,
    pub name: String,
    /// Year and month.
    pub released: String,
    pub source: String,
    /// By name.
    pub versions: Vec<String>,
    /// IANA names, in the client's order.
    pub suites: Vec<String>,
    #[serde(default)]
    pub groups: Vec<String>,
    #[serde(default)]
    pub signatures: Vec<String>,
    /// Sends the server's name.
    pub sni: bool,
    #[serde(default)]
    pub min_dh_bits: Option<i64>,
    #[serde(default)]
    pub max_dh_bits: Option<i64>,
    #[serde(default)]
    pub min_rsa_bits: Option<i64>,
    #[serde(default)]
    pub max_rsa_bits: Option<i64>,
    /// Left out if it trusts the roots that everybody trusts.
    #[serde(default)]
    pub trusts_isrg_x1: Option<bool>,
    /// Its maker still mends it.
    pub current: bool,
    /// Who uses it.
    pub why: String,
    #[serde(default)]
    pub note: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    client: Vec<Client>,
}

/// All clients, in the table's order. Read from the binary itself; a test holds that it can be.
pub fn clients() -> &'static [Client] {
    static ALL: LazyLock<Vec<Client>> = LazyLock::new(|| {
        let text = include_str!(concat!(env!("OUT_DIR"), "/reference-tls-clients.json"));
        let table: Result<Table, _> = serde_json::from_str(text);
        table.map(|table| table.client).unwrap_or_default()
    });
    &ALL
}

/// What one client would meet at one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Visit {
    pub client: String,
    pub name: String,
    pub current: bool,
    pub service: String,
    pub address: String,
    pub connection: Connection,
}

/// Three answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Connection {
    Connects {
        version: String,
        suite: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// The client connects and warns all the same.
        #[serde(skip_serializing_if = "Option::is_none")]
        warns: Option<String>,
    },
    Fails {
        why: String,
    },
    Undetermined {
        why: String,
    },
}

/// Every client's visit to an endpoint with these facts.
pub fn visits(service: &str, address: &str, tls: &Tls) -> Vec<Visit> {
    let visit = |client: &Client| Visit {
        client: client.id.clone(),
        name: client.name.clone(),
        current: client.current,
        service: service.to_owned(),
        address: address.to_owned(),
        connection: connect(client, tls),
    };
    clients().iter().map(visit).collect()
}

/// The newest version that both know, and in it the suite that the one whose order counts has first (RFC 8446 §4.1.3, RFC 5246 §7.4.1.3).
fn connect(client: &Client, tls: &Tls) -> Connection {
    if !client.sni
        && let Some(naming) = tls.behaviour.without_name.value()
        && naming.answer == "refused"
    {
        return Connection::Fails { why: "the server refuses hellos without its name".into() };
    }
    let mut tried = Vec::new();
    let offers = tls.versions.all().into_iter().zip(tls.suites.all()).rev();
    for ((version, offered), (_, set)) in offers {
        if !client.versions.iter().any(|known| known == version) {
            continue;
        }
        match offered {
            Observation::Observed { value, .. } if value.offered => {}
            Observation::Observed { .. } | Observation::Absent { .. } => continue,
            other => return undetermined(version, other),
        }
        let Some(set) = set.value() else { return undetermined(&format!("suites of {version}"), set) };
        // A server settles on the version first; if nothing fits there, it does not go down.
        return match agree(client, tls, version, set) {
            Ok((suite, group)) => {
                let warns = warning(client, tls);
                Connection::Connects { version: version.to_owned(), suite, group, warns }
            }
            Err(Disagreement::Unknown(why)) => Connection::Undetermined { why },
            Err(Disagreement::Known(why)) => {
                tried.push(format!("{version}: {why}"));
                Connection::Fails { why: tried.join("; ") }
            }
        };
    }
    Connection::Fails { why: format!("no version in common; it speaks {}", client.versions.join(", ")) }
}

enum Disagreement {
    Known(String),
    Unknown(String),
}

fn agree(
    client: &Client,
    tls: &Tls,
    version: &str,
    set: &Enumerated,
) -> Result<(String, Option<String>), Disagreement> {
    let modern = version == "TLS 1.3";
    let groups = if modern { &tls.groups.tls1_3 } else { &tls.groups.tls1_2 };
    let group = group(client, groups);
    let whose = if modern { &tls.preference.tls1_3 } else { &tls.preference.tls1_2 };
    let server = whose.value().map(String::as_str) == Some("server");
    let accepted: Vec<&str> = set.accepted.iter().map(|item| item.name.as_str()).collect();
    let both: Vec<&str> = if server {
        accepted.iter().copied().filter(|name| client.suites.iter().any(|known| known == name)).collect()
    } else {
        client.suites.iter().map(String::as_str).filter(|name| accepted.contains(name)).collect()
    };
    let mut why = "no suite in common".to_owned();
    for suite in &both {
        let curve = modern || suite.starts_with("TLS_ECDHE_");
        match (&group, curve) {
            (Ok(group), true) => match group {
                Some(group) => return Ok(((*suite).to_owned(), Some(group.clone()))),
                None => why = "no group in common".into(),
            },
            (Err(unknown), true) => return Err(Disagreement::Unknown(unknown.clone())),
            (_, false) if suite.starts_with("TLS_DHE_") => match field(client, &tls.fields) {
                Ok(None) => return Ok(((*suite).to_owned(), None)),
                Ok(Some(cause)) => why = cause,
                Err(unknown) => return Err(Disagreement::Unknown(unknown)),
            },
            _ => return Ok(((*suite).to_owned(), None)),
        }
    }
    if both.is_empty() && !set.unknown.is_empty() {
        return Err(Disagreement::Unknown(format!("not all suites of {version} are known")));
    }
    Err(Disagreement::Known(why))
}

/// The client's first group that the server accepts; one that sends no list takes what comes (RFC 8422 §4).
fn group(client: &Client, groups: &Observation<Enumerated>) -> Result<Option<String>, String> {
    match groups {
        Observation::Observed { value, .. } if client.groups.is_empty() => {
            Ok(value.accepted.first().map(|item| item.name.clone()))
        }
        Observation::Observed { value, .. } => {
            let accepted = |group: &&String| value.accepted.iter().any(|item| item.name == **group);
            match client.groups.iter().find(accepted) {
                None if !value.unknown.is_empty() => Err("not all groups are known".into()),
                found => Ok(found.cloned()),
            }
        }
        Observation::Absent { .. } => Ok(None),
        Observation::Failed { detail, .. } | Observation::NotRun { detail, .. } => Err(format!("groups: {detail}")),
    }
}

/// Why the client does not take the server's finite field; `None` if it does.
fn field(client: &Client, fields: &Observation<Vec<Field>>) -> Result<Option<String>, String> {
    match fields {
        Observation::Observed { value, .. } => {
            let bits = value.iter().filter(|field| !field.export).map(|field| field.bits).max();
            Ok(bits.and_then(|bits| match (client.min_dh_bits, client.max_dh_bits) {
                (Some(least), _) if bits < least => Some(format!("a finite field of {bits} bits is too small for it")),
                (_, Some(most)) if bits > most => Some(format!("a finite field of {bits} bits is too large for it")),
                _ => None,
            }))
        }
        Observation::Absent { .. } => Ok(None),
        Observation::Failed { detail, .. } | Observation::NotRun { detail, .. } => Err(format!("fields: {detail}")),
    }
}

/// What the client holds against the certificate.
fn warning(client: &Client, tls: &Tls) -> Option<String> {
    let certificate = tls.certificate.value()?;
    if certificate.key_type == "rsa" {
        let bits = certificate.key_bits;
        if client.max_rsa_bits.is_some_and(|most| bits > most) || client.min_rsa_bits.is_some_and(|least| bits < least)
        {
            return Some(format!("it does not take RSA keys of {bits} bits"));
        }
    }
    let root = tls.validation.value().and_then(|validation| validation.root.clone()).unwrap_or_default();
    (client.trusts_isrg_x1 == Some(false) && root.contains("ISRG Root"))
        .then(|| format!("it does not know the root {root}"))
}

fn undetermined<T>(what: &str, observation: &Observation<T>) -> Connection {
    let detail = match observation {
        Observation::Failed { detail, .. } | Observation::NotRun { detail, .. } => detail.clone(),
        _ => "not looked at".into(),
    };
    Connection::Undetermined { why: format!("{what}: {detail}") }
}
