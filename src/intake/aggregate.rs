//! Reports taken together, by domain and network: what is kept does not grow with the number of reports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::xml::{Report, Row};
use crate::facts::{DomainReports, LIST_CAP, ReportedSource, Timestamp};

/// Domains that are kept apart.
const DOMAIN_CAP: usize = 256;

/// Networks of one domain that are kept apart; what comes later is one.
const SOURCE_CAP: usize = 4096;

/// Names that are kept of one network.
const NAMED_CAP: usize = 16;

/// Networks beyond the cap.
const OTHERS: &str = "other networks";

#[derive(Debug, Default)]
pub(super) struct Aggregate(BTreeMap<String, Domain>);

#[derive(Debug)]
struct Domain {
    from: Timestamp,
    until: Timestamp,
    reports: i64,
    reporters: BTreeSet<String>,
    /// By network and whether DKIM and SPF passed.
    sources: BTreeMap<(String, bool, bool), (i64, BTreeSet<String>)>,
}

impl Aggregate {
    pub(super) fn add(&mut self, report: Report) {
        let (Some(from), Some(until)) = (report.from, report.until) else { return };
        if self.0.len() >= DOMAIN_CAP && !self.0.contains_key(&report.domain) {
            return;
        }
        let fresh = || Domain { from, until, reports: 0, reporters: BTreeSet::new(), sources: BTreeMap::new() };
        let domain = self.0.entry(report.domain).or_insert_with(fresh);
        domain.from = domain.from.min(from);
        domain.until = domain.until.max(until);
        domain.reports += 1;
        if domain.reporters.len() < LIST_CAP {
            domain.reporters.insert(report.reporter);
        }
        for row in report.rows {
            domain.add(row);
        }
    }

    pub(super) fn domains(self) -> BTreeMap<String, DomainReports> {
        self.0.into_iter().map(|(name, domain)| (name, domain.told())).collect()
    }
}

impl Domain {
    fn add(&mut self, row: Row) {
        let (Some(address), Some(count)) = (row.source, row.count) else { return };
        let mut key = (network(address), row.dkim, row.spf);
        if self.sources.len() >= SOURCE_CAP && !self.sources.contains_key(&key) {
            key.0 = OTHERS.into();
        }
        let (messages, named) = self.sources.entry(key).or_default();
        *messages = messages.saturating_add(count);
        let room = NAMED_CAP.saturating_sub(named.len());
        named.extend(row.named.into_iter().filter(|name| !name.is_empty()).take(room));
    }

    fn told(self) -> DomainReports {
        let source = |((network, dkim, spf), (messages, named)): ((String, bool, bool), (i64, BTreeSet<String>))| {
            ReportedSource { network, dkim, spf, named: named.into_iter().collect(), messages }
        };
        DomainReports {
            from: self.from,
            until: self.until,
            reports: self.reports,
            reporters: self.reporters.into_iter().collect(),
            sources: self.sources.into_iter().map(source).collect(),
        }
    }
}

/// /24 for IPv4, /48 for IPv6: whose a machine is, not which.
fn network(address: IpAddr) -> String {
    let length = if address.is_ipv4() { 24 } else { 48 };
    ipnet::IpNet::new(address, length).map_or_else(|_| address.to_string(), |net| net.trunc().to_string())
}
