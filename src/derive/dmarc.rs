//! DMARC (RFC 9989): the policy record of a name, read with every fault.

use crate::facts::{Dmarc, Fault, LIST_CAP, Observation, Timestamp};

/// Tags of RFC 9989 §4.7.
const TAGS: [&str; 11] = ["v", "p", "sp", "np", "rua", "ruf", "adkim", "aspf", "fo", "psd", "t"];

/// Tags of RFC 7489 that RFC 9989 removed.
const REMOVED: [&str; 3] = ["pct", "rf", "ri"];

/// The DMARC record among the texts at `_dmarc.` and the zone; absent if there is none.
pub(super) fn read(zone: &str, texts: &[String], observed_at: Timestamp) -> Observation<Dmarc> {
    let records: Vec<&String> = texts.iter().filter(|text| is_dmarc(text)).collect();
    let Some(text) = records.first() else { return Observation::Absent { observed_at } };
    let mut reader = Reader::new(text);
    if records.len() > 1 {
        reader.fault(0, format!("there are {} DMARC records: receivers apply none of them", records.len()));
    }
    let (policy, subdomain_policy) = reader.policies(records.len());
    let rua = reader.addresses("rua");
    reader.addresses("ruf");
    reader.words();
    let testing = reader.value("t").is_some_and(|tag| tag.value.eq_ignore_ascii_case("y"));
    reader.faults.sort();
    let faults = reader.faults.into_iter().take(LIST_CAP);
    Observation::Observed {
        observed_at,
        value: Dmarc {
            record: (*text).clone(),
            records: i64::try_from(records.len()).unwrap_or(i64::MAX),
            policy,
            subdomain_policy,
            rua,
            testing,
            faults: faults.map(|(at, text)| Fault { at: format!("_dmarc.{zone}:{at}"), text }).collect(),
        },
    }
}

/// The record begins with the tag `v` and exactly this version; white space may surround the sign.
fn is_dmarc(text: &str) -> bool {
    let first = text.split(';').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(name, value)| name.trim_end() == "v" && value.trim() == "DMARC1")
}

/// One `name = value`, with the place of the value.
#[derive(Clone, Debug)]
struct Tag {
    name: String,
    value: String,
    value_at: usize,
}

struct Reader {
    tags: Vec<Tag>,
    faults: Vec<(usize, String)>,
}

impl Reader {
    fn new(text: &str) -> Self {
        let mut reader = Self { tags: Vec::new(), faults: Vec::new() };
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !matches!(c, ' '..='~' | '\t')) {
            reader.fault(at, format!("U+{:04X} is not allowed: a record is printable ASCII", u32::from(c)));
        }
        let mut at = 0;
        let parts: Vec<&str> = text.split(';').collect();
        for (index, part) in parts.iter().enumerate() {
            let is_end = index + 1 == parts.len();
            reader.add(at, part, is_end);
            at += part.len() + 1;
        }
        reader
    }

    fn fault(&mut self, at: usize, text: impl Into<String>) {
        self.faults.push((at, text.into()));
    }

    fn add(&mut self, start: usize, part: &str, is_end: bool) {
        let at = start + part.len() - part.trim_start().len();
        if part.trim().is_empty() {
            if !is_end {
                self.fault(at, "there is nothing between two semicolons");
            }
            return;
        }
        let Some((name, value)) = part.split_once('=') else {
            self.fault(at, format!("'{}' is no tag: it has no '='", part.trim()));
            return;
        };
        let value_at = start + name.len() + 1 + value.len() - value.trim_start().len();
        let tag = Tag { name: name.trim().to_ascii_lowercase(), value: value.trim().to_owned(), value_at };
        if self.value(&tag.name).is_some() {
            self.fault(at, format!("the tag '{}' stands more than once", tag.name));
        } else if REMOVED.contains(&tag.name.as_str()) {
            self.fault(at, format!("the tag '{}' was removed by RFC 9989: receivers ignore it", tag.name));
        } else if !TAGS.contains(&tag.name.as_str()) {
            self.fault(at, format!("'{}' is no tag of RFC 9989: receivers ignore it", tag.name));
        }
        if tag.value.is_empty() {
            self.fault(tag.value_at, format!("the tag '{}' has no value", tag.name));
        }
        self.tags.push(tag);
    }

    /// The first tag of a name.
    fn value(&self, name: &str) -> Option<Tag> {
        self.tags.iter().find(|tag| tag.name == name).cloned()
    }

    /// The policy and that for subdomains, as a receiver would take them: several records, a missing or an unknown word
    /// all come to `none`.
    fn policies(&mut self, records: usize) -> (String, String) {
        let none = || "none".to_owned();
        if self.value("p").is_none() {
            let end = self.tags.first().map_or(0, |tag| tag.value_at + tag.value.len());
            self.fault(end, "there is no tag 'p': receivers take the policy as 'none'");
        }
        let [p, sp, np] = ["p", "sp", "np"].map(|name| self.policy_word(name));
        let is_spoilt = [&p, &sp, &np].into_iter().flatten().any(Option::is_none);
        if records > 1 || is_spoilt {
            return (none(), none());
        }
        let policy = p.flatten().unwrap_or_else(none);
        let subdomains = sp.flatten().unwrap_or_else(|| policy.clone());
        (policy, subdomains)
    }

    /// Left out, unknown (`Some(None)`), or a word in lower case.
    fn policy_word(&mut self, name: &str) -> Option<Option<String>> {
        let tag = self.value(name)?;
        let word = tag.value.to_ascii_lowercase();
        if ["none", "quarantine", "reject"].contains(&word.as_str()) {
            return Some(Some(word));
        }
        let text = format!(
            "'{}' is no policy (none, quarantine, reject): receivers take the whole record as 'none'",
            tag.value
        );
        self.fault(tag.value_at, text);
        Some(None)
    }

    /// The mail addresses of a list of URIs.
    fn addresses(&mut self, name: &str) -> Vec<String> {
        let Some(tag) = self.value(name) else { return Vec::new() };
        let mut all = Vec::new();
        let mut at = tag.value_at;
        for uri in tag.value.split(',') {
            let place = at + uri.len() - uri.trim_start().len();
            at += uri.len() + 1;
            match self.address(uri.trim(), place) {
                Ok(address) => all.push(address),
                Err(why) => self.fault(place, format!("{name}: {why}")),
            }
        }
        all.truncate(LIST_CAP);
        all
    }

    fn address(&mut self, uri: &str, at: usize) -> Result<String, String> {
        let scheme = uri.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        let Some(address) = scheme.and_then(|scheme| uri.get(scheme.len()..)) else {
            return Err(format!("'{uri}' is no mailto: URI"));
        };
        let (address, size) = match address.split_once('!') {
            Some((address, size)) => (address, Some(size)),
            None => (address, None),
        };
        if size.is_some() {
            self.fault(at, "a size limit behind '!' was removed by RFC 9989: receivers ignore it");
        }
        match address.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && is_domain(domain) => Ok(address.to_owned()),
            _ => Err(format!("'{address}' is no mail address")),
        }
    }

    /// The tags with a closed list of words.
    fn words(&mut self) {
        const WORDS: [(&str, &[&str]); 5] = [
            ("adkim", &["r", "s"]),
            ("aspf", &["r", "s"]),
            ("t", &["y", "n"]),
            ("psd", &["y", "n", "u"]),
            ("fo", &["0", "1", "d", "s"]),
        ];
        for (name, allowed) in WORDS {
            let Some(tag) = self.value(name).filter(|tag| !tag.value.is_empty()) else { continue };
            let separator = if name == "fo" { ':' } else { '\0' };
            for word in tag.value.split(separator) {
                if !allowed.contains(&word.trim().to_ascii_lowercase().as_str()) {
                    self.fault(tag.value_at, format!("{name}: '{}' is none of {}", word.trim(), allowed.join(", ")));
                }
            }
        }
    }
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.contains('.') && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dmarc_of(texts: &[&str]) -> Observation<Dmarc> {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        read("x.example", &texts, Timestamp::EPOCH)
    }

    fn dmarc(text: &str) -> Dmarc {
        dmarc_of(&[text]).value().cloned().unwrap()
    }

    #[test]
    fn only_texts_of_this_version_are_records() {
        for text in ["v=DMARC1", "v=DMARC1;p=none", "v = DMARC1 ; p=none", "v=DMARC1\t;"] {
            assert!(dmarc_of(&[text]).value().is_some(), "{text}");
        }
        for text in ["v=dmarc1; p=none", "v=DMARC1 p=none", "v=DMARC10; p=none", " v=spf1", "p=none; v=DMARC1", ""] {
            assert!(matches!(dmarc_of(&[text]), Observation::Absent { .. }), "{text}");
        }
    }

    #[test]
    fn policies_are_read_as_a_receiver_takes_them() {
        let table = [
            ("v=DMARC1; p=reject", ("reject", "reject")),
            ("v=DMARC1; p=Quarantine; sp=none", ("quarantine", "none")),
            ("v=DMARC1; p = reject ; sp = quarantine;", ("reject", "quarantine")),
            ("v=DMARC1; rua=mailto:a@x.example; p=reject", ("reject", "reject")),
            ("v=DMARC1; rua=mailto:a@x.example", ("none", "none")),
            ("v=DMARC1; p=rejct", ("none", "none")),
            ("v=DMARC1; p=reject; sp=quarantin", ("none", "none")),
            ("v=DMARC1; p=reject; p=none", ("reject", "reject")),
        ];
        for (text, (policy, subdomains)) in table {
            let read = dmarc(text);
            assert_eq!((read.policy.as_str(), read.subdomain_policy.as_str()), (policy, subdomains), "{text}");
        }
    }

    #[test]
    fn every_fault_is_found_at_its_place_and_reading_goes_on() {
        let table: &[(&str, &[(usize, &str)])] = &[
            ("v=DMARC1; p=reject; rua=mailto:a@x.example, mailto:b@y.example; t=n; fo=1:d; psd=n; adkim=s;", &[]),
            ("v=DMARC1; rua=mailto:a@x.example", &[(8, "no tag 'p'")]),
            ("v=DMARC1; p=rejct", &[(12, "no policy")]),
            ("v=DMARC1; p=none; pct=50; rf=afrf; ri=1", &[(18, "'pct' was removed"), (26, "'rf'"), (35, "'ri'")]),
            ("v=DMARC1; p=none; foo=bar", &[(18, "'foo' is no tag")]),
            ("v=DMARC1; p=none;; sp=none", &[(17, "nothing between")]),
            ("v=DMARC1; p=none; reject", &[(18, "no '='")]),
            ("v=DMARC1; p=none; p=reject", &[(18, "more than once")]),
            ("v=DMARC1; p=none; rua=a@x.example, mailto:b", &[(22, "no mailto"), (35, "no mail address")]),
            ("v=DMARC1; p=none; rua=mailto:a@x.example!10m", &[(22, "size limit")]),
            ("v=DMARC1; p=none; rua=", &[(22, "no mailto"), (22, "no value")]),
            ("v=DMARC1; p=none; adkim=x; fo=1:z", &[(24, "adkim: 'x'"), (30, "fo: 'z'")]),
            ("v=DMARC1; p=n\u{f6}ne", &[(12, "no policy"), (13, "printable ASCII")]),
        ];
        for (text, expected) in table {
            let found = dmarc(text).faults;
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            for ((at, words), fault) in expected.iter().zip(&found) {
                assert_eq!(fault.at, format!("_dmarc.x.example:{at}"), "{text}: {found:?}");
                assert!(fault.text.contains(words), "{text}: {found:?}");
            }
        }
    }

    #[test]
    fn several_records_are_no_policy() {
        let two = dmarc_of(&["v=DMARC1; p=reject", "v=DMARC1; p=reject", "other"]).value().cloned().unwrap();
        assert_eq!((two.records, two.policy.as_str()), (2, "none"));
        assert!(two.faults[0].text.contains("2 DMARC records"));
    }

    #[test]
    fn report_addresses_and_the_testing_flag_are_kept() {
        let read = dmarc("v=DMARC1; p=reject; rua=MAILTO:a@x.example!5m,mailto:b@y.example; t=Y");
        assert_eq!(read.rua, ["a@x.example", "b@y.example"]);
        assert!(read.testing && !dmarc("v=DMARC1; p=reject; t=n").testing);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}", tags in "(; ?[a-z]{0,4} ?=?[ -~]{0,12}){0,6}") {
            for text in [format!("v=DMARC1;{text}"), format!("v=DMARC1{tags}"), text] {
                dmarc_of(&[&text]);
            }
        }
    }
}
