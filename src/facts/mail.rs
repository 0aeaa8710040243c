//! Mail facts of a declared zone: what the resolver and the policy host said, and what is read from that.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Chain, Observation, Reported, Span, Tlsa, Unobserved};

/// Mail facts of a zone's own name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneMail {
    /// Mail exchangers by preference (RFC 5321 §5.1).
    pub mx: Observation<Vec<Mx>>,
    /// TXT records of the zone's name, each with its strings joined.
    pub txt: Observation<Vec<String>>,
    /// TXT records at `_dmarc.` and the name.
    pub dmarc_txt: Observation<Vec<String>>,
    /// Records that SPF evaluation reaches by include and redirect, by name; `txt` of the zone itself is not repeated here.
    pub spf_reached: BTreeMap<String, Observation<Vec<String>>>,
    /// Every question about mail that the resolver was asked, by `name TYPE`, and what became of it.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub answers: BTreeMap<String, MailAnswer>,
    /// The DKIM selectors that were asked for.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub dkim_selectors: Vec<DkimSelector>,
    /// The MTA-STS policy as its host served it (RFC 8461 §3.3); absent where no record announces one.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-since" = 2))]
    pub mta_sts_answer: Observation<PolicyAnswer>,
    /// What the estate says of the zone's mail: sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends: Option<bool>,
    /// What the estate says of the zone's mail: receives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receives: Option<bool>,
    /// Whether the zone has an exchanger for its mail: true, or absent where there is none or only the null one.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub accepts_mail: Observation<bool>,
    /// The networks that its exchangers stand in; absent where there are none.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub mx_networks: Observation<MxNetworks>,
    /// The SPF record (RFC 7208).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub spf: Observation<Spf>,
    /// The DMARC record of the zone's own name (RFC 9989).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub dmarc: Observation<Dmarc>,
    /// The DMARC policy that applies to the zone's name, its own or inherited (RFC 9989 §4.10).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub dmarc_policy: Observation<DmarcPolicy>,
    /// Where DMARC reports go; absent without a DMARC record.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub report_targets: Observation<Vec<ReportTarget>>,
    /// DKIM keys (RFC 6376 §3.6.1): of every declared selector, and of a provider's where there is one.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub dkim: Observation<Vec<DkimKey>>,
    /// The record that announces MTA-STS (RFC 8461 §3.1).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub mta_sts: Observation<MtaSts>,
    /// The MTA-STS policy (RFC 8461 §3.2).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub mta_sts_policy: Observation<MtaStsPolicy>,
    /// The record that asks for reports about TLS (RFC 8460 §3).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub tls_rpt: Observation<TlsRpt>,
    /// The names that mail of the zone leans on.
    #[serde(default, skip_serializing_if = "MailTargets::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub targets: MailTargets,
    /// Records that would mend what is not well.
    #[serde(default, skip_serializing_if = "Proposed::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub proposed: Proposed,
    /// What DMARC aggregate reports say of the zone; absent where the run was given none about it.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true, "x-since" = 2))]
    pub reported: Observation<Reported>,
}

impl ZoneMail {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self {
            mx: why.cast(),
            txt: why.cast(),
            dmarc_txt: why.cast(),
            spf_reached: BTreeMap::new(),
            answers: BTreeMap::new(),
            dkim_selectors: Vec::new(),
            mta_sts_answer: why.cast(),
            sends: None,
            receives: None,
            accepts_mail: Observation::underived(),
            mx_networks: Observation::underived(),
            spf: Observation::underived(),
            dmarc: Observation::underived(),
            dmarc_policy: Observation::underived(),
            report_targets: Observation::underived(),
            dkim: Observation::underived(),
            mta_sts: Observation::underived(),
            mta_sts_policy: Observation::underived(),
            tls_rpt: Observation::underived(),
            targets: MailTargets::default(),
            proposed: Proposed::default(),
            reported: Observation::underived(),
        }
    }
}

/// What became of one question to the resolver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailAnswer {
    /// As text: TXT with its strings joined, addresses, `10 mx.example.org`. Absent if the name has none, or is not there.
    pub records: Observation<Vec<String>>,
    /// Whether the name, or the one that its aliases end at, is there at all (RFC 2308 §2.1); left out if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// The names that aliases led to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How long others may keep the answer: what was left of it where we asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-volatile" = true))]
    pub ttl: Option<Span>,
}

/// A DKIM selector that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "selector"))]
pub struct DkimSelector {
    pub selector: String,
    /// The provider that commonly uses it, seen in MX or SPF; left out for a selector that the estate declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// What the policy host of MTA-STS served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyAnswer {
    pub url: String,
    pub address: String,
    pub status: i64,
    /// The media type, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// Digest of the body, a blob.
    pub body: String,
    /// The body went on beyond 64 kB.
    pub cut: bool,
    /// The certificates that it showed.
    pub chain: Chain,
}

/// One mail exchanger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "exchange"))]
pub struct Mx {
    pub preference: i64,
    /// Lower case, without the final dot; empty for the null MX (RFC 7505).
    pub exchange: String,
    /// Its addresses through the resolver; an empty list for the null MX, which needs none.
    pub addresses: Observation<Vec<String>>,
    /// The exchange is an alias, which RFC 2181 §10.3 forbids.
    pub is_alias: bool,
    /// TLSA records for SMTP (RFC 7672 §2.2); an empty list for the null MX, which needs none.
    #[serde(default)]
    #[schemars(extend("x-since" = 2))]
    pub tlsa: Observation<Tlsa>,
}

/// Derived: the addresses of all exchangers together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MxNetworks {
    pub addresses: i64,
    /// Network prefixes of IPv4 addresses (/24).
    pub ipv4: i64,
    /// Network prefixes of IPv6 addresses (/48).
    pub ipv6: i64,
    /// Exchangers whose addresses could not be learned.
    pub unlearned: i64,
}

/// Derived: SPF (RFC 7208).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spf {
    pub record: String,
    /// How many SPF records the name has; more than one is a permanent error (§4.5).
    pub records: i64,
    /// The qualifier of `all`: `-`, `~`, `?` or `+`; `none` if neither `all` nor `redirect` is there.
    pub all: String,
    /// DNS-querying terms counted over the whole tree (§4.6.4); left out if a part of the tree could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookups: Option<i64>,
    /// The same count, which says why where it is not known.
    #[schemars(extend("x-since" = 2))]
    pub lookup_count: Observation<i64>,
    /// Terms over the whole tree whose question is answered by nothing (§4.6.4); those with macros are not among them.
    #[schemars(extend("x-since" = 2))]
    pub void_lookups: Observation<i64>,
    /// Who includes whom, with the count at each; the first is the zone itself.
    #[schemars(extend("x-since" = 2))]
    pub tree: Vec<SpfNode>,
    /// Where the lookups come from, in words: the zone's own terms that cost most, first.
    #[schemars(extend("x-since" = 2))]
    pub costs: Vec<String>,
    /// Names that terms ask for over the whole tree, those with macros left out.
    #[schemars(extend("x-since" = 2))]
    pub names: Vec<String>,
    /// Bytes of the record.
    #[schemars(extend("x-since" = 2))]
    pub length: i64,
    /// A term uses `ptr` (§5.5), here or below.
    #[schemars(extend("x-since" = 2))]
    pub uses_ptr: bool,
    /// A term has a macro (§7), here or below.
    #[schemars(extend("x-since" = 2))]
    pub uses_macros: bool,
    /// Names that could not be asked.
    pub unread: Vec<String>,
    /// Every fault of syntax or use, with its place.
    pub faults: Vec<Fault>,
}

/// One record of the tree that SPF evaluation may walk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "place"))]
pub struct SpfNode {
    /// `1` is the zone, `1.2` the second record that it leads to.
    pub place: String,
    pub name: String,
    /// The term that leads here; empty for the zone itself.
    pub by: String,
    /// Lookups here and below. The one that leads here is counted where it is written.
    pub lookups: i64,
    /// `record`, `no record`, `no such name`, `not known`, `loop`, or `as above` for one that was walked before.
    pub found: String,
}

/// Derived: DMARC (RFC 9989).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dmarc {
    pub record: String,
    pub records: i64,
    /// `none`, `quarantine` or `reject`, as a receiver would take it.
    pub policy: String,
    /// For subdomains; the policy itself where `sp` is not given.
    pub subdomain_policy: String,
    /// For names that do not exist; that for subdomains where `np` is not given.
    #[schemars(extend("x-since" = 2))]
    pub nonexistent_policy: String,
    /// Addresses for aggregate reports.
    pub rua: Vec<String>,
    /// Addresses for reports of single failures.
    #[schemars(extend("x-since" = 2))]
    pub ruf: Vec<String>,
    /// `t=y`: receivers are asked to apply a milder policy.
    pub testing: bool,
    /// `y`: a public suffix; `n`: an organisation's own; `u`: the tree decides.
    #[schemars(extend("x-since" = 2))]
    pub psd: String,
    /// Alignment of DKIM and of SPF: `r` or `s`.
    #[schemars(extend("x-since" = 2))]
    pub adkim: String,
    #[schemars(extend("x-since" = 2))]
    pub aspf: String,
    pub faults: Vec<Fault>,
}

/// Derived: the policy that receivers apply to mail from the zone's own name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DmarcPolicy {
    /// The name whose `_dmarc` record it is.
    pub found_at: String,
    /// It is a name above the zone.
    pub inherited: bool,
    /// `none`, `quarantine` or `reject`, as it applies to the zone's name.
    pub policy: String,
    /// `t=y`: receivers are asked to apply a milder one.
    #[schemars(extend("x-since" = 2))]
    pub testing: bool,
    /// Addresses for aggregate reports.
    #[schemars(extend("x-since" = 2))]
    pub rua: Vec<String>,
    /// RFC 9989 §4.10.2.
    pub organisational_domain: String,
    /// Names that the walk asked, in order.
    pub walked: Vec<String>,
}

/// Derived: a place that DMARC reports are sent to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "address"))]
pub struct ReportTarget {
    pub address: String,
    /// `rua` or `ruf`.
    pub tag: String,
    pub domain: String,
    /// It lies in another organisation's domain, by the list of public suffixes.
    pub external: bool,
    /// That domain says that it takes the reports (RFC 9990 §4). True where it need not.
    pub authorised: Observation<bool>,
}

/// Derived: one DKIM key record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "selector"))]
pub struct DkimKey {
    pub selector: String,
    /// The estate declares it.
    pub declared: bool,
    /// The provider it was inferred from; empty for a declared one.
    pub provider: String,
    /// Absent if the selector has no record.
    pub key: Observation<DkimRecord>,
}

/// What a DKIM key record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DkimRecord {
    pub record: String,
    /// How many records the selector has: with more than one the outcome is undefined (§3.6.2.2).
    pub records: i64,
    /// `rsa`, `ed25519`, or as written.
    pub key_type: String,
    /// Bits of the RSA modulus, 256 for Ed25519; 0 if there is no key to read.
    pub bits: i64,
    /// The key is empty: withdrawn.
    pub revoked: bool,
    /// `t=y`: receivers are asked to treat a bad signature as none.
    pub testing: bool,
    /// `t=s`: for this very name, not for subdomains.
    pub strict: bool,
    pub faults: Vec<Fault>,
}

/// Derived: the record that announces MTA-STS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MtaSts {
    pub record: String,
    pub records: i64,
    pub id: String,
    pub faults: Vec<Fault>,
}

/// Derived: the MTA-STS policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MtaStsPolicy {
    /// `enforce`, `testing`, `none`, or as written.
    pub mode: String,
    pub max_age: Span,
    /// Patterns of exchangers.
    pub mx: Vec<String>,
    /// Exchangers of the zone that no pattern matches.
    pub unmatched: Observation<Vec<String>>,
    /// The certificate of the policy host is valid for it; otherwise senders pass over the policy (§3.3).
    pub certificate_valid: bool,
    /// What the text and its delivery lack.
    pub faults: Vec<Fault>,
}

/// Derived: where reports about TLS go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsRpt {
    pub record: String,
    pub records: i64,
    /// Addresses, `mailto:` or `https:`.
    pub rua: Vec<String>,
    pub faults: Vec<Fault>,
}

/// Derived: the names that mail leans on, and whether they are there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailTargets {
    /// Exchangers.
    pub mx: Observation<Vec<MailTarget>>,
    /// Names that SPF includes or redirects to, over the whole tree.
    pub spf: Observation<Vec<MailTarget>>,
    /// Domains that DMARC and TLS reports are sent to.
    pub reports: Observation<Vec<MailTarget>>,
    /// The policy host of MTA-STS, and names of policies and keys that are aliases.
    pub policies: Observation<Vec<MailTarget>>,
    /// All of them.
    pub all: Observation<Vec<MailTarget>>,
}

impl MailTargets {
    fn is_underived(&self) -> bool {
        self.mx.is_underived()
    }
}

/// A name that mail leans on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct MailTarget {
    pub name: String,
    /// What is not there: the name itself, or the one that its aliases end at. Empty if all is well.
    pub lacking: String,
    /// The name is there (RFC 2308 §2.1).
    pub exists: Observation<bool>,
    /// The domain of what is not there, as one registers it.
    pub domain: String,
    /// That domain is there: where it is not, anybody may register it.
    pub domain_exists: Observation<bool>,
}

/// Derived: records to publish. Each is absent where there is nothing to mend by it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    pub spf: Observation<ProposedRecord>,
    pub dmarc: Observation<ProposedRecord>,
    pub null_mx: Observation<ProposedRecord>,
    pub mta_sts: Observation<ProposedRecord>,
    pub tls_rpt: Observation<ProposedRecord>,
    /// In the domains that take the zone's DMARC reports.
    pub report_authorisation: Observation<ProposedRecord>,
}

impl Proposed {
    fn is_underived(&self) -> bool {
        self.spf.is_underived()
    }
}

/// What to publish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposedRecord {
    /// As a zone file has them (RFC 1035 §5.1).
    pub lines: Vec<String>,
    /// What it takes the place of; empty if nothing is there.
    pub replaces: Vec<String>,
    /// How long others may go by what they hold, as seen where we asked: it takes effect, and can be undone, within this
    /// span. Left out if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settles_in: Option<Span>,
}

/// A fault in a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Name of the record's owner and byte offset, `example.org:17`.
    pub at: String,
    pub text: String,
}
