//! The sheet of a host: its addresses, its services, what DNS says of them.

use super::{EndpointRow, Sheet, asset_rows, seen, sheet, told};
use crate::check::{Subject, SubjectKind};
use crate::facts::{CaaMatch, Dane, Endpoint, Enumerated, Host, HttpsAnswer, HttpsRecord, Observation, Service, Tls};
use crate::report::html::Told;
use crate::report::html::words::{Row, moment, plural, row};

pub(super) fn host(input: &Told<'_>, host: &Host) -> Sheet {
    let services = || input.document.first.services.iter().filter(|(_, service)| service.host == host.name);
    let endpoints =
        services().flat_map(|(_, service)| service.endpoints.values().map(move |e| endpoint_row(service, e)));
    let mut about = asset_rows(input.estate.asset(&host.name));
    let addresses: Vec<String> = host
        .addresses
        .iter()
        .map(|a| format!("{} ({}, {}; {})", a.address, a.operator, a.use_kind, a.operator_by))
        .collect();
    about.push(row("Addresses", if addresses.is_empty() { "none known".into() } else { addresses.join("; ") }));
    about.push(row("Ports looked at", ports(host)));
    about.extend(named(input, host));
    let of = |kind, name: &String| input.findings.of(&Subject { kind, name: name.clone() });
    let of_services = services().flat_map(|(name, _)| of(SubjectKind::Service, name));
    let own = of(SubjectKind::Host, &host.name).into_iter().chain(of_services).collect();
    sheet(input, &host.name, about, endpoints.collect(), own)
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
fn named(input: &Told<'_>, host: &Host) -> Vec<Row> {
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
