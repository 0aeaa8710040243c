//! The only module that knows CEL: it compiles a rule, checks its types against the facts, tells what it reads, and evaluates it.
//!
//! A rule may not test for existence, may not use functions outside of [`FUNCTIONS`], and may nest comprehensions at most
//! [`MAX_DEPTH`] deep, because the crate has no cost limit (docs/decisions/0004-cel.md).

mod values;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::extractors::This;
use cel::parser::{Expression, PrattParser};
use cel::{Context, Env, ExecutionError, Value};
use regex::Regex;
use serde_json::Value as Json;

use super::path::Path;
use super::types::Type;
use values::{parts, to_cel};
use walk::Walk;

/// How deep comprehensions may nest.
const MAX_DEPTH: usize = 2;

/// What a rule may call, beside operators and the macros all, exists, exists_one, map and filter.
const FUNCTIONS: &[&str] = &[
    "size",
    "startsWith",
    "endsWith",
    "contains",
    MATCHES,
    "timestamp",
    "duration",
    "string",
    "int",
    "getFullYear",
    "getMonth",
    "getDayOfMonth",
    "getHours",
    "getMinutes",
    "getDayOfWeek",
    UNDETERMINED,
];

/// `text.matches(pattern)`: the crate's own would compile the pattern at every call.
const MATCHES: &str = "matches";

/// `undetermined('why')`: the facts are there, but what they say is that nobody knows. It ends the rule without a verdict.
const UNDETERMINED: &str = "undetermined";

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Rule {
    expression: Expression,
    /// Paths of facts that it reads, the longest of each.
    pub(super) reads: BTreeSet<Path>,
}

/// What a compiled rule is: its type and its faults.
pub(super) struct Compiled {
    pub(super) rule: Option<Rule>,
    /// The type it evaluates to, if there are no faults.
    pub(super) yields: Type,
    pub(super) faults: Vec<String>,
}

/// Compiles the text against the names it may use.
pub(super) fn compile(text: &str, names: &BTreeMap<String, Type>) -> Compiled {
    // The hand-written one of the crate's two parsers: it takes a twentieth of the time of the other.
    let expression = match PrattParser::new().parse(text) {
        Ok(expression) => expression,
        Err(e) => return Compiled { rule: None, yields: Type::Any, faults: vec![e.to_string()] },
    };
    let mut walk =
        Walk { names: names.clone(), bound: BTreeSet::new(), reads: BTreeSet::new(), faults: Vec::new(), depth: 0 };
    let yields = walk.infer(&expression);
    let Walk { reads, faults, .. } = walk;
    let longest = reads.iter().filter(|p| !reads.iter().any(|q| q != *p && q.covers(&p.0))).cloned().collect();
    Compiled { rule: faults.is_empty().then_some(Rule { expression, reads: longest }), yields, faults }
}

/// What the crate's other parser, which is generated from the grammar of the language, finds wrong with a text that compiles, or reads otherwise.
pub(super) fn doubt(text: &str) -> Option<String> {
    match (ENV.compile(text), PrattParser::new().parse(text)) {
        (Ok(other), Ok(ours)) if *other.expression() == ours => None,
        (Err(e), _) => Some(e.to_string()),
        _ => Some("is read in two ways by the two parsers of CEL; write it more plainly".to_owned()),
    }
}

/// Values ready for one evaluation: of each name only what the rule reads, because the crate copies whatever it is given.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene(BTreeMap<String, Value>);

impl Scene {
    /// Takes the whole value.
    pub(super) fn set(&mut self, name: &str, value: &Json, ty: &Type) {
        self.put(name, to_cel(value, ty));
    }
    /// Takes what stands at the ends of the paths, each without the name before it.
    pub(super) fn set_parts(&mut self, name: &str, value: &Json, ty: &Type, paths: &[&[String]]) {
        self.put(name, parts(value, ty, paths));
    }
    fn put(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }
}

impl Rule {
    /// Evaluates to a truth value.
    ///
    /// # Errors
    /// The evaluation error as text; it makes the verdict undetermined.
    pub(super) fn holds(&self, scene: &Scene) -> Result<bool, String> {
        match self.evaluate(scene)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(format!("the rule gave {} instead of true or false", other.type_of())),
        }
    }
    /// Evaluates to a word, for severities.
    ///
    /// # Errors
    /// The evaluation error as text.
    pub(super) fn word(&self, scene: &Scene) -> Result<String, String> {
        match self.evaluate(scene)? {
            Value::String(word) => Ok(word.to_string()),
            other => Err(format!("the expression gave {} instead of a word", other.type_of())),
        }
    }
    fn evaluate(&self, scene: &Scene) -> Result<Value, String> {
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.add_function(MATCHES, matches).map_err(|e| e.to_string())?;
        for (name, value) in &scene.0 {
            context.add_variable_from_value(name, value.clone());
        }
        context.add_function(UNDETERMINED, undetermined).map_err(|e| e.to_string())?;
        Value::resolve(&self.expression, &context).map_err(|e| match e {
            ExecutionError::FunctionError { function, message } if function == UNDETERMINED => {
                format!("indeterminate: {message}")
            }
            other => format!("the rule could not be evaluated: {other}"),
        })
    }
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

static PATTERNS: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());

fn undetermined(why: Arc<String>) -> Result<bool, ExecutionError> {
    Err(ExecutionError::function_error(UNDETERMINED, why))
}

/// Each pattern is compiled once: 35 times faster on rules with patterns.
fn matches(This(text): This<Arc<String>>, pattern: Arc<String>) -> Result<bool, ExecutionError> {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = patterns.get(pattern.as_str()) {
        return Ok(regex.is_match(&text));
    }
    let regex = Regex::new(&pattern).map_err(|e| ExecutionError::function_error(MATCHES, e))?;
    let found = regex.is_match(&text);
    patterns.insert(pattern.to_string(), regex);
    Ok(found)
}

/// `; did you mean 'x'?` if a name is near.
pub(super) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n String>) -> String {
    let best =
        names.into_iter().map(|name| (strsim::jaro_winkler(wrong, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score > 0.75).map_or_else(String::new, |(_, name)| format!("; did you mean '{name}'?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rule: &str) -> Result<bool, String> {
        let compiled = compile(rule, &BTreeMap::new());
        assert_eq!(compiled.faults, Vec::<String>::new());
        compiled.rule.unwrap().holds(&Scene::default())
    }

    #[test]
    fn a_rule_can_say_that_it_cannot_tell_and_why() {
        assert_eq!(
            judged("1 == 1 ? undetermined('nobody answered') : true"),
            Err("indeterminate: nobody answered".to_owned())
        );
        assert_eq!(judged("1 == 2 ? undetermined('nobody answered') : true"), Ok(true));
    }

    #[test]
    fn what_is_known_outweighs_what_is_not() {
        assert_eq!(judged("1 == 1 || undetermined('nobody answered')"), Ok(true));
        assert_eq!(judged("1 == 2 && undetermined('nobody answered')"), Ok(false));
    }

    #[test]
    fn both_parsers_read_every_rule_alike() {
        let catalogue = super::super::Catalogue::load(&[]).unwrap();
        let texts: Vec<&String> =
            catalogue.checks.values().flat_map(|check| check.file.rule.iter().chain([&check.file.severity])).collect();
        assert!(texts.len() > 300, "{}", texts.len());
        for text in texts {
            assert_eq!(doubt(text), None, "{text}");
        }
    }

    #[test]
    fn an_error_says_that_the_rule_could_not_be_evaluated() {
        let error = judged("[1, 2][5] == 1").unwrap_err();
        assert!(error.starts_with("the rule could not be evaluated: "), "{error}");
    }
}
