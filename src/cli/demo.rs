//! `scrutineer demo`: a small flawed estate served on loopback inside this process, audited by the same code.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::audit::{How, audit, read_estate, runtime};
use super::pipeline::{Output, Telling};
use super::{CliError, Exit, terminal};
use crate::check::Severity;
use crate::net::ConnectionLog;
use crate::scan::Selection;

/// Where the demo's files go.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder for the estate, the facts, the findings and the report
    #[arg(long, value_name = "DIR", default_value = "scrutineer-demo")]
    into: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let folder = &arguments.into;
    std::fs::create_dir_all(folder).map_err(|e| {
        CliError::configuration(
            format!("{} cannot be made: {e}", folder.display()),
            "Name a folder that you may write to with --into.",
        )
    })?;
    let telling = telling(folder)?;
    let library = telling.prepare()?;
    runtime()?.block_on(async {
        let demo = crate::demo::serve(folder).await.map_err(|e| {
            CliError::configuration(
                format!("the demo servers cannot listen on 127.0.0.1: {e}"),
                "Is a firewall or sandbox in the way?",
            )
        })?;
        let declared = read_estate(&demo.estate)?;
        terminal::note("An invented election estate now runs inside this program, on 127.0.0.1. Auditing it.");
        let how = How { now: None, log: ConnectionLog::counting(), timeout: Duration::from_secs(5) };
        audit(declared, &Selection::default(), how, &library, &telling).await?;
        terminal::note(&format!("Open {} in a browser.", folder.join("report.html").display()));
        // The demo's estate is flawed on purpose: having found that is success.
        Ok(Exit::Fine)
    })
}

fn telling(folder: &Path) -> Result<Telling, CliError> {
    let output = |format: &str, file: &str| -> Result<Output, CliError> {
        format!("{format}={}", folder.join(file).display()).parse().map_err(CliError::Internal)
    };
    Ok(Telling {
        outputs: vec![output("html", "report.html")?, output("json", "findings.json")?, output("facts", "facts.json")?],
        fail_on: Severity::High,
        exit_zero: true,
        allow_incomplete: true,
        checks: Vec::new(),
        directories: Vec::new(),
        dmarc_reports: None,
        quiet: false,
    })
}
