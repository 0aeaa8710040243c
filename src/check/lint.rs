//! From a check file to a compiled check. Every fault names its line.

use std::collections::{BTreeMap, BTreeSet};

use super::cel::{self, Rule};
use super::path::Path;
use super::table::Tables;
use super::types::Type;
use super::view::roots;
use super::{CheckFile, Expect, Severity};

/// A check that may be judged.
#[derive(Debug)]
pub struct Check {
    /// `family.fault`.
    pub id: String,
    pub file: CheckFile,
    /// Digest of the file's text.
    pub digest: String,
    pub(super) requires: Vec<Path>,
    pub(super) must_exist: Vec<Path>,
    pub(super) each: Option<Path>,
    pub(super) rule: Option<Rule>,
    pub(super) severity: SeverityRule,
    /// Types by root name, `table` and `item` included.
    pub(super) types: BTreeMap<String, Type>,
    /// Roots and families to load, such as `service.tls`.
    pub(super) loads: BTreeSet<Vec<String>>,
}

/// A fixed severity, or one that depends on the facts.
#[derive(Debug)]
pub(super) enum SeverityRule {
    Fixed(Severity),
    Computed(Rule),
}

/// A fault of a check file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckFault {
    pub file: String,
    /// From 1.
    pub line: usize,
    pub message: String,
}

impl std::fmt::Display for CheckFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl Check {
    /// The first segment of the id.
    pub fn family(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// Reads and compiles one file. `name` is what messages call it; `id` comes from its path.
pub(super) fn compile(name: &str, id: &str, text: &str, tables: &Tables) -> Result<Check, Vec<CheckFault>> {
    let file: CheckFile = toml::from_str(text).map_err(|e| vec![parse_fault(name, text, &e)])?;
    let mut lint = Lint { name, text, faults: Vec::new() };
    let mut types = roots(file.subject).clone();
    types.insert("table".into(), tables.ty());

    lint.words(id, &file);
    let each = file.each.as_deref().and_then(|path| lint.each(path, &mut types));
    let requires = lint.paths("requires", &file.requires, &types);
    let must_exist = lint.paths("must_exist", &file.must_exist, &types);
    let known: Vec<Path> = requires.iter().chain(&must_exist).chain(&each).cloned().collect();
    let rule = file.rule.as_deref().and_then(|text| lint.expression("rule", text, &types, &known, &Type::Bool));
    if file.rule.is_none() && file.must_exist.is_empty() {
        lint.fault("rule", "a check has a rule, or must_exist, or both");
    }
    let severity = match Severity::parse(&file.severity) {
        Some(fixed) => Some(SeverityRule::Fixed(fixed)),
        None => lint.expression("severity", &file.severity, &types, &known, &Type::String).map(SeverityRule::Computed),
    };
    lint.cases(&file);

    if !lint.faults.is_empty() {
        return Err(lint.faults);
    }
    let Some(severity) = severity else { return Err(lint.faults) };
    let reads = rule.iter().flat_map(|rule| rule.reads.iter());
    let more = match &severity {
        SeverityRule::Computed(rule) => rule.reads.iter().cloned().collect(),
        SeverityRule::Fixed(_) => Vec::new(),
    };
    let loads = known.iter().chain(reads).chain(&more).map(|path| path.0.iter().take(2).cloned().collect()).collect();
    let digest = crate::facts::digest(text.as_bytes());
    Ok(Check { id: id.to_owned(), file, digest, requires, must_exist, each, rule, severity, types, loads })
}

struct Lint<'a> {
    name: &'a str,
    text: &'a str,
    faults: Vec<CheckFault>,
}

impl Lint<'_> {
    fn fault(&mut self, key: &str, message: impl Into<String>) {
        let line = line_of(self.text, key);
        self.faults.push(CheckFault {
            file: self.name.to_owned(),
            line,
            message: format!("{key}: {}", message.into()),
        });
    }

    fn words(&mut self, id: &str, file: &CheckFile) {
        if file.schema != 1 {
            self.fault("schema", format!("this build reads schema 1, not {}", file.schema));
        }
        let good = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if id.split('.').count() != 2 || !id.split('.').all(good) {
            self.fault(
                "schema",
                format!("the path gives the id '{id}'; a check lies at family/the-fault.toml, in kebab-case"),
            );
        }
        for (key, text) in [("title", &file.title), ("message", &file.message), ("rationale", &file.rationale)] {
            if text.trim().is_empty() {
                self.fault(key, "must not be empty");
            }
        }
        if file.remediation.text.trim().is_empty() {
            self.fault("remediation", "says what to do");
        }
        if file.controls.is_empty() {
            self.fault("controls", "names at least one control that this gives evidence about");
        }
        if file.references.is_empty() {
            self.fault("references", "names at least one source");
        }
    }

    /// The list to walk; binds `item`.
    fn each(&mut self, text: &str, types: &mut BTreeMap<String, Type>) -> Option<Path> {
        let path = Path::parse(text);
        match resolve(&path, types).map(|ty| ty.bare().clone()) {
            Ok(Type::List(element)) => {
                // The element keeps its observation, so that a failed one stays in the list as failed.
                types.insert("item".into(), element.as_ref().clone());
                Some(path)
            }
            Ok(other) => {
                self.fault("each", format!("{text} is a {}, not a list", other.word()));
                None
            }
            Err(why) => {
                self.fault("each", why);
                None
            }
        }
    }

    fn paths(&mut self, key: &str, texts: &[String], types: &BTreeMap<String, Type>) -> Vec<Path> {
        let mut paths = Vec::new();
        for text in texts {
            let path = Path::parse(text);
            match resolve(&path, types) {
                Ok(_) => paths.push(path),
                Err(why) => self.fault(key, why),
            }
        }
        paths
    }

    fn expression(
        &mut self,
        key: &str,
        text: &str,
        types: &BTreeMap<String, Type>,
        known: &[Path],
        wanted: &Type,
    ) -> Option<Rule> {
        let compiled = cel::compile(text, types);
        for fault in &compiled.faults {
            self.fault(key, fault);
        }
        let rule = compiled.rule?;
        if compiled.yields != Type::Any && compiled.yields.word() != wanted.word() {
            self.fault(key, format!("gives a {}, but must give a {}", compiled.yields.word(), wanted.word()));
        }
        for path in &rule.reads {
            if let Some(prefix) = unguarded(path, types, known) {
                self.fault(
                    key,
                    format!("reads {path}, but {prefix} may not be there: list it under requires or must_exist"),
                );
            }
        }
        Some(rule)
    }

    fn cases(&mut self, file: &CheckFile) {
        for expect in [Expect::Pass, Expect::Fail] {
            if !file.cases.iter().any(|case| case.expect == expect) {
                self.fault("[[case]]", format!("there is no case that expects {expect:?}"));
            }
        }
        if file.cases.len() < 3 {
            self.fault("[[case]]", "three cases at least: a pass, a fail and a near miss");
        }
        let mut names = BTreeSet::new();
        for case in file.cases.iter().filter(|case| !names.insert(&case.name)) {
            self.fault("[[case]]", format!("two cases are called '{}'", case.name));
        }
    }
}

/// The type at the end of a path.
pub(super) fn resolve<'t>(path: &Path, types: &'t BTreeMap<String, Type>) -> Result<&'t Type, String> {
    let Some(mut ty) = types.get(path.root()) else {
        let known: Vec<&str> = types.keys().map(String::as_str).collect();
        return Err(format!("{path} starts with none of {}", known.join(", ")));
    };
    for segment in &path.0[1..] {
        ty = match ty.bare() {
            Type::Object(object) => match object.fields.get(segment) {
                Some(field) => &field.ty,
                None => {
                    return Err(format!(
                        "{path}: there is no '{segment}'{}",
                        cel::nearest(segment, object.fields.keys())
                    ));
                }
            },
            Type::Map(inner) => inner,
            other => return Err(format!("{path}: '.{segment}' needs an object, not a {}", other.word())),
        };
    }
    Ok(ty)
}

/// The first part of a read path that may not be there and that no listed path covers.
fn unguarded(path: &Path, types: &BTreeMap<String, Type>, known: &[Path]) -> Option<String> {
    let root = types.get(path.root())?;
    let covered = |prefix: &[String]| known.iter().any(|listed| listed.covers(prefix));
    // These roots may be missing as a whole: no election is declared, no zone is declared for the host, no asset matches.
    let whole = matches!(path.root(), "election" | "zone" | "asset");
    if whole && !covered(&path.0[..1]) {
        return Some(path.root().to_owned());
    }
    let mut ty = root;
    for (at, segment) in path.0.iter().enumerate().skip(1) {
        let Type::Object(object) = ty.bare() else { break };
        let field = object.fields.get(segment)?;
        if (field.optional || matches!(field.ty, Type::Observation(_))) && !covered(&path.0[..=at]) {
            return Some(path.0[..=at].join("."));
        }
        ty = &field.ty;
    }
    None
}

/// The line on which a key stands, from 1; 1 if it is not there.
fn line_of(text: &str, key: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with(key)).map_or(1, |at| at + 1)
}

fn parse_fault(name: &str, text: &str, error: &toml::de::Error) -> CheckFault {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    CheckFault { file: name.to_owned(), line, message: error.message().to_owned() }
}
