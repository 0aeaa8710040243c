//! MTA-STS (RFC 8461) and TLS reporting (RFC 8460): records and policy, read with every fault.

use super::tags::{Grammar, Tags, has_version, is_domain, parts};
use crate::facts::{
    Fault, LIST_CAP, MtaSts, MtaStsPolicy, Mx, Observation, PolicyAnswer, Reason, Span, Timestamp, TlsRpt, printable,
};

const STS: Grammar = Grammar { tags: &["v", "id"], empty: &[], removed: (&[], ""), source: "RFC 8461" };
const RPT: Grammar = Grammar { tags: &["v", "rua"], empty: &[], removed: (&[], ""), source: "RFC 8460" };

/// A year: the longest life of a policy (RFC 8461 §3.2).
const MOST_AGE: i64 = 31_557_600;

/// The record among the texts at `_mta-sts.`; absent if there is none.
pub(super) fn record(zone: &str, texts: &[String], observed_at: Timestamp) -> Observation<MtaSts> {
    let records: Vec<&String> = texts.iter().filter(|text| has_version(text, "STSv1")).collect();
    let Some(text) = records.first() else { return Observation::Absent { observed_at } };
    let mut tags = Tags::read(text, &STS);
    if records.len() > 1 {
        tags.fault(0, format!("there are {} records: senders take that for none (§3.1)", records.len()));
    }
    match tags.tag("id") {
        None => {
            let end = tags.end();
            tags.fault(end, "there is no tag 'id': senders take that for no record (§3.1)");
        }
        Some(tag) => {
            let is_id = (1..=32).contains(&tag.value.len()) && tag.value.chars().all(|c| c.is_ascii_alphanumeric());
            if !is_id && !tag.value.is_empty() {
                tags.fault(tag.value_at, format!("'{}' is no id: 1 to 32 letters and digits (§3.1)", tag.value));
            }
        }
    }
    let value = MtaSts {
        record: (*text).clone(),
        records: i64::try_from(records.len()).unwrap_or(i64::MAX),
        id: tags.value("id"),
        faults: placed(tags, &format!("_mta-sts.{zone}")),
    };
    Observation::Observed { observed_at, value }
}

/// The record among the texts at `_smtp._tls.`; absent if there is none.
pub(super) fn reporting(zone: &str, texts: &[String], observed_at: Timestamp) -> Observation<TlsRpt> {
    let records: Vec<&String> = texts.iter().filter(|text| has_version(text, "TLSRPTv1")).collect();
    let Some(text) = records.first() else { return Observation::Absent { observed_at } };
    let mut tags = Tags::read(text, &RPT);
    if records.len() > 1 {
        tags.fault(0, format!("there are {} records: senders take that for none (§3)", records.len()));
    }
    let mut rua = Vec::new();
    match tags.tag("rua") {
        None => {
            let end = tags.end();
            tags.fault(end, "there is no tag 'rua': nobody gets a report (§3)");
        }
        Some(tag) => {
            for (at, uri) in parts(&tag, ',') {
                if is_report_uri(uri) {
                    rua.push(uri.to_owned());
                } else {
                    tags.fault(at, format!("'{uri}' is neither a mailto: nor an https: address"));
                }
            }
        }
    }
    rua.truncate(LIST_CAP);
    let records = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let value = TlsRpt { record: (*text).clone(), records, rua, faults: placed(tags, &format!("_smtp._tls.{zone}")) };
    Observation::Observed { observed_at, value }
}

fn is_report_uri(uri: &str) -> bool {
    let after =
        |scheme: &str| uri.get(..scheme.len()).filter(|s| s.eq_ignore_ascii_case(scheme)).map(|s| &uri[s.len()..]);
    match (after("mailto:"), after("https://")) {
        (Some(address), _) => {
            address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && is_domain(domain))
        }
        (_, Some(rest)) => is_domain(rest.split(['/', ':', '?']).next().unwrap_or_default()),
        _ => false,
    }
}

fn placed(mut tags: Tags, owner: &str) -> Vec<Fault> {
    tags.faults.sort();
    let faults = tags.faults.into_iter().take(LIST_CAP);
    faults.map(|(at, text)| Fault { at: format!("{owner}:{at}"), text }).collect()
}

/// The policy that a host served. An answer that says *not here*, or *elsewhere*, is no policy: senders follow no redirect
/// (§3.3).
pub(super) fn policy(
    answer: &PolicyAnswer,
    observed_at: Timestamp,
    body: Option<Vec<u8>>,
    mx: &Observation<Vec<Mx>>,
    certificate_valid: Result<bool, (Reason, String)>,
) -> Observation<MtaStsPolicy> {
    let failed = |reason, detail| Observation::Failed { observed_at, reason, detail };
    match answer.status {
        200 => {}
        301..=308 | 404 | 410 => return Observation::Absent { observed_at },
        429 | 503 => return failed(Reason::Throttled, format!("{} answered {}", answer.url, answer.status)),
        status => return failed(Reason::Other, format!("{} answered {status}", answer.url)),
    }
    let certificate_valid = match certificate_valid {
        Ok(valid) => valid,
        Err((reason, detail)) => return failed(reason, detail),
    };
    let Some(body) = body else {
        return failed(Reason::Dependency, "the policy is not among the blobs of this document".into());
    };
    if answer.cut {
        return failed(Reason::TooLarge, format!("{} is longer than 64 kB", answer.url));
    }
    let mut reader = Policy::read(&String::from_utf8_lossy(&body));
    if std::str::from_utf8(&body).is_err() {
        reader.fault(1, "the file is not UTF-8");
    }
    let media = answer.media.as_deref().unwrap_or("none").split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("text/plain") {
        reader.fault(1, format!("the media type is {media}, not text/plain (§3.2)"));
    }
    let patterns = std::mem::take(&mut reader.mx);
    let unmatched = mx.and_then(|list, at| {
        let left = list.iter().map(|mx| &mx.exchange).filter(|name| !patterns.iter().any(|p| matches(p, name)));
        Observation::Observed { observed_at: at, value: left.cloned().collect() }
    });
    let value = MtaStsPolicy {
        mode: reader.mode.unwrap_or_default(),
        max_age: Span(reader.max_age.unwrap_or_default()),
        mx: patterns,
        unmatched,
        certificate_valid,
        faults: reader.faults.into_iter().take(LIST_CAP).collect(),
    };
    Observation::Observed { observed_at, value }
}

/// A pattern is a name, or `*.` and a name, which stands for one label (§4.1).
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(_, behind)| behind.eq_ignore_ascii_case(rest)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// Reads any text as a policy, for the fuzz target.
pub(super) fn exercise(text: &str) {
    drop(Policy::read(text));
}

/// The lines `key: value` (§3.2).
#[derive(Debug, Default)]
struct Policy {
    version: Option<String>,
    mode: Option<String>,
    max_age: Option<i64>,
    mx: Vec<String>,
    faults: Vec<Fault>,
}

impl Policy {
    fn read(text: &str) -> Self {
        let mut policy = Self::default();
        let mut last = 0;
        for (index, line) in text.lines().enumerate() {
            last = index + 1;
            if !line.trim().is_empty() {
                policy.line(last, line);
            }
        }
        policy.complete(last.max(1));
        policy
    }

    fn fault(&mut self, line: usize, text: impl Into<String>) {
        self.faults.push(Fault { at: format!("mta-sts.txt:{line}"), text: text.into() });
    }

    fn line(&mut self, number: usize, line: &str) {
        let shown = |text: &str| printable(text, 100);
        let Some((key, value)) = line.split_once(':') else {
            return self.fault(number, format!("'{}' has no ':'", shown(line.trim())));
        };
        let (key, value) = (key.trim(), value.trim());
        let again = |seen: bool| seen.then(|| format!("'{key}' stands more than once: the first counts"));
        let twice = match key {
            "version" => again(self.version.is_some()),
            "mode" => again(self.mode.is_some()),
            "max_age" => again(self.max_age.is_some()),
            _ => None,
        };
        if let Some(why) = twice {
            return self.fault(number, why);
        }
        match key {
            "version" => {
                if value != "STSv1" {
                    self.fault(number, format!("the version '{}' is not STSv1", shown(value)));
                }
                self.version = Some(shown(value));
            }
            "mode" => {
                if !["enforce", "testing", "none"].contains(&value) {
                    self.fault(number, format!("'{}' is no mode (enforce, testing, none)", shown(value)));
                }
                self.mode = Some(shown(value));
            }
            "max_age" => {
                let age = value.parse().ok().filter(|age| (0..=MOST_AGE).contains(age));
                if age.is_none() {
                    self.fault(number, format!("'{}' is no time in seconds from 0 to {MOST_AGE}", shown(value)));
                }
                self.max_age = Some(age.unwrap_or_default());
            }
            "mx" => {
                if !is_domain(value.strip_prefix("*.").unwrap_or(value)) {
                    self.fault(number, format!("'{}' is no pattern of a name", shown(value)));
                }
                if self.mx.len() < LIST_CAP {
                    self.mx.push(shown(value).to_ascii_lowercase());
                }
            }
            // Extensions are passed over (§3.2).
            _ => {}
        }
    }

    fn complete(&mut self, end: usize) {
        let lacks =
            [("version", self.version.is_none()), ("mode", self.mode.is_none()), ("max_age", self.max_age.is_none())];
        for (key, _) in lacks.into_iter().filter(|(_, lacks)| *lacks) {
            self.fault(end, format!("there is no '{key}' (§3.2)"));
        }
        if self.mx.is_empty() && self.mode.as_deref() != Some("none") {
            self.fault(end, "there is no 'mx': no exchanger is allowed (§3.2)");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: i64, media: &str) -> PolicyAnswer {
        PolicyAnswer {
            url: "https://mta-sts.x.example/.well-known/mta-sts.txt".into(),
            address: "192.0.2.1".into(),
            status,
            media: Some(media.into()),
            body: String::new(),
            cut: false,
            chain: crate::facts::Chain { certificates: Vec::new() },
        }
    }

    fn mx(names: &[&str]) -> Observation<Vec<Mx>> {
        let one = |name: &&str| Mx {
            preference: 1,
            exchange: (*name).into(),
            addresses: Observation::absent(),
            is_alias: false,
            tlsa: Observation::absent(),
        };
        Observation::observed(names.iter().map(one).collect())
    }

    fn policy_of(text: &str) -> MtaStsPolicy {
        let body = Some(text.as_bytes().to_vec());
        let exchangers = mx(&["mx1.x.example", "a.b.mail.example", "c.mail.example"]);
        policy(&answer(200, "text/plain"), Timestamp::EPOCH, body, &exchangers, Ok(true)).value().cloned().unwrap()
    }

    #[test]
    fn a_sound_policy_is_held_against_the_exchangers() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: MX1.x.example\r\nmx: *.mail.example\r\nmax_age: 86400\r\nextra: x\r\n";
        let read = policy_of(text);
        assert_eq!((read.mode.as_str(), read.max_age, read.faults), ("enforce", Span(86400), vec![]));
        assert_eq!(read.unmatched.value(), Some(&vec!["a.b.mail.example".to_owned()]), "a star is one label");
        assert_eq!(policy_of("version: STSv1\nmode: none\nmax_age: 0").faults, []);
    }

    #[test]
    fn every_fault_of_a_policy_is_found_in_its_line() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("", &[("1", "no 'version'"), ("1", "no 'mode'"), ("1", "no 'max_age'"), ("1", "no 'mx'")]),
            (
                "version: STSv2\nmode: on\nmx: *.*\nmax_age: -1",
                &[("1", "not STSv1"), ("2", "no mode"), ("3", "no pattern"), ("4", "no time")],
            ),
            (
                "version: STSv1\nmode: testing\nmode: none\nmx: a.example\nhello\nmax_age: 1",
                &[("3", "more than once"), ("5", "no ':'")],
            ),
            ("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 99999999", &[("4", "no time")]),
        ];
        for (text, expected) in table {
            let found = policy_of(text).faults;
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            for ((line, words), fault) in expected.iter().zip(&found) {
                assert_eq!(fault.at, format!("mta-sts.txt:{line}"), "{text}: {found:?}");
                assert!(fault.text.contains(words), "{text}: {found:?}");
            }
        }
    }

    #[test]
    fn only_an_answer_that_says_so_is_no_policy() {
        let of = |status| policy(&answer(status, "text/plain"), Timestamp::EPOCH, Some(vec![]), &mx(&[]), Ok(true));
        for status in [301, 302, 404, 410] {
            assert!(matches!(of(status), Observation::Absent { .. }), "{status}");
        }
        for (status, reason) in [(403, Reason::Other), (500, Reason::Other), (429, Reason::Throttled)] {
            assert!(matches!(of(status), Observation::Failed { reason: r, .. } if r == reason), "{status}");
        }
        let cut = PolicyAnswer { cut: true, ..answer(200, "text/plain") };
        let outcome = policy(&cut, Timestamp::EPOCH, Some(vec![]), &mx(&[]), Ok(true));
        assert!(matches!(outcome, Observation::Failed { reason: Reason::TooLarge, .. }));
    }

    #[test]
    fn records_are_read_with_their_faults() {
        let sts = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            record("x.example", &texts, Timestamp::EPOCH)
        };
        let good = sts(&["v=STSv1; id=20280101T000000;"]).value().cloned().unwrap();
        assert_eq!((good.id.as_str(), good.faults), ("20280101T000000", vec![]));
        assert!(matches!(sts(&["v=STSv2; id=1", "hello"]), Observation::Absent { .. }));
        let faulty = sts(&["v=STSv1; id=2028-01-01", "v=STSv1; id=1"]).value().cloned().unwrap();
        assert_eq!(faulty.faults.len(), 2);
        let rpt = |text: &str| reporting("x.example", &[text.to_owned()], Timestamp::EPOCH).value().cloned().unwrap();
        let good = rpt("v=TLSRPTv1; rua=mailto:t@x.example,https://x.example/in");
        assert_eq!((good.rua.len(), good.faults), (2, vec![]));
        assert_eq!(rpt("v=TLSRPTv1; rua=t@x.example, http://x.example").faults.len(), 2);
        assert_eq!(rpt("v=TLSRPTv1").faults[0].at, "_smtp._tls.x.example:10");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,200}", lines in "((version|mode|max_age|mx): ?[ -~]{0,12}\r?\n){0,6}") {
            for text in [&text, &lines] {
                policy_of(text);
                for version in ["STSv1", "TLSRPTv1"] {
                    let texts = [format!("v={version};{text}")];
                    record("x.example", &texts, Timestamp::EPOCH);
                    reporting("x.example", &texts, Timestamp::EPOCH);
                }
            }
        }
    }
}
