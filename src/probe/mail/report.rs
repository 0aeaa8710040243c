//! Where reports go: whether the domains are there, and whether those of others agree (RFC 9990 §4).

use futures_util::future::{join, join_all};
use hickory_resolver::proto::rr::RecordType;

use super::inquiry::Inquiry;
use crate::facts::{Observation, registrable};

/// How many domains of reports are asked about.
const MAX_DOMAINS: usize = 8;

/// Asks about every domain that reports are sent to: for its MX, which tells whether the name is there, and for its agreement.
pub(super) async fn look(
    inquiry: &Inquiry<'_>,
    zone: &str,
    dmarc: &Observation<Vec<String>>,
    tls_rpt: &Observation<Vec<String>>,
) {
    let agreeing: Vec<String> = domains(dmarc, "v=DMARC1", &["rua", "ruf"])
        .into_iter()
        .filter(|domain| registrable(domain) != registrable(zone))
        .map(|domain| format!("{zone}._report._dmarc.{domain}"))
        .take(MAX_DOMAINS)
        .collect();
    let mut names = domains(dmarc, "v=DMARC1", &["rua", "ruf"]);
    names.extend(domains(tls_rpt, "v=TLSRPTv1", &["rua"]));
    names.sort();
    names.dedup();
    names.retain(|name| name != zone);
    let there = names.iter().take(MAX_DOMAINS).map(|domain| inquiry.ask(domain, RecordType::MX));
    let agree = agreeing.iter().map(|name| inquiry.text(name));
    join(join_all(there), join_all(agree)).await;
}

/// The domains of `mailto:` addresses in some tags of records that begin with `version`. Reading them with judgement is
/// derivation's.
fn domains(texts: &Observation<Vec<String>>, version: &str, tags: &[&str]) -> Vec<String> {
    let records = texts.value().into_iter().flatten().filter(|text| text.starts_with(version));
    let wanted = |name: &str| tags.iter().any(|tag| name.trim().eq_ignore_ascii_case(tag));
    let lists = records.flat_map(|text| text.split(';')).filter_map(|part| part.split_once('='));
    let uris = lists.filter(|(name, _)| wanted(name)).flat_map(|(_, value)| value.split(','));
    let mut all: Vec<String> = uris.filter_map(domain).collect();
    all.sort();
    all.dedup();
    all
}

fn domain(uri: &str) -> Option<String> {
    let uri = uri.trim();
    let scheme = uri.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))?;
    let address = uri.get(scheme.len()..)?.split(['!', '?']).next()?;
    let (_, domain) = address.rsplit_once('@')?;
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let is_name = domain.contains('.') && domain.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    is_name.then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domains_of_report_addresses_are_found_and_nothing_else() {
        let texts = Observation::observed(vec![
            "v=DMARC1; p=none; rua=mailto:a@X.example!10m, MAILTO:b@y.example ; ruf=mailto:c@x.example".into(),
            "rua=mailto:z@other.example".into(),
            "v=DMARC1; rua=mailto:nobody, https://z.example, mailto:a@b c.example, mailto:é@é".into(),
        ]);
        assert_eq!(domains(&texts, "v=DMARC1", &["rua", "ruf"]), ["x.example", "y.example"]);
        assert!(domains(&Observation::absent(), "v=DMARC1", &["rua"]).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            domains(&Observation::observed(vec![format!("v=DMARC1; rua={text}"), text]), "v=DMARC1", &["rua"]);
        }
    }
}
