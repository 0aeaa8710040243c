//! Which registry has which RDAP server (RFC 9224), from IANA's list as the estate's own file.

use serde::Deserialize;
use url::Url;

use super::{AssetKind, Estate, EstateError, Rdap};

/// What of the list is read (RFC 9224 §3).
#[derive(Deserialize)]
struct List {
    /// Pairs of domains and base addresses.
    services: Vec<(Vec<String>, Vec<String>)>,
}

impl Estate {
    /// The same with the servers that the list has for the zones that say `rdap = true`. `file` and `text` are the list's.
    ///
    /// # Errors
    /// The text is no such list, or it has no server for a zone.
    pub fn with_rdap_servers(mut self, file: &str, text: &str) -> Result<Self, Vec<EstateError>> {
        let fault = |key: String, message: String| EstateError { file: file.to_owned(), line: 0, key, message };
        let list: List = serde_json::from_str(text).map_err(|e| {
            let what = "expected IANA's list of RDAP servers, https://data.iana.org/rdap/dns.json";
            vec![EstateError { line: e.line(), ..fault(String::new(), format!("{e}; {what}")) }]
        })?;
        let mut faults = Vec::new();
        for asset in &mut self.assets {
            let AssetKind::Zone { rdap: Some(rdap @ Rdap::Listed), .. } = &mut asset.kind else { continue };
            match list.server(&asset.name) {
                Some(url) => *rdap = Rdap::At(url),
                None => faults.push(fault(
                    String::new(),
                    format!(
                        "has no server with https for {}, which says rdap = true; leave that out, or give the address of the registry's server",
                        asset.name
                    ),
                )),
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }
}

impl List {
    /// The first secure address of the entry that has most labels in common with the zone's end (§4).
    fn server(&self, zone: &str) -> Option<Url> {
        let is_above =
            |domain: &str| zone == domain || zone.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        let entries = self.services.iter().flat_map(|(domains, urls)| domains.iter().map(move |domain| (domain, urls)));
        let entries = entries.map(|(domain, urls)| (domain.trim_matches('.').to_ascii_lowercase(), urls));
        let (_, urls) = entries.filter(|(domain, _)| is_above(domain)).max_by_key(|(domain, _)| domain.len())?;
        let secure = |url: &Url| url.scheme() == "https" && url.query().is_none() && url.username().is_empty();
        urls.iter().filter_map(|url| Url::parse(url).ok()).find(secure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{ "version": "1.0", "publication": "2026-11-01T00:00:00Z", "services": [
        [["example"], ["http://rdap.example/", "https://rdap.example/"]],
        [["gov.example", "Ge"], ["https://rdap.gov.example/v1/"]],
        [["plain"], ["http://rdap.plain/"]]
    ]}"#;

    fn server(zone: &str) -> Option<String> {
        serde_json::from_str::<List>(LIST).unwrap().server(zone).map(|url| url.to_string())
    }

    #[test]
    fn the_longest_entry_counts_label_by_label_and_only_a_secure_address() {
        assert_eq!(server("cec.example").as_deref(), Some("https://rdap.example/"));
        assert_eq!(server("cec.gov.example").as_deref(), Some("https://rdap.gov.example/v1/"));
        assert_eq!(server("cecgov.example").as_deref(), Some("https://rdap.example/"));
        assert_eq!(server("cec.ge").as_deref(), Some("https://rdap.gov.example/v1/"));
        assert_eq!((server("cec.plain"), server("cec.other")), (None, None));
    }

    fn estate(zone: &str) -> Estate {
        let text = format!(
            "schema = 1\n[authority]\nname = \"CEC\"\n[scan]\nrdap_bootstrap = \"dns.json\"\n[[asset]]\nzone = \"{zone}\"\nfunction = \"authority-domain\"\nrdap = true\n"
        );
        Estate::parse("estate.toml", &text).unwrap()
    }

    #[test]
    fn zones_that_ask_for_it_get_their_server_and_those_without_one_are_named() {
        let read = estate("cec.example").with_rdap_servers("dns.json", LIST).unwrap();
        let AssetKind::Zone { rdap: Some(Rdap::At(url)), .. } = &read.assets[0].kind else { panic!("{read:?}") };
        assert_eq!(url.as_str(), "https://rdap.example/");
        let told = |list: &str| estate("cec.other").with_rdap_servers("dns.json", list).unwrap_err()[0].to_string();
        assert!(told(LIST).starts_with("dns.json: has no server with https for cec.other"), "{}", told(LIST));
        assert!(told("[").starts_with("dns.json:1: "), "{}", told("["));
    }
}
