//! One host: its names, its addresses, its ports, its services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use futures_util::future::join_all;

use super::endpoint::{self, Door};
use super::{Ports, Selection, Services, Visit};
use crate::estate::{DeclaredService, Scheme};
use crate::facts::{Endpoint, Host, HostAddress, HostDns, Observation, Reason, Service, Tlsa, Unobserved};
use crate::probe::{Context, dns, services};
use crate::scope::{NotOurs, Target, use_kind};

/// One address of the host: what may be asked of it, and what the port look said.
pub(super) struct Site {
    pub(super) address: IpAddr,
    pub(super) target: Result<Target, NotOurs>,
    pub(super) ports: services::PortStates,
}

pub(super) async fn look(
    context: &Context,
    name: &str,
    declared: &[DeclaredService],
    paths: &[String],
    pinned: &[IpAddr],
    selection: &Selection,
) -> Visit {
    let dns = dns::look_at_host(context, name).await;
    let addresses = addresses(&dns, pinned);
    let mut sites: Vec<Site> = addresses
        .iter()
        .map(|address| Site { address: *address, target: context.scope.host(name, *address), ports: BTreeMap::new() })
        .collect();
    let ports = look_at_ports(context, name, declared, &mut sites, selection).await;
    let zone = context.scope.estate().zone_of(name).map(str::to_owned);
    let listed = sites.iter().map(|site| host_address(context, site.address)).collect();
    let services = look_at_services(context, name, declared, paths, &sites, &dns, selection).await;
    (Host { name: name.to_owned(), zone, addresses: listed, dns, ports }, services)
}

/// A host that was not looked at.
pub(super) fn unseen(name: &str, zone: Option<String>, why: &Unobserved) -> Host {
    Host { name: name.to_owned(), zone, addresses: Vec::new(), dns: HostDns::unobserved(why), ports: why.cast() }
}

/// The declared services of a host that could not be looked at: they are subjects all the same.
pub(super) fn unseen_services(name: &str, declared: &[DeclaredService], why: &Unobserved) -> Services {
    let services = declared.iter().map(|d| {
        let endpoints = BTreeMap::from([(String::new(), endpoint::unobserved(String::new(), why))]);
        (service_name(name, d.port), service(name, d.port, Some(d.scheme), why.cast(), endpoints))
    });
    services.collect()
}

/// `host:port/transport`.
pub(super) fn service_name(host: &str, port: u16) -> String {
    format!("{host}:{port}/tcp")
}

/// Pinned addresses, or what the names resolve to; sorted, each once.
fn addresses(dns: &HostDns, pinned: &[IpAddr]) -> BTreeSet<IpAddr> {
    let resolved =
        [&dns.a, &dns.aaaa].into_iter().filter_map(Observation::value).flatten().filter_map(|text| text.parse().ok());
    pinned.iter().copied().chain(resolved).collect()
}

fn host_address(context: &Context, address: IpAddr) -> HostAddress {
    let ownership = context.scope.ownership(address);
    HostAddress {
        address: address.to_string(),
        operator: ownership.kind.word().to_owned(),
        operator_by: ownership.by,
        prefix: crate::facts::prefix(address),
        use_kind: use_kind(address).to_owned(),
    }
}

async fn look_at_ports(
    context: &Context,
    name: &str,
    declared: &[DeclaredService],
    sites: &mut [Site],
    selection: &Selection,
) -> Ports {
    if !selection.family("services") {
        return Observation::not_run(Reason::NotSelected, "the family services was not selected");
    }
    let wanted: Vec<u16> = declared
        .iter()
        .map(|d| d.port)
        .filter(|p| selection.service(&service_name(name, *p)) || selection.whole_hosts(name))
        .collect();
    if sites.is_empty() {
        return Observation::failed(Reason::Dependency, format!("no address of {name} is known"));
    }
    let looks = sites.iter_mut().filter_map(|site| {
        let Site { target, ports, .. } = site;
        let target = target.as_ref().ok()?;
        let wanted = &wanted;
        Some(async move {
            let (summary, states) = services::look_at_ports(context, target, wanted).await;
            *ports = states;
            summary
        })
    });
    let summaries = join_all(looks).await;
    if summaries.is_empty() {
        let why =
            sites.iter().find_map(|site| site.target.as_ref().err()).map_or_else(String::new, ToString::to_string);
        return Observation::not_run(Reason::NotOurs, why);
    }
    let declared: BTreeSet<i64> = declared.iter().map(|d| i64::from(d.port)).collect();
    let open: BTreeSet<i64> =
        summaries.iter().filter(|s| !s.accepts_everything).flat_map(|s| s.open.iter().copied()).collect();
    Observation::observed(crate::facts::Ports {
        undeclared: open.difference(&declared).copied().collect(),
        addresses: summaries,
    })
}

async fn look_at_services(
    context: &Context,
    name: &str,
    declared: &[DeclaredService],
    paths: &[String],
    sites: &[Site],
    dns: &HostDns,
    selection: &Selection,
) -> Services {
    if sites.is_empty() {
        return unseen_services(name, declared, &no_address(name, dns));
    }
    let schemes: BTreeMap<u16, Scheme> = declared.iter().map(|d| (d.port, d.scheme)).collect();
    let open = sites.iter().flat_map(|s| s.ports.iter().filter(|(_, state)| is_open(state)).map(|(port, _)| *port));
    let ports: BTreeSet<u16> =
        open.chain(schemes.keys().copied()).filter(|port| selection.service(&service_name(name, *port))).collect();
    let looks = ports.into_iter().map(|port| {
        let scheme = schemes.get(&port).copied();
        async move {
            let door = Door { context, host: name, port, scheme, paths, selection };
            let endpoints = sites.iter().map(|site| endpoint::look(&door, site));
            let endpoints: BTreeMap<String, Endpoint> =
                join_all(endpoints).await.into_iter().map(|e| (e.address.clone(), e)).collect();
            let tlsa = look_at_tlsa(&door, &endpoints).await;
            (service_name(name, port), service(name, port, scheme, tlsa, endpoints))
        }
    });
    join_all(looks).await.into_iter().collect()
}

fn is_open(state: &Observation<crate::facts::PortState>) -> bool {
    state.value().is_some_and(|state| state.answer == "open")
}

/// Why nothing is known of a host without addresses.
fn no_address(name: &str, dns: &HostDns) -> Unobserved {
    let because = [&dns.a, &dns.aaaa].into_iter().find_map(|look| match look {
        Observation::Failed { detail, .. } | Observation::NotRun { detail, .. } => Some(detail.clone()),
        _ => None,
    });
    let why = because.unwrap_or_else(|| "the name has no address".to_owned());
    Unobserved::failed(Reason::Dependency, format!("{name} could not be reached: {why}"))
}

/// TLSA records are asked for where a declared service speaks TLS, or may do so for all that is known.
async fn look_at_tlsa(door: &Door<'_>, endpoints: &BTreeMap<String, Endpoint>) -> Observation<Tlsa> {
    let may_speak = |endpoint: &Endpoint| !matches!(endpoint.tls.chain, Observation::Absent { .. });
    match door.scheme {
        None => Observation::not_run(Reason::NotSelected, format!("port {} is not declared", door.port)),
        Some(_) if !door.selection.family("tls") => {
            Observation::not_run(Reason::NotSelected, "the family tls was not selected")
        }
        Some(Scheme::Http) => Observation::absent(),
        Some(_) if !door.selection.concerns(&service_name(door.host, door.port), "service.tls") => {
            Observation::not_run(Reason::NotSelected, "not part of the second look")
        }
        Some(_) if !endpoints.values().any(may_speak) => Observation::absent(),
        Some(_) => dns::look_at_tlsa(dns::Authority::resolver(door.context), door.port, door.host).await,
    }
}

fn service(
    host: &str,
    port: u16,
    scheme: Option<Scheme>,
    tlsa: Observation<Tlsa>,
    endpoints: BTreeMap<String, Endpoint>,
) -> Service {
    let word = |scheme| match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
        Scheme::Tcp => "tcp",
    };
    Service {
        host: host.to_owned(),
        port: i64::from(port),
        transport: "tcp".into(),
        declared: scheme.is_some(),
        scheme: scheme.map(|s| word(s).to_owned()),
        tlsa,
        agreement: Observation::underived(),
        endpoints,
    }
}
