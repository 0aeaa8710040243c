//! The ways of asking: each variant is one question, and a faithful answer to it tells what it is for.

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use hickory_resolver::proto::rr::{DNSClass, Name, RecordType};

use crate::facts::digest;
use crate::net::Transport;
use crate::scope::Class;

use super::ask::{Flags, question};
use super::records::name_text;

/// For local use (RFC 6891 §9): no server knows it.
const UNKNOWN_OPTION: u16 = 65_001;
/// A flag of EDNS that nothing is assigned to.
const UNKNOWN_FLAG: u16 = 0x2000;
/// A version of EDNS that is not there yet.
const UNKNOWN_VERSION: u8 = 1;

/// How a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// As a validating resolver asks: EDNS with DO, no recursion.
    Plain,
    /// As plain, with every other letter of the name in upper case.
    MixedCase,
    NoEdns,
    /// As plain, for a name of the zone that does not exist.
    MissingName,
    /// With recursion, for a name that no zone has (RFC 6761 §6.4).
    OutsideName,
    EdnsVersion,
    /// An unknown option and an unknown flag at once.
    EdnsUnknown,
    EdnsOption,
    EdnsFlag,
    /// `version.bind` in class CH.
    Version,
    Transfer,
    /// A zone's delegation, asked of a server above it.
    Referral,
    /// To the resolver.
    Resolver,
}

impl Variant {
    /// The word of the facts.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::MixedCase => "mixed-case",
            Self::NoEdns => "no-edns",
            Self::MissingName => "missing-name",
            Self::OutsideName => "outside-name",
            Self::EdnsVersion => "edns-version",
            Self::EdnsUnknown => "edns-unknown",
            Self::EdnsOption => "edns-option",
            Self::EdnsFlag => "edns-flag",
            Self::Version => "version",
            Self::Transfer => "transfer",
            Self::Referral => "referral",
            Self::Resolver => "resolver",
        }
    }

    /// What no resolver would send by itself is polite (design §8).
    pub(super) fn class(self) -> Class {
        match self {
            Self::Plain | Self::MixedCase | Self::NoEdns | Self::MissingName | Self::Referral | Self::Resolver => {
                Class::Passive
            }
            _ => Class::Polite,
        }
    }

    /// How it is carried, UDP being the first choice.
    pub(super) fn transport(self) -> Transport {
        if self == Self::Transfer { Transport::TwoRecords } else { Transport::UdpThenTcp }
    }

    /// The message for a name and a type.
    pub(super) fn message(self, name: &Name, kind: RecordType) -> Message {
        let recursion = matches!(self, Self::OutsideName | Self::Resolver);
        let mut message = question(name, kind, &Flags { recursion, dnssec: true });
        message.metadata.checking_disabled = self == Self::Resolver;
        if matches!(self, Self::NoEdns | Self::Version | Self::Transfer) {
            message.edns = None;
        }
        if let Some(edns) = &mut message.edns {
            if self == Self::EdnsVersion {
                edns.set_version(UNKNOWN_VERSION);
            }
            if matches!(self, Self::EdnsUnknown | Self::EdnsOption) {
                edns.options_mut().insert(EdnsOption::Unknown(UNKNOWN_OPTION, Vec::new()));
            }
            if matches!(self, Self::EdnsUnknown | Self::EdnsFlag) {
                edns.flags_mut().z = UNKNOWN_FLAG;
            }
        }
        if self == Self::Version
            && let Some(query) = message.queries.first_mut()
        {
            query.set_query_class(DNSClass::CH);
        }
        message
    }
}

/// The name with every other letter in upper case (a fixed pattern: the port and the id keep forgers out, and equal looks give
/// equal facts).
pub(super) fn mixed_case(name: &Name) -> Name {
    let mut upper = false;
    let turned = |byte: u8| {
        upper ^= byte.is_ascii_alphabetic();
        if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
    };
    let text: Vec<u8> = name.to_ascii().bytes().map(turned).collect();
    String::from_utf8(text).ok().and_then(|text| Name::from_ascii(text).ok()).unwrap_or_else(|| name.clone())
}

/// A name of the zone that nobody can have meant; the same at every look.
pub(super) fn missing_name(zone: &Name) -> Option<Name> {
    zone.prepend_label(format!("no-such-name-{}", mark(zone))).ok()
}

/// A name under a top level that is reserved for never existing.
pub(super) fn outside_name(zone: &Name) -> Option<Name> {
    Name::from_ascii(format!("{}.scrutineer.invalid.", mark(zone))).ok()
}

fn mark(zone: &Name) -> String {
    digest(name_text(zone).as_bytes()).trim_start_matches("sha256:").chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ask::parse_name;
    use super::*;

    fn sent(variant: Variant) -> Message {
        let name = parse_name("cec.example").unwrap();
        Message::from_vec(&variant.message(&name, RecordType::SOA).to_vec().unwrap()).unwrap()
    }

    #[test]
    fn each_variant_differs_from_the_plain_question_in_what_it_is_for() {
        let plain = sent(Variant::Plain);
        let edns = plain.edns.clone().unwrap();
        assert!(!plain.metadata.recursion_desired && edns.flags().dnssec_ok && edns.version() == 0);
        assert!(sent(Variant::NoEdns).edns.is_none());
        assert_eq!(sent(Variant::EdnsVersion).edns.unwrap().version(), 1);
        let unknown = sent(Variant::EdnsUnknown).edns.unwrap();
        assert!(unknown.flags().z == UNKNOWN_FLAG && unknown.options().get(UNKNOWN_OPTION.into()).is_some());
        assert!(sent(Variant::OutsideName).metadata.recursion_desired);
        assert_eq!(sent(Variant::Version).queries[0].query_class(), DNSClass::CH);
    }

    #[test]
    fn a_mixed_name_is_the_same_name_in_other_letters() {
        let name = parse_name("cec.example").unwrap();
        let mixed = mixed_case(&name);
        assert_eq!(mixed.to_ascii(), "CeC.eXaMpLe.");
        assert_eq!(mixed, name);
        let message = Variant::MixedCase.message(&mixed, RecordType::SOA).to_vec().unwrap();
        assert_eq!(Message::from_vec(&message).unwrap().queries[0].name().to_ascii(), "CeC.eXaMpLe.");
    }

    #[test]
    fn names_that_do_not_exist_are_the_same_at_every_look() {
        let zone = parse_name("CEC.example").unwrap();
        assert_eq!(missing_name(&zone), missing_name(&parse_name("cec.example").unwrap()));
        assert!(outside_name(&zone).unwrap().to_ascii().ends_with(".scrutineer.invalid."));
    }
}
