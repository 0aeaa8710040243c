//! What servers send, as bytes of anybody's choice. The first byte selects the parser: 255 those of what comes encrypted.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match bytes.split_first() {
    Some((255, rest)) => scrutineer::derive::exercise_tls(rest),
    _ => scrutineer::probe::tls::exercise(bytes),
});
