//! The estate file of the demo, with a calendar that begins today.

use time::{Date, Duration, OffsetDateTime};

use super::{Addresses, Ports};

pub(super) fn text(now: OffsetDateTime, addresses: &Addresses, ports: Ports) -> String {
    let day = |days: i64| -> Date { (now + Duration::days(days)).date() };
    let Ports { dns, http, https, store } = ports;
    let store = store.map(|port| format!(", 6379 = {port}")).unwrap_or_default();
    let media = if addresses.are_own() { MEDIA } else { "" };
    format!(
        r#"# An invented estate, served by `scrutineer demo` on loopback while it runs. The flaws are planted.
schema = 1

[authority]
name    = "Central Election Commission of Exampleland"
country = "XX"

[assessor]
name         = "Demonstration"
kind         = "authority"
independence = "None: the program audits itself."

[[election]]
name          = "Parliamentary election"
timezone      = "UTC"
polling_day   = {polling}
early_voting  = {{ from = {early_from}, until = {early_until} }}
results_final = {results}T18:00:00Z
freeze        = [{{ from = {freeze_from}, until = {freeze_until}, scan = "passive" }}]

[authorisation]
reference  = "DEMO-1"
granted_by = "Head of IT security"
from       = {yesterday}
until      = {results}
active     = true

[contacts]
csirt = {{ name = "National CSIRT", email = "csirt@exampleland.example" }}

[scan]
private      = true
resolver     = "{resolver}:{dns}"
trust_anchor = "demo-root.key"
extra_roots  = ["demo-ca.pem"]
port_map     = {{ 53 = {dns}, 80 = {http}, 443 = {https}{store} }}
rate         = {{ per_host = 200, total = 1000 }}

[[asset]]
zone              = "cec.example"
function          = "authority-domain"
criticality       = "critical"
owner             = "IT operations"
registration_ends = {registration}
mail              = {{ sends = true, receives = true }}

[[asset]]
host        = "www.cec.example"
function    = "voter-information"
criticality = "high"
owner       = "Communications"
services    = ["http", "https"]
paths       = ["/", "/where-to-vote"]

[[asset]]
host        = "results.cec.example"
function    = "results-publication"
criticality = "critical"
owner       = "Results unit"
supplier    = "Hosting Ltd"
services    = ["http", "https"]

[[asset]]
host        = "register.cec.example"
function    = "voter-registration"
criticality = "critical"
services    = ["https"]

{media}[[asset]]
zone        = "party.example"
function    = "party"
criticality = "medium"
owner       = "Party secretariat"
mail        = {{ sends = true, receives = true }}
"#,
        polling = day(40),
        early_from = day(31),
        early_until = day(38),
        results = day(60),
        freeze_from = day(37),
        freeze_until = day(44),
        yesterday = day(-1),
        registration = day(400),
        resolver = addresses.resolver,
    )
}

/// Declared, and nobody listens there.
const MEDIA: &str = r#"[[asset]]
host        = "media.cec.example"
function    = "media"
criticality = "medium"
owner       = "Communications"
services    = ["https"]

"#;
