//! The fuzzer's corpus, replayed: what servers of the lab sent, what the fuzzer made of it, and whatever once broke a parser.

use std::path::Path;

#[test]
fn no_records_no_reports_and_no_answers_make_the_parsers_of_mail_and_dns_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/mail_dns");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        let rest = bytes.get(1..).unwrap_or_default();
        // Whatever parser it was found for, the others get it, too.
        for selector in 0..5 {
            scrutineer::derive::exercise_mail(selector, rest);
        }
        scrutineer::intake::exercise(rest);
        for selector in 0..3 {
            scrutineer::derive::exercise_dns(selector, rest);
        }
        for selector in 0..4 {
            scrutineer::probe::dns::exercise(selector, rest);
        }
        count += 1;
    }
    assert!(count >= 200, "the corpus is there: {count} files");
}

#[test]
fn no_bytes_that_a_server_may_send_make_the_tls_parsers_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/tls");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        scrutineer::probe::tls::exercise(&bytes);
        // Whatever parser it was found for, the others get it, too.
        for selector in 0..7 {
            scrutineer::probe::tls::exercise(&[&[selector], bytes.get(1..).unwrap_or_default()].concat());
        }
        // Certificates, staples and lists of timestamps.
        scrutineer::derive::exercise_tls(bytes.get(1..).unwrap_or_default());
        count += 1;
    }
    assert!(count >= 20, "the corpus is there: {count} files");
}
