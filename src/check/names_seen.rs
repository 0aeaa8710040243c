//! Names below the authority's domains, held against what is declared. They come from facts and from an export alone: nobody is
//! asked about a name that is not declared.

use std::collections::BTreeSet;

use super::estate_index::capped;
use crate::derive::ct;
use crate::derive::names::{Sighting, sightings};
use crate::estate::{Asset, Estate};
use crate::facts::{Looks, NameSource, Observation, Reason, SeenName, Timestamp};

/// The most places that are told of one name.
const PLACES_CAP: usize = 16;

/// Every name seen below a declared zone or the registrable domain of a declared host, those that nobody declared first.
pub(super) fn names_seen(
    estate: &Estate,
    looks: &Looks,
    export: &str,
    now: Timestamp,
    cut: &mut i64,
) -> Observation<Vec<SeenName>> {
    let logged = match ct::read(export) {
        Ok(logged) => logged,
        Err(fault) => {
            let detail = format!("line {} of the certificate transparency export {}", fault.line, fault.message);
            return Observation::Failed { observed_at: now, reason: Reason::Garbage, detail };
        }
    };
    let domains = domains(estate);
    let ours = |name: &str| climb(name).any(|parent| domains.contains(parent));
    let mut all: Vec<SeenName> = sightings(looks, &logged, now, &ours)
        .into_iter()
        .map(|(name, sighting)| seen_name(estate, name, sighting))
        .collect();
    all.sort_by_key(|seen| (rank(&seen.standing), seen.name.clone()));
    Observation::Observed { observed_at: now, value: capped(all, cut) }
}

/// Declared zones, and what each declared host's name was registered under.
fn domains(estate: &Estate) -> BTreeSet<&str> {
    let registered = |name| psl::domain_str(name).unwrap_or(name);
    estate.zones().map(Asset::name).chain(estate.hosts().map(|host| registered(host.name()))).collect()
}

/// The name and everything above it.
fn climb(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

fn seen_name(estate: &Estate, name: String, sighting: Sighting) -> SeenName {
    let wildcard = name.starts_with("*.");
    let serves = sighting.seen_in.iter().any(|(source, _)| matches!(*source, "ns" | "mx"));
    let standing = match estate.asset(&name) {
        Some(_) => "declared",
        None if serves => "serves",
        None => "undeclared",
    };
    let place = |(source, subject): (&'static str, String)| NameSource { source: source.to_owned(), subject };
    let seen_in = sighting.seen_in.into_iter().take(PLACES_CAP).map(place).collect();
    SeenName { name, standing: standing.to_owned(), wildcard, seen_in, since: sighting.since }
}

/// The order of the list: what is cut at its end matters least.
fn rank(standing: &str) -> usize {
    ["undeclared", "serves", "declared"].iter().position(|word| *word == standing).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTATE: &str = "schema = 1\n[authority]\nname = \"CEC\"\n\
        [[asset]]\nhost = \"www.cec.example\"\nfunction = \"authority-website\"\n\
        [[asset]]\nzone = \"vote.other.example\"\nfunction = \"authority-domain\"\n";

    fn seen(export: &str) -> Observation<Vec<SeenName>> {
        let estate = Estate::parse("estate.toml", ESTATE).unwrap();
        let mut cut = 0;
        names_seen(&estate, &Looks::default(), export, Timestamp::parse("2028-10-01").unwrap(), &mut cut)
    }
    fn standings(export: &str) -> Vec<(String, String)> {
        seen(export).value().unwrap().iter().map(|one| (one.name.clone(), one.standing.clone())).collect()
    }

    #[test]
    fn only_names_below_the_authoritys_own_domains_count_and_undeclared_ones_come_first() {
        let export = "www.cec.example\nvpn.cec.example\ncec.example\nold.vote.other.example\nwww.other.example\nnotcec.example\n*.cec.example\n";
        let found = standings(export);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
        assert_eq!(
            found,
            [
                ("*.cec.example", "undeclared"),
                ("cec.example", "undeclared"),
                ("old.vote.other.example", "undeclared"),
                ("vpn.cec.example", "undeclared"),
                ("www.cec.example", "declared"),
            ]
        );
    }

    #[test]
    fn a_wildcard_is_listed_as_one() {
        let found = seen("*.cec.example\nvpn.cec.example\n");
        let wild: Vec<bool> = found.value().unwrap().iter().map(|one| one.wildcard).collect();
        assert_eq!(wild, [true, false]);
    }

    #[test]
    fn an_export_that_cannot_be_read_leaves_the_list_unknown() {
        assert!(matches!(seen("[{]"), Observation::Failed { reason: Reason::Garbage, .. }));
    }

    #[test]
    fn servers_of_a_declared_zone_are_in_scope_as_such() {
        let mut sighting = Sighting::default();
        sighting.seen_in.insert(("mx", "vote.other.example".to_owned()));
        let estate = Estate::parse("estate.toml", ESTATE).unwrap();
        assert_eq!(seen_name(&estate, "mx.vote.other.example".into(), sighting).standing, "serves");
    }
}
