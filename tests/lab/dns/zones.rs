//! What the zones hold, and how their parent delegates them.

use crate::namespace::Namespace;
use crate::plan::{
    ALIASES, BAD_HOSTS, DEAD_NS, DIFFER_NS1, DIFFER_NS2, DUAL, ELSEWHERE, FAULT_HOSTS, GOOD, MAIL, NAMED,
    NAMED_UNSIGNED, NS1, NS2, NS3, OPEN_NS, POLICY_HOSTS, RECURSIVE_NS, REGISTRY, RESULTS, SCRIPTED, SILENT_NS,
    SINGLE_NS,
};

pub(super) const SOA_EXPIRE: u32 = 1_209_600;

/// SOA and name servers with their addresses.
pub(super) fn zone(apex: &str, serial: u32, servers: &[(&str, &[&str])], expire: u32) -> String {
    let dot = if apex == "." { String::new() } else { format!("{apex}.") };
    let origin = if apex == "." { "." } else { dot.as_str() };
    let first = servers.first().map_or("ns.example", |(name, _)| name);
    let mut text = format!("$ORIGIN {origin}\n$TTL 300\n");
    text.push_str(&format!("@ IN SOA {first}. hostmaster.good.example. {serial} 14400 3600 {expire} 300\n"));
    for (server, addresses) in servers {
        text.push_str(&format!("@ IN NS {server}.\n"));
        if in_zone(server, apex) {
            text.push_str(&records(server, addresses));
        }
    }
    text
}

fn in_zone(name: &str, apex: &str) -> bool {
    apex != "." && (name == apex || name.ends_with(&format!(".{apex}")))
}

pub(super) fn records(name: &str, addresses: &[&str]) -> String {
    let kind = |address: &str| if address.contains(':') { "AAAA" } else { "A" };
    addresses.iter().map(|address| format!("{name}. IN {} {address}\n", kind(address))).collect()
}

const GOOD_SERVERS: [(&str, &[&str]); 2] = [("ns1.good.example", &NS1), ("ns2.good.example", &NS2)];
/// Of zones that BIND refuses or serves in another way: their CDS do not fit, they have no denials, their algorithm is unknown.
const NSD_ALONE: [&str; 4] = ["cds-stray.example", "cds-delete.example", "no-denial.example", "unsupported.example"];

pub(super) fn plain(apex: &str) -> String {
    zone(apex, 7, &servers_of(apex), SOA_EXPIRE)
}

/// A TLSA record for the key of a certificate (RFC 7671 §5.1).
fn tlsa(lab: &Namespace, port: u16, name: &str) -> String {
    // Where nobody serves TLS there is no certificate, and any digest will do.
    if !lab.path(&format!("{name}.pem")).exists() {
        return format!("_{port}._tcp.{name}. IN TLSA 3 1 1 {OTHER}\n");
    }
    let script =
        "openssl x509 -in \"$0\" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d ' ' -f 1";
    let digest = lab.must("bash", &["-c", script, &format!("{name}.pem")]);
    format!("_{port}._tcp.{name}. IN TLSA 3 1 1 {}\n", digest.trim())
}

/// Keys for an encrypted ClientHello, of version 0xfe0d and with the public name `public.good.example`.
const ECH: &str = "AEb+DQBCBwAgACAJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQAEAAEAAQATcHVibGljLmdvb2QuZXhhbXBsZQAA";

/// That of the key that comes next.
const NEXT: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// A digest of nothing that anybody has.
const OTHER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(super) fn good(lab: &Namespace) -> String {
    let mail = format!("mx1 IN A {}\nmx2 IN A {}\n", MAIL[0], MAIL[1]);
    let hosts = records("www.good.example", &GOOD)
        + &records("results.good.example", &RESULTS)
        + &records("dual.good.example", &[DUAL])
        + &records("named.good.example", &[NAMED]);
    let named = tlsa(lab, 443, "named.good.example")
        + &format!("_443._tcp.named IN TLSA 3 1 1 {OTHER}\n")
        + &format!("named IN HTTPS 1 . alpn=http/1.1 ipv4hint={NAMED} ech={ECH}\n")
        + "named IN CAA 0 issue \"letsencrypt.org; validationmethods=dns-01\"\nnamed IN CAA 0 iodef \"mailto:security@good.example\"\n"
        + &tlsa(lab, 25, "mx1.good.example")
        + &tlsa(lab, 25, "mx2.good.example")
        + &format!("_25._tcp.mx1 IN TLSA 3 1 1 {NEXT}\n_25._tcp.mx2 IN TLSA 3 1 1 {NEXT}\n");
    plain("good.example")
        + &records("ns3.good.example", &NS3)
        + &hosts
        + &mail
        + &named
        + "@ IN MX 10 mx1\n@ IN MX 20 mx2\n@ IN TXT \"v=spf1 mx -all\"\n"
        + "_dmarc IN TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@good.example\"\n"
        + "_mta-sts IN TXT \"v=STSv1; id=20280101T000000\"\n_smtp._tls IN TXT \"v=TLSRPTv1; rua=mailto:tls@good.example\"\n"
        + &format!("mta-sts IN A {}\n", POLICY_HOSTS[0].1)
        + "s1._domainkey IN TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
        + "nomail.example._report._dmarc IN TXT \"v=DMARC1\"\n"
        + "@ IN CAA 0 issue \"ca.example\"\n@ IN CAA 0 iodef \"mailto:security@good.example\"\n"
}

pub(super) fn nomail() -> String {
    plain("nomail.example")
        + "@ IN MX 0 .\n@ IN TXT \"v=spf1 -all\"\n_dmarc IN TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@good.example\"\n"
        + "@ IN CAA 0 issue \";\"\n"
}

pub(super) fn unsigned(lab: &Namespace) -> String {
    format!("{}@ IN MX 10 mx\nmx IN A {}\n", plain("unsigned.example"), MAIL[0])
        + "@ IN TXT \"v=spf1 mx ~all\"\n_dmarc IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@unsigned.example\"\n"
        + &records("named.unsigned.example", &[NAMED_UNSIGNED])
        + &tlsa(lab, 443, "named.unsigned.example")
}

pub(super) fn single() -> String {
    zone("single.example", 3, &[("ns1.single.example", &[SINGLE_NS])], 86_400)
        + &format!("@ IN MX 10 mx\nmx IN A {}\n", MAIL[0])
        + "@ IN TXT \"v=spf1 mx -all\"\n@ IN TXT \"v=spf1 a -all\"\n"
        // Nobody listens there: a policy host that refuses.
        + &format!("_mta-sts IN TXT \"v=STSv1; id=1\"\nmta-sts IN A {SINGLE_NS}\n")
        + "_dmarc IN TXT \"v=DMARC1; p=reject; sp=none; t=y\"\n@ IN CAA 0 issue \"ca.example\"\n"
}

pub(super) fn differ(serial: u32, servers: &[&str]) -> String {
    let all = [("ns1.differ.example", &[DIFFER_NS1][..]), ("ns2.differ.example", &[DIFFER_NS2][..])];
    let mut text = zone("differ.example", serial, &all, SOA_EXPIRE + serial);
    text.push_str(&format!("@ IN TXT \"version {serial}\"\n"));
    if servers.contains(&"ns3") {
        text.push_str(&format!("@ IN NS ns3.differ.example.\nns3.differ.example. IN A {DIFFER_NS1}\n"));
    }
    text
}

pub(super) fn badmail() -> String {
    let includes: String = (1..=11).map(|n| format!("\"include:i{n}.badmail.example \" ")).collect();
    let included: String = (1..=11).map(|n| format!("i{n} IN TXT \"v=spf1 ip4:45.10.2.{n} -all\"\n")).collect();
    format!("{}@ IN TXT \"v=spf1 \" {}\"ipv4:1.2.3.4 +all\"\n{included}", plain("badmail.example"), includes)
        + "_dmarc IN TXT \"v=DMARC1; p=none; pct=banana; rua=dmarc@badmail.example\"\n"
        + &format!("@ IN MX 10 alias\n@ IN MX 20 nowhere\nalias IN CNAME mx\nmx IN A {}\n", MAIL[0])
        + "nowhere IN TXT \"no address\"\n_mta-sts IN TXT \"v=STSv1; id=1\"\n"
}

/// What only a tree, a walk or a key shows.
pub(super) fn mailfaults(lab: &Namespace) -> String {
    let key = "weak.dkim.key";
    lab.must("openssl", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", key]);
    let pem = lab.must("openssl", &["pkey", "-in", key, "-pubout"]);
    let short: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let gone: String = (1..=3).map(|n| format!("a:gone{n}.mailfaults.example ")).collect();
    plain("mailfaults.example")
        + "@ IN MX 0 .\n@ IN MX 10 mx.lapsed.example.\n@ IN MX 20 45.10.2.25.\n"
        + &format!("@ IN TXT \"v=spf1 {gone}include:spf.lapsed.example ptr -all\"\n")
        + "_dmarc IN TXT \"v=DMARC1; p=none; rua=mailto:a@reports.lapsed.example,mailto:b@elsewhere.example\"\n"
        + "_mta-sts IN TXT \"v=STSv1; id=2028-01-01\"\n_smtp._tls IN TXT \"v=TLSRPTv1; rua=tls@mailfaults.example\"\n"
        + &format!("mta-sts IN A {}\n", POLICY_HOSTS[1].1)
        + &format!("short._domainkey IN TXT \"v=DKIM1; t=y; p={short}\"\n")
        + "broken._domainkey IN TXT \"v=DKIM1; p=%%%\"\nold._domainkey IN TXT \"v=DKIM1; p=\"\n"
        + "alias._domainkey IN CNAME key.lapsed.example.\n"
}

/// Takes mail, and says nothing about how.
pub(super) fn receives_only() -> String {
    format!("{}@ IN MX 10 mx\nmx IN A {}\n", plain("differ-mail.example"), MAIL[0])
}

/// Nothing at the zone's own name tells its servers apart; one has the mail records of before a change that did not raise the serial.
pub(super) fn mail_differs(is_old: bool) -> String {
    let (policy, key, more) = match is_old {
        true => ("none", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "gone._domainkey IN TXT \"v=DKIM1; p=\"\n"),
        false => ("reject", "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=", "_mta-sts IN TXT \"v=STSv1; id=2\"\n"),
    };
    plain("mail-differs.example")
        // Nobody stands at the second, which is in the same network.
        + &format!("@ IN MX 10 mx\n@ IN MX 20 mx2\nmx IN A {}\nmx2 IN A 45.10.2.26\n", MAIL[0])
        + &format!("@ IN TXT \"v=spf1 mx -all\"\n{more}")
        + &format!("_dmarc IN TXT \"v=DMARC1; p={policy}; rua=mailto:d@mail-differs.example\"\n")
        + &format!("s1._domainkey IN TXT \"v=DKIM1; k=ed25519; p={key}\"\n_25._tcp.mx IN TLSA 3 1 1 {OTHER}\n")
        + "_smtp._tls IN TXT \"v=TLSRPTv1; rua=mailto:t@mail-differs.example\"\n"
}

pub(super) fn bad() -> String {
    let mut text = plain("bad.example");
    for (host, addresses, _) in BAD_HOSTS.iter().chain(&FAULT_HOSTS) {
        text.push_str(&records(&format!("{host}.bad.example"), addresses));
    }
    for (host, target) in ALIASES {
        text.push_str(&format!("{host} IN CNAME {target}.\n"));
    }
    text + "@ IN TXT \"<script>globalThis.planted='txt'</script>\"\n@ IN TXT \"v=spf1 -all <script>planted=1</script>\"\n"
        + "_dmarc IN TXT \"v=DMARC1; p=<script>planted=1</script>\"\n"
        // A key that is not shown and a digest that is too short, an authority that did not issue, an address that is nobody's.
        + &format!("_443._tcp.named IN TLSA 3 1 1 {OTHER}\n_443._tcp.named IN TYPE52 \\# 5 0301010aff\n")
        + "named IN CAA 0 issue \"digicert.com\"\nnamed IN HTTPS 1 . alpn=h2 ipv4hint=45.50.9.9\n"
}

/// One of its name servers has a name in a domain that nobody has registered.
pub(super) fn dangling() -> String {
    plain("dangling.example") + "@ IN NS ns1.never-registered.example.\n"
}

/// The parent has no address for one of its servers, and another address for the third.
pub(super) fn glue() -> String {
    let servers: [(&str, &[&str]); 3] =
        [("ns1.glue.example", &[NS1[0]]), ("ns2.glue.example", &[NS3[0]]), ("ns3.glue.example", &[NS3[0]])];
    zone("glue.example", 1, &servers, SOA_EXPIRE)
}

/// So many servers, with such long names, that a referral does not fit into 512 bytes; all at one address.
pub(super) fn many() -> String {
    zone("many.example", 1, &servers_of("many.example"), SOA_EXPIRE)
}

const MANY_NAMES: [&str; 9] = [
    "ns1-the-name-server-with-the-long-name-number-1.many.example",
    "ns2-the-name-server-with-the-long-name-number-2.many.example",
    "ns3-the-name-server-with-the-long-name-number-3.many.example",
    "ns4-the-name-server-with-the-long-name-number-4.many.example",
    "ns5-the-name-server-with-the-long-name-number-5.many.example",
    "ns6-the-name-server-with-the-long-name-number-6.many.example",
    "ns7-the-name-server-with-the-long-name-number-7.many.example",
    "ns8-the-name-server-with-the-long-name-number-8.many.example",
    "ns9-the-name-server-with-the-long-name-number-9.many.example",
];

/// A name server that is an alias, a primary that does not exist, and times that suit nobody; named in space that is private.
pub(super) fn alias() -> String {
    let soa = "primary.alias.example. hostmaster.good.example. 1 600 900 1209600 10";
    format!("$ORIGIN alias.example.\n$TTL 300\n@ IN SOA {soa}\n@ IN NS ns1\n@ IN NS ns2\n@ IN NS ns3\n")
        + &format!("ns1 IN CNAME real\nreal IN A {}\nns2 IN A {}\nns3 IN A 10.9.9.53\n", NS1[0], NS3[0])
}

/// Every name is there, and stays in caches for a week.
pub(super) fn wild() -> String {
    plain("wild.example").replace("$TTL 300", "$TTL 604800") + &format!("* IN A {}\n@ IN A {0}\n", GOOD[0])
}

pub(super) fn open() -> String {
    zone("open.example", 1, &servers_of("open.example"), SOA_EXPIRE)
}

/// The same records as the script that is its second server gives.
pub(super) fn no_edns() -> String {
    zone("no-edns.example", 1, &servers_of("no-edns.example"), SOA_EXPIRE)
}

pub(super) fn elsewhere() -> String {
    format!("{}www IN A {ELSEWHERE}\nrdap IN A {REGISTRY}\n", plain("elsewhere.example"))
}

/// The servers that the parent names, with the addresses that it has for them.
fn servers_of(apex: &str) -> Vec<(&'static str, &'static [&'static str])> {
    if let Some((_, servers)) = SCRIPTED.iter().find(|(zone, _)| *zone == apex) {
        return servers.iter().map(|(name, address, _)| (*name, std::slice::from_ref(address))).collect();
    }
    match apex {
        "single.example" => vec![("ns1.single.example", &[SINGLE_NS])],
        "differ.example" => vec![("ns1.differ.example", &[DIFFER_NS1]), ("ns2.differ.example", &[DIFFER_NS2])],
        "glue.example" => {
            vec![("ns1.glue.example", &NS1[..1]), ("ns2.glue.example", &[]), ("ns3.glue.example", &[SINGLE_NS])]
        }
        "many.example" => MANY_NAMES.iter().map(|name| (*name, &NS1[..1])).collect(),
        "alias.example" => vec![
            ("ns1.alias.example", &NS1[..1]),
            ("ns2.alias.example", &NS3[..1]),
            ("ns3.alias.example", &["10.9.9.53"]),
        ],
        "open.example" => vec![("ns1.open.example", &[OPEN_NS])],
        "recursive.example" => vec![("ns1.recursive.example", &[RECURSIVE_NS])],
        "silent.example" => vec![("ns1.silent.example", &[SILENT_NS])],
        "dead.example" => vec![("ns1.good.example", &NS1), ("ns2.dead.example", &[DEAD_NS])],
        _ if NSD_ALONE.contains(&apex) => vec![("ns1.good.example", &NS1), ("ns3.good.example", &NS3)],
        _ => GOOD_SERVERS.to_vec(),
    }
}

/// NS records at the parent, with glue where the servers lie in the zone.
pub(super) fn delegation(apex: &str) -> String {
    let servers = servers_of(apex);
    let mut text: String = servers.iter().map(|(server, _)| format!("{apex}. IN NS {server}.\n")).collect();
    text.extend(
        servers
            .iter()
            .filter(|(server, _)| in_zone(server, apex))
            .map(|(server, addresses)| records(server, addresses)),
    );
    text
}
