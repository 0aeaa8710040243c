//! `/.well-known/security.txt` (RFC 9116).

use url::Url;

use super::chain::{Chain, End};
use super::visit::Visitor;
use crate::facts::{LIST_CAP, Observation, Reason, SecurityTxt, Timestamp, printable};
use crate::net::HttpReply;

/// Looks for the file over HTTPS at the default port; redirects are followed on the same host.
pub(super) async fn look(visitor: &impl Visitor, host: &str) -> Observation<SecurityTxt> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match Url::parse(&format!("https://{host}/.well-known/security.txt")) {
        Ok(url) => match Chain::follow(visitor, url).await.end {
            Ok(end) => judge(&end),
            Err(e) => e.observation(),
        },
        Err(e) => Observation::failed(Reason::Other, format!("{host} is no host of an address: {e}")),
    }
}

fn judge(end: &End) -> Observation<SecurityTxt> {
    if let Some(stopped) = &end.stopped {
        let reason =
            if stopped.contains("scope") || stopped.contains("on its own") { Reason::NotOurs } else { Reason::Other };
        let why = format!("{}: {stopped}", end.url);
        return if reason == Reason::NotOurs {
            Observation::not_run(reason, why)
        } else {
            Observation::failed(reason, why)
        };
    }
    match end.reply.status {
        200 => read(&end.url, &end.reply),
        404 | 410 => Observation::absent(),
        status => Observation::failed(Reason::Other, format!("{} answered {status}", end.url)),
    }
}

/// A page in HTML is a site's way to say that there is no such file.
fn read(url: &Url, reply: &HttpReply) -> Observation<SecurityTxt> {
    let media = reply.headers.get("content-type").and_then(|values| values.first());
    let media = media.map(|value| value.to_ascii_lowercase()).unwrap_or_default();
    if media.contains("html") || reply.body.trim_ascii_start().starts_with(b"<") {
        return Observation::absent();
    }
    let text = String::from_utf8_lossy(&reply.body);
    let mut file = parse(&text);
    if file.contacts.is_empty() && file.expires.is_none() && !names_a_field(&text) {
        return Observation::absent();
    }
    if media.split(';').next().unwrap_or_default().trim() != "text/plain" {
        file.faults.push("the media type is not text/plain (RFC 9116 §3)".into());
    }
    if std::str::from_utf8(&reply.body).is_err() && !reply.cut {
        file.faults.push("the file is not UTF-8 (RFC 9116 §3)".into());
    }
    if reply.cut {
        file.faults.push("the file is longer than 256 kB".into());
    }
    let canonical: Vec<String> = fields(&text).filter(|(name, _)| name == "canonical").map(|(_, v)| v).collect();
    if !canonical.is_empty() && !canonical.iter().any(|value| value == url.as_str()) {
        file.faults.push("no Canonical is the address it was found at (RFC 9116 §2.5.2)".into());
    }
    file.faults.truncate(LIST_CAP);
    Observation::observed(file)
}

/// Fields of RFC 9116 §2.5 that hold web addresses.
const WEB_FIELDS: &[&str] = &["acknowledgments", "canonical", "encryption", "hiring", "policy", "csaf"];

fn names_a_field(text: &str) -> bool {
    fields(text).any(|(name, _)| WEB_FIELDS.contains(&name.as_str()) || name == "expires" || name == "contact")
}

/// Name, lower case, and value of every field. Comments, empty lines and the armour of a signature are passed over.
fn fields(text: &str) -> impl Iterator<Item = (String, String)> {
    content(text)
        .filter_map(|line| line.split_once(':'))
        .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
}

/// The lines that are content: inside of a cleartext signature (RFC 9580 §7) only the signed text.
fn content(text: &str) -> impl Iterator<Item = &str> {
    let signed = text.contains("-----BEGIN PGP SIGNED MESSAGE-----");
    let body = text.split("-----BEGIN PGP SIGNATURE-----").next().unwrap_or_default();
    let lines = body.lines().map(str::trim).map(move |line| if signed { line.trim_start_matches("- ") } else { line });
    let armour = move |line: &str| line.starts_with("-----BEGIN PGP") || (signed && line.starts_with("Hash:"));
    lines.filter(move |line| !line.is_empty() && !line.starts_with('#') && !armour(line))
}

fn parse(text: &str) -> SecurityTxt {
    let mut file = SecurityTxt { contacts: Vec::new(), expires: None, faults: Vec::new() };
    let mut expires = Vec::new();
    let mut languages = 0;
    for (name, value) in fields(text) {
        match name.as_str() {
            "contact" => contact(&mut file, &value),
            "expires" => expires.push(value),
            "preferred-languages" => languages += 1,
            name if WEB_FIELDS.contains(&name) && !has_scheme(&value, &["https:", "dns:", "openpgp4fpr:"]) => {
                file.faults.push(printable(&format!("{name} is no https address: {value}"), 200));
            }
            _ => {}
        }
    }
    for line in content(text).filter(|line| !line.contains(':')) {
        file.faults.push(printable(&format!("no field: {line}"), 200));
    }
    match expires.as_slice() {
        [one] => match Timestamp::parse(one) {
            Ok(at) if one.len() > 10 => file.expires = Some(at),
            _ => file.faults.push(printable(&format!("Expires is no RFC 3339 time: {one}"), 200)),
        },
        [] => file.faults.push("no Expires (RFC 9116 §2.5.5)".into()),
        _ => file.faults.push("more than one Expires (RFC 9116 §2.5.5)".into()),
    }
    if file.contacts.is_empty() {
        file.faults.push("no Contact (RFC 9116 §2.5.3)".into());
    }
    if languages > 1 {
        file.faults.push("more than one Preferred-Languages (RFC 9116 §2.5.8)".into());
    }
    file.faults.truncate(LIST_CAP);
    file
}

fn contact(file: &mut SecurityTxt, value: &str) {
    if !has_scheme(value, &["mailto:", "https:", "tel:"]) {
        file.faults.push(printable(&format!("Contact is no mailto, tel or https address: {value}"), 200));
    }
    if file.contacts.len() < LIST_CAP {
        file.contacts.push(printable(value, 300));
    }
}

fn has_scheme(value: &str, schemes: &[&str]) -> bool {
    let lower = value.to_ascii_lowercase();
    schemes.iter().any(|scheme| lower.len() > scheme.len() && lower.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::super::visit::script::{Scripted, reply};
    use super::*;
    use proptest::prelude::*;

    const URL: &str = "https://www.cec.example/.well-known/security.txt";
    const GOOD: &str = "# ours\nContact: mailto:csirt@cec.example\nExpires: 2028-12-31T00:00:00Z\n\
                        Canonical: https://www.cec.example/.well-known/security.txt\nPreferred-Languages: ka, en\n";

    async fn of(reply: HttpReply) -> Observation<SecurityTxt> {
        look(&Scripted::default().page(URL, reply), "www.cec.example").await
    }

    #[tokio::test]
    async fn a_good_file_has_no_faults() {
        let file = of(reply(200, &[("content-type", "text/plain; charset=utf-8")], GOOD)).await;
        let file = file.value().unwrap();
        assert_eq!(file.contacts, ["mailto:csirt@cec.example"]);
        assert_eq!(file.expires, Timestamp::parse("2028-12-31").ok());
        assert_eq!(file.faults, Vec::<String>::new());
    }

    #[tokio::test]
    async fn not_found_and_pages_in_html_are_absent() {
        assert!(matches!(of(reply(404, &[], "")).await, Observation::Absent { .. }));
        assert!(matches!(
            of(reply(200, &[("content-type", "text/html")], "<p>Contact: x")).await,
            Observation::Absent { .. }
        ));
        assert!(matches!(
            of(reply(200, &[("content-type", "text/plain")], "not found")).await,
            Observation::Absent { .. }
        ));
    }

    #[tokio::test]
    async fn a_refusal_to_show_it_is_no_absence() {
        for status in [401, 403, 500] {
            assert!(matches!(of(reply(status, &[], "")).await, Observation::Failed { reason: Reason::Other, .. }));
        }
        assert!(matches!(of(reply(429, &[], "")).await, Observation::Failed { reason: Reason::Throttled, .. }));
        let elsewhere = reply(301, &[("location", "https://gov.example/security.txt")], "");
        assert!(matches!(of(elsewhere).await, Observation::NotRun { reason: Reason::NotOurs, .. }));
    }

    #[test]
    fn every_fault_is_named() {
        let faults = |text: &str| parse(text).faults;
        assert_eq!(faults("Contact: mailto:a@b.example").len(), 1);
        assert!(faults("Contact: a@b.example\nExpires: 2028-01-01T00:00:00Z")[0].contains("no mailto"));
        assert!(faults("Contact: tel:+1\nExpires: 2028-01-01")[0].contains("RFC 3339"));
        assert!(faults("Contact: tel:+1\nExpires: 2028-01-01T00:00:00Z\nexpires: x")[0].contains("more than one"));
        assert!(faults("Contact: tel:+1\nExpires: 2028-01-01T00:00:00Z\nhello")[0].contains("no field"));
        assert!(
            faults("Contact: tel:+1\nExpires: 2028-01-01T00:00:00Z\nPolicy: http://a.example")[0].contains("no https")
        );
    }

    #[test]
    fn a_signed_file_is_read_inside_its_armour() {
        let signed = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{GOOD}-----BEGIN PGP SIGNATURE-----\n\niQ: x\n-----END PGP SIGNATURE-----"
        );
        assert_eq!(parse(&signed), parse(GOOD));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "(?s).*") {
            let file = parse(&text);
            prop_assert!(file.faults.len() <= LIST_CAP && file.contacts.len() <= LIST_CAP);
        }
    }
}
