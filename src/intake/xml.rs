//! One aggregate report in XML: RFC 9990, appendix A, and the form of RFC 7489, appendix C, which has the same names.

use std::net::IpAddr;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::facts::{Timestamp, printable};

/// Elements inside of elements.
const DEPTH_CAP: usize = 16;

/// Rows of one report.
const ROW_CAP: usize = 100_000;

/// Characters of one text.
const TEXT_CAP: usize = 255;

/// Domains of one row that are kept.
const NAMED_CAP: usize = 8;

/// A report.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Report {
    pub(super) reporter: String,
    pub(super) id: String,
    pub(super) domain: String,
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) rows: Vec<Row>,
}

/// Messages of one address with one outcome.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) source: Option<IpAddr>,
    pub(super) count: Option<i64>,
    pub(super) dkim: bool,
    pub(super) spf: bool,
    /// Domains in the results of DKIM and SPF.
    pub(super) named: Vec<String>,
}

/// Reads one report.
///
/// # Errors
/// What is wrong with it, as a fragment. A document type is refused: no report needs one, and entities are a way to harm.
pub(super) fn read(document: &[u8]) -> Result<Report, String> {
    let text = String::from_utf8_lossy(document);
    let mut reader = Reader::from_str(&text);
    let mut builder = Builder::default();
    loop {
        match reader.read_event().map_err(|e| format!("is no XML: {e}"))? {
            Event::Start(start) => builder.open(start.local_name().as_ref())?,
            Event::Empty(start) => {
                builder.open(start.local_name().as_ref())?;
                builder.close()?;
            }
            Event::Text(text) => builder.text(&text),
            Event::CData(text) => builder.text(&text),
            Event::GeneralRef(name) => builder.reference(&name)?,
            Event::End(_) => builder.close()?,
            Event::DocType(_) => return Err("has a document type, which no report needs".into()),
            Event::Eof => return builder.done(),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Builder {
    path: Vec<String>,
    text: String,
    report: Report,
    row: Row,
    is_report: bool,
}

impl Builder {
    fn open(&mut self, name: &str) -> Result<(), String> {
        if self.path.len() >= DEPTH_CAP {
            return Err(format!("goes deeper than {DEPTH_CAP} elements"));
        }
        let name = printable(name, TEXT_CAP);
        if self.path.is_empty() && name != "feedback" {
            return Err(format!("is no DMARC report: its root is {name}"));
        }
        self.is_report = true;
        self.text.clear();
        self.path.push(name);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let room = (TEXT_CAP * 4).saturating_sub(self.text.len());
        self.text.extend(text.chars().take(room));
    }

    /// The five of XML and numbers; nobody defines others here.
    fn reference(&mut self, name: &str) -> Result<(), String> {
        let shown = printable(name, 40);
        let named = [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'")];
        let text = named.iter().find(|(known, _)| *known == shown).map(|(_, text)| (*text).to_owned());
        let text = text.or_else(|| numbered(&shown)).ok_or_else(|| format!("uses the entity &{shown};"))?;
        self.text(&text);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let text = printable(self.text.trim(), TEXT_CAP);
        self.text.clear();
        let path: Vec<&str> = self.path.iter().skip(1).map(String::as_str).collect();
        let report = &mut self.report;
        match path.as_slice() {
            ["report_metadata", "org_name"] => report.reporter = text,
            ["report_metadata", "report_id"] => report.id = text,
            ["report_metadata", "date_range", "begin"] => report.from = time(&text),
            ["report_metadata", "date_range", "end"] => report.until = time(&text),
            ["policy_published", "domain"] => report.domain = name(&text),
            ["record", "row", "source_ip"] => self.row.source = text.parse().ok(),
            ["record", "row", "count"] => self.row.count = text.parse().ok().filter(|count| *count >= 0),
            ["record", "row", "policy_evaluated", "dkim"] => self.row.dkim = text == "pass",
            ["record", "row", "policy_evaluated", "spf"] => self.row.spf = text == "pass",
            ["record", "auth_results", "dkim" | "spf", "domain"] if self.row.named.len() < NAMED_CAP => {
                self.row.named.push(name(&text));
            }
            ["record"] => self.end_of_row()?,
            _ => {}
        }
        self.path.pop();
        Ok(())
    }

    fn end_of_row(&mut self) -> Result<(), String> {
        let row = std::mem::take(&mut self.row);
        let number = self.report.rows.len() + 1;
        if number > ROW_CAP {
            return Err(format!("has more than {ROW_CAP} records"));
        }
        if row.source.is_none() {
            return Err(format!("record {number} has no source_ip that is an address"));
        }
        if row.count.is_none() {
            return Err(format!("record {number} has no count that is a number"));
        }
        self.report.rows.push(row);
        Ok(())
    }

    fn done(self) -> Result<Report, String> {
        let report = self.report;
        if !self.is_report {
            return Err("is no DMARC report: it is empty".into());
        }
        if let Some(open) = self.path.last() {
            return Err(format!("ends inside of {open}"));
        }
        if report.domain.is_empty() {
            return Err("does not say which domain it is about".into());
        }
        match (report.from, report.until) {
            (Some(from), Some(until)) if from <= until => Ok(report),
            _ => Err("does not say from when to when it is".into()),
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().and_then(Timestamp::from_unix)
}

fn name(text: &str) -> String {
    text.trim_end_matches('.').to_ascii_lowercase()
}

/// `#65` and `#x41`.
fn numbered(reference: &str) -> Option<String> {
    let digits = reference.strip_prefix('#')?;
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code).map(String::from)
}
