//! `scrutineer judge` and `scrutineer report`: stored facts judged and told again, without touching the network.

use std::path::{Path, PathBuf};

use super::audit::estate_faults;
use super::pipeline::{Telling, assess, tell};
use super::{CliError, Exit};
use crate::estate::Estate;
use crate::facts::{Document, SCHEMA, Timestamp};

/// What to judge again.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A facts file, as written by `--output facts=PATH`
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Judge as of this moment instead of the run's own
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
    #[command(flatten)]
    telling: Telling,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let mut document = read(&arguments.run)?;
    if let Some(now) = arguments.now {
        document.run.now = now;
    }
    let estate = estate_of(&document, &arguments.run)?;
    let library = arguments.telling.prepare()?;
    let judged = assess(&mut document, &estate, &library, &arguments.telling);
    tell(&mut document, &estate, &library, &judged, &arguments.telling)
}

fn read(path: &Path) -> Result<Document, CliError> {
    let advice = "Give a facts file that `scrutineer audit --output facts=PATH` wrote.";
    let fault = |what: String| CliError::configuration(format!("{}: {what}", path.display()), advice);
    let text = std::fs::read_to_string(path).map_err(|e| fault(format!("cannot be read: {e}")))?;
    let document: Document = serde_json::from_str(&text).map_err(|e| fault(format!("is no facts document: {e}")))?;
    if document.schema != SCHEMA {
        return Err(fault(format!("has schema {}, this build reads {SCHEMA}", document.schema)));
    }
    Ok(document)
}

/// The estate is part of the facts, verbatim.
fn estate_of(document: &Document, path: &Path) -> Result<Estate, CliError> {
    let name = format!("{} (its estate)", path.display());
    let text = document.inputs.get("estate").map(|input| input.text.as_str()).unwrap_or_default();
    match toml::from_str::<BareHosts>(text) {
        Ok(bare) => Estate::bare(&bare.hosts),
        Err(_) => Estate::parse(&name, text),
    }
    .map_err(|faults| estate_faults(&faults))
}

/// How `audit HOST` notes what it was given.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BareHosts {
    hosts: Vec<String>,
}
