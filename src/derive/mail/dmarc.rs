//! DMARC (RFC 9989): the policy record of a name, read with every fault.

use super::tags::{Grammar, Tags, has_version, is_domain, parts};
use crate::facts::{Dmarc, Fault, LIST_CAP, Observation, Timestamp};

/// Tags of RFC 9989 §4.7, and those of RFC 7489 that it removed.
pub(super) const GRAMMAR: Grammar = Grammar {
    tags: &["v", "p", "sp", "np", "rua", "ruf", "adkim", "aspf", "fo", "psd", "t"],
    empty: &[],
    removed: (&["pct", "rf", "ri"], "RFC 9989"),
    source: "RFC 9989",
};

/// The DMARC record among the texts at `_dmarc.` and the zone; absent if there is none.
pub(super) fn read(zone: &str, texts: &[String], observed_at: Timestamp) -> Observation<Dmarc> {
    let records: Vec<&String> = texts.iter().filter(|text| is_dmarc(text)).collect();
    let Some(text) = records.first() else { return Observation::Absent { observed_at } };
    let mut reader = Reader { tags: Tags::read(text, &GRAMMAR) };
    if records.len() > 1 {
        reader.tags.fault(0, format!("there are {} DMARC records: receivers apply none of them", records.len()));
    }
    let [policy, subdomain_policy, nonexistent_policy] = reader.policies(records.len());
    let [rua, ruf] = ["rua", "ruf"].map(|name| reader.addresses(name));
    reader.words();
    let word = |name: &str, default: &str| {
        let value = reader.tags.value(name).to_ascii_lowercase();
        if value.is_empty() { default.to_owned() } else { value }
    };
    let (testing, psd, adkim, aspf) = (word("t", "n") == "y", word("psd", "u"), word("adkim", "r"), word("aspf", "r"));
    reader.tags.faults.sort();
    let faults = reader.tags.faults.into_iter().take(LIST_CAP);
    Observation::Observed {
        observed_at,
        value: Dmarc {
            record: (*text).clone(),
            records: i64::try_from(records.len()).unwrap_or(i64::MAX),
            policy,
            subdomain_policy,
            nonexistent_policy,
            rua,
            ruf,
            testing,
            psd,
            adkim,
            aspf,
            faults: faults.map(|(at, text)| Fault { at: format!("_dmarc.{zone}:{at}"), text }).collect(),
        },
    }
}

/// RFC 9989 §4.7: the record begins with its version.
pub(super) fn is_dmarc(text: &str) -> bool {
    has_version(text, "DMARC1")
}

struct Reader {
    tags: Tags,
}

impl Reader {
    /// The policy, that for subdomains and that for names that are not there, as a receiver would take them: several records,
    /// a missing or an unknown word all come to `none`.
    fn policies(&mut self, records: usize) -> [String; 3] {
        let none = || "none".to_owned();
        if self.tags.tag("p").is_none() {
            let end = self.tags.list.first().map_or(0, |tag| tag.value_at + tag.value.len());
            self.tags.fault(end, "there is no tag 'p': receivers take the policy as 'none'");
        }
        let [p, sp, np] = ["p", "sp", "np"].map(|name| self.policy_word(name));
        let is_spoilt = [&p, &sp, &np].into_iter().flatten().any(Option::is_none);
        if records > 1 || is_spoilt {
            return [none(), none(), none()];
        }
        let policy = p.flatten().unwrap_or_else(none);
        let subdomains = sp.flatten().unwrap_or_else(|| policy.clone());
        let nonexistent = np.flatten().unwrap_or_else(|| subdomains.clone());
        [policy, subdomains, nonexistent]
    }

    /// Left out, unknown (`Some(None)`), or a word in lower case.
    fn policy_word(&mut self, name: &str) -> Option<Option<String>> {
        let tag = self.tags.tag(name)?;
        let word = tag.value.to_ascii_lowercase();
        if ["none", "quarantine", "reject"].contains(&word.as_str()) {
            return Some(Some(word));
        }
        let text = format!(
            "'{}' is no policy (none, quarantine, reject): receivers take the whole record as 'none'",
            tag.value
        );
        self.tags.fault(tag.value_at, text);
        Some(None)
    }

    /// The mail addresses of a list of URIs.
    fn addresses(&mut self, name: &str) -> Vec<String> {
        let Some(tag) = self.tags.tag(name) else { return Vec::new() };
        let mut all = Vec::new();
        for (place, uri) in parts(&tag, ',') {
            match self.address(uri, place) {
                Ok(address) => all.push(address),
                Err(why) => self.tags.fault(place, format!("{name}: {why}")),
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
            self.tags.fault(at, "a size limit behind '!' was removed by RFC 9989: receivers ignore it");
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
            let Some(tag) = self.tags.tag(name).filter(|tag| !tag.value.is_empty()) else { continue };
            let separator = if name == "fo" { ':' } else { '\0' };
            for word in tag.value.split(separator) {
                if !allowed.contains(&word.trim().to_ascii_lowercase().as_str()) {
                    self.tags
                        .fault(tag.value_at, format!("{name}: '{}' is none of {}", word.trim(), allowed.join(", ")));
                }
            }
        }
    }
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
