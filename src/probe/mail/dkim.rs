//! DKIM keys (RFC 6376 §3.6): of the selectors that the estate declares, and of those that providers seen in MX and SPF use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use futures_util::future::join_all;
use serde::Deserialize;

use super::inquiry::Inquiry;
use super::reach::names_in;
use crate::facts::{DkimSelector, Mx, Observation, is_within};

/// How many selectors are asked for.
const MAX_SELECTORS: usize = 16;

/// Asks for the key of every selector; the answers are the inquiry's.
pub(super) async fn look(
    inquiry: &Inquiry<'_>,
    zone: &str,
    declared: &[String],
    mx: &Observation<Vec<Mx>>,
    txt: &Observation<Vec<String>>,
    reached: &BTreeMap<String, Observation<Vec<String>>>,
) -> Vec<DkimSelector> {
    let mut names: BTreeSet<String> = mx.value().into_iter().flatten().map(|mx| mx.exchange.clone()).collect();
    names.extend(names_in(txt));
    names.extend(reached.keys().cloned());
    let selectors = selectors(declared, &names, zone);
    let names: Vec<String> = selectors.iter().map(|s| format!("{}._domainkey.{zone}", s.selector)).collect();
    join_all(names.iter().map(|name| inquiry.text(name))).await;
    selectors
}

/// The declared ones first, then what the providers behind `names` use. A zone that is itself a provider's infers nothing.
fn selectors(declared: &[String], names: &BTreeSet<String>, zone: &str) -> Vec<DkimSelector> {
    let mut all: Vec<DkimSelector> = declared
        .iter()
        .map(|selector| DkimSelector { selector: selector.to_ascii_lowercase(), provider: None })
        .collect();
    let foreign = || names.iter().filter(|name| !is_within(name, zone));
    let seen = |provider: &&Provider| foreign().any(|name| provider.names.iter().any(|end| is_within(name, end)));
    for provider in TABLE.provider.iter().filter(seen) {
        for selector in &provider.selectors {
            if !all.iter().any(|known| known.selector == *selector) {
                all.push(DkimSelector { selector: selector.clone(), provider: Some(provider.name.clone()) });
            }
        }
    }
    all.truncate(MAX_SELECTORS);
    all
}

#[derive(Debug, Deserialize)]
struct Provider {
    name: String,
    names: Vec<String>,
    selectors: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Table {
    provider: Vec<Provider>,
}

/// The file is part of the program and a test reads it, so an unreadable one cannot be shipped.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("../../../checks/reference/dkim-selectors.toml")).unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_providers_is_readable_whole() {
        let lines = include_str!("../../../checks/reference/dkim-selectors.toml").matches("\n[[provider]]").count();
        assert_eq!(TABLE.provider.len(), lines);
        assert!(lines > 8);
    }

    #[test]
    fn declared_selectors_come_first_and_providers_are_known_by_their_names() {
        let names =
            BTreeSet::from(["x-example.mail.protection.outlook.com".to_owned(), "_spf.notgoogle.com".to_owned()]);
        let found = selectors(&["S1".to_owned(), "selector2".to_owned()], &names, "x.example");
        let told: Vec<(&str, Option<&str>)> =
            found.iter().map(|s| (s.selector.as_str(), s.provider.as_deref())).collect();
        assert_eq!(told, [("s1", None), ("selector2", None), ("selector1", Some("Microsoft 365"))]);
        assert!(selectors(&[], &BTreeSet::from(["mx.google.com".to_owned()]), "google.com").is_empty());
    }
}
