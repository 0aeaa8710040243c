//! A sheet for each host and each zone.

use serde::Serialize;

use super::management::title;
use super::words::{Row, SeverityMark, day, moment, plural, row, severity, verdict};
use crate::check::{Finding, Verdict};
use crate::estate::{Asset, AssetKind};
use crate::facts::{
    CaaMatch, Dane, DkimKey, Endpoint, Enumerated, Host, HttpsAnswer, HttpsRecord, MtaStsPolicy, Observation, Service,
    SpfNode, Tls, Zone,
};
use crate::report::Input;

#[derive(Serialize)]
pub(super) struct Sheets {
    hosts: Vec<Sheet>,
    zones: Vec<Sheet>,
}

#[derive(Serialize)]
struct Sheet {
    anchor: String,
    name: String,
    about: Vec<Row>,
    endpoints: Vec<EndpointRow>,
    counts: String,
    verdicts: Vec<VerdictRow>,
    passed: Vec<String>,
}

#[derive(Serialize)]
struct EndpointRow {
    service: String,
    address: String,
    port: String,
    speaks: String,
    tls: String,
    certificate: String,
    /// What vouches for it: root programmes, staple, timestamps.
    vouched: String,
    seen: String,
}

#[derive(Serialize)]
struct VerdictRow {
    severity: SeverityMark,
    verdict: &'static str,
    subject: String,
    title: String,
    message: String,
}

pub(super) fn sheets(input: &Input<'_>) -> Sheets {
    let looks = &input.document.first;
    Sheets {
        hosts: looks.hosts.values().map(|host| host_sheet(input, host)).collect(),
        zones: looks.zones.values().map(|zone| zone_sheet(input, zone)).collect(),
    }
}

fn host_sheet(input: &Input<'_>, host: &Host) -> Sheet {
    let services = input.document.first.services.values().filter(|service| service.host == host.name);
    let endpoints = services.flat_map(|service| service.endpoints.values().map(move |e| endpoint_row(service, e)));
    let mut about = asset_rows(input.estate.asset(&host.name));
    let addresses: Vec<String> = host
        .addresses
        .iter()
        .map(|a| format!("{} ({}, {}; {})", a.address, a.operator, a.use_kind, a.operator_by))
        .collect();
    about.push(row("Addresses", if addresses.is_empty() { "none known".into() } else { addresses.join("; ") }));
    about.push(row("Ports looked at", ports(host)));
    about.extend(named(input, host));
    let own = |f: &&Finding| f.subject.name == host.name || f.subject.name.starts_with(&format!("{}:", host.name));
    sheet(input, &host.name, about, endpoints.collect(), &own)
}

fn zone_sheet(input: &Input<'_>, zone: &Zone) -> Sheet {
    let mut about = asset_rows(input.estate.asset(&zone.name));
    about.push(row("Name servers", told(&zone.dns.ns, |names| names.join(", "))));
    about.push(row("Serial", told(&zone.dns.soa, |soa| soa.serial.to_string())));
    about.push(row("DNSSEC", told(&zone.dns.dnssec, |d| d.status.clone())));
    about.push(row(
        "Registry",
        told(&zone.dns.registration, |found| {
            let ends = found.ends.map_or_else(|| "no end told".into(), |at| format!("ends {}", moment(at)));
            format!("{ends}; {}", found.statuses.join(", "))
        }),
    ));
    about.push(row("CAA", told(&zone.dns.caa, |caa| format!("issue: {}", caa.issuers.join(", ")))));
    let exchangers = |list: &Vec<crate::facts::Mx>| {
        list.iter().map(|mx| format!("{} {}", mx.preference, mx.exchange)).collect::<Vec<_>>().join(", ")
    };
    about.push(row("Mail exchangers", told(&zone.mail.mx, exchangers)));
    about.push(row("SPF", told(&zone.mail.spf, |spf| spf.record.clone())));
    about.push(row("SPF, who leads to whom", told(&zone.mail.spf, |spf| spf_tree(&spf.tree))));
    about.push(row("DMARC", told(&zone.mail.dmarc, |dmarc| dmarc.record.clone())));
    about.push(row(
        "DMARC policy that applies",
        told(&zone.mail.dmarc_policy, |policy| {
            let from = if policy.inherited { format!(", from {}", policy.found_at) } else { String::new() };
            format!("{}{from}; the organisation is {}", policy.policy, policy.organisational_domain)
        }),
    ));
    about.push(row(
        "DKIM selectors",
        told(&zone.mail.dkim, |keys| {
            let told_key = |key: &DkimKey| {
                let size = told(&key.key, |k| format!("{}, {} bits", k.key_type, k.bits));
                format!("{} ({size})", key.selector)
            };
            keys.iter().map(told_key).collect::<Vec<_>>().join("; ")
        }),
    ));
    let sts = |policy: &MtaStsPolicy| format!("{} for {}", policy.mode, policy.mx.join(", "));
    about.push(row("MTA-STS policy", told(&zone.mail.mta_sts_policy, sts)));
    about.push(row("Reports about TLS", told(&zone.mail.tls_rpt, |rpt| rpt.rua.join(", "))));
    let own = |f: &&Finding| f.subject.name == zone.name;
    sheet(input, &zone.name, about, Vec::new(), &own)
}

fn sheet(
    input: &Input<'_>,
    name: &str,
    about: Vec<Row>,
    endpoints: Vec<EndpointRow>,
    own: &dyn Fn(&&Finding) -> bool,
) -> Sheet {
    let mut findings: Vec<&Finding> = input.findings.iter().filter(own).collect();
    let count = |v| findings.iter().filter(|f| f.verdict == v).count();
    let counts = format!(
        "{} failed, {} undetermined, {} passed, {} not applicable",
        count(Verdict::Fail),
        count(Verdict::Undetermined),
        count(Verdict::Pass),
        count(Verdict::NotApplicable)
    );
    let passed = findings.iter().filter(|f| f.verdict == Verdict::Pass);
    let passed = passed.map(|f| format!("{} ({})", title(input, &f.check), f.subject.name)).collect();
    findings.retain(|f| f.verdict == Verdict::Fail);
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.check.cmp(&b.check)));
    let verdicts = findings
        .into_iter()
        .map(|f| VerdictRow {
            severity: severity(f.severity),
            verdict: verdict(f.verdict),
            subject: f.subject.name.clone(),
            title: title(input, &f.check),
            message: f.message.clone(),
        })
        .collect();
    Sheet {
        anchor: format!("sheet-{}", name.replace('.', "-")),
        name: name.to_owned(),
        about,
        endpoints,
        counts,
        verdicts,
        passed,
    }
}

/// The tree in one line: each record with its place and the lookups from there on.
fn spf_tree(nodes: &[SpfNode]) -> String {
    let node = |node: &SpfNode| {
        let found = if node.found == "record" { String::new() } else { format!(", {}", node.found) };
        let lookups = plural(usize::try_from(node.lookups).unwrap_or_default(), "lookup");
        format!("{} {} ({lookups}{found})", node.place, node.name)
    };
    nodes.iter().map(node).collect::<Vec<_>>().join("; ")
}

fn asset_rows(asset: Option<&Asset>) -> Vec<Row> {
    let Some(asset) = asset else { return Vec::new() };
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "not declared".into());
    let mut rows = vec![
        row("Function", asset.function.word().replace('-', " ")),
        row("Criticality", asset.criticality.map_or("not declared", |c| c.word())),
        row("Owner", or(&asset.owner)),
    ];
    if let Some(supplier) = &asset.supplier {
        rows.push(row("Supplier", supplier));
    }
    if let AssetKind::Zone { registration_ends, .. } = &asset.kind {
        rows.push(row("Registration ends", registration_ends.map_or_else(|| "not declared".into(), day)));
    }
    rows
}

fn ports(host: &Host) -> String {
    told(&host.ports, |ports| {
        let of = ports.addresses.iter().map(|a| {
            let open: Vec<String> = a.open.iter().map(ToString::to_string).collect();
            let open = if open.is_empty() { "none open".into() } else { format!("open {}", open.join(", ")) };
            let unknown = if a.unknown.is_empty() { String::new() } else { format!(", {} unknown", a.unknown.len()) };
            format!(
                "{}: {} tried, {open}, {} refused, {} filtered{unknown}",
                a.address,
                a.looked,
                a.refused,
                a.filtered.len()
            )
        });
        of.collect::<Vec<_>>().join("; ")
    })
}

/// What DNS says of the host's TLS, and whether the services bear it out.
fn named(input: &Input<'_>, host: &Host) -> Vec<Row> {
    let names = |caa: &crate::facts::Caa| {
        let names = if caa.issuers.is_empty() { "nobody".into() } else { caa.issuers.join(", ") };
        format!("{names} (at {})", caa.found_at)
    };
    let mut rows = vec![row("CAA, may issue", told(&host.dns.caa, names))];
    for answer in host.dns.https.value().into_iter().flatten() {
        rows.push(row(&format!("HTTPS record, port {}", answer.port), https(answer)));
    }
    let own = input.document.first.services.values().filter(|service| service.host == host.name && service.declared);
    for service in own {
        let each = |words: &dyn Fn(&Tls) -> Option<String>| {
            let mut told: Vec<String> =
                service.endpoints.values().filter_map(|endpoint| words(&endpoint.tls)).collect();
            told.dedup();
            (!told.is_empty()).then(|| told.join("; "))
        };
        let issuer = each(&|tls| seen(&tls.caa).map(|caa| told(caa, issuer)));
        rows.extend(issuer.map(|text| row(&format!("Issuer by CAA, port {}", service.port), text)));
        let dane = each(&|tls| seen(&tls.dane).map(|found| told(found, dane)));
        rows.extend(dane.map(|text| row(&format!("TLSA, port {}", service.port), text)));
    }
    rows
}

/// What is there or not known; what does not apply makes no row.
fn seen<T>(observation: &Observation<T>) -> Option<&Observation<T>> {
    (!matches!(observation, Observation::Absent { .. }) && !observation.is_underived()).then_some(observation)
}

fn issuer(found: &CaaMatch) -> String {
    let named = if found.named { "named" } else { "not named" };
    format!("{}, {named} by {} at {}", found.issuer, found.tag, found.found_at)
}

fn dane(found: &Dane) -> String {
    let fitting = found.records.iter().filter(|record| record.fits == Some(true)).count();
    let spare = if found.spare == Some(true) { ", one more for the next key" } else { "" };
    let count = plural(found.records.len(), "record");
    format!("{count}, {} usable, {fitting} fitting{spare}; the zone is {}", found.usable, found.dnssec)
}

fn https(answer: &HttpsAnswer) -> String {
    let one = |record: &HttpsRecord| {
        let target = if record.target.is_empty() { "the name itself" } else { &record.target };
        let ech = match &record.ech {
            None => "no encrypted ClientHello".into(),
            Some(ech) => {
                let names: Vec<&str> = ech.configs.iter().filter_map(|config| config.public_name.as_deref()).collect();
                format!(
                    "encrypted ClientHello behind {}",
                    if names.is_empty() { "a name not read".into() } else { names.join(", ") }
                )
            }
        };
        let alpn = if record.alpn.is_empty() { String::new() } else { format!(", {}", record.alpn.join(" ")) };
        format!("{} {target}{alpn}, {ech}", record.priority)
    };
    told(&answer.records, |records| records.iter().map(one).collect::<Vec<_>>().join("; "))
}

fn endpoint_row(service: &Service, endpoint: &Endpoint) -> EndpointRow {
    let declared = if service.declared { "" } else { " (not declared)" };
    EndpointRow {
        service: format!("{}/{}{declared}", service.port, service.transport),
        address: endpoint.address.clone(),
        port: told(&endpoint.port_state, |state| state.answer.clone()),
        speaks: told(&endpoint.protocol, |p| {
            let product =
                [p.product.as_deref(), p.version.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            if product.is_empty() { p.name.clone() } else { format!("{} ({product})", p.name) }
        }),
        tls: told(&endpoint.tls.negotiated, |n| format!("{}, {}", n.version, n.suite)) + &accepted(&endpoint.tls),
        certificate: told(&endpoint.tls.certificate, |c| {
            format!("{}; ends {}", plural_names(&c.names), moment(c.not_after))
        }),
        vouched: vouched(&endpoint.tls),
        seen: moment(endpoint.port_state.observed_at()),
    }
}

/// Who trusts the root, what was stapled, and the timestamps of public logs with their sources.
fn vouched(tls: &Tls) -> String {
    if tls.certificate.value().is_none() {
        return String::new();
    }
    let root = told(&tls.validation, |validation| {
        let word = |trusted: bool| if trusted { "" } else { "not " };
        let lists = validation.programmes.iter();
        let lists: Vec<String> =
            lists.map(|p| format!("{}in {}'s list of {}", word(p.trusted), p.name, p.date)).collect();
        if lists.is_empty() { "not reached".into() } else { lists.join(", ") }
    });
    let staple = told(&tls.revocation, |revocation| {
        let until = revocation.next_update.filter(|_| revocation.status == "good");
        let until = until.map(|end| format!(" until {}", moment(end))).unwrap_or_default();
        let doubt = if revocation.valid { "" } else { " (does not count)" };
        format!("{}{until}{doubt}", revocation.status)
    });
    let logs = told(&tls.scts, |scts| match scts.count {
        0 => "none".into(),
        count => format!("{count} ({})", scts.sources.join(", ").replace('-', " ")),
    });
    format!("Root: {root}; staple: {staple}; log timestamps: {logs}")
}

/// How many suites are accepted in each version, and how many nobody knows about.
fn accepted(tls: &Tls) -> String {
    let told = |(version, set): (&str, &Observation<Enumerated>)| {
        let set = set.value()?;
        let unknown: i64 = set.unknown.iter().map(|range| range.count).sum();
        let unknown = if unknown > 0 { format!(" and {unknown} unknown") } else { String::new() };
        Some(format!("{} in {version}{unknown}", set.accepted.len()))
    };
    let all: Vec<String> = tls.suites.all().into_iter().filter_map(told).collect();
    if all.is_empty() { String::new() } else { format!("; suites accepted: {}", all.join(", ")) }
}

fn plural_names(names: &[String]) -> String {
    match names {
        [] => "no names".into(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {}", plural(rest.len(), "other")),
    }
}

/// The value in words, or why there is none.
fn told<T>(observation: &Observation<T>, words: impl Fn(&T) -> String) -> String {
    match observation {
        Observation::Observed { value, .. } => words(value),
        Observation::Absent { .. } => "none".into(),
        Observation::Failed { reason, .. } => format!("not known: {}", reason.word()),
        Observation::NotRun { reason, .. } => format!("not looked at: {}", reason.word()),
    }
}
