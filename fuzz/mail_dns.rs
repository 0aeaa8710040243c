//! Records of mail and reports about it, as bytes of anybody's choice. The first byte selects the parser.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((selector, rest)) = bytes.split_first() else { return };
    match selector % 6 {
        5 => scrutineer::intake::exercise(rest),
        records => scrutineer::derive::exercise_mail(records, rest),
    }
});
