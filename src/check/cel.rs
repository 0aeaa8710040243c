//! The only module that knows CEL: it compiles a rule, checks its types against the facts, tells what it reads, and evaluates it.
//!
//! A rule may not test for existence, may not use functions outside of [`FUNCTIONS`], and may nest comprehensions at most
//! [`MAX_DEPTH`] deep, because the crate has no cost limit (docs/decisions/0004-cel.md).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators as op};
use cel::objects::{Key, Map};
use cel::parser::Macro;
use cel::{Context, Env, ExecutionError, Program, Value};
use regex::Regex;
use serde_json::Value as Json;

use super::path::{Path, Seen, open};
use super::types::Type;
use crate::facts::Timestamp;

/// How deep comprehensions may nest.
const MAX_DEPTH: usize = 2;

/// What a rule may call, beside operators and the macros all, exists, exists_one, map and filter.
const FUNCTIONS: &[&str] = &[
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "matches",
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

/// `undetermined('why')`: the facts are there, but what they say is that nobody knows. It ends the rule without a verdict.
const UNDETERMINED: &str = "undetermined";

/// The name that the cached `matches` goes by inside.
const CACHED_MATCHES: &str = "matches_cached";

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Rule {
    program: Program,
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
    let program = match ENV.compile(text) {
        Ok(program) => program,
        Err(e) => return Compiled { rule: None, yields: Type::Any, faults: vec![e.to_string()] },
    };
    let mut walk =
        Walk { names: names.clone(), bound: BTreeSet::new(), reads: BTreeSet::new(), faults: Vec::new(), depth: 0 };
    let yields = walk.infer(program.expression());
    let Walk { reads, faults, .. } = walk;
    let longest = reads.iter().filter(|p| !reads.iter().any(|q| q != *p && q.covers(&p.0))).cloned().collect();
    Compiled { rule: faults.is_empty().then_some(Rule { program, reads: longest }), yields, faults }
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
        context.add_function(CACHED_MATCHES, cached_matches).map_err(|e| e.to_string())?;
        for (name, value) in &scene.0 {
            context.add_variable_from_value(name, value.clone());
        }
        context.add_function(UNDETERMINED, undetermined).map_err(|e| e.to_string())?;
        self.program.execute(&context).map_err(|e| match e {
            ExecutionError::FunctionError { function, message } if function == UNDETERMINED => {
                format!("indeterminate: {message}")
            }
            other => format!("the rule could not be evaluated: {other}"),
        })
    }
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // `text.matches(pattern)` becomes a call that keeps the compiled pattern: 35 times faster on rules with patterns.
    let cached = Macro::receiver("matches", 1, |helper, target, args| {
        let (Some(text), Some(pattern)) = (target.take(), args.pop()) else { return Ok(None) };
        let call = CallExpr { func_name: CACHED_MATCHES.to_owned(), target: None, args: vec![text, pattern] };
        Ok(Some(helper.next_expr(Expr::Call(call))))
    });
    // The name is free in a fresh environment; were it not, `matches` would merely be slow.
    let _ = env.add_macro(cached);
    Arc::new(env)
});

static PATTERNS: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());

fn undetermined(why: Arc<String>) -> Result<bool, ExecutionError> {
    Err(ExecutionError::function_error(UNDETERMINED, why))
}

fn cached_matches(text: Arc<String>, pattern: Arc<String>) -> Result<bool, ExecutionError> {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = patterns.get(pattern.as_str()) {
        return Ok(regex.is_match(&text));
    }
    let regex = Regex::new(&pattern).map_err(|e| ExecutionError::function_error("matches", e))?;
    let found = regex.is_match(&text);
    patterns.insert(pattern.to_string(), regex);
    Ok(found)
}

/// As [`to_cel`], of objects only the fields on the way to what is read; lists and maps are taken whole.
fn parts(value: &Json, ty: &Type, paths: &[&[String]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return to_cel(value, ty);
    }
    match ty {
        Type::Observation(inner) => match open(value) {
            Seen::Value(seen) => parts(seen, inner, paths),
            Seen::Absent | Seen::Blocked(_) => None,
        },
        Type::Object(object) => {
            let value = value.as_object()?;
            let mut fields: BTreeMap<&String, Vec<&[String]>> = BTreeMap::new();
            for (name, rest) in paths.iter().filter_map(|path| path.split_first()) {
                fields.entry(name).or_default().push(rest);
            }
            let field = |(name, rest): (&String, Vec<&[String]>)| {
                let part = parts(value.get(name)?, &object.fields.get(name)?.ty, &rest)?;
                Some((name.clone(), part))
            };
            Some(map(fields.into_iter().filter_map(field)))
        }
        _ => to_cel(value, ty),
    }
}

/// A fact as a CEL value: observations are seen through, what was not observed is left out of its object, and stays in its
/// list as an object without fields, so that `all()` over it errs instead of passing.
fn to_cel(value: &Json, ty: &Type) -> Option<Value> {
    match ty {
        Type::Observation(inner) => match open(value) {
            Seen::Value(seen) => to_cel(seen, inner),
            Seen::Absent | Seen::Blocked(_) => None,
        },
        Type::Object(object) => {
            let fields = value.as_object()?.iter();
            let field =
                |(name, value): (&String, &Json)| Some((name.clone(), to_cel(value, &object.fields.get(name)?.ty)?));
            Some(map(fields.filter_map(field)))
        }
        Type::Map(inner) => {
            let fields = value.as_object()?.iter();
            Some(map(fields.filter_map(|(name, value)| Some((name.clone(), to_cel(value, inner)?)))))
        }
        Type::List(inner) => {
            let unseen = || map(std::iter::empty());
            let items = value.as_array()?.iter().map(|item| to_cel(item, inner).unwrap_or_else(unseen));
            Some(Value::List(Arc::new(items.collect())))
        }
        Type::Timestamp => {
            let at = Timestamp::parse(value.as_str()?).ok()?;
            Some(Value::Timestamp(chrono::DateTime::from_timestamp(at.unix(), 0)?.fixed_offset()))
        }
        Type::Span => {
            let seconds = value.as_str()?.strip_suffix('s')?.parse().ok()?;
            Some(Value::Duration(chrono::Duration::try_seconds(seconds)?))
        }
        Type::String | Type::Int | Type::Bool | Type::Float | Type::Any => bare(value),
    }
}

fn bare(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => n.as_i64().map(Value::Int).or_else(|| n.as_f64().map(Value::Float))?,
        Json::String(s) => Value::String(Arc::new(s.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().filter_map(bare).collect())),
        Json::Object(fields) => map(fields.iter().filter_map(|(k, v)| Some((k.clone(), bare(v)?)))),
    })
}

fn map(fields: impl Iterator<Item = (String, Value)>) -> Value {
    let fields = fields.map(|(name, value)| (Key::String(Arc::new(name)), value));
    Value::Map(Map { map: Arc::new(fields.collect()) })
}

/// A walk over the syntax tree that infers types and collects reads and faults.
struct Walk {
    names: BTreeMap<String, Type>,
    /// Names bound by comprehensions: their fields are not facts' paths of their own.
    bound: BTreeSet<String>,
    reads: BTreeSet<Path>,
    faults: Vec<String>,
    depth: usize,
}

impl Walk {
    fn fault(&mut self, text: impl Into<String>) -> Type {
        self.faults.push(text.into());
        Type::Any
    }

    fn infer(&mut self, expr: &IdedExpr) -> Type {
        match &expr.expr {
            Expr::Unspecified => Type::Any,
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => self.select(select, expr),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                let types: Vec<Type> = list.elements.iter().map(|element| self.infer(element)).collect();
                Type::List(Arc::new(types.into_iter().next().unwrap_or(Type::Any)))
            }
            Expr::Map(_) | Expr::Struct(_) => self.fault("a rule makes no maps or structs"),
        }
    }

    fn literal(&mut self, literal: &LiteralValue) -> Type {
        match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::Double(_) => Type::Float,
            LiteralValue::String(_) => Type::String,
            LiteralValue::Null => {
                self.fault("facts are never null; list the path under requires or must_exist instead")
            }
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => self.fault("facts have no unsigned numbers and no bytes"),
        }
    }

    fn ident(&mut self, name: &str) -> Type {
        if name.starts_with('@') {
            return Type::Any;
        }
        match self.names.get(name) {
            Some(ty) => {
                let ty = ty.bare().clone();
                self.read(vec![name.to_owned()]);
                ty
            }
            None => {
                let known: Vec<&str> = self.names.keys().map(String::as_str).collect();
                let text = format!("'{name}' is not a name here; there are {}", known.join(", "));
                self.fault(text)
            }
        }
    }

    fn select(&mut self, select: &SelectExpr, whole: &IdedExpr) -> Type {
        if select.test {
            return self.fault("has() is not for facts: list the path under requires or must_exist instead");
        }
        let operand = self.infer(&select.operand);
        let field = &select.field;
        let ty = match operand.bare() {
            Type::Object(object) => {
                match object.fields.get(field) {
                    Some(found) => {
                        if self.is_bound(whole) && (found.optional || matches!(found.ty, Type::Observation(_))) {
                            self.fault(format!("'{field}' may not be there in an element; walk the list with each and require item.{field}"));
                        }
                        found.ty.bare().clone()
                    }
                    None => {
                        let near = nearest(field, object.fields.keys());
                        let text = format!(
                            "there is no '{field}' in {}{near}",
                            spell(&select.operand).map_or_else(|| "this object".into(), |p| p.join("."))
                        );
                        self.fault(text)
                    }
                }
            }
            Type::Map(inner) => inner.bare().clone(),
            Type::Any => Type::Any,
            other => {
                let text = format!("'.{field}' needs an object, not a {}", other.word());
                self.fault(text)
            }
        };
        if let Some(path) = spell(whole) {
            self.read(path);
        }
        ty
    }

    fn is_bound(&self, expr: &IdedExpr) -> bool {
        spell(expr).is_some_and(|path| self.bound.contains(&path[0]))
    }

    fn read(&mut self, path: Vec<String>) {
        if !self.bound.contains(&path[0]) {
            self.reads.insert(Path(path));
        }
    }

    fn call(&mut self, call: &CallExpr) -> Type {
        let mut types: Vec<Type> = Vec::new();
        if let Some(target) = &call.target {
            types.push(self.infer(target));
        }
        for arg in &call.args {
            types.push(self.infer(arg));
        }
        let second = types.get(1).cloned().unwrap_or(Type::Any);
        let first = types.first().cloned().unwrap_or(Type::Any);
        match call.func_name.as_str() {
            op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE => {
                for ty in &types {
                    self.expect(ty, &Type::Bool, "a condition");
                }
                Type::Bool
            }
            op::EQUALS | op::NOT_EQUALS | op::GREATER | op::GREATER_EQUALS | op::LESS | op::LESS_EQUALS => {
                self.same(&first, &second, "compares");
                Type::Bool
            }
            op::IN => {
                if let Type::List(inner) = second.bare() {
                    self.same(&first, inner, "looks for");
                }
                Type::Bool
            }
            op::INDEX => match first.bare() {
                Type::List(inner) | Type::Map(inner) => inner.bare().clone(),
                _ => Type::Any,
            },
            op::CONDITIONAL => {
                self.expect(&first, &Type::Bool, "a condition");
                let third = types.get(2).cloned().unwrap_or(Type::Any);
                self.same(&second, &third, "chooses between");
                second
            }
            op::SUBSTRACT if first == Type::Timestamp && second == Type::Timestamp => Type::Span,
            op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO | op::NEGATE => {
                if first != Type::Timestamp || second != Type::Span {
                    self.same(&first, &second, "calculates with");
                }
                first
            }
            CACHED_MATCHES => {
                self.pattern(call.args.get(1));
                Type::Bool
            }
            name if FUNCTIONS.contains(&name) => self.function(name, call),
            name => {
                let text = format!("'{name}' is not a function for rules; there are {}", FUNCTIONS.join(", "));
                self.fault(text)
            }
        }
    }

    fn function(&mut self, name: &str, call: &CallExpr) -> Type {
        match name {
            "startsWith" | "endsWith" | "contains" | UNDETERMINED => Type::Bool,
            "string" => Type::String,
            "timestamp" => {
                if let Some(text) = literal_text(call.args.first()).filter(|text| Timestamp::parse(text).is_err()) {
                    self.fault(format!("timestamp('{text}') is not a time"));
                }
                Type::Timestamp
            }
            "duration" => Type::Span,
            _ => Type::Int,
        }
    }

    fn pattern(&mut self, arg: Option<&IdedExpr>) {
        match literal_text(arg) {
            Some(text) => {
                if let Err(e) = Regex::new(text) {
                    self.fault(format!("the pattern '{text}' does not compile: {e}"));
                }
            }
            None => {
                // A pattern from a table is dated data; it is compiled at its first use.
                if arg.and_then(spell).is_none_or(|path| path[0] != "table") {
                    self.fault("a pattern is a literal or comes from a table");
                }
            }
        }
    }

    fn comprehension(&mut self, loops: &ComprehensionExpr) -> Type {
        let range = self.infer(&loops.iter_range);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.fault(format!("comprehensions nest deeper than {MAX_DEPTH}; compute a derived fact instead"));
        }
        let element = match range.bare() {
            Type::List(inner) => inner.bare().clone(),
            Type::Map(_) => Type::String,
            Type::Any => Type::Any,
            other => {
                let text = format!("a {} cannot be walked", other.word());
                self.fault(text)
            }
        };
        let shadowed = self.names.insert(loops.iter_var.clone(), element.clone());
        let fresh = self.bound.insert(loops.iter_var.clone());
        for part in [&loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result] {
            self.infer(part);
        }
        if fresh {
            self.bound.remove(&loops.iter_var);
        }
        match shadowed {
            Some(ty) => self.names.insert(loops.iter_var.clone(), ty),
            None => self.names.remove(&loops.iter_var),
        };
        self.depth -= 1;
        match &loops.accu_init.expr {
            // filter keeps elements; map makes something else, which is not followed further.
            Expr::List(_) if keeps_elements(loops) => Type::List(Arc::new(element)),
            Expr::List(_) => Type::List(Arc::new(Type::Any)),
            _ => Type::Bool,
        }
    }

    fn expect(&mut self, ty: &Type, wanted: &Type, what: &str) {
        if !alike(ty, wanted) {
            self.fault(format!("{what} needs a {}, not a {}", wanted.word(), ty.word()));
        }
    }

    fn same(&mut self, a: &Type, b: &Type, what: &str) {
        if !alike(a, b) {
            self.fault(format!("the rule {what} a {} and a {}", a.word(), b.word()));
        }
    }
}

fn keeps_elements(loops: &ComprehensionExpr) -> bool {
    fn adds(expr: &IdedExpr, var: &str) -> bool {
        match &expr.expr {
            Expr::Call(call) => call.args.iter().any(|arg| adds(arg, var)),
            Expr::List(list) => {
                matches!(list.elements.as_slice(), [IdedExpr { expr: Expr::Ident(name), .. }] if name == var)
            }
            _ => false,
        }
    }
    adds(&loops.loop_step, &loops.iter_var)
}

fn alike(a: &Type, b: &Type) -> bool {
    let (a, b) = (a.bare(), b.bare());
    match (a, b) {
        (Type::Any, _) | (_, Type::Any) => true,
        (Type::Int | Type::Float, Type::Int | Type::Float) => true,
        (Type::List(a), Type::List(b)) => alike(a, b),
        _ => a.word() == b.word(),
    }
}

/// `a.b.c` as segments, if the expression is just that.
fn spell(expr: &IdedExpr) -> Option<Vec<String>> {
    match &expr.expr {
        Expr::Ident(name) if !name.starts_with('@') => Some(vec![name.clone()]),
        Expr::Select(select) if !select.test => {
            let mut path = spell(&select.operand)?;
            path.push(select.field.clone());
            Some(path)
        }
        _ => None,
    }
}

fn literal_text(expr: Option<&IdedExpr>) -> Option<&str> {
    match &expr?.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
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
    fn an_error_says_that_the_rule_could_not_be_evaluated() {
        let error = judged("[1, 2][5] == 1").unwrap_err();
        assert!(error.starts_with("the rule could not be evaluated: "), "{error}");
    }
}
