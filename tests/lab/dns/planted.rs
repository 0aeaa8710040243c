//! Zones with one planted fault each, and sound ones that a validator may stumble over: those of signatures and those of mail.

use time::Duration;

use super::signing::{Fault, Signing, digest, key};
use super::zones::plain;
use crate::namespace::Namespace;
use crate::plan::{GOOD, MAIL, POLICY_HOSTS};

/// Name, text, and how it is signed.
type Zone = (&'static str, String, Option<Signing>);

const RSA_1024: Signing = Signing { keys: &[("RSASHA256", Some("1024"))], ..Signing::SOUND };
const SHA_512: Signing = Signing { keys: &[("RSASHA512", Some("2048"))], ..Signing::SOUND };
/// Should have been renewed weeks ago.
const NEARLY_ENDED: Signing = Signing { lasting: Duration::days(2), age: Duration::days(26), ..Signing::SOUND };
const SHA_1: Signing = Signing { keys: &[("RSASHA1-NSEC3-SHA1", Some("2048"))], ..Signing::SOUND };
const TWO_ALGORITHMS: Signing = Signing {
    keys: &[("ECDSAP256SHA256", None), ("RSASHA256", Some("2048"))],
    options: &["-A", "-U"],
    ..Signing::with(Fault::RsaSignsKeysAlone)
};
/// 150 iterations, a salt of eight bytes, and the opt-out flag.
const NSEC3: Signing = Signing { options: &["-n", "-t", "150", "-s", "8badf00d8badf00d", "-p"], ..Signing::SOUND };

const fn lasting(days: i64) -> Signing {
    Signing { lasting: Duration::days(days), ..Signing::SOUND }
}

pub(super) fn zones(lab: &Namespace) -> Vec<Zone> {
    let signatures = [
        ("soon.example", NEARLY_ENDED),
        ("ended.example", lasting(-7)),
        ("long-lived.example", lasting(400)),
        ("missing-ds.example", Signing::with(Fault::NoDs)),
        ("extra-ds.example", Signing::with(Fault::ExtraDs)),
        ("nsec3.example", NSEC3),
        ("sha1.example", SHA_1),
        ("sha512.example", SHA_512),
        ("short-key.example", RSA_1024),
        ("algorithm-missing.example", TWO_ALGORITHMS),
        ("halfbogus.example", Signing::with(Fault::OldCopy)),
        ("no-denial.example", Signing::with(Fault::NoDenial)),
        ("partial.example", Signing::with(Fault::TxtAltered)),
        ("dmarc-altered.example", Signing::with(Fault::DmarcAltered)),
        ("unsupported.example", Signing::with(Fault::UnknownAlgorithm)),
    ];
    let signatures = signatures.map(|(name, signing)| (name, sends_no_mail(name), Some(signing)));
    let texts = [
        ("late-ttl.example", sends_no_mail("late-ttl.example").replace("$TTL 300", "$TTL 604800"), lasting(5)),
        ("signed-wild.example", sends_no_mail("signed-wild.example") + &format!("* IN A {}\n", GOOD[0]), lasting(28)),
        ("cds-stray.example", cds_of_a_stray_key(lab), lasting(28)),
        ("cds-delete.example", cds_that_delete(), lasting(28)),
        // One of its two servers is not there any more.
        ("dead.example", sends_no_mail("dead.example"), lasting(28)),
        // Its only server is not there: it has a DS, and nobody can look further.
        ("silent.example", sends_no_mail("silent.example"), lasting(28)),
        ("recursive.example", sends_no_mail("recursive.example"), lasting(28)),
        ("stale-parent.example", sends_no_mail("stale-parent.example"), lasting(28)),
    ];
    let texts = texts.map(|(name, text, signing)| (name, text, Some(signing)));
    let mail = MAIL_FAULTS.map(|(name, spf, dmarc)| (name, mail(name, spf, dmarc), Some(Signing::SOUND)));
    signatures.into_iter().chain(texts).chain(mail).collect()
}

/// Whose mail is in order, so that a fault of its signatures stands alone.
fn sends_no_mail(apex: &str) -> String {
    plain(apex) + "@ IN MX 0 .\n@ IN TXT \"v=spf1 -all\"\n_dmarc IN TXT \"v=DMARC1; p=reject\"\n"
}

/// Asks the parent for a key that is not in the zone (RFC 7344 §4.1).
fn cds_of_a_stray_key(lab: &Namespace) -> String {
    let apex = "cds-stray.example";
    let stray = key(lab, "ECDSAP256SHA256", None, apex);
    let public = std::fs::read_to_string(lab.path(&format!("{stray}.key"))).expect("a key");
    let public = public.split(';').next().expect("a record").replace("DNSKEY", "CDNSKEY");
    let ds = digest(lab, &stray, Fault::None).replace("\tDS\t", "\tCDS\t");
    format!("{}{ds}{}\n", sends_no_mail(apex), public.trim())
}

/// Asks the parent to take the DS away (RFC 8078 §4).
fn cds_that_delete() -> String {
    sends_no_mail("cds-delete.example") + "@ IN CDS 0 0 0 00\n@ IN CDNSKEY 0 3 0 AA==\n"
}

const SPF: &str = "@ IN TXT \"v=spf1 mx -all\"";
const DMARC: &str = "_dmarc IN TXT \"v=DMARC1; p=reject\"";

/// Zones that send and receive, with what they say of SPF and of DMARC.
const MAIL_FAULTS: [(&str, &str, &str); 8] = [
    // More than two names in it do not exist (RFC 7208 §4.6.4).
    (
        "spf-void.example",
        "@ IN TXT \"v=spf1 a:gone1.spf-void.example a:gone2.spf-void.example mx:gone3.spf-void.example -all\"",
        DMARC,
    ),
    ("spf-two.example", "@ IN TXT \"v=spf1 mx -all\"\n@ IN TXT \"v=spf1 a mx -all\"", DMARC),
    ("spf-plus.example", "@ IN TXT \"v=spf1 mx +all\"", DMARC),
    ("spf-neutral.example", "@ IN TXT \"v=spf1 mx ?all\"", DMARC),
    ("dmarc-none.example", SPF, "_dmarc IN TXT \"v=DMARC1; p=none\""),
    ("dmarc-missing.example", SPF, ""),
    // A word that is no policy, and an address without a scheme (RFC 9989 §4.7).
    ("dmarc-faulty.example", SPF, "_dmarc IN TXT \"v=DMARC1; p=quarantaine; rua=dmarc@dmarc-faulty.example\""),
    ("cname-mx.example", SPF, DMARC),
];

fn mail(apex: &str, spf: &str, dmarc: &str) -> String {
    let exchanger = match apex {
        "cname-mx.example" => format!(
            "mx IN CNAME real\nreal IN A {}\n_mta-sts IN TXT \"v=STSv1; id=1\"\nmta-sts IN A {}\n",
            MAIL[0], POLICY_HOSTS[2].1
        ),
        _ => format!("mx IN A {}\n", MAIL[0]),
    };
    format!("{}@ IN MX 10 mx\n{exchanger}{spf}\n{dmarc}\n", plain(apex))
}
