//! What servers send before anything is encrypted, as bytes of anybody's choice. The first byte selects the parser.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scrutineer::probe::tls::exercise(bytes));
