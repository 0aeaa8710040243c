//! Signing a zone, soundly or with a fault. What no signer does is done to the text of the signed zone afterwards: it has one
//! record a line, `OWNER TTL IN TYPE DATA`, divided by tabs.

use time::{Duration, OffsetDateTime};

use crate::namespace::Namespace;

/// How a zone is signed: by whom, for how long, and what is wrong.
#[derive(Clone, Copy)]
pub(super) struct Signing {
    /// Algorithms of the keys as `ldns-keygen` names them, with the size in bits where there is a choice.
    pub(super) keys: &'static [(&'static str, Option<&'static str>)],
    /// From now to the end of all signatures.
    pub(super) lasting: Duration,
    /// Since when they hold.
    pub(super) age: Duration,
    /// Further arguments of `ldns-signzone`.
    pub(super) options: &'static [&'static str],
    pub(super) fault: Fault,
}

/// What is wrong with a signed zone.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fault {
    None,
    /// The parent's digest is made with SHA-1.
    WeakDigest,
    /// The parent's digest is of another key.
    OtherDs,
    /// The parent has a second digest, of a key that is not in the zone.
    ExtraDs,
    NoDs,
    /// RSA signs the keys and nothing else.
    RsaSignsKeysAlone,
    /// Nothing shows what is not there.
    NoDenial,
    /// The signature over the TXT records is of other ones.
    TxtAltered,
    /// Only that over the DMARC record, below the zone's own name.
    DmarcAltered,
    /// All is of an algorithm that nobody knows.
    UnknownAlgorithm,
    /// There is a second copy of the zone, whose signatures have all ended.
    OldCopy,
}

/// Not assigned (IANA, DNS Security Algorithm Numbers).
const UNKNOWN_ALGORITHM: &str = "200";
const ECDSA: &str = "13";
const RSA: &str = "8";

impl Signing {
    pub(super) const SOUND: Self = Self {
        keys: &[("ECDSAP256SHA256", None)],
        lasting: Duration::days(28),
        age: Duration::days(1),
        options: &[],
        fault: Fault::None,
    };

    pub(super) const fn with(fault: Fault) -> Self {
        Self { fault, ..Self::SOUND }
    }
}

/// A zone as it is served.
pub(super) struct Signed {
    pub(super) name: String,
    pub(super) file: String,
    /// What the other server has, where that differs.
    pub(super) other: Option<String>,
    /// For the parent.
    pub(super) ds: String,
}

/// Writes the zone's file, signed if so wanted.
pub(super) fn sign(lab: &Namespace, now: OffsetDateTime, name: &str, text: &str, signing: Option<Signing>) -> Signed {
    let stem = if name == "." { "root" } else { name };
    let file = lab.write(&format!("{stem}.zone"), text).display().to_string();
    let Some(signing) = signing else {
        return Signed { name: name.to_owned(), file, other: None, ds: String::new() };
    };
    let keys: Vec<String> = signing.keys.iter().map(|(algorithm, bits)| key(lab, algorithm, *bits, name)).collect();
    let sign = |copy: &str, ends: OffsetDateTime| {
        let signed = format!("{file}.{copy}");
        let [from, until] = [ends.min(now) - signing.age, ends].map(|moment| moment.unix_timestamp().to_string());
        let mut arguments = vec!["-o", name, "-i", &from, "-e", &until, "-f", &signed];
        arguments.extend(signing.options);
        arguments.push(&file);
        arguments.extend(keys.iter().map(String::as_str));
        lab.must("ldns-signzone", &arguments);
        signed
    };
    let signed = sign("signed", now + signing.lasting);
    let other = (signing.fault == Fault::OldCopy).then(|| sign("old", now - Duration::days(7)));
    let mut ds: String = keys.iter().map(|key| digest(lab, key, signing.fault)).collect();
    let another = || digest(lab, &key(lab, signing.keys[0].0, signing.keys[0].1, name), signing.fault);
    match signing.fault {
        Fault::OtherDs => ds = another(),
        Fault::ExtraDs => ds.push_str(&another()),
        Fault::NoDs => ds.clear(),
        Fault::UnknownAlgorithm => ds = unknown_algorithm(lab, &signed, &keys[0]),
        fault => edit(&signed, |line| spoil(line, fault)),
    }
    Signed { name: name.to_owned(), file: signed, other, ds }
}

/// Makes a key that signs keys and all else; gives the stem of its files.
pub(super) fn key(lab: &Namespace, algorithm: &str, bits: Option<&str>, name: &str) -> String {
    let mut arguments = vec!["-k", "-a", algorithm];
    arguments.extend(bits.iter().flat_map(|bits| ["-b", *bits]));
    arguments.push(name);
    lab.must("ldns-keygen", &arguments).trim().to_owned()
}

/// The DS record of a key.
pub(super) fn digest(lab: &Namespace, key: &str, fault: Fault) -> String {
    let kind = if fault == Fault::WeakDigest { "-1" } else { "-2" };
    format!("{}\n", lab.must("ldns-key2ds", &["-n", kind, &format!("{key}.key")]).trim())
}

/// A line of the signed zone after the fault; nothing if it is left out.
fn spoil(line: &str, fault: Fault) -> Option<String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let kind = fields.get(3).copied().unwrap_or_default();
    let data: Vec<&str> = fields.get(4).copied().unwrap_or_default().split(' ').collect();
    let signs = |covered: &str| kind == "RRSIG" && data[0] == covered;
    let is_denial = |kind: &str| kind.starts_with("NSEC");
    let is_at = |fault| fault != Fault::DmarcAltered || fields[0].starts_with("_dmarc.");
    match fault {
        Fault::RsaSignsKeysAlone if kind == "RRSIG" && data[1] == RSA && !signs("DNSKEY") => None,
        Fault::NoDenial if is_denial(kind) || (kind == "RRSIG" && is_denial(data[0])) => None,
        Fault::TxtAltered | Fault::DmarcAltered if signs("TXT") && is_at(fault) => {
            let (signature, before) = data.split_last().expect("a signature");
            let altered = if signature.starts_with('A') { "B" } else { "A" };
            let head = fields[..4].join("\t");
            Some(format!("{head}\t{} {altered}{}", before.join(" "), &signature[1..]))
        }
        _ => Some(line.to_owned()),
    }
}

/// Turns the key and its signatures into those of an algorithm that is not assigned; gives the DS.
fn unknown_algorithm(lab: &Namespace, signed: &str, key: &str) -> String {
    let public = std::fs::read_to_string(lab.path(&format!("{key}.key"))).expect("a key");
    let (known, unknown) = (format!(" 3 {ECDSA} "), format!(" 3 {UNKNOWN_ALGORITHM} "));
    lab.write(&format!("{key}-unknown.key"), &public.replace(&known, &unknown));
    let ds = digest(lab, &format!("{key}-unknown"), Fault::None);
    let tag = |ds: &str| ds.split_whitespace().skip_while(|word| *word != "DS").nth(1).expect("a tag").to_owned();
    let (before, after) = (tag(&digest(lab, key, Fault::None)), tag(&ds));
    edit(signed, |line| {
        if !line.contains("\tRRSIG\t") {
            return Some(line.replace(&known, &unknown));
        }
        let line = line.replacen(&format!(" {ECDSA} "), &format!(" {UNKNOWN_ALGORITHM} "), 1);
        Some(line.replacen(&format!(" {before} "), &format!(" {after} "), 1))
    });
    ds
}

fn edit(file: &str, line: impl Fn(&str) -> Option<String>) {
    let text = std::fs::read_to_string(file).expect("a signed zone");
    let edited: String = text.lines().filter_map(line).map(|line| line + "\n").collect();
    std::fs::write(file, edited).expect("a file");
}
