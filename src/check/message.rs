//! Messages of findings: handlebars over the names that the rule saw, as plain text. Whoever shows the text escapes it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use serde_json::{Map, Value};

use super::path::{Seen, open};
use super::types::Type;

static ENGINE: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(handlebars::no_escape);
    engine.register_helper("date", Box::new(date));
    engine.register_helper("join", Box::new(join));
    engine.register_helper("count", Box::new(count));
    engine
});

/// Renders a template; a name that is not there is an error, so that no message ever has a hole.
///
/// # Errors
/// What the template asks for that is not there.
pub(super) fn render(template: &str, data: &Map<String, Value>) -> Result<String, String> {
    let mut text = ENGINE.render_template(template, data).map_err(|e| e.to_string())?;
    // The engine reserves kilobytes for each.
    text.shrink_to_fit();
    Ok(text)
}

/// A fact as templates see it: observations seen through, what was not observed left out.
pub(super) fn plain(value: &Value, ty: &Type) -> Option<Value> {
    match ty {
        Type::Observation(inner) => match open(value) {
            Seen::Value(seen) => plain(seen, inner),
            Seen::Absent | Seen::Blocked(_) => None,
        },
        Type::Object(object) => {
            let field =
                |(name, value): (&String, &Value)| Some((name.clone(), plain(value, &object.fields.get(name)?.ty)?));
            Some(Value::Object(value.as_object()?.iter().filter_map(field).collect()))
        }
        Type::Map(inner) => {
            let entry = |(name, value): (&String, &Value)| Some((name.clone(), plain(value, inner)?));
            Some(Value::Object(value.as_object()?.iter().filter_map(entry).collect()))
        }
        Type::List(inner) => {
            Some(Value::Array(value.as_array()?.iter().filter_map(|item| plain(item, inner)).collect()))
        }
        _ => Some(value.clone()),
    }
}

/// As [`plain`], of objects only the fields on the way to what is asked for: a view is large, and a message names little of it.
pub(super) fn plain_parts(value: &Value, ty: &Type, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return plain(value, ty);
    }
    match ty {
        Type::Observation(inner) => match open(value) {
            Seen::Value(seen) => plain_parts(seen, inner, paths),
            Seen::Absent | Seen::Blocked(_) => None,
        },
        Type::Object(object) => {
            let mut fields: BTreeMap<&str, Vec<&[&str]>> = BTreeMap::new();
            for (name, rest) in paths.iter().filter_map(|path| path.split_first()) {
                fields.entry(name).or_default().push(rest);
            }
            let field = |(name, rest): (&str, Vec<&[&str]>)| {
                let part = plain_parts(value.get(name)?, &object.fields.get(name)?.ty, &rest)?;
                Some((name.to_owned(), part))
            };
            Some(Value::Object(fields.into_iter().filter_map(field).collect()))
        }
        _ => plain(value, ty),
    }
}

/// The dotted words between the braces of a template. Names of helpers are among them, and lead nowhere.
pub(super) fn paths(template: &str) -> Vec<Vec<&str>> {
    let inside = template.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let words = inside.flat_map(|text| text.split(|c: char| c.is_whitespace() || "#/^&(){}\"".contains(c)));
    words.filter(|word| !word.is_empty()).map(|word| word.split('.').collect()).collect()
}

type Made = Result<String, RenderErrorReason>;

fn write(out: &mut dyn Output, made: Made) -> HelperResult {
    Ok(out.write(&made?)?)
}

/// `{{date x}}`: the day of a time, `2028-10-29`.
fn date(
    h: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let text = h.param(0).and_then(|p| p.value().as_str());
    write(
        out,
        text.and_then(|t| t.get(..10)).map(str::to_owned).ok_or(RenderErrorReason::ParamNotFoundForIndex("date", 0)),
    )
}

/// `{{join xs}}`: the elements with commas, at most twelve.
fn join(
    h: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let items =
        h.param(0).and_then(|p| p.value().as_array()).ok_or(RenderErrorReason::ParamNotFoundForIndex("join", 0))?;
    let word = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    let mut words: Vec<String> = items.iter().take(12).map(word).collect();
    if items.len() > 12 {
        words.push(format!("and {} more", items.len() - 12));
    }
    write(out, Ok(if words.is_empty() { "none".to_owned() } else { words.join(", ") }))
}

/// `{{count xs}}`: how many elements.
fn count(
    h: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let items =
        h.param(0).and_then(|p| p.value().as_array()).ok_or(RenderErrorReason::ParamNotFoundForIndex("count", 0))?;
    write(out, Ok(items.len().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_tells_which_facts_it_names() {
        let named = paths("{{zone.name}} has {{join zone.dns.ns}}{{#if item.x}} and {{{item.y}}}{{/if}}");
        let named: Vec<String> = named.iter().map(|path| path.join(" ")).collect();
        assert_eq!(named, ["zone name", "join", "zone dns ns", "if", "item x", "item y", "if"]);
    }
}
