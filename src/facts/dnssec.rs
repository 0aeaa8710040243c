//! DNSSEC of a zone: the answers it is judged by, and what a validator makes of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, Span, Timestamp};

/// The answers that a validator needs for one zone, root first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnssecChain {
    pub answers: Vec<ChainAnswer>,
}

/// One question on the way down, through the resolver with CD set (RFC 4035 §3.2.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainAnswer {
    pub name: String,
    /// `DNSKEY`, `DS`, `SOA`.
    pub record_type: String,
    /// Digest of the raw DNS message, a blob.
    #[schemars(extend("x-volatile" = true))]
    pub message: Observation<String>,
}

/// Derived: the state of the zone (RFC 4033 §5) and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dnssec {
    /// `secure`, `insecure`, `bogus` or `indeterminate`.
    pub status: String,
    /// The reason, in words, naming the zone and record at which it was decided.
    pub reason: String,
    /// The zone publishes DNSKEY records.
    pub signed: bool,
    /// The parent publishes DS records. Left out if that could not be learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegated_securely: Option<bool>,
    /// The zone's keys.
    pub keys: Vec<ZoneKey>,
    /// The parent's DS records.
    pub ds: Vec<DelegationSigner>,
    /// End of the first of the zone's own signatures to end (over SOA and DNSKEY).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signatures_end: Option<Timestamp>,
}

/// Derived: what the zone's servers sign and prove, each taken by itself.
///
/// A server's answers are verified with the DNSKEY records that it gives itself, those with the DS records that the chain of
/// trust ends in. Where there is no such DS, the zone's own keys are taken at their word, and the state says `insecure`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    /// Every server with an address.
    pub servers: Vec<ServerSigning>,
    /// The DS records of the parent.
    pub delegation: Vec<VouchedKey>,
    /// The algorithms of the zone's keys and of its DS records.
    pub algorithms: Vec<SigningAlgorithm>,
    /// How the zone proves that something is not there; absent where no server proved anything.
    pub denial: Observation<DenialMethod>,
    /// What the zone asks its parent to publish (RFC 7344); absent where it asks for nothing.
    pub child: Observation<ChildSigner>,
    /// The times of all signatures; absent where there are none.
    pub times: Observation<SignatureTimes>,
}

/// A state in the words of RFC 4033 §5, with its reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// `secure`, `insecure`, `bogus` or `indeterminate`.
    pub status: String,
    pub reason: String,
}

/// Derived: one server at one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "server"))]
pub struct ServerSigning {
    /// `name/address`.
    pub server: String,
    /// Of everything that it answered: the worst of `sets`.
    pub answers: Proven,
    /// Of everything that it said is not there: the worst of `denials`.
    pub absences: Proven,
    /// The record sets at the zone's own name, and those of the names below it that were asked for: the records of mail.
    pub sets: Vec<SignedSet>,
    /// Names and types that are not there, and answers made from a wildcard.
    pub denials: Vec<DenialProof>,
}

/// Derived: one record set with everything that signs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "set"))]
pub struct SignedSet {
    /// Its type, `TXT`; of a name below the zone's own with that, `TXT _dmarc.cec.example`.
    pub set: String,
    pub record_type: String,
    /// `secure`, `insecure`, `bogus` or `indeterminate`.
    pub status: String,
    pub reason: String,
    /// How long it may be kept.
    pub ttl: Span,
    pub signatures: Vec<SetSignature>,
}

/// Derived: one RRSIG (RFC 4034 §3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSignature {
    pub key_tag: i64,
    pub algorithm: i64,
    /// The zone that it names as signer.
    pub signer: String,
    /// Left out if the number means no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inception: Option<Timestamp>,
    /// Left out if the number means no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Timestamp>,
    /// A key of the zone made it, over exactly this, and it holds now.
    pub holds: bool,
    /// Why it does not; empty if it does.
    pub why: String,
}

/// Derived: that something is not there, and whether that is proven (RFC 4035 §5.4, RFC 5155 §8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "question"))]
pub struct DenialProof {
    /// Type and name: `CAA cec.example`.
    pub question: String,
    /// What was to be proven: `name`, `type`, or `wildcard` for an answer made from one.
    pub kind: String,
    /// `secure`, `insecure`, `bogus` or `indeterminate`.
    pub status: String,
    pub reason: String,
}

/// Derived: one DS of the parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "ds"))]
pub struct VouchedKey {
    /// Key tag, algorithm and digest type, `12345/13/2`.
    pub ds: String,
    /// It is the digest of a key that the zone has.
    pub has_key: bool,
}

/// Derived: one algorithm, which must sign everything once a key or a DS has it (RFC 4035 §2.2, RFC 6840 §5.11).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "algorithm"))]
pub struct SigningAlgorithm {
    pub algorithm: i64,
    /// Record sets without a signature of this algorithm, `TXT at ns1.cec.example/192.0.2.1`.
    pub unsigned: Vec<String>,
}

/// Derived: how absence is proven.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenialMethod {
    /// `NSEC` or `NSEC3`.
    pub method: String,
    /// Additional rounds of hashing (RFC 5155 §3.1.3); the most that any server uses.
    pub iterations: i64,
    /// Bytes of salt (RFC 5155 §3.1.5); the most that any server uses.
    pub salt: i64,
    /// A record leaves out delegations that are not signed (RFC 5155 §6).
    pub opt_out: bool,
}

/// Derived: CDS and CDNSKEY (RFC 7344, RFC 8078).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChildSigner {
    /// The parent is asked to take its DS away (RFC 8078 §4).
    pub asks_removal: bool,
    /// What a parent must refuse them for, in words, sorted.
    pub faults: Vec<String>,
}

/// Derived: the times of the signatures over the zone's record sets, at all servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureTimes {
    /// When the first set is left without a signature that holds; left out if none holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_end: Option<Timestamp>,
    /// How much is left of the life of that set's signature, in percent, rounded down; zero if none holds now.
    pub left_percent: i64,
    /// The longest life of one.
    pub longest: Span,
    /// Record sets that may be kept longer than their signature holds, `TXT at ns1.cec.example/192.0.2.1`, with both times.
    pub outlived: Vec<String>,
}

/// One DNSKEY (RFC 4034 §2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "tag"))]
pub struct ZoneKey {
    pub tag: i64,
    pub algorithm: i64,
    pub flags: i64,
    /// Size in bits, for RSA the modulus.
    pub bits: i64,
}

/// One DS (RFC 4034 §5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationSigner {
    pub tag: i64,
    pub algorithm: i64,
    pub digest_type: i64,
}
