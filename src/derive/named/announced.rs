//! HTTPS records held against the server that they announce (RFC 9460). Current browsers act on them before they connect.

use std::collections::BTreeSet;

use super::Known;
use crate::facts::{Announcement, Host, HttpsAnswer, HttpsRecord, Observation, Reason, Timestamp, Tls};

/// Protocols whose answer over TCP tells whether they are offered; the others are not asked for.
const ASKED: [&str; 3] = ["h2", "http/1.1", "http/1.0"];

/// What the records of a service say that one endpoint, or the rest of DNS, does not bear out.
pub(super) fn of(
    scheme: Option<&str>,
    host: &str,
    port: i64,
    tls: &Tls,
    known: &Known<'_>,
) -> Observation<Announcement> {
    let observed_at = tls.chain.observed_at();
    if scheme != Some("https") {
        return Observation::Absent { observed_at };
    }
    let Some(host) = known.host(host) else {
        return failed(observed_at, &format!("{host} itself was not looked at"));
    };
    host.dns.https.and_then(|answers, at| match answers.iter().find(|answer| answer.port == port) {
        Some(answer) => answer.records.and_then(|records, at| judge(records, answer, host, tls, known).told(at)),
        None => failed(at, "no HTTPS record was asked for"),
    })
}

/// What the records amount to.
#[derive(Default)]
struct Judged {
    contradictions: BTreeSet<String>,
    misleads: bool,
    elsewhere: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

impl Judged {
    fn contradicts(&mut self, why: impl Into<String>) {
        self.contradictions.insert(why.into());
    }
    fn misleads(&mut self, why: impl Into<String>) {
        self.misleads = true;
        self.contradicts(why);
    }
    fn is_unsure(&mut self, why: impl Into<String>) {
        self.unknown.insert(why.into());
    }
    /// A contradiction stands whatever else is not known; that there is none is known only if all is.
    fn told(self, observed_at: Timestamp) -> Observation<Announcement> {
        if self.contradictions.is_empty() && !self.unknown.is_empty() {
            return failed(observed_at, &self.unknown.into_iter().collect::<Vec<_>>().join("; "));
        }
        let value = Announcement {
            contradictions: self.contradictions.into_iter().collect(),
            misleads: self.misleads,
            elsewhere: self.elsewhere.into_iter().collect(),
        };
        Observation::Observed { observed_at, value }
    }
}

fn judge(records: &[HttpsRecord], answer: &HttpsAnswer, host: &Host, tls: &Tls, known: &Known<'_>) -> Judged {
    let mut judged = Judged::default();
    for record in records {
        well_formed(record, &mut judged);
        let own = record.target.is_empty() || record.target == host.name;
        if !own {
            elsewhere(record, known, &mut judged);
        } else if record.priority == 0 {
            // An alias to itself says that the service is not there (§2.5.1).
            judged.misleads("an alias record leads nowhere");
        } else {
            hints(record, host, &mut judged);
            let port = record.port.unwrap_or(answer.port);
            if port == answer.port {
                protocols(record, tls, &mut judged);
            } else {
                other_port(port, host, known, &mut judged);
            }
        }
    }
    judged
}

/// Clients refuse a record that is inconsistent in itself (RFC 9460 §8, §7.1.1).
fn well_formed(record: &HttpsRecord, judged: &mut Judged) {
    for key in record.mandatory.iter().filter(|key| !record.keys.contains(key) || *key == "mandatory") {
        judged.contradicts(format!("the key {key} is called mandatory and is not there"));
    }
    if record.no_default_alpn && record.alpn.is_empty() {
        judged.contradicts("no-default-alpn stands without alpn");
    }
    if record.ech.as_ref().is_some_and(|ech| !ech.readable) {
        judged.contradicts("the keys for an encrypted ClientHello cannot be read");
    }
}

/// A name that is declared as well is known to have addresses or not; others are not asked.
fn elsewhere(record: &HttpsRecord, known: &Known<'_>, judged: &mut Judged) {
    let target = &record.target;
    judged.elsewhere.insert(target.clone());
    let Some(dns) = known.host(target).map(|host| &host.dns) else { return };
    if matches!((&dns.a, &dns.aaaa), (Observation::Absent { .. }, Observation::Absent { .. })) {
        judged.misleads(format!("the target {target} has no address"));
    }
}

/// Some clients connect to a hint before they have asked for addresses (§7.3).
fn hints(record: &HttpsRecord, host: &Host, judged: &mut Judged) {
    for (hints, addresses) in [(&record.ipv4_hints, &host.dns.a), (&record.ipv6_hints, &host.dns.aaaa)] {
        let addresses: &[String] = match addresses {
            Observation::Observed { value, .. } => value,
            Observation::Absent { .. } => &[],
            _ if hints.is_empty() => continue,
            _ => {
                judged.is_unsure(format!("the addresses of {} are not known", host.name));
                continue;
            }
        };
        for hint in hints.iter().filter(|hint| !addresses.contains(hint)) {
            judged.misleads(format!("the hint {hint} is no address of {}", host.name));
        }
    }
}

fn other_port(port: i64, host: &Host, known: &Known<'_>, judged: &mut Judged) {
    match known.open.get(&format!("{}:{port}/tcp", host.name)) {
        Some(Some(true)) => {}
        Some(Some(false)) => judged.misleads(format!("it leads to port {port}, which is closed")),
        _ => judged.is_unsure(format!("port {port}, which it leads to, was not looked at")),
    }
}

fn protocols(record: &HttpsRecord, tls: &Tls, judged: &mut Judged) {
    let accepted = &tls.behaviour.alpn;
    let chosen = tls.negotiated.value().and_then(|negotiated| negotiated.alpn.as_deref());
    for id in record.alpn.iter().filter(|id| ASKED.contains(&id.as_str())) {
        let offered = match accepted {
            _ if chosen == Some(id.as_str()) => Some(true),
            // Without a choice by ALPN clients speak HTTP/1.1.
            Observation::Observed { value, .. } => Some(value.contains(id) || (id == "http/1.1" && value.is_empty())),
            Observation::Absent { .. } => Some(id == "http/1.1"),
            _ => None,
        };
        match offered {
            Some(true) => {}
            Some(false) if record.no_default_alpn => judged.misleads(format!("only {id} is announced and not spoken")),
            Some(false) => judged.contradicts(format!("{id} is announced and not spoken")),
            None => judged.is_unsure(format!("whether the server speaks {id} is not known")),
        }
    }
}

fn failed(observed_at: Timestamp, detail: &str) -> Observation<Announcement> {
    Observation::Failed { observed_at, reason: Reason::Dependency, detail: detail.to_owned() }
}
