//! Records of mail and reports about it, and answers of name servers, as bytes of anybody's choice. The first byte selects the parser.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((selector, rest)) = bytes.split_first() else { return };
    if let 240..=243 = selector {
        return scrutineer::probe::dns::exercise(selector - 240, rest);
    }
    match selector % 9 {
        5 => scrutineer::intake::exercise(rest),
        dns @ 6.. => scrutineer::derive::exercise_dns(dns, rest),
        records => scrutineer::derive::exercise_mail(records, rest),
    }
});
