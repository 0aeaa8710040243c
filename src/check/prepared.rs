//! A check that may be judged.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::cel::{self, Rule};
use super::path::Path;
use super::table::Tables;
use super::types::Type;
use super::view::roots;
use super::{CheckFile, Severity};

/// A check that may be judged. Its expressions are compiled when they are first needed: most runs need only some.
#[derive(Debug)]
pub struct Check {
    /// `family.fault`.
    pub id: Arc<str>,
    pub file: CheckFile,
    /// What its findings share.
    pub(super) title: Arc<str>,
    pub(super) controls: Arc<[String]>,
    /// Digest of the file's text.
    pub digest: String,
    pub(super) requires: Vec<Path>,
    pub(super) must_exist: Vec<Path>,
    pub(super) each: Option<Path>,
    rule: Option<Expression>,
    /// The record whose publication mends it.
    pub(super) publish: Option<Path>,
    pub(super) severity: SeverityRule,
    tables: Type,
    types: OnceLock<BTreeMap<String, Type>>,
}

/// CEL that is compiled at its first use.
#[derive(Debug)]
pub(super) struct Expression {
    text: String,
    compiled: OnceLock<Result<Rule, String>>,
}

impl Expression {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), compiled: OnceLock::new() }
    }

    /// # Errors
    /// The first fault, which the linter would have found.
    fn compiled(&self, types: &BTreeMap<String, Type>) -> Result<&Rule, String> {
        let compile = || {
            let cel::Compiled { rule, faults, .. } = cel::compile(&self.text, types);
            rule.ok_or_else(|| faults.into_iter().next().unwrap_or_default())
        };
        self.compiled.get_or_init(compile).as_ref().map_err(Clone::clone)
    }
}

/// A fixed severity, or one that depends on the facts.
#[derive(Debug)]
pub(super) enum SeverityRule {
    Fixed(Severity),
    Computed(Expression),
}

impl Check {
    /// The check that a file describes; whether the file is sound is the linter's question.
    pub(super) fn new(id: &str, file: CheckFile, digest: String, tables: &Tables) -> Self {
        let paths = |texts: &[String]| texts.iter().map(|text| Path::parse(text)).collect();
        Self {
            id: id.into(),
            title: file.title.as_str().into(),
            controls: file.controls.as_slice().into(),
            requires: paths(&file.requires),
            must_exist: paths(&file.must_exist),
            each: file.each.as_deref().map(Path::parse),
            rule: file.rule.as_deref().map(Expression::new),
            publish: file.publish.as_deref().map(Path::parse),
            severity: Severity::parse(&file.severity)
                .map_or_else(|| SeverityRule::Computed(Expression::new(&file.severity)), SeverityRule::Fixed),
            tables: tables.ty(),
            types: OnceLock::new(),
            file,
            digest,
        }
    }

    /// The first segment of the id.
    pub fn family(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }

    /// Types by root name, `table` and `item` included; made when the check first meets a subject.
    pub(super) fn types(&self) -> &BTreeMap<String, Type> {
        self.types.get_or_init(|| {
            let mut types = roots(self.file.subject).clone();
            types.insert("table".into(), self.tables.clone());
            let each = self.each.as_ref().and_then(|path| resolve(path, &types).ok()).map(Type::bare);
            if let Some(Type::List(element)) = each {
                // The element keeps its observation, so that a failed one stays in the list as failed.
                let element = element.as_ref().clone();
                types.insert("item".into(), element);
            }
            types
        })
    }

    /// The rule, if there is one beside `must_exist`.
    ///
    /// # Errors
    /// It does not compile.
    pub(super) fn rule(&self) -> Option<Result<&Rule, String>> {
        self.rule.as_ref().map(|rule| rule.compiled(self.types()))
    }

    /// The expression that says how severe it is, if that is no fixed word.
    ///
    /// # Errors
    /// It does not compile.
    pub(super) fn severity_rule(&self) -> Option<Result<&Rule, String>> {
        match &self.severity {
            SeverityRule::Fixed(_) => None,
            SeverityRule::Computed(rule) => Some(rule.compiled(self.types())),
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
