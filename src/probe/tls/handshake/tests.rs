//! Each half of the record protection against the other, and every parser against anything.

use proptest::prelude::*;

use super::record::{Padding, Protection};
use super::suite::{Suite, spoken, spoken_cbc};

const SPOKEN: [u16; 6] = [0x002F, 0x0035, 0x003D, 0xC028, 0xC02F, 0xCCA8];

fn sides(code: u16, version: u16) -> ([Protection; 2], [Protection; 2]) {
    let suite = Suite::read(code).unwrap();
    let material: Vec<u8> = (0..Protection::needs(suite)).map(|at| at as u8).collect();
    (Protection::pair(suite, version, &material), Protection::pair(suite, version, &material))
}

#[test]
fn what_one_side_seals_the_other_opens_in_every_suite_and_version() {
    for version in [0x0301, 0x0302, 0x0303] {
        for code in SPOKEN {
            let ([mut client, _], [mut server, _]) = sides(code, version);
            for body in [&b"first"[..], b"", &[7; 1000]] {
                for padding in [Padding::Short, Padding::Long] {
                    let record = client.seal(22, body, padding).unwrap();
                    assert_eq!(record[..3], [&[22][..], &u16::to_be_bytes(version)].concat());
                    assert_eq!(server.open(22, &record[5..]).unwrap(), body, "{code:04x} in {version:04x}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_padding_has_a_right_mac_and_a_right_length_and_is_not_opened() {
    for (code, version) in [(0x002F, 0x0301), (0x003D, 0x0303), (0xC028, 0x0302)] {
        let ([mut wrong, _], [mut right, _]) = sides(code, version);
        let (wrong, right) =
            (wrong.seal(22, b"x", Padding::LongWrong).unwrap(), right.seal(22, b"x", Padding::Long).unwrap());
        assert_eq!(wrong.len(), right.len());
        let (_, [mut server, _]) = sides(code, version);
        assert!(server.open(22, &wrong[5..]).is_err(), "{code:04x}");
    }
}

#[test]
fn a_changed_record_is_not_opened() {
    for code in SPOKEN {
        let ([mut client, _], _) = sides(code, 0x0303);
        let record = client.seal(23, b"a secret ballot", Padding::Short).unwrap();
        for at in [5, record.len() / 2, record.len() - 1] {
            let ([mut server, _], _) = sides(code, 0x0303);
            let mut changed = record.clone();
            changed[at] ^= 1;
            assert!(server.open(23, &changed[5..]).is_err(), "{code:04x} at {at}");
        }
    }
}

#[test]
fn only_suites_that_can_be_completed_are_spoken() {
    for code in SPOKEN {
        assert!(spoken(code), "{code:04x}");
    }
    // RC4, 3DES, export, Camellia, CCM, PSK, static ECDH, TLS 1.3.
    for code in [0x0005, 0x000A, 0x0008, 0x0041, 0xC0AC, 0x00A8, 0xC004, 0x1301] {
        assert!(!spoken(code), "{code:04x}");
    }
    assert!(spoken_cbc(0xC013) && !spoken_cbc(0xC02F));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        super::exercise(&bytes);
    }
}
