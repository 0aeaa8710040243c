//! The HTML report: one file, no script, nothing loaded from elsewhere. Each section has a model (made here, plain data) and a
//! partial under `reports/html/` of the same name; templates hold no logic beyond *if there is one* and *for each*.

mod calendar;
mod cover;
mod findings;
mod limits;
mod management;
mod matrix;
mod method;
mod names;
mod nis;
mod sheets;
mod undetermined;
mod words;

use std::ops::Deref;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use handlebars::Handlebars;
use rust_embed::RustEmbed;
use serde::Serialize;

use super::{Fix, Input, ReportError, fixes};
use crate::check::Finding;

#[derive(RustEmbed)]
#[folder = "reports/html/"]
struct Templates;

/// What is told here. One page has every finding, some of them several times: here they are all in memory.
#[derive(Clone, Copy)]
struct Told<'a> {
    input: &'a Input<'a>,
    /// By check, subject and element.
    held: &'a [Arc<Finding>],
}

impl<'a> Told<'a> {
    fn findings(&self) -> impl Iterator<Item = &'a Finding> + use<'a> {
        self.held.iter().map(|finding| &**finding)
    }
    fn fixes(&self) -> Vec<Fix> {
        fixes(self.held.iter().cloned(), usize::MAX)
    }
}

impl<'a> Deref for Told<'a> {
    type Target = Input<'a>;
    fn deref(&self) -> &Input<'a> {
        self.input
    }
}

/// Everything the templates show.
#[derive(Serialize)]
struct Page {
    style: String,
    /// `sha256-…` of the style, for the content security policy.
    style_hash: String,
    title: String,
    cover: cover::Cover,
    management: management::Management,
    calendar: Option<calendar::Calendar>,
    matrix: matrix::Matrix,
    nis: nis::Nis,
    findings: findings::Findings,
    undetermined: undetermined::Undetermined,
    sheets: sheets::Sheets,
    names: Option<names::Names>,
    limits: limits::Limits,
    method: method::Method,
}

/// The report as one HTML file.
///
/// # Errors
/// A template that does not fit its model: a fault of ours.
pub fn html(input: &Input<'_>) -> Result<String, ReportError> {
    let mut held: Vec<Arc<Finding>> = input.findings.iter().collect();
    held.sort_by(|a, b| (&a.check, &a.subject, &a.element).cmp(&(&b.check, &b.subject, &b.element)));
    let input = &Told { input, held: &held };
    let style = template("style.css")?;
    let cover = cover::cover(input);
    let page = Page {
        style_hash: format!("sha256-{}", STANDARD.encode(digest(&SHA256, style.as_bytes()))),
        style,
        title: format!("Resilience audit: {}", cover.authority),
        management: management::management(input),
        calendar: calendar::calendar(input),
        matrix: matrix::matrix(input),
        nis: nis::nis(input),
        findings: findings::findings(input),
        undetermined: undetermined::undetermined(input),
        sheets: sheets::sheets(input),
        names: names::names(input),
        limits: limits::limits(input),
        method: method::method(input),
        cover,
    };
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_helper("css", Box::new(unescaped_style));
    for file in Templates::iter().filter(|file| file.ends_with(".hbs")) {
        let name = file.trim_end_matches(".hbs").to_owned();
        engine.register_partial(&name, template(&file)?).map_err(|e| ReportError::Template(e.to_string()))?;
    }
    engine.render("page", &page).map_err(|e| ReportError::Template(e.to_string()))
}

/// Our own style sheet goes in as it is; nothing else does.
fn unescaped_style(
    _: &handlebars::Helper<'_>,
    _: &Handlebars<'_>,
    context: &handlebars::Context,
    _: &mut handlebars::RenderContext<'_, '_>,
    out: &mut dyn handlebars::Output,
) -> handlebars::HelperResult {
    out.write(context.data().get("style").and_then(serde_json::Value::as_str).unwrap_or_default())?;
    Ok(())
}

fn template(file: &str) -> Result<String, ReportError> {
    let found = Templates::get(file).ok_or_else(|| ReportError::Template(format!("reports/html/{file} is missing")))?;
    Ok(String::from_utf8_lossy(&found.data).into_owned())
}
