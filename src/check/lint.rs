//! What is wrong with a check file. Every fault names its line.

use std::collections::{BTreeMap, BTreeSet};

use super::cel;
use super::path::Path;
use super::prepared::{Check, SeverityRule, resolve};
use super::table::Tables;
use super::types::Type;
use super::{CheckFile, Expect};

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

/// Reads one file and lints it. `name` is what messages call it; `id` comes from its path.
pub(super) fn read(name: &str, id: &str, text: &str, tables: &Tables) -> Result<Check, Vec<CheckFault>> {
    let file: CheckFile = toml::from_str(text).map_err(|e| vec![parse_fault(name, text, &e)])?;
    let check = Check::new(id, file, crate::facts::digest(text.as_bytes()), tables);
    let faults = lint(name, text, &check);
    if faults.is_empty() { Ok(check) } else { Err(faults) }
}

/// Every fault of a check's file.
fn lint(name: &str, text: &str, check: &Check) -> Vec<CheckFault> {
    let Check { file, requires, must_exist, each, publish, .. } = check;
    let types = check.types();
    let mut lint = Lint { name, text, faults: Vec::new() };
    lint.words(&check.id, file);
    if let Some(each) = each {
        lint.each(each, types);
    }
    lint.paths("requires", requires, types);
    lint.paths("must_exist", must_exist, types);
    let known: Vec<Path> = requires.iter().chain(must_exist).chain(each).cloned().collect();
    if let Some(rule) = &file.rule {
        lint.expression("rule", rule, types, &known, &Type::Bool);
    } else if must_exist.is_empty() {
        lint.fault("rule", "a check has a rule, or must_exist, or both");
    }
    if matches!(check.severity, SeverityRule::Computed(_)) {
        lint.expression("severity", &file.severity, types, &known, &Type::String);
    }
    if let Some(path) = publish {
        lint.publish(path, types);
    }
    lint.cases(file);
    lint.faults
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

    /// The list to walk.
    fn each(&mut self, path: &Path, types: &BTreeMap<String, Type>) {
        match resolve(path, types).map(Type::bare) {
            Ok(Type::List(_)) => {}
            Ok(other) => self.fault("each", format!("{path} is a {}, not a list", other.word())),
            Err(why) => self.fault("each", why),
        }
    }

    /// What is published has lines.
    fn publish(&mut self, path: &Path, types: &BTreeMap<String, Type>) {
        match resolve(path, types).map(Type::bare) {
            Ok(Type::Object(record)) if record.fields.contains_key("lines") => {}
            Ok(_) => self.fault("publish", format!("{path} is no record to publish")),
            Err(why) => self.fault("publish", why),
        }
    }

    fn paths(&mut self, key: &str, paths: &[Path], types: &BTreeMap<String, Type>) {
        for why in paths.iter().filter_map(|path| resolve(path, types).err()) {
            self.fault(key, why);
        }
    }

    fn expression(&mut self, key: &str, text: &str, types: &BTreeMap<String, Type>, known: &[Path], wanted: &Type) {
        let compiled = cel::compile(text, types);
        for fault in &compiled.faults {
            self.fault(key, fault);
        }
        let Some(rule) = compiled.rule else { return };
        if let Some(fault) = cel::doubt(text) {
            self.fault(key, fault);
        }
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
