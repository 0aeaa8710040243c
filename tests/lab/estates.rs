//! The estates that the lab's audits declare.

use time::{Date, Duration, OffsetDateTime};

use crate::plan::{
    ALIASES, BAD_HOSTS, FAULT_HOSTS, GOOD_ZONE, RESOLVER, SHARED_NETWORK, bad_zones as zones_with_faults, has_no_mail,
};

/// The certificates that the lab's web servers show lead to this one; in the table `scan`, which ends the head.
const ROOTS: &str = "extra_roots = [\"ca.pem\"]\n";
const RDAP: &str = "rdap = \"https://rdap.elsewhere.example/\"\n";

/// Well kept: what passes every check.
pub(crate) fn good(now: OffsetDateTime) -> String {
    let authorisation = authorisation(now);
    let contacts = "[contacts]\ncsirt = { name = \"CSIRT\", email = \"csirt@good.example\" }\n\
                    incident = { name = \"Duty\", phone = \"+1\" }\npolice = { name = \"Police\", phone = \"+2\" }\n";
    let mut text = head(now) + ROOTS + &authorisation + contacts + &good_zone(now);
    for host in ["www.good.example", "results.good.example"] {
        text.push_str(&host_asset(host, "results-publication", Some("critical"), &["http", "https", "tcp/22"], &["/"]));
    }
    text
}

/// Everything with a fault, beside the good zone and host.
pub(crate) fn bad(now: OffsetDateTime) -> String {
    let operator =
        format!("[[operator]]\nname = \"Delivery network\"\nkind = \"shared\"\nnetworks = [\"{SHARED_NETWORK}\"]\n");
    let mut text = head(now) + ROOTS + &operator + &good_zone(now);
    text.push_str(&host_asset(
        "www.good.example",
        "authority-website",
        Some("high"),
        &["http", "https", "tcp/22"],
        &["/"],
    ));
    for host in ["named.good.example", "named.unsigned.example"] {
        text.push_str(&host_asset(host, "authority-website", Some("low"), &["https"], &["/"]));
    }
    text.push_str(&bad_zones(now));
    for (host, _, services) in BAD_HOSTS {
        let paths: &[&str] =
            if host == "web" { &["/", "/policy", "/hsts", "/down", "/away", "/moved", "/error"] } else { &["/"] };
        let criticality = (host != "services").then_some("high");
        text.push_str(&host_asset(&format!("{host}.bad.example"), "voter-information", criticality, services, paths));
    }
    for (host, _) in ALIASES {
        text.push_str(&host_asset(&format!("{host}.bad.example"), "voter-information", None, &[], &["/"]));
    }
    // Two hosts of one function in one network; two functions with one key.
    text.replace(
        "host = \"expired.bad.example\"\nfunction = \"voter-information\"",
        "host = \"expired.bad.example\"\nfunction = \"media\"",
    )
    .replace(
        "host = \"early.bad.example\"\nfunction = \"voter-information\"",
        "host = \"early.bad.example\"\nfunction = \"media\"",
    )
    .replace(
        "host = \"named.bad.example\"\nfunction = \"voter-information\"",
        "host = \"named.bad.example\"\nfunction = \"candidate-registration\"",
    )
}

/// The good zone and all others, and no host.
pub(crate) fn zones(now: OffsetDateTime) -> String {
    head(now) + &good_zone(now) + &bad_zones(now)
}

fn bad_zones(now: OffsetDateTime) -> String {
    let mut text = String::new();
    for zone in zones_with_faults() {
        let mail = match zone {
            _ if has_no_mail(zone) => "{ sends = false, receives = false }",
            "mailfaults.example" => {
                "{ sends = true, receives = true, dkim_selectors = [\"missing\", \"short\", \"broken\", \"old\", \"alias\"] }"
            }
            "mail-differs.example" => "{ sends = true, receives = true, dkim_selectors = [\"s1\", \"gone\"] }",
            _ => "{ sends = true, receives = true }",
        };
        // One ends before the results are final; of the others nobody knows.
        let ends =
            if zone == "bad.example" { format!("registration_ends = {}\n", day(now, 20)) } else { String::new() };
        let rdap = if zone == "single.example" { "rdap = true\n" } else { "" };
        text.push_str(&format!("[[asset]]\nzone = \"{zone}\"\nfunction = \"party\"\n{ends}{rdap}mail = {mail}\n"));
    }
    text
}

/// Implementations with faults that only active acts show, beside a good one.
pub(crate) fn faults(now: OffsetDateTime) -> String {
    let mut text = head(now) + ROOTS + &authorisation(now);
    for host in ["www.good.example", "dual.good.example"] {
        text.push_str(&host_asset(host, "authority-website", Some("high"), &["https"], &["/"]));
    }
    for (host, _, services) in FAULT_HOSTS {
        text.push_str(&host_asset(&format!("{host}.bad.example"), "media", Some("high"), services, &["/"]));
    }
    text
}

/// An export of certificate transparency logs: one name that only it has, one that has ended, and one of somebody else.
pub(crate) fn export(now: OffsetDateTime) -> String {
    let entry = |name: &str, from: i64, until: i64| {
        let (from, until) = (day(now, from), day(now, until));
        format!(
            "{{\"name_value\": \"{name}\", \"not_before\": \"{from}T00:00:00\", \"not_after\": \"{until}T00:00:00\"}}"
        )
    };
    let entries = [
        entry("vpn.bad.example", -40, 50),
        entry("ended.bad.example", -400, -310),
        entry("www.somebody-else.example", -40, 50),
    ];
    format!("[{}]\n", entries.join(",\n"))
}

fn authorisation(now: OffsetDateTime) -> String {
    format!(
        "[authorisation]\nreference = \"LAB-1\"\ngranted_by = \"Head of IT\"\nfrom = {}\nuntil = {}\nactive = true\n",
        day(now, -1),
        day(now, 60)
    )
}

fn head(now: OffsetDateTime) -> String {
    format!(
        "schema = 1\n[authority]\nname = \"Lab Commission\"\ncountry = \"MK\"\n[assessor]\nname = \"Lab\"\nkind = \"independent\"\n\
         [[election]]\nname = \"Lab election\"\ntimezone = \"UTC\"\npolling_day = {}\nresults_final = {}T18:00:00Z\n\
         [scan]\nresolver = \"{RESOLVER}:53\"\ntrust_anchor = \"root.key\"\nroot_hints = \"root.hints\"\nas_table = \"as.tsv\"\nrdap_bootstrap = \"rdap.json\"\n\
         rate = {{ per_host = 500, total = 2000 }}\n",
        day(now, 30),
        day(now, 50)
    )
}

fn good_zone(now: OffsetDateTime) -> String {
    format!(
        "[[asset]]\nzone = \"{GOOD_ZONE}\"\nfunction = \"authority-domain\"\ncriticality = \"critical\"\nowner = \"IT\"\n\
         registration_ends = {}\n{RDAP}mail = {{ sends = true, receives = true, dkim_selectors = [\"s1\"] }}\n",
        day(now, 400)
    )
}

fn host_asset(host: &str, function: &str, criticality: Option<&str>, services: &[&str], paths: &[&str]) -> String {
    let criticality = criticality.map(|word| format!("criticality = \"{word}\"\n")).unwrap_or_default();
    let owner = if host.ends_with("good.example") { "owner = \"IT\"\n" } else { "" };
    format!(
        "[[asset]]\nhost = \"{host}\"\nfunction = \"{function}\"\n{criticality}{owner}services = {services:?}\npaths = {paths:?}\n"
    )
}

fn day(now: OffsetDateTime, days: i64) -> Date {
    (now + Duration::days(days)).date()
}
