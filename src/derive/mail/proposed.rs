//! The record to publish: where the mend is a record, this is the very record.

use super::Answers;
use super::tags::Tags;
use crate::facts::{Observation, Proposed, ProposedRecord, Span, Timestamp, ZoneMail};

/// Policies of DMARC, from mild to strict.
const STEPS: [&str; 3] = ["none", "quarantine", "reject"];

/// What is known of the zone beside its mail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) now: Timestamp,
    /// How long *not there* is kept (RFC 2308 §5).
    pub(super) negative_ttl: Option<Span>,
}

/// Every record that would mend something; from what was derived before.
pub(super) fn derive(zone: &str, mail: &ZoneMail, around: Around) -> Proposed {
    let make = Maker { zone, mail, answers: Answers(&mail.answers), around };
    Proposed {
        spf: mail.spf.and_then(|_, at| make.spf(at)).or_absent(|| make.first_spf(mail.spf.observed_at())),
        dmarc: make.dmarc(),
        null_mx: make.null_mx(),
        mta_sts: make.for_exchangers(&mail.mta_sts, "_mta-sts", &make.mta_sts_value(), &make.policy_lines()),
        tls_rpt: make.for_exchangers(&mail.tls_rpt, "_smtp._tls", &make.tls_rpt_value(), &[]),
        report_authorisation: make.report_authorisation(),
    }
}

trait OrAbsent<T> {
    /// Another observation in the place of an absent one.
    fn or_absent(self, other: impl FnOnce() -> Observation<T>) -> Observation<T>;
}

impl<T> OrAbsent<T> for Observation<T> {
    fn or_absent(self, other: impl FnOnce() -> Observation<T>) -> Observation<T> {
        if matches!(self, Observation::Absent { .. }) { other() } else { self }
    }
}

struct Maker<'a> {
    zone: &'a str,
    mail: &'a ZoneMail,
    answers: Answers<'a>,
    around: Around,
}

type Made = Observation<ProposedRecord>;

impl Maker<'_> {
    /// A text at a name below the zone, or at the zone itself for an empty label.
    fn text(&self, label: &str, value: &str, replaces: Vec<String>, observed_at: Timestamp) -> Made {
        let name = if label.is_empty() { self.zone.to_owned() } else { format!("{label}.{}", self.zone) };
        if replaces.iter().any(|there| there == value) {
            return Observation::Absent { observed_at };
        }
        let settles_in = self.answers.ttl(&name, "TXT").or(self.around.negative_ttl);
        let lines = vec![format!("{name}. IN TXT {}", quoted(value))];
        Observation::Observed { observed_at, value: ProposedRecord { lines, replaces, settles_in } }
    }

    /// `-all` alone for a zone that sends nothing; else the same record with a stricter end.
    fn spf(&self, observed_at: Timestamp) -> Made {
        let Some(spf) = self.mail.spf.value() else { return Observation::Absent { observed_at } };
        if self.mail.sends == Some(false) {
            return self.text("", "v=spf1 -all", vec![spf.record.clone()], observed_at);
        }
        // Two records, or one with faults, take somebody who knows what was meant.
        let end = match spf.all.as_str() {
            "+" | "?" => "~all",
            _ => return Observation::Absent { observed_at },
        };
        if spf.records > 1 || !spf.record.split(' ').any(is_all) {
            return Observation::Absent { observed_at };
        }
        let terms: Vec<&str> = spf.record.split(' ').map(|term| if is_all(term) { end } else { term }).collect();
        self.text("", &terms.join(" "), vec![spf.record.clone()], observed_at)
    }

    fn first_spf(&self, observed_at: Timestamp) -> Made {
        match self.mail.sends {
            Some(false) => self.text("", "v=spf1 -all", Vec::new(), observed_at),
            // Who sends is not to be seen from outside; exchangers often do, and `~all` turns nobody away yet.
            _ => self.text("", "v=spf1 mx ~all", Vec::new(), observed_at),
        }
    }

    /// A first policy, or the next step of the one there is.
    fn dmarc(&self) -> Made {
        let mail = self.mail;
        let observed_at = mail.dmarc.observed_at();
        match (&mail.dmarc, &mail.dmarc_policy) {
            (Observation::Observed { value, .. }, _) if value.records == 1 => {
                let record = stricter(&value.record, &value.policy, mail.sends == Some(false));
                self.text("_dmarc", &record, vec![value.record.clone()], observed_at)
            }
            (Observation::Absent { .. }, Observation::Absent { .. }) => {
                let (policy, zone) = (if mail.sends == Some(false) { "reject" } else { "none" }, self.zone);
                let value = format!("v=DMARC1; p={policy}; rua=mailto:dmarc-reports@{zone}");
                let value = if mail.receives == Some(false) { format!("v=DMARC1; p={policy}") } else { value };
                self.text("_dmarc", &value, Vec::new(), observed_at)
            }
            (Observation::Observed { .. } | Observation::Absent { .. }, _) => Observation::Absent { observed_at },
            (unknown, _) => unknown.and_then(|_, observed_at| Observation::Absent { observed_at }),
        }
    }

    /// For a zone that is declared to receive nothing (RFC 7505).
    fn null_mx(&self) -> Made {
        let replaces = match &self.mail.mx {
            Observation::Observed { value, .. } => {
                value.iter().map(|mx| format!("{} {}.", mx.preference, mx.exchange)).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        let is_null = replaces.len() == 1 && replaces[0].ends_with(" .");
        let lines = vec![format!("{}. IN MX 0 .", self.zone)];
        let settles_in = self.answers.ttl(self.zone, "MX").or(self.around.negative_ttl);
        self.mail
            .mx
            .and_then(|_, at| Observation::Observed { observed_at: at, value: () })
            .or_absent(|| Observation::Observed { observed_at: self.mail.mx.observed_at(), value: () })
            .and_then(|(), observed_at| match self.mail.receives {
                Some(false) if !is_null => {
                    Observation::Observed { observed_at, value: ProposedRecord { lines, replaces, settles_in } }
                }
                _ => Observation::Absent { observed_at },
            })
    }

    /// A record that a zone with exchangers should have and does not.
    fn for_exchangers<T>(&self, there: &Observation<T>, label: &str, value: &str, more: &[String]) -> Made {
        let observed_at = there.observed_at();
        let receives = self.mail.mx.value().is_some_and(|list| list.iter().any(|mx| !mx.exchange.is_empty()));
        there.and_then(|_, observed_at| Observation::Absent { observed_at }).or_absent(|| {
            if there.value().is_some() || !receives {
                return Observation::Absent { observed_at };
            }
            let mut made = self.text(label, value, Vec::new(), observed_at);
            if let Some(record) = made.value_mut() {
                record.lines.extend_from_slice(more);
            }
            made
        })
    }

    fn mta_sts_value(&self) -> String {
        let stamp: String = self.around.now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
        format!("v=STSv1; id={stamp}")
    }

    /// The policy that the record announces, as comments of the zone file.
    fn policy_lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("; served as text/plain at https://mta-sts.{}/.well-known/mta-sts.txt:", self.zone),
            "; version: STSv1".into(),
            "; mode: testing".into(),
        ];
        let exchangers = self.mail.mx.value().into_iter().flatten().filter(|mx| !mx.exchange.is_empty());
        lines.extend(exchangers.map(|mx| format!("; mx: {}", mx.exchange)));
        lines.push("; max_age: 86400".into());
        lines
    }

    fn tls_rpt_value(&self) -> String {
        format!("v=TLSRPTv1; rua=mailto:tls-reports@{}", self.zone)
    }

    /// One line for every place that has not agreed to take the zone's reports.
    fn report_authorisation(&self) -> Made {
        self.mail.report_targets.and_then(|targets, observed_at| {
            let lacking = targets.iter().filter(|target| target.authorised.value() == Some(&false));
            let mut lines: Vec<String> = lacking
                .map(|target| format!("{}._report._dmarc.{}. IN TXT \"v=DMARC1;\"", self.zone, target.domain))
                .collect();
            lines.sort();
            lines.dedup();
            if lines.is_empty() {
                return Observation::Absent { observed_at };
            }
            let value = ProposedRecord { lines, replaces: Vec::new(), settles_in: None };
            Observation::Observed { observed_at, value }
        })
    }
}

fn is_all(term: &str) -> bool {
    term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all")
}

/// The record with its policy raised by one step, or at once for a zone that sends nothing; without what receivers ignore,
/// without `t`, and without a milder word for subdomains.
fn stricter(record: &str, policy: &str, at_once: bool) -> String {
    let step = STEPS.iter().position(|word| *word == policy).unwrap_or(0);
    let next = if at_once { STEPS.len() - 1 } else { (step + 1).min(STEPS.len() - 1) };
    let tags = Tags::read(record, &super::dmarc::GRAMMAR);
    let rank = |word: &str| STEPS.iter().position(|step| step.eq_ignore_ascii_case(word));
    let mut parts = vec!["v=DMARC1".to_owned(), format!("p={}", STEPS[next])];
    let mut seen = vec!["v", "p", "t"];
    for tag in &tags.list {
        let name = tag.name.as_str();
        let is_mild = matches!(name, "sp" | "np") && rank(&tag.value).is_none_or(|rank| rank < next);
        let is_known = super::dmarc::GRAMMAR.tags.contains(&name) && !tag.value.is_empty();
        if is_known && !is_mild && !seen.contains(&name) {
            parts.push(format!("{name}={}", tag.value));
            seen.push(name);
        }
    }
    parts.join("; ")
}

/// Strings of at most 255 bytes (RFC 1035 §3.3.14), in quotes.
fn quoted(value: &str) -> String {
    let mut strings = vec![String::new()];
    let mut length = 0;
    for c in value.chars() {
        if length + c.len_utf8() > 255 {
            strings.push(String::new());
            length = 0;
        }
        length += c.len_utf8();
        if let Some(last) = strings.last_mut() {
            if matches!(c, '"' | '\\') {
                last.push('\\');
            }
            last.push(c);
        }
    }
    strings.iter().map(|string| format!("\"{string}\"")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_raised_by_one_step_and_keeps_its_addresses() {
        let table = [
            (
                "v=DMARC1; p=none; rua=mailto:a@x.example; pct=50",
                "none",
                "v=DMARC1; p=quarantine; rua=mailto:a@x.example",
            ),
            ("v=DMARC1; p=quarantine; sp=none; adkim=s", "quarantine", "v=DMARC1; p=reject; adkim=s"),
            ("v=DMARC1; p=none; sp=reject; t=y", "none", "v=DMARC1; p=quarantine; sp=reject"),
            ("v=DMARC1; p=rejct; foo=bar; rua=", "none", "v=DMARC1; p=quarantine"),
            ("v=DMARC1; p=reject", "reject", "v=DMARC1; p=reject"),
        ];
        for (record, policy, expected) in table {
            assert_eq!(stricter(record, policy, false), expected, "{record}");
        }
        assert_eq!(stricter("v=DMARC1; p=none", "none", true), "v=DMARC1; p=reject");
    }

    #[test]
    fn long_values_are_cut_into_strings_and_quotes_are_escaped() {
        assert_eq!(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
        let long = quoted(&"x".repeat(300));
        assert_eq!(long.split("\" \"").map(str::len).collect::<Vec<_>>(), [256, 46]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_proposed_for_dmarc_is_read_back_without_fault(tags in "(; ?(p|sp|np|rua|t|pct|adkim)=(none|reject|mailto:a@x\\.example|y|s|r|50)){0,6}") {
            let record = format!("v=DMARC1{tags}");
            let proposed = stricter(&record, "none", false);
            proptest::prop_assert!(proposed.starts_with("v=DMARC1; p=quarantine"), "{proposed}");
        }
    }
}
