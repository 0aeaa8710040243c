//! From TOML to an [`Estate`]. Reads everything before it complains, so that one pass over the file mends it.

use std::collections::BTreeMap;

use super::model::{
    Assessor, Asset, AssetKind, Authorisation, Authority, Contact, DeclaredService, Election, Freeze, MailUse,
    Operator, Period, Rate, ScanSettings, Scheme,
};
use super::reader::{Faults, Table};
use super::values::{
    address, country, date, email, flag, host_name, list, moment, name, network, number, page, path, port, rdap,
    service, socket, text, word,
};
use super::vocabulary::{AssessorKind, Criticality, ElectionFunction, OperatorKind, ScanDuringFreeze};
use super::{Estate, EstateError};

impl Estate {
    /// Parses the text of an estate file. `file` is its name for messages.
    ///
    /// # Errors
    /// Every fault found, in order of line; never an empty list.
    pub fn parse(file: &str, source: &str) -> Result<Self, Vec<EstateError>> {
        let faults = Faults::new(file, source);
        let root = match toml::de::DeTable::parse(source) {
            Ok(root) => root,
            Err(e) => {
                faults.add(e.span().map_or(0, |span| span.start), "", format!("is not TOML: {}", e.message()));
                return Err(faults.into_list());
            }
        };
        let estate = read_estate(&Table::new(&faults, String::new(), root.get_ref(), 0));
        match (estate, faults.into_list()) {
            (Some(estate), list) if list.is_empty() => Ok(estate),
            (None, list) if list.is_empty() => Err(vec![EstateError {
                file: file.into(),
                line: 1,
                key: String::new(),
                message: "could not be read".into(),
            }]),
            (_, list) => Err(list),
        }
    }

    /// The estate of `scrutineer audit HOST…`: each name one host, services http and https, operator unknown.
    ///
    /// # Errors
    /// A name that is no host name.
    pub fn bare(names: &[String]) -> Result<Self, Vec<EstateError>> {
        let mut assets: Vec<Asset> = Vec::new();
        let mut faults = Vec::new();
        for given in names {
            let host = given.strip_prefix("https://").or_else(|| given.strip_prefix("http://")).unwrap_or(given);
            match host_name(host.trim_end_matches('/')) {
                Ok(name) if assets.iter().any(|asset| asset.name == name) => {}
                Ok(name) => assets.push(bare_host(name)),
                Err(why) => {
                    faults.push(EstateError { file: "command line".into(), line: 0, key: String::new(), message: why });
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            authority: Authority { name: "not declared".into(), country: None },
            assessor: None,
            elections: Vec::new(),
            authorisation: None,
            contacts: BTreeMap::new(),
            operators: Vec::new(),
            scan: ScanSettings::default(),
            assets,
            bare: true,
        })
    }
}

/// What a host without `services` means: a web site.
const WEB: [DeclaredService; 2] =
    [DeclaredService { scheme: Scheme::Http, port: 80 }, DeclaredService { scheme: Scheme::Https, port: 443 }];

fn bare_host(name: String) -> Asset {
    let kind =
        AssetKind::Host { services: WEB.to_vec(), paths: vec!["/".into()], origins: Vec::new(), addresses: Vec::new() };
    Asset {
        name,
        function: ElectionFunction::AuthorityWebsite,
        criticality: None,
        owner: None,
        supplier: None,
        kind,
        line: 0,
    }
}

fn read_estate(root: &Table<'_>) -> Option<Estate> {
    let schema = root.required("schema", |v| number(v, 0, 1000));
    if schema.is_some_and(|n| n != 1) {
        root.fault("schema", "this build reads schema 1");
    }
    let authority = match root.table("authority") {
        Some(table) => read_authority(&table),
        None => {
            root.fault("authority", "is missing; add [authority] with a name");
            None
        }
    };
    let mut elections: Vec<Election> = root.tables("election").iter().filter_map(read_election).collect();
    elections.sort_by_key(|election| election.polling_day);
    let contacts = root.table("contacts").map(|table| read_contacts(&table)).unwrap_or_default();
    let operators: Vec<Operator> = root.tables("operator").iter().filter_map(read_operator).collect();
    let scan = root.table("scan").map(|table| read_scan(&table)).unwrap_or_default();
    let assets = read_assets(root, scan.rdap_bootstrap.is_some());
    let estate = Estate {
        authority: authority.unwrap_or(Authority { name: String::new(), country: None }),
        assessor: root.table("assessor").and_then(|table| read_assessor(&table)),
        elections,
        authorisation: root.table("authorisation").and_then(|table| read_authorisation(&table)),
        contacts,
        operators,
        scan,
        assets,
        bare: false,
    };
    contradicting_operators(root, &estate.operators);
    root.finish();
    schema.map(|_| estate)
}

fn read_authority(table: &Table<'_>) -> Option<Authority> {
    let name = table.required("name", text);
    let country = table.optional("country", country);
    table.finish();
    Some(Authority { name: name?, country })
}

fn read_assessor(table: &Table<'_>) -> Option<Assessor> {
    let name = table.required("name", text);
    let kind = table.required("kind", |v| word(v, AssessorKind::ALL, AssessorKind::word));
    let independence = table.optional("independence", text);
    table.finish();
    Some(Assessor { name: name?, kind: kind?, independence })
}

fn read_election(table: &Table<'_>) -> Option<Election> {
    let name = table.required("name", text);
    let timezone = table.optional("timezone", text);
    let polling_day = table.required("polling_day", date);
    let results_final = table.required("results_final", moment);
    let early_voting = table.table("early_voting").and_then(|table| {
        let period = read_period(&table);
        table.finish();
        period
    });
    let freeze = table.tables("freeze").iter().filter_map(read_freeze).collect();
    if let (Some(day), Some(end)) = (polling_day, results_final)
        && end.date() < day
    {
        table.fault("results_final", format!("lies before polling_day, {day}"));
    }
    if let (Some(day), Some(early)) = (polling_day, early_voting)
        && early.until > day
    {
        table.fault("early_voting", format!("ends after polling_day, {day}"));
    }
    table.finish();
    Some(Election {
        name: name?,
        timezone,
        polling_day: polling_day?,
        early_voting,
        results_final: results_final?,
        freeze,
    })
}

fn read_period(table: &Table<'_>) -> Option<Period> {
    let from = table.required("from", date);
    let until = table.required("until", date);
    let (from, until) = (from?, until?);
    if until < from {
        table.fault("until", format!("lies before from, {from}"));
        return None;
    }
    Some(Period { from, until })
}

fn read_freeze(table: &Table<'_>) -> Option<Freeze> {
    let period = read_period(table);
    let scan = table
        .optional("scan", |v| word(v, ScanDuringFreeze::ALL, ScanDuringFreeze::word))
        .unwrap_or(ScanDuringFreeze::None);
    table.finish();
    Some(Freeze { period: period?, scan })
}

fn read_authorisation(table: &Table<'_>) -> Option<Authorisation> {
    let reference = table.required("reference", text);
    let granted_by = table.required("granted_by", text);
    let period = read_period(table);
    let active = table.optional("active", flag).unwrap_or(false);
    table.finish();
    Some(Authorisation { reference: reference?, granted_by: granted_by?, period: period?, active })
}

fn read_contacts(table: &Table<'_>) -> BTreeMap<String, Contact> {
    let mut contacts = BTreeMap::new();
    for (role, value) in table.entries() {
        let Some(entry) = table.as_table(value, table.dotted(role)) else { continue };
        let name = entry.required("name", text);
        let (email, phone, url) =
            (entry.optional("email", email), entry.optional("phone", text), entry.optional("url", text));
        entry.finish();
        if let Some(name) = name {
            contacts.insert(role.to_owned(), Contact { name, email, phone, url });
        }
    }
    contacts
}

fn read_operator(table: &Table<'_>) -> Option<Operator> {
    /// `unknown` is what we say of an address, not what an estate declares.
    const DECLARED: &[OperatorKind] =
        &[OperatorKind::Own, OperatorKind::Consented, OperatorKind::Shared, OperatorKind::PublicService];
    let name = table.required("name", text);
    let kind = table.required("kind", |v| word(v, DECLARED, OperatorKind::word));
    let networks = table.required("networks", |v| list(v, network));
    let consent = table.optional("consent", text);
    if kind == Some(OperatorKind::Consented) && consent.is_none() {
        table.fault(
            "consent",
            "is missing: a consented operator needs the reference of its consent, such as \"letter of 2028-02-01\"",
        );
    }
    table.finish();
    Some(Operator { name: name?, kind: kind?, networks: networks?, consent })
}

/// Two operators may not claim the same network in different ways.
fn contradicting_operators(root: &Table<'_>, operators: &[Operator]) {
    for (n, one) in operators.iter().enumerate() {
        for other in &operators[n + 1..] {
            let both = one.networks.iter().find(|net| other.networks.contains(net));
            if let Some(net) = both.filter(|_| one.kind != other.kind) {
                root.fault(
                    "operator",
                    format!(
                        "'{}' and '{}' both claim {net}, one as {}, one as {}",
                        one.name, other.name, one.kind, other.kind
                    ),
                );
            }
        }
    }
}

fn read_scan(table: &Table<'_>) -> ScanSettings {
    let private = table.optional("private", flag).unwrap_or(false);
    let port_map = table.table("port_map").map(|map| read_port_map(&map)).unwrap_or_default();
    if !private && !port_map.is_empty() {
        table.fault("port_map", "is only for a private estate; add private = true if this is a lab or an inside look");
    }
    let whole = |key, least, most| {
        table.optional(key, |value| number(value, least, most)).and_then(|number| u32::try_from(number).ok())
    };
    let standard = ScanSettings::default();
    let scan = ScanSettings {
        resolver: table.optional("resolver", socket),
        trust_anchor: table.optional("trust_anchor", path),
        root_hints: table.optional("root_hints", path),
        extra_roots: table.optional("extra_roots", |v| list(v, path)).unwrap_or_default(),
        private,
        port_map,
        as_table: table.optional("as_table", path),
        rdap_bootstrap: table.optional("rdap_bootstrap", path),
        rate: table.table("rate").map(|rate| read_rate(&rate)).unwrap_or_default(),
        connections: whole("connections", 20, 5_000).unwrap_or(standard.connections),
        connections_at_once: whole("connections_at_once", 1, 64).map_or(standard.connections_at_once, |n| n as usize),
    };
    table.finish();
    scan
}

fn read_port_map(table: &Table<'_>) -> BTreeMap<u16, u16> {
    let mut map = BTreeMap::new();
    for (nominal, value) in table.entries() {
        match (nominal.parse::<u16>().ok().filter(|n| *n > 0), port(value)) {
            (Some(nominal), Ok(real)) => drop(map.insert(nominal, real)),
            (None, _) => table.fault(nominal, "must be a port, like 443 = 8443"),
            (_, Err(why)) => table.fault(nominal, why),
        }
    }
    map
}

fn read_rate(table: &Table<'_>) -> Rate {
    let rate = |key| table.optional(key, |v| number(v, 1, 10_000)).and_then(|n| u32::try_from(n).ok());
    let standard = Rate::default();
    let rate = Rate {
        per_host: rate("per_host").unwrap_or(standard.per_host),
        total: rate("total").unwrap_or(standard.total),
    };
    table.finish();
    rate
}

fn read_assets(root: &Table<'_>, has_list: bool) -> Vec<Asset> {
    let mut assets: Vec<Asset> = Vec::new();
    for table in root.tables("asset") {
        let Some(asset) = read_asset(&table, has_list) else { continue };
        match assets.iter().find(|there| there.name == asset.name && is_zone(there) == is_zone(&asset)) {
            Some(there) => table.fault(
                if is_zone(&asset) { "zone" } else { "host" },
                format!("'{}' is declared already on line {}", asset.name, there.line),
            ),
            None => assets.push(asset),
        }
    }
    assets
}

fn is_zone(asset: &Asset) -> bool {
    matches!(asset.kind, AssetKind::Zone { .. })
}

/// Keys that only one kind of asset has.
const HOST_KEYS: [&str; 4] = ["services", "paths", "origins", "addresses"];
const ZONE_KEYS: [&str; 3] = ["registration_ends", "rdap", "mail"];

fn read_asset(table: &Table<'_>, has_list: bool) -> Option<Asset> {
    let host = table.optional("host", name);
    let zone = table.optional("zone", name);
    let function = table.required("function", |v| word(v, ElectionFunction::ALL, ElectionFunction::word));
    let criticality = table.optional("criticality", |v| word(v, Criticality::ALL, Criticality::word));
    let owner = table.optional("owner", text);
    let supplier = table.optional("supplier", text);
    let (foreign, why): (&[&str], _) = match (table.has("host"), table.has("zone")) {
        (false, true) => (&HOST_KEYS, "belongs to a host, not to a zone"),
        (true, false) => (&ZONE_KEYS, "belongs to a zone, not to a host"),
        _ => (&[], ""),
    };
    for key in foreign.iter().filter(|key| table.has(key)) {
        table.fault(key, why);
    }
    let host_kind = AssetKind::Host {
        services: read_services(table),
        paths: table.optional("paths", |v| list(v, page)).filter(|p| !p.is_empty()).unwrap_or_else(|| vec!["/".into()]),
        origins: table.optional("origins", |v| list(v, address)).unwrap_or_default(),
        addresses: table.optional("addresses", |v| list(v, address)).unwrap_or_default(),
    };
    let zone_kind = AssetKind::Zone {
        registration_ends: table.optional("registration_ends", date),
        rdap: table.optional("rdap", |value| rdap(value, has_list)).flatten(),
        mail: table.table("mail").map(|mail| read_mail(&mail)).unwrap_or_default(),
    };
    table.finish();
    let line = table.faults.line(table.offset);
    let kind = match (table.has("host"), table.has("zone")) {
        (true, false) => host_kind,
        (false, true) => zone_kind,
        (true, true) => {
            table.fault("zone", "an asset is a host or a zone, not both; write two assets");
            return None;
        }
        (false, false) => {
            table.fault("host", "is missing; an asset names a host or a zone");
            return None;
        }
    };
    Some(Asset { name: host.or(zone)?, function: function?, criticality, owner, supplier, kind, line })
}

fn read_services(table: &Table<'_>) -> Vec<DeclaredService> {
    let services = table.optional("services", |v| list(v, service)).unwrap_or_else(|| WEB.to_vec());
    for (n, one) in services.iter().enumerate() {
        if services[..n].iter().any(|other| other.port == one.port) {
            table.fault("services", format!("port {} is declared twice", one.port));
        }
    }
    services
}

fn read_mail(table: &Table<'_>) -> MailUse {
    let mail = MailUse {
        sends: table.optional("sends", flag),
        receives: table.optional("receives", flag),
        dkim_selectors: table.optional("dkim_selectors", |v| list(v, text)).unwrap_or_default(),
    };
    table.finish();
    mail
}
