//! What DMARC aggregate reports say of a zone: which senders `p=reject` would turn away.

use std::collections::{BTreeMap, BTreeSet};

use crate::derive::dns::AsTable;
use crate::facts::{LIST_CAP, MailReports, Observation, Reason, RejectedSource, Reported, ReportedSource, Timestamp};

/// How many sources are told in words.
const TOLD: usize = 12;

/// How many names of one source are told.
const NAMES: usize = 4;

/// Absent if nothing was given about the zone. The reports of a domain are about its own name; subdomains have their own.
pub(super) fn read(zone: &str, reports: &MailReports, table: &AsTable, now: Timestamp) -> Observation<Reported> {
    let Some(of) = reports.domains.get(zone) else { return Observation::Absent { observed_at: now } };
    let messages: i64 = of.sources.iter().map(|source| source.messages).fold(0, i64::saturating_add);
    let mut sources = rejected(&of.sources, table);
    let would_be_rejected = sources.iter().map(|source| source.messages).fold(0, i64::saturating_add);
    sources.truncate(LIST_CAP);
    let value = Reported {
        from: of.from,
        until: of.until,
        reports: of.reports,
        reporters: of.reporters.clone(),
        messages,
        would_be_rejected: rejections(would_be_rejected, reports, of.until),
        told: sources.iter().take(TOLD).map(told).collect(),
        sources,
        unread: reports.unread.iter().map(|file| format!("{}: {}", file.file, file.why)).take(LIST_CAP).collect(),
    };
    Observation::Observed { observed_at: of.until, value }
}

fn rejections(seen: i64, reports: &MailReports, observed_at: Timestamp) -> Observation<i64> {
    match reports.unread.first() {
        Some(file) if seen == 0 => {
            let detail =
                format!("{} of the reports' files could not be read; {} {}", reports.unread.len(), file.file, file.why);
            Observation::Failed { observed_at, reason: Reason::Garbage, detail }
        }
        _ => Observation::Observed { observed_at, value: seen },
    }
}

/// By network, the most messages first.
fn rejected(sources: &[ReportedSource], table: &AsTable) -> Vec<RejectedSource> {
    let mut networks: BTreeMap<&str, (i64, BTreeSet<&str>)> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.dkim && !source.spf) {
        let entry = networks.entry(&source.network).or_default();
        entry.0 = entry.0.saturating_add(source.messages);
        entry.1.extend(source.named.iter().map(String::as_str));
    }
    let source = |(network, (messages, named)): (&str, (i64, BTreeSet<&str>))| {
        let address = network.split('/').next().and_then(|address| address.parse().ok());
        RejectedSource {
            network: network.to_owned(),
            system: address.and_then(|address| table.system(address)).map(str::to_owned),
            named: named.into_iter().map(str::to_owned).take(LIST_CAP).collect(),
            messages,
        }
    };
    let mut all: Vec<RejectedSource> = networks.into_iter().map(source).collect();
    all.sort_by(|a, b| b.messages.cmp(&a.messages).then_with(|| a.network.cmp(&b.network)));
    all
}

fn told(source: &RejectedSource) -> String {
    let system = source.system.as_ref().map(|system| format!(" (AS{system})")).unwrap_or_default();
    let names: Vec<&str> = source.named.iter().take(NAMES).map(String::as_str).collect();
    let named = if names.is_empty() { String::new() } else { format!(" naming {}", names.join(" and ")) };
    format!("{}{system}{named}: {}", source.network, source.messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{DomainReports, UnreadReport};

    fn source(network: &str, aligned: (bool, bool), named: &str, messages: i64) -> ReportedSource {
        let (dkim, spf) = aligned;
        ReportedSource { network: network.into(), dkim, spf, named: vec![named.into()], messages }
    }

    #[test]
    fn what_neither_dkim_nor_spf_vouches_for_would_be_rejected() {
        let sources = vec![
            source("192.0.2.0/24", (true, false), "x.example", 90),
            source("198.51.100.0/24", (false, false), "lists.example", 3),
            source("198.51.100.0/24", (false, false), "news.example", 4),
            source("203.0.113.0/24", (false, true), "x.example", 5),
            source("2001:db8::/48", (false, false), "y.example", 1),
        ];
        let of = DomainReports {
            from: Timestamp::EPOCH,
            until: Timestamp::EPOCH,
            reports: 2,
            reporters: vec!["big.example".into()],
            sources,
        };
        let unread = vec![UnreadReport { file: "a.zip".into(), why: "is no archive".into() }];
        let given = MailReports { domains: BTreeMap::from([("x.example".into(), of)]), unread };
        let table = AsTable::read("198.51.100.0/24\tAS64500\n");
        let read = read("x.example", &given, &table, Timestamp::EPOCH).value().cloned().unwrap();
        assert_eq!((read.messages, read.would_be_rejected.value()), (103, Some(&8)));
        assert_eq!(read.told[0], "198.51.100.0/24 (AS64500) naming lists.example and news.example: 7");
        assert_eq!((read.sources.len(), read.unread.len()), (2, 1));
        let mut sound = given.clone();
        sound.domains.get_mut("x.example").unwrap().sources.retain(|source| source.dkim || source.spf);
        let none = super::read("x.example", &sound, &table, Timestamp::EPOCH).value().cloned().unwrap();
        assert!(
            matches!(none.would_be_rejected, Observation::Failed { .. }),
            "a file that could not be read may hold some"
        );
        let other = super::read("y.example", &given, &table, Timestamp::EPOCH);
        assert!(matches!(other, Observation::Absent { .. }));
    }
}
