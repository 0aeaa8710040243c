//! The HTML report: one file, no script, nothing loaded from elsewhere. Each section has a model (made here, plain data) and a
//! partial under `reports/html/` of the same name; templates hold no logic beyond *if there is one* and *for each*.
//! What may be thousands is no part of a model: a template names it with `many`, and it is made, told and forgotten one at a time.

mod calendar;
mod cover;
mod findings;
mod gathered;
mod limits;
mod management;
mod matrix;
mod method;
mod names;
mod nis;
mod sheets;
mod undetermined;
mod words;

use std::io::{self, Write};
use std::ops::Deref;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use handlebars::{Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason};
use rust_embed::RustEmbed;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Input, ReportError};
use gathered::Gathered;

#[derive(RustEmbed)]
#[folder = "reports/html/"]
struct Templates;

/// What is told here.
struct Told<'a> {
    input: &'a Input<'a>,
    gathered: Gathered,
}

impl<'a> Deref for Told<'a> {
    type Target = Input<'a>;
    fn deref(&self) -> &Input<'a> {
        self.input
    }
}

/// What the templates show, but for what is told [one at a time](Many).
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
    names: Option<names::Names>,
    limits: limits::Limits,
    method: method::Method,
}

/// Writes the report as one HTML file.
///
/// # Errors
/// It cannot be written; what was put away for it cannot be had again; or a template does not fit its model, which is a fault of ours.
pub fn html(input: &Input<'_>, to: &mut dyn Write) -> Result<(), ReportError> {
    let told = Told { input, gathered: Gathered::of(input) };
    let style = template("style.css")?;
    let cover = cover::cover(&told);
    let page = Page {
        style_hash: format!("sha256-{}", STANDARD.encode(digest(&SHA256, style.as_bytes()))),
        style,
        title: format!("Resilience audit: {}", cover.authority),
        management: management::management(&told),
        calendar: calendar::calendar(&told),
        matrix: matrix::matrix(&told),
        nis: nis::nis(&told),
        findings: findings::findings(&told),
        undetermined: undetermined::undetermined(&told),
        names: names::names(&told),
        limits: limits::limits(&told),
        method: method::method(&told),
        cover,
    };
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_helper("css", Box::new(unescaped_style));
    engine.register_helper("many", Box::new(Many(&told)));
    for file in Templates::iter().filter(|file| file.ends_with(".hbs")) {
        let name = file.trim_end_matches(".hbs").to_owned();
        engine.register_partial(&name, template(&file)?).map_err(|e| ReportError::Template(e.to_string()))?;
    }
    engine.render_to_write("page", &page, to).map_err(|e| match e.reason() {
        RenderErrorReason::IOError(error) => ReportError::Writing(io::Error::new(error.kind(), error.to_string())),
        _ => ReportError::Template(e.to_string()),
    })?;
    Ok(told.gathered.sound()?)
}

/// `{{many "fixes"}}`, `{{many "seen" check}}`: what may be thousands is made, told and forgotten one at a time, each by a template.
struct Many<'a>(&'a Told<'a>);

impl HelperDef for Many<'_> {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        engine: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let word = |at| helper.param(at).and_then(|param| param.value().as_str()).unwrap_or_default();
        let mut show = |template, model: Value| engine.render_to_write(template, &model, Through(out));
        let (told, of) = (self.0, word(1));
        match word(0) {
            "fixes" => findings::fixes(told).try_for_each(|fix| show("fix", json!(fix))),
            "seen" => findings::seen(told, of).try_for_each(|seen| show("seen", json!(seen))),
            "unjudged" => undetermined::unjudged(told, of).try_for_each(|open| show("unjudged", json!(open))),
            "hosts" => sheets::hosts(told).try_for_each(|sheet| show("sheet", json!(sheet))),
            "zones" => sheets::zones(told).try_for_each(|sheet| show("sheet", json!(sheet))),
            other => Err(RenderErrorReason::Other(format!("there is no list '{other}'")).into()),
        }
    }
}

/// What a template inside a template writes, passed on as it comes: one repair may have thousands of findings.
struct Through<'a>(&'a mut dyn Output);

impl Write for Through<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(str::from_utf8(bytes).map_err(io::Error::other)?)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
