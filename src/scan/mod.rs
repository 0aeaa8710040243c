//! The scheduler: declared subjects × probes. It decides what is looked at, in what order, and that everything that was not
//! looked at says so; it never judges.

mod endpoint;
mod host;
mod progress;
mod selection;

pub use progress::{Progress, Silent};
pub use selection::Selection;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, stream};

use crate::estate::{Asset, AssetKind};
use crate::facts::{Host, Looks, Observation, Reason, Service, Unobserved, Zone, ZoneDns, ZoneMail};
use crate::probe::{Context, dns, mail};
use selection::Doubts;

/// Subjects looked at at the same time. Politeness is by address and kept in `net`; this bounds memory.
const AT_ONCE: usize = 32;

/// What a scan has gathered so far; readable at any moment, so that an interrupted run still tells what it saw.
#[derive(Debug, Default)]
pub struct Gathered(Mutex<Looks>);

impl Gathered {
    /// What there is now.
    pub fn looks(&self) -> Looks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// What there is when no more will come.
    pub fn into_looks(self) -> Looks {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
    fn add(&self, f: impl FnOnce(&mut Looks)) {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Sees, before a run, that the resolver answers: without it nothing but pinned addresses could be looked at.
///
/// # Errors
/// One sentence about what happened instead.
pub async fn reach_resolver(context: &Context, selection: &Selection) -> Result<(), String> {
    let needs = |asset: &&Asset| match &asset.kind {
        AssetKind::Zone { .. } => true,
        AssetKind::Host { addresses, .. } => addresses.is_empty(),
    };
    let mut selected = context.scope.estate().assets.iter().filter(|asset| selection.asset(asset.name()));
    if !selected.any(|asset| needs(&asset)) {
        return Ok(());
    }
    dns::reach_resolver(context).await.map_err(|error| error.detail)
}

/// Looks at every selected asset of the estate.
pub async fn look(context: &Context, selection: &Selection, progress: &dyn Progress, gathered: &Gathered) {
    let assets: Vec<&Asset> =
        context.scope.estate().assets.iter().filter(|asset| selection.asset(asset.name())).collect();
    progress.expect(assets.len());
    let visits = assets.into_iter().map(|asset| async move {
        progress.start(asset.name());
        match &asset.kind {
            AssetKind::Zone { mail, .. } => {
                let zone = look_at_zone(context, asset.name(), mail, selection).await;
                gathered.add(|looks| looks.zones.insert(zone.name.clone(), zone));
            }
            AssetKind::Host { services, paths, addresses, origins } => {
                let pinned: Vec<_> = addresses.iter().chain(origins).copied().collect();
                let (host, services) = host::look(context, asset.name(), services, paths, &pinned, selection).await;
                gathered.add(|looks| {
                    looks.services.extend(services);
                    looks.hosts.insert(host.name.clone(), host);
                });
            }
        }
        progress.finish(asset.name());
    });
    stream::iter(visits).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Looks once more, freshly, at some hosts, zones and services of a finished scan; of a service's TLS only at what is in doubt.
pub async fn look_again(
    context: &Context,
    first: &Looks,
    doubts: BTreeMap<String, BTreeSet<String>>,
    selection: &Selection,
    progress: &dyn Progress,
) -> Looks {
    let subjects: BTreeSet<String> = doubts.keys().cloned().collect();
    let concerned = |asset: &str| {
        let of_asset = |service: &&Service| service.host == asset;
        subjects.contains(asset)
            || first.services.iter().any(|(name, service)| subjects.contains(name) && of_asset(&service))
    };
    let assets: BTreeSet<String> =
        context.scope.estate().assets.iter().map(|a| a.name().to_owned()).filter(|name| concerned(name)).collect();
    let again = Gathered::default();
    if assets.is_empty() {
        return Looks::default();
    }
    // Of a service's first look the second needs more than its name.
    let first = Looks { services: first.services.clone(), ..Looks::default() };
    let selection = selection.narrowed_to(assets, Doubts { first, concerns: doubts });
    look(&context.afresh(), &selection, progress, &again).await;
    let mut looks = again.into_looks();
    // A host that was only visited for one of its services was not itself looked at again in full.
    looks.hosts.retain(|name, _| subjects.contains(name));
    looks.zones.retain(|name| subjects.contains(name));
    looks.services.retain(|name, _| subjects.contains(name));
    looks
}

/// Enters every declared asset that a stopped scan did not reach, as not run.
pub fn enter_the_rest(context: &Context, selection: &Selection, looks: &mut Looks, why: &str) {
    let unobserved = Unobserved::not_run(Reason::NotSelected, why);
    for asset in context.scope.estate().assets.iter().filter(|asset| selection.asset(asset.name())) {
        let name = asset.name().to_owned();
        match &asset.kind {
            AssetKind::Zone { .. } => {
                if !looks.zones.contains_key(&name) {
                    looks.zones.insert(name.clone(), unseen_zone(&name, &unobserved));
                }
            }
            AssetKind::Host { services, .. } => {
                if !looks.hosts.contains_key(&name) {
                    let zone = context.scope.estate().zone_of(&name).map(str::to_owned);
                    looks.services.extend(host::unseen_services(&name, services, &unobserved));
                    looks.hosts.insert(name.clone(), host::unseen(&name, zone, &unobserved));
                }
            }
        }
    }
}

async fn look_at_zone(context: &Context, name: &str, mail: &crate::estate::MailUse, selection: &Selection) -> Zone {
    let not_selected =
        |family: &str| Unobserved::not_run(Reason::NotSelected, format!("the family {family} was not selected"));
    let mail = async |authority| {
        if selection.family("mail") {
            mail::look(authority, name, mail).await
        } else {
            ZoneMail::unobserved(&not_selected("mail"))
        }
    };
    let resolver = dns::Authority::resolver(context);
    let (dns, mail) = if selection.family("dns") {
        match dns::ZoneLook::begin(context, name).await {
            Ok(look) => {
                let (rest, mail) = futures_util::join!(look.rest(), mail(look.authority()));
                (look.end(rest), mail)
            }
            Err(dns) => (*dns, mail(resolver).await),
        }
    } else {
        (ZoneDns::unobserved(&not_selected("dns")), mail(resolver).await)
    };
    Zone { name: name.to_owned(), dns, mail }
}

fn unseen_zone(name: &str, why: &Unobserved) -> Zone {
    Zone { name: name.to_owned(), dns: ZoneDns::unobserved(why), mail: ZoneMail::unobserved(why) }
}

/// Types shared by the host's rooms.
type Services = std::collections::BTreeMap<String, Service>;
type Visit = (Host, Services);
type Ports = Observation<crate::facts::Ports>;
