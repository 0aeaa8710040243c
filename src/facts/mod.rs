//! What was seen, as plain data. Facts never judge and import nothing else of this crate.
//!
//! A [`Document`] holds two [`Looks`]: everything is looked at once, and what failed a severe check is looked at again.
//! Every single thing looked at is an [`Observation`]: observed, absent, failed or not run. Fields marked *derived* in the
//! schema are computed from the primary ones when facts are judged (module `derive`) and are never stored.
//!
//! Rules of the format: integers are `i64`; absent means left out, never null; maps are sorted; times are RFC 3339 UTC;
//! a list that a rule walks is capped at [`LIST_CAP`] and the cut is recorded; no value has a field called `state`,
//! because that word marks an observation. The format is additive: a changed meaning takes a new name.

mod blob;
mod dns;
mod dnssec;
mod document;
mod estate_index;
mod host;
mod mail;
mod mail_report;
mod name;
mod named;
mod network;
mod observation;
mod registration;
mod service;
mod target;
mod text;
mod tls;
mod web;
mod when;
mod zone;

pub use blob::{Blobs, digest, digest_text};
pub use dns::{
    Delegation, DelegationMatch, Exchange, Exchanges, Primary, Question, RecordAgreement, ReverseName, ServerBehaviour,
    ServerName,
};
pub use dnssec::{
    ChainAnswer, ChildSigner, DelegationSigner, DenialMethod, DenialProof, Dnssec, DnssecChain, Proven, ServerSigning,
    SetSignature, SignatureTimes, SignedSet, Signing, SigningAlgorithm, VouchedKey, ZoneKey,
};
pub use document::{Document, Input, Looks, PROBE_VERSIONS, Run, SCHEMA, Traffic};
pub use estate_index::{CriticalHost, Ending, EstateIndex, FunctionIndex, KeyUse, NameSource, Registration, SeenName};
pub use host::{AddressPorts, Host, HostAddress, HostDns, PortUnknown, Ports};
pub use mail::{
    DkimKey, DkimRecord, DkimSelector, Dmarc, DmarcPolicy, Fault, MailAnswer, MailTarget, MailTargets, MtaSts,
    MtaStsPolicy, Mx, MxNetworks, PolicyAnswer, Proposed, ProposedRecord, ReportTarget, Spf, SpfNode, TlsRpt, ZoneMail,
};
pub use mail_report::{DomainReports, MailReports, RejectedSource, Reported, ReportedSource, UnreadReport};
pub use name::{dmarc_walk, is_within, registrable};
pub use named::{Announcement, CaaMatch, Dane, DaneRecord, Ech, EchConfig, HttpsAnswer, HttpsRecord, Tlsa, TlsaRecord};
pub use network::prefix;
pub use observation::{Observation, Reason, Unobserved};
pub use registration::DomainRegistration;
pub use service::{Access, Agreement, Endpoint, PortState, Protocol, Service};
pub use target::NamedTarget;
pub use text::printable;
pub use tls::{
    Attack, Attacks, Behaviour, Certificate, Chain, CodeRange, Enumerated, Exposure, Exposures, Field, Groups, Item,
    Naming, Negotiated, Other, Pace, PeculiarName, Preference, Programme, Resumption, Revocation, Sct, SctList, Scts,
    Sending, Signatures, Staple, Suites, Tls, UnknownRange, Validation, Version, Versions,
};
pub use web::{Cookie, Csp, Framing, Hop, Hsts, Page, SecurityTxt, Site, Subresource, Web};
pub use when::{Span, Timestamp};
pub use zone::{Caa, CaaProperty, NameServer, NameServerIndex, ServerAnswer, Soa, Zone, ZoneDns};

/// The longest list a rule may walk. What is cut is said in a field beside the list.
pub const LIST_CAP: usize = 256;
