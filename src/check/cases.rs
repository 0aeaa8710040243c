//! `checks test`: every check judged on its own cases.

use std::collections::BTreeMap;
use std::path::Path;

use rust_embed::RustEmbed;
use serde_json::{Map, Value};

use super::catalogue::Catalogue;
use super::datetimes::without_datetimes;
use super::judge::{Outcomes, Stage};
use super::prepared::Check;
use super::view::View;
use super::{Case, Expect, Verdict};

/// How one case came out.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseResult {
    pub check: String,
    pub case: String,
    /// Left out if it is as expected.
    pub problem: Option<String>,
}

/// The base documents of the built-in checks, which a team's own may build on as well.
#[derive(RustEmbed)]
#[folder = "tests/facts/"]
struct BuiltIn;

/// Runs all cases of the checks that `selected` picks. `bases` is a folder of base documents that come before the built-in ones.
pub fn run_cases(catalogue: &Catalogue, bases: Option<&Path>, selected: &dyn Fn(&Check) -> bool) -> Vec<CaseResult> {
    let mut results = Vec::new();
    for check in catalogue.checks.values().filter(|check| selected(check)) {
        for case in &check.file.cases {
            let problem = run_case(catalogue, check, case, bases).err();
            results.push(CaseResult { check: check.id.to_string(), case: case.name.clone(), problem });
        }
    }
    results
}

fn run_case(catalogue: &Catalogue, check: &Check, case: &Case, bases: Option<&Path>) -> Result<(), String> {
    let mut roots = read_base(bases, &case.base)?;
    merge(&mut roots, &case.facts);
    shape(&roots, check)?;
    let view = View { roots: roots.into_iter().map(|(name, value)| (name, without_datetimes(value))).collect() };
    let probes = BTreeMap::new();
    let stage = Stage::new(catalogue, view, &probes);
    let outcomes = stage.judge(check);
    let verdict = overall(&outcomes);
    if verdict != wanted(case.expect) {
        let why: Vec<String> =
            outcomes.values().filter_map(|o| o.reason.clone().or_else(|| Some(o.message.clone()))).collect();
        return Err(format!("expected {}, got {}: {}", wanted(case.expect).word(), verdict.word(), why.join("; ")));
    }
    for outcome in outcomes.values().filter(|o| o.verdict == Verdict::Fail) {
        if outcome.message == check.file.title {
            // The message fell back to the title: say what its template lacks.
            let lack = stage.message(check, None).err().unwrap_or_else(|| "it is the title again".into());
            return Err(format!("the message cannot be rendered: {lack}"));
        }
    }
    Ok(())
}

fn read_base(bases: Option<&Path>, name: &str) -> Result<Map<String, Value>, String> {
    let file = format!("{name}.toml");
    let own = bases.map(|folder| folder.join(&file)).filter(|path| path.exists());
    let text = match (own, BuiltIn::get(&file)) {
        (Some(path), _) => {
            std::fs::read_to_string(&path).map_err(|e| format!("the base {} cannot be read: {e}", path.display()))?
        }
        (None, Some(built_in)) => String::from_utf8_lossy(&built_in.data).into_owned(),
        (None, None) => return Err(format!("there is no base {name}; built in are {}", built_in_names())),
    };
    toml::from_str(&text).map_err(|e| format!("the base {name}: {}", e.to_string().trim()))
}

fn built_in_names() -> String {
    let mut names: Vec<String> = BuiltIn::iter().map(|file| file.trim_end_matches(".toml").to_owned()).collect();
    names.sort();
    names.join(", ")
}

/// Tables merge, everything else replaces.
fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (name, value) in over {
        match (base.get_mut(name), value) {
            // An observation's state replaces whatever was there.
            (Some(Value::Object(there)), Value::Object(new))
                if !new.contains_key("state") && !there.contains_key("state") =>
            {
                merge(there, new)
            }
            _ => drop(base.insert(name.clone(), value.clone())),
        }
    }
}

/// A typo in a case must not pass for an absent fact.
fn shape(roots: &Map<String, Value>, check: &Check) -> Result<(), String> {
    for (name, value) in roots {
        // A base may carry more roots than this subject sees.
        if let Some(ty) = check.types().get(name) {
            fits(value, ty, name)?;
        }
    }
    Ok(())
}

fn fits(value: &Value, ty: &super::types::Type, path: &str) -> Result<(), String> {
    use super::path::{Seen, open};
    use super::types::Type;
    match ty {
        Type::Observation(inner) => match open(value) {
            Seen::Value(seen) => fits(seen, inner, path),
            _ => Ok(()),
        },
        Type::Object(object) => {
            let fields = value.as_object().ok_or_else(|| format!("{path} must be a table"))?;
            fields.iter().try_for_each(|(name, value)| match object.fields.get(name) {
                Some(field) => fits(value, &field.ty, &format!("{path}.{name}")),
                None if name.starts_with('$') => Ok(()),
                None => Err(format!("{path}.{name} is not a fact{}", super::cel::nearest(name, object.fields.keys()))),
            })
        }
        Type::List(inner) => {
            let items = value.as_array().ok_or_else(|| format!("{path} must be a list"))?;
            items.iter().try_for_each(|item| fits(item, inner, path))
        }
        Type::Int if !value.is_i64() => Err(format!("{path} must be a whole number")),
        Type::Bool if !value.is_boolean() => Err(format!("{path} must be true or false")),
        Type::String if !value.is_string() => Err(format!("{path} must be a string")),
        _ => Ok(()),
    }
}

fn overall(outcomes: &Outcomes) -> Verdict {
    outcomes.values().map(|o| o.verdict).max().unwrap_or(Verdict::NotApplicable)
}

fn wanted(expect: Expect) -> Verdict {
    match expect {
        Expect::Pass => Verdict::Pass,
        Expect::Fail => Verdict::Fail,
        Expect::NotApplicable => Verdict::NotApplicable,
        Expect::Undetermined => Verdict::Undetermined,
    }
}
