//! Winshock (CVE-2014-6321), inferred: the update that mended Windows' TLS, MS14-066, brought four suites along. A Windows of that
//! time that has none of them, nor anything newer, was not updated since 2014; that it has them proves nothing to fear.

use crate::facts::{Endpoint, Observation, Site, Tls};

/// The suites that came with MS14-066.
const MENDED: [&str; 4] = [
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
];
/// IIS of the Windows versions that MS14-066 was for (Server 2003 to 2012 R2), as it names itself.
const AFFECTED: [&str; 5] =
    ["Microsoft-IIS/6.0", "Microsoft-IIS/7.0", "Microsoft-IIS/7.5", "Microsoft-IIS/8.0", "Microsoft-IIS/8.5"];

/// Adds the reason to `exposures.legacy`, where the server names itself as such a Windows and all suites of TLS 1.2 are known.
pub(in crate::derive) fn derive(endpoint: &mut Endpoint) {
    let Some(product) = affected_product(endpoint).filter(|_| lacks_the_update(&endpoint.tls)) else { return };
    if let Some(legacy) = endpoint.tls.exposures.legacy.value_mut() {
        legacy.because.push(format!("Winshock (inferred): {product} without the suites that came with MS14-066"));
        legacy.exposed = true;
    }
}

fn affected_product(endpoint: &Endpoint) -> Option<&'static str> {
    let sites = [&endpoint.web.https, &endpoint.web.http];
    let pages = sites.into_iter().filter_map(Observation::value).flat_map(|site: &Site| &site.pages);
    let mut names = pages.filter_map(Observation::value).filter_map(|page| page.headers.get("server")).flatten();
    names.find_map(|name| AFFECTED.into_iter().find(|product| name.starts_with(product)))
}

fn lacks_the_update(tls: &Tls) -> bool {
    let newer = tls.versions.tls1_3.value().is_none_or(|version| version.offered);
    let updated = match tls.suites.tls1_2.value() {
        Some(suites) => {
            !suites.unknown.is_empty() || suites.accepted.iter().any(|suite| MENDED.contains(&suite.name.as_str()))
        }
        // TLS 1.2 may be switched off, and then nothing tells.
        None => true,
    };
    !newer && !updated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Enumerated, Exposure, Item, Reason, Unobserved, Version, Web};

    /// An endpoint that names itself in its pages and takes these suites in TLS 1.2.
    fn endpoint(server: &str, suites: &[&str], tls1_3: bool) -> Endpoint {
        let none = Unobserved::absent();
        let mut tls = Tls::unobserved(&none);
        tls.versions.tls1_3 = Observation::observed(Version { offered: tls1_3, suite: None, refusal: None });
        let accepted = suites.iter().map(|name| Item { code: 0, name: (*name).into() }).collect();
        tls.suites.tls1_2 = Observation::observed(Enumerated { accepted, ..Enumerated::default() });
        tls.exposures.legacy = Observation::observed(Exposure { exposed: false, because: Vec::new() });
        let page = serde_json::json!({
            "path": "/", "url": "https://www.cec.example/", "status": 200, "hops": [], "headers": {"server": [server]},
            "headers_cut": 0, "body": "sha256:0", "body_bytes": 0, "body_cut": false
        });
        let page = serde_json::from_value(page).expect("a page");
        let site = Site {
            pages: vec![Observation::observed(page)],
            cookies: Vec::new(),
            redirects_to_https: None,
            downgrades: false,
        };
        let web = Web { https: Observation::observed(site), ..Web::unobserved(&none) };
        Endpoint {
            address: "192.0.2.1".into(),
            port_state: none.cast(),
            protocol: none.cast(),
            access: none.cast(),
            answers: Observation::underived(),
            tls,
            web,
        }
    }

    fn reasons(mut endpoint: Endpoint) -> Vec<String> {
        derive(&mut endpoint);
        endpoint.tls.exposures.legacy.value().map(|legacy| legacy.because.clone()).unwrap_or_default()
    }

    const OLD: &str = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384";

    #[test]
    fn a_windows_of_that_time_without_the_update_is_told() {
        let told = reasons(endpoint("Microsoft-IIS/8.5", &[OLD], false));
        assert!(told[0].starts_with("Winshock (inferred): Microsoft-IIS/8.5"), "{told:?}");
    }

    #[test]
    fn the_update_a_newer_version_or_another_product_tells_nothing() {
        for other in [
            endpoint("Microsoft-IIS/8.5", &[OLD, "TLS_RSA_WITH_AES_128_GCM_SHA256"], false),
            endpoint("Microsoft-IIS/8.5", &[OLD], true),
            endpoint("Microsoft-IIS/10.0", &[OLD], false),
            endpoint("nginx", &[OLD], false),
        ] {
            assert_eq!(reasons(other), Vec::<String>::new());
        }
    }

    #[test]
    fn what_could_not_be_asked_is_no_missing_update() {
        let mut unasked = endpoint("Microsoft-IIS/8.5", &[OLD], false);
        unasked.tls.suites.tls1_2 = Observation::failed(Reason::Timeout, "silence");
        assert_eq!(reasons(unasked), Vec::<String>::new());
    }
}
