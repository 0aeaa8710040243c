//! A list of ECH configurations, as the `ech` key of an HTTPS record carries it (RFC 9849 §4, RFC 9848 §3).

use crate::facts::{Ech, EchConfig, printable};

/// The version of RFC 9849.
const VERSION: u16 = 0xfe0d;
/// How many configurations are kept; servers have one, or two while keys change.
const MAX_CONFIGS: usize = 16;
/// A name of the DNS is no longer than this.
const NAME_CAP: usize = 255;

/// Reads version and public name of each. What cannot be read to its end says so, with what could be read.
pub(super) fn read(list: &[u8]) -> Ech {
    let mut configs = Vec::new();
    let readable = whole(list).is_some_and(|mut rest| {
        while !rest.is_empty() {
            let Some((config, after)) = config(rest) else { return false };
            if configs.len() < MAX_CONFIGS {
                configs.push(config);
            }
            rest = after;
        }
        true
    });
    Ech { readable: readable && !configs.is_empty(), configs }
}

/// The list inside of its length, if that is all there is.
fn whole(list: &[u8]) -> Option<&[u8]> {
    let (inside, after) = long(list)?;
    after.is_empty().then_some(inside)
}

/// One configuration and what follows it.
fn config(bytes: &[u8]) -> Option<(EchConfig, &[u8])> {
    let (version, rest) = bytes.split_first_chunk::<2>()?;
    let version = u16::from_be_bytes(*version);
    let (contents, after) = long(rest)?;
    // Versions that are not known are skipped over (§4).
    let public_name = if version == VERSION { Some(public_name(contents)?) } else { None };
    Some((EchConfig { version: i64::from(version), public_name }, after))
}

/// `config_id`, `kem_id`, `public_key`, `cipher_suites`, `maximum_name_length`, `public_name`, `extensions`.
fn public_name(contents: &[u8]) -> Option<String> {
    let (_public_key, rest) = long(contents.get(3..)?)?;
    let (_cipher_suites, rest) = long(rest)?;
    let (length, rest) = rest.get(1..)?.split_first()?;
    let (name, extensions) = rest.split_at_checked(usize::from(*length))?;
    let (_, after) = long(extensions)?;
    (after.is_empty() && !name.is_empty()).then(|| printable(&String::from_utf8_lossy(name), NAME_CAP))
}

/// Bytes behind their length in two bytes, and what follows.
fn long(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_length(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
    }

    /// A list of one configuration of RFC 9849.
    fn list(name: &str) -> Vec<u8> {
        let suites = with_length(&[0, 1, 0, 1]);
        let head =
            [&[7, 0, 0x20][..], &with_length(&[9; 32]), &suites, &[0, name.len() as u8], name.as_bytes()].concat();
        let config = [&[0xfe, 0x0d][..], &with_length(&[&head[..], &with_length(&[])].concat())].concat();
        with_length(&config)
    }

    #[test]
    fn the_public_name_of_a_configuration_is_read() {
        let ech = read(&list("public.example"));
        assert!(ech.readable);
        assert_eq!(ech.configs, [EchConfig { version: 0xfe0d, public_name: Some("public.example".into()) }]);
    }

    #[test]
    fn a_version_of_tomorrow_is_passed_over() {
        let tomorrow = [&[0xff, 1][..], &with_length(&[1, 2, 3])].concat();
        let ech = read(&with_length(&[&tomorrow[..], &list("a.example")[2..]].concat()));
        assert!(ech.readable);
        assert_eq!(ech.configs.iter().map(|c| c.version).collect::<Vec<_>>(), [0xff01, 0xfe0d]);
    }

    #[test]
    fn a_list_cut_anywhere_or_continued_is_not_readable() {
        let list = list("public.example");
        for length in 0..list.len() {
            assert!(!read(&list[..length]).readable, "{length} bytes");
        }
        assert!(!read(&[&list[..], &[0]].concat()).readable);
        assert!(!read(&[0, 0]).readable, "a list of nothing");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let ech = read(&bytes);
            assert!(ech.configs.len() <= MAX_CONFIGS);
            read(&with_length(&bytes));
            read(&with_length(&[&[0xfe, 0x0d][..], &with_length(&bytes)].concat()));
        }
    }
}
