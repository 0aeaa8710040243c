//! An export of certificate transparency logs that somebody saved: JSON as crt.sh gives it, JSON lines, CSV, or plain names. No
//! log is asked here or anywhere else; the file is all that is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};

use super::names::dns_name;
use crate::facts::{Timestamp, printable};

/// The largest export that is read.
pub const BYTES_CAP: usize = 16 << 20;

/// The most certificates of one export.
const ENTRY_CAP: usize = 200_000;

/// One certificate of the export, or one name of a plain list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Entry")]
pub struct Logged {
    /// Lower case; a wildcard with its `*.`. What is no name of a host (an address, a person) is left out.
    pub names: Vec<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
}

impl Logged {
    /// Whether it has ended by then. One without an end has not.
    pub fn ended(&self, now: Timestamp) -> bool {
        self.not_after.is_some_and(|end| end < now)
    }
}

/// Why an export cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtFault {
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    pub message: String,
}

impl CtFault {
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// Reads an export; its format shows by its first character.
///
/// # Errors
/// The first line that cannot be read, or a cap that is exceeded.
pub fn read(text: &str) -> Result<Vec<Logged>, CtFault> {
    if text.len() > BYTES_CAP {
        let megabytes = BYTES_CAP >> 20;
        return Err(CtFault::at(0, format!("is larger than {megabytes} MB; export the authority's own domains only")));
    }
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let all = match first.chars().next() {
        Some('[') => array(text),
        Some('{') => lines(text),
        _ if first.contains(',') || column(first).is_some() => table(text),
        _ => plain(text),
    }?;
    if all.len() > ENTRY_CAP {
        return Err(CtFault::at(
            0,
            format!("has more than {ENTRY_CAP} entries; export the authority's own domains only"),
        ));
    }
    Ok(all)
}

/// Entry by entry, because the parser forgets in which line an entry began.
fn array(text: &str) -> Result<Vec<Logged>, CtFault> {
    let mut all = Vec::new();
    let mut at = text.find('[').map_or(0, |open| open + 1);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let begin = at + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ',']).len();
        let entry = text.get(begin..).unwrap_or_default();
        let line = || text.as_bytes()[..begin].iter().filter(|byte| **byte == b'\n').count() + 1;
        if entry.starts_with(']') {
            return Ok(all);
        }
        let mut entries = serde_json::Deserializer::from_str(entry).into_iter::<Logged>();
        match entries.next() {
            Some(Ok(one)) => all.push(one),
            Some(Err(e)) => {
                return Err(CtFault::at(
                    line() + e.line().saturating_sub(1),
                    format!("cannot be read: {}", reason(&e)),
                ));
            }
            None => return Err(CtFault::at(line(), "ends inside of the list")),
        }
        at = begin + entries.byte_offset();
    }
}

fn lines(text: &str) -> Result<Vec<Logged>, CtFault> {
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let one = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| CtFault::at(at + 1, format!("cannot be read: {}", reason(&e))))
    };
    filled.map(one).collect()
}

/// The parser's own words without its place, of which the line is told already.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    printable(text.split(" at line ").next().unwrap_or_default(), 200)
}

/// What a column may hold, by the names that exports give it.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Names,
    NotBefore,
    NotAfter,
}

fn column(title: &str) -> Option<Column> {
    let title = title.trim().trim_matches('"').to_ascii_lowercase().replace([' ', '-'], "_");
    match title.as_str() {
        "name_value" | "common_name" | "matching_identities" | "dns_names" | "names" | "name" | "domain" | "host" => {
            Some(Column::Names)
        }
        "not_before" | "valid_from" => Some(Column::NotBefore),
        "not_after" | "valid_to" | "valid_until" => Some(Column::NotAfter),
        _ => None,
    }
}

fn table(text: &str) -> Result<Vec<Logged>, CtFault> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).flexible(true).from_reader(text.as_bytes());
    let fault = |e: &csv::Error| {
        CtFault::at(
            e.position().map_or(1, |at| at.line() as usize),
            format!("cannot be read: {}", printable(&e.to_string(), 200)),
        )
    };
    let columns: Vec<Option<Column>> = reader.headers().map_err(|e| fault(&e))?.iter().map(column).collect();
    if !columns.contains(&Some(Column::Names)) {
        return Err(CtFault::at(1, "has no column of names; expected name_value, common_name, dns_names or domain"));
    }
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| fault(&e))?;
        let line = record.position().map_or(0, |at| at.line() as usize);
        let mut logged = Logged::default();
        for (cell, column) in record.iter().zip(&columns).filter(|(cell, _)| !cell.trim().is_empty()) {
            let time = || moment(cell).map(Some).map_err(|why| CtFault::at(line, why));
            match column {
                Some(Column::Names) => logged.names.extend(names_in(cell)),
                Some(Column::NotBefore) => logged.not_before = time()?,
                Some(Column::NotAfter) => logged.not_after = time()?,
                None => {}
            }
        }
        all.push(logged.tidy());
    }
    Ok(all)
}

/// One name a line; here a line that is none is a fault, because nothing else stands in such a file.
fn plain(text: &str) -> Result<Vec<Logged>, CtFault> {
    let told = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let one = |(at, line): (usize, &str)| match dns_name(line) {
        Some(name) => Ok(Logged { names: vec![name], ..Logged::default() }),
        None => Err(CtFault::at(at, format!("'{}' is no name of a host", printable(line, 80)))),
    };
    told.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(one).collect()
}

/// An object as crt.sh, certspotter and their like write it. Other keys are passed over.
#[derive(Deserialize)]
struct Entry {
    /// Names, one a line.
    name_value: Option<String>,
    common_name: Option<String>,
    #[serde(default, alias = "names", alias = "all_domains")]
    dns_names: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    not_before: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    not_after: Option<Timestamp>,
}

impl TryFrom<Entry> for Logged {
    type Error = &'static str;
    fn try_from(entry: Entry) -> Result<Self, Self::Error> {
        if entry.name_value.is_none() && entry.common_name.is_none() && entry.dns_names.is_empty() {
            return Err("an entry has no names: none of name_value, common_name, dns_names");
        }
        let texts = entry.name_value.iter().chain(&entry.common_name).chain(&entry.dns_names);
        let names = texts.flat_map(|text| names_in(text)).collect();
        Ok(Self { names, not_before: entry.not_before, not_after: entry.not_after }.tidy())
    }
}

impl Logged {
    fn tidy(mut self) -> Self {
        self.names.sort_unstable();
        self.names.dedup();
        self
    }
}

/// The names of one cell; a certificate may also name persons and addresses.
fn names_in(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|')).filter_map(dns_name)
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| moment(&text).map_err(D::Error::custom)).transpose()
}

/// A time as logs write it, `2028-01-02T03:04:05`, with or without fraction and zone; without one it is UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    let fault = || format!("'{}' is no time; expected one like 2028-10-29T07:00:00", printable(text, 40));
    let text = text.trim();
    if !text.is_ascii() {
        return Err(fault());
    }
    let (day, rest) = text.split_at_checked(10).ok_or_else(fault)?;
    let clock = rest.trim_start_matches(['T', ' ']).trim_end_matches(" UTC");
    if clock.is_empty() {
        return Timestamp::parse(day).map_err(|_| fault());
    }
    let zone = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone);
    let zone = if zone.is_empty() { "Z" } else { zone };
    Timestamp::parse(&format!("{day}T{clock}{zone}")).map_err(|_| fault())
}

/// The names of an export that have not ended, each with the earliest start of a certificate that has it.
pub fn current(logged: &[Logged], now: Timestamp) -> BTreeMap<&str, Option<Timestamp>> {
    let mut found: BTreeMap<&str, Option<Timestamp>> = BTreeMap::new();
    for one in logged.iter().filter(|one| !one.ended(now)) {
        for name in &one.names {
            let since = found.entry(name.as_str()).or_insert(one.not_before);
            *since = [*since, one.not_before].into_iter().flatten().min();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(Timestamp::parse(text).unwrap())
    }
    fn names(text: &str) -> Vec<String> {
        read(text).unwrap().into_iter().flat_map(|one| one.names).collect()
    }
    fn fault(text: &str) -> (usize, String) {
        let fault = read(text).unwrap_err();
        (fault.line, fault.message)
    }

    const CRT_SH: &str = r#"[
        {"issuer_ca_id": 1, "issuer_name": "C=XX, O=CA", "common_name": "vpn.cec.example", "name_value": "vpn.cec.example\n*.Old.cec.example", "id": 7,
         "entry_timestamp": "2028-01-02T03:04:05.678", "not_before": "2028-01-02T03:04:05", "not_after": "2028-04-02T03:04:05"},
        {"common_name": "Jane Doe", "name_value": "jane@cec.example", "not_before": "2028-01-02T03:04:05", "not_after": "2029-01-02T03:04:05"}
    ]"#;

    #[test]
    fn crt_sh_json_is_read_with_names_and_times() {
        let all = read(CRT_SH).unwrap();
        assert_eq!(all[0].names, ["*.old.cec.example", "vpn.cec.example"]);
        assert_eq!((all[0].not_before, all[0].not_after), (at("2028-01-02T03:04:05Z"), at("2028-04-02T03:04:05Z")));
        assert!(all[1].names.is_empty(), "a person is no host");
    }

    #[test]
    fn json_lines_csv_and_plain_names_are_read_as_well() {
        assert_eq!(
            names("{\"dns_names\":[\"a.example.org\"]}\n\n{\"name_value\":\"b.example.org\"}\n"),
            ["a.example.org", "b.example.org"]
        );
        let csv = "id,Common Name,name_value,Not Before,Not After\n1,a.example.org,\"a.example.org\nb.example.org\",2028-01-02 03:04:05,2028-02-02\n";
        let all = read(csv).unwrap();
        assert_eq!(all[0].names, ["a.example.org", "b.example.org"]);
        assert_eq!((all[0].not_before, all[0].not_after), (at("2028-01-02T03:04:05Z"), at("2028-02-02T00:00:00Z")));
        assert_eq!(names("# ours\nA.example.org.\n\n*.b.example.org\n"), ["a.example.org", "*.b.example.org"]);
        assert_eq!(names("domain\na.example.org\n"), ["a.example.org"]);
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn a_fault_names_its_line() {
        assert_eq!(fault("[\n{\"name_value\": \"a.b\"},\n{\"id\": 1}\n]").0, 3);
        assert_eq!(fault("[\n{\"name_value\": \"a.b\", \"not_after\": \"soon\"}\n]").0, 2);
        assert_eq!(fault("[\n{\"name_value\": \"a.b\"").0, 2);
        assert_eq!(fault("[\n{\"name_value\": \"a.b\"},\n").0, 3);
        assert_eq!(fault("{\"name_value\": \"a.b\"}\n\n{]\n").0, 3);
        assert_eq!(fault("name_value,not_after\na.example.org,2028-01-01\nb.example.org,never\n").0, 3);
        assert_eq!(fault("id,issuer\n1,2\n").0, 1);
        let (line, message) = fault("a.example.org\nnot a name\n");
        assert!(line == 2 && message.contains("not a name"), "{line}: {message}");
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(fault(&"a.example.org\n".repeat(BYTES_CAP / 14 + 1)).1.contains("larger than 16 MB"));
        assert!(fault(&"a.b\n".repeat(ENTRY_CAP + 1)).1.contains("200000"));
    }

    #[test]
    fn what_has_ended_is_dropped_and_the_earliest_start_is_kept() {
        let two = r#"[{"name_value": "a.example.org", "not_before": "2028-02-01", "not_after": "2028-05-01"},
            {"name_value": "a.example.org", "not_before": "2028-01-01", "not_after": "2028-03-01"},
            {"name_value": "b.example.org", "not_before": "2020-01-01", "not_after": "2020-03-01"}]"#;
        let all = read(two).unwrap();
        let now = |text: &str| current(&all, at(text).unwrap());
        assert_eq!(now("2028-02-02T00:00:00Z"), BTreeMap::from([("a.example.org", at("2028-01-01"))]));
        assert_eq!(now("2028-04-01T00:00:00Z"), BTreeMap::from([("a.example.org", at("2028-02-01"))]));
        assert!(now("2028-06-01T00:00:00Z").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_harm(text in ".*", head in "(\\[|\\{|name_value,not_after\n)?") {
            let _ = read(&format!("{head}{text}"));
        }
    }
}
