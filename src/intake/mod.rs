//! What others reported, read from files: DMARC aggregate reports. Nothing here opens a file or a socket; bytes come in, and
//! whatever they are, reading them ends within bounds.

mod aggregate;
mod unpack;
mod xml;

use std::collections::BTreeSet;

use crate::facts::{LIST_CAP, MailReports, UnreadReport};
use aggregate::Aggregate;

/// The largest file that is read.
pub const FILE_CAP: usize = 16 * 1024 * 1024;

/// Takes together the reports of files: XML, gzip or zip (RFC 9990 §3.1.3). A file that cannot be read is named with why; a
/// report that came twice counts once.
pub fn dmarc_reports(files: impl Iterator<Item = (String, Result<Vec<u8>, String>)>) -> MailReports {
    let mut aggregate = Aggregate::default();
    let mut seen = BTreeSet::new();
    let mut unread = Vec::new();
    for (file, bytes) in files {
        let read = bytes
            .and_then(|bytes| unpack::documents(&bytes))
            .and_then(|documents| documents.iter().map(|document| xml::read(document)).collect::<Result<Vec<_>, _>>());
        match read {
            Ok(reports) => {
                for report in reports {
                    if seen.insert((report.reporter.clone(), report.id.clone(), report.domain.clone())) {
                        aggregate.add(report);
                    }
                }
            }
            Err(why) if unread.len() < LIST_CAP => unread.push(UnreadReport { file, why }),
            Err(_) => {}
        }
    }
    MailReports { domains: aggregate.domains(), unread }
}

/// Any bytes, for the fuzz target and the replay of its corpus.
pub fn exercise(bytes: &[u8]) {
    drop(dmarc_reports(std::iter::once(("fuzz".to_owned(), Ok(bytes.to_vec())))));
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The form of RFC 7489, and that of RFC 9990 with its namespace.
    const OLD: &str = "<?xml version=\"1.0\"?><feedback><report_metadata><org_name>Big Mail</org_name><report_id>1</report_id>\
        <date_range><begin>1838160000</begin><end>1838246400</end></date_range></report_metadata>\
        <policy_published><domain>X.example</domain><p>none</p></policy_published>\
        <record><row><source_ip>192.0.2.7</source_ip><count>12</count><policy_evaluated><disposition>none</disposition>\
        <dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>x.example</header_from></identifiers>\
        <auth_results><dkim><domain>x.example</domain><result>pass</result></dkim><spf><domain>b.example</domain><result>pass</result></spf></auth_results></record>\
        <record><row><source_ip>2001:db8::9</source_ip><count>3</count><policy_evaluated><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>\
        <identifiers><header_from>x.example</header_from></identifiers><auth_results><spf><domain>lists.example</domain></spf></auth_results></record></feedback>";

    fn new() -> String {
        OLD.replace("<feedback>", "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"><version>2.0</version>")
            .replace("<report_id>1<", "<report_id>2<")
    }

    fn gz(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in entries {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn read(files: Vec<(&str, Vec<u8>)>) -> MailReports {
        dmarc_reports(files.into_iter().map(|(name, bytes)| (name.to_owned(), Ok(bytes))))
    }

    #[test]
    fn both_forms_in_every_packing_come_to_one_sum() {
        let reports = read(vec![
            ("a.xml", OLD.into()),
            ("a.xml.gz", gz(OLD)),
            ("b.zip", zip(&[("b.xml", &new()), ("notes/", "")])),
        ]);
        assert_eq!(reports.unread, []);
        let of = &reports.domains["x.example"];
        assert_eq!(
            (of.reports, of.reporters.clone()),
            (2, vec!["Big Mail".to_owned()]),
            "the same report twice counts once"
        );
        let told: Vec<(&str, bool, bool, i64)> =
            of.sources.iter().map(|s| (s.network.as_str(), s.dkim, s.spf, s.messages)).collect();
        assert_eq!(told, [("192.0.2.0/24", true, false, 24), ("2001:db8::/48", false, false, 6)]);
        assert_eq!(of.sources[1].named, ["lists.example"]);
        assert_eq!((of.from.unix(), of.until.unix()), (1_838_160_000, 1_838_246_400));
    }

    #[test]
    fn a_file_that_is_no_report_is_named_with_why_and_the_others_count() {
        let bomb = gz(&"a".repeat(64 * 1024 * 1024));
        let doctype = OLD.replace("<feedback>", "<!DOCTYPE feedback [<!ENTITY a \"&a;&a;\">]><feedback>");
        let cut = &gz(OLD)[..60];
        let deep = format!("<feedback>{}{}</feedback>", "<a>".repeat(100), "</a>".repeat(100));
        let reports = read(vec![
            ("bomb.gz", bomb),
            ("cut.gz", cut.to_vec()),
            ("deep.xml", deep.into()),
            ("doctype.xml", doctype.into()),
            ("entity.xml", OLD.replace("Big Mail", "&lol;").into()),
            ("good.xml", OLD.into()),
            ("half.xml", OLD.split("<count>").next().unwrap().into()),
            ("number.xml", OLD.replace("<count>3<", "<count>-3<").into()),
            ("other.xml", "<html></html>".into()),
            ("picture.png", b"\x89PNG".to_vec()),
        ]);
        let told: Vec<(&str, &str)> = reports.unread.iter().map(|f| (f.file.as_str(), f.why.as_str())).collect();
        let table = [
            ("bomb.gz", "unpacks to more than"),
            ("cut.gz", "cannot be unpacked"),
            ("deep.xml", "deeper than"),
            ("doctype.xml", "document type"),
            ("entity.xml", "entity"),
            ("half.xml", "ends inside"),
            ("number.xml", "count"),
            ("other.xml", "no DMARC report"),
            ("picture.png", "neither XML"),
        ];
        assert_eq!(told.len(), table.len(), "{told:?}");
        for ((file, why), (wanted, words)) in told.iter().zip(table) {
            assert!(*file == wanted && why.contains(words), "{file}: {why}");
        }
        assert_eq!(reports.domains["x.example"].reports, 1);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, cut in 0_usize..900, place in 0_usize..900, byte: u8) {
            exercise(&bytes);
            let mut text = OLD.as_bytes().to_vec();
            text[place] = byte;
            exercise(&text);
            exercise(&text[..cut]);
            for packed in [gz(OLD), zip(&[("a.xml", OLD)])] {
                let mut packed = packed;
                let at = place % packed.len();
                packed[at] = byte;
                exercise(&packed);
            }
        }
    }
}
