//! The types of a rule, what it reads, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators as op};
use regex::Regex;

use super::{FUNCTIONS, MATCHES, MAX_DEPTH, UNDETERMINED, nearest};
use crate::check::path::Path;
use crate::check::types::Type;
use crate::facts::Timestamp;

/// A walk over the syntax tree that infers types and collects reads and faults.
pub(super) struct Walk {
    pub(super) names: BTreeMap<String, Type>,
    /// Names bound by comprehensions: their fields are not facts' paths of their own.
    pub(super) bound: BTreeSet<String>,
    pub(super) reads: BTreeSet<Path>,
    pub(super) faults: Vec<String>,
    pub(super) depth: usize,
}

impl Walk {
    fn fault(&mut self, text: impl Into<String>) -> Type {
        self.faults.push(text.into());
        Type::Any
    }

    pub(super) fn infer(&mut self, expr: &IdedExpr) -> Type {
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
            MATCHES => {
                self.pattern(call.args.last());
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
