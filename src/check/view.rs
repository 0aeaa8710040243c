//! What a rule sees: the names at its root, their types, and their values for one subject.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::SubjectKind;
use super::types::{Field, Object, Type};
use crate::estate::{Asset, Estate};
use crate::facts::{Endpoint, EstateIndex, Host, Service, Timestamp, Zone};

/// The declared asset behind a subject, as rules see it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AssetView {
    name: String,
    function: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    criticality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
}

/// The next election that is not yet final, as rules see it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ElectionView {
    name: String,
    /// Midnight at the start of polling day, UTC.
    polling_day: Timestamp,
    results_final: Timestamp,
}

/// The run, as rules see it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunView {
    now: Timestamp,
}

/// The values at the root of a rule, as JSON with observations.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) roots: BTreeMap<String, Value>,
}

/// The type of each root for a kind of subject, `table` and `item` aside.
pub(super) fn roots(kind: SubjectKind) -> &'static BTreeMap<String, Type> {
    static ESTATE: LazyLock<BTreeMap<String, Type>> = LazyLock::new(|| roots_of(SubjectKind::Estate));
    static ZONE: LazyLock<BTreeMap<String, Type>> = LazyLock::new(|| roots_of(SubjectKind::Zone));
    static HOST: LazyLock<BTreeMap<String, Type>> = LazyLock::new(|| roots_of(SubjectKind::Host));
    static SERVICE: LazyLock<BTreeMap<String, Type>> = LazyLock::new(|| roots_of(SubjectKind::Service));
    match kind {
        SubjectKind::Estate => &ESTATE,
        SubjectKind::Zone => &ZONE,
        SubjectKind::Host => &HOST,
        SubjectKind::Service => &SERVICE,
    }
}

fn roots_of(kind: SubjectKind) -> BTreeMap<String, Type> {
    let names: &[&str] = match kind {
        SubjectKind::Estate => &["election", "run", "estate"],
        SubjectKind::Zone => &["election", "run", "asset", "zone"],
        SubjectKind::Host => &["election", "run", "asset", "zone", "host"],
        SubjectKind::Service => &["election", "run", "asset", "zone", "host", "service"],
    };
    names.iter().map(|name| ((*name).to_owned(), root(name))).collect()
}

/// Each is read from its schema once, and only if a rule can see it: many runs have no service.
fn root(name: &str) -> Type {
    static ZONE: LazyLock<Type> = LazyLock::new(Type::of::<Zone>);
    static HOST: LazyLock<Type> = LazyLock::new(Type::of::<Host>);
    match name {
        "asset" => Type::of::<AssetView>(),
        "election" => Type::of::<ElectionView>(),
        "estate" => Type::of::<EstateIndex>(),
        "host" => HOST.clone(),
        "run" => Type::of::<RunView>(),
        "service" => flat_service(),
        "zone" => ZONE.clone(),
        _ => Type::Any,
    }
}

/// A rule on a service sees one endpoint of it, flat.
fn flat_service() -> Type {
    let (Type::Object(service), Type::Object(endpoint)) = (Type::of::<Service>(), Type::of::<Endpoint>()) else {
        return Type::Any;
    };
    let mut fields = service.fields.clone();
    fields.remove("endpoints");
    fields.extend(endpoint.fields.clone());
    fields.insert("name".into(), Field { ty: Type::String, optional: false, since: 1 });
    Type::Object(Arc::new(Object { fields, key: None }))
}

/// What all views of a run share.
#[derive(Debug)]
pub(super) struct Frame {
    election: Option<Value>,
    run: Value,
}

impl Frame {
    pub(super) fn new(estate: &Estate, now: Timestamp) -> Self {
        let next = estate.elections.iter().find(|election| Timestamp::from(election.results_final) > now);
        let election = next.map(|election| ElectionView {
            name: election.name.clone(),
            polling_day: Timestamp::from(election.polling_day.midnight().assume_utc()),
            results_final: Timestamp::from(election.results_final),
        });
        Self { election: election.map(json_of), run: json_of(RunView { now }) }
    }

    fn view(&self, roots: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> View {
        let shared = [("election", self.election.clone()), ("run", Some(self.run.clone()))];
        let present = shared.into_iter().chain(roots).filter_map(|(name, value)| Some((name.to_owned(), value?)));
        View { roots: present.collect() }
    }

    pub(super) fn estate(&self, index: &EstateIndex) -> View {
        self.view([("estate", Some(json_of(index)))])
    }
    pub(super) fn zone(&self, zone: &Zone, asset: Option<&Asset>) -> View {
        self.view([("zone", Some(json_of(zone))), ("asset", asset.map(asset_json))])
    }
    pub(super) fn host(&self, host: &Host, zone: Option<&Zone>, asset: Option<&Asset>) -> View {
        self.view([("host", Some(json_of(host))), ("zone", zone.map(json_of)), ("asset", asset.map(asset_json))])
    }
    /// The view of one endpoint; `parents` is the view of its host.
    pub(super) fn endpoint(parents: &View, name: &str, service: &Service, endpoint: &Endpoint) -> View {
        let mut flat = json_of(service);
        if let (Some(fields), Value::Object(endpoint)) = (flat.as_object_mut(), json_of(endpoint)) {
            fields.remove("endpoints");
            fields.extend(endpoint);
            fields.insert("name".into(), json!(name));
        }
        let mut view = parents.clone();
        view.roots.insert("service".into(), flat);
        view
    }
}

fn asset_json(asset: &Asset) -> Value {
    json_of(AssetView {
        name: asset.name().to_owned(),
        function: asset.function.word().to_owned(),
        criticality: asset.criticality.map(|c| c.word().to_owned()),
        owner: asset.owner.clone(),
        supplier: asset.supplier.clone(),
    })
}

/// Our own plain data always serialises.
fn json_of(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
