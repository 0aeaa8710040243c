//! `scrutineer init`: a commented estate file to start from.

use std::path::PathBuf;

use super::output::write_whole;
use super::{CliError, Exit, terminal};
use crate::estate::STARTER;

/// Where to write it.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file to write
    #[arg(value_name = "PATH", default_value = "estate.toml")]
    path: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let path = &arguments.path;
    if path.exists() {
        return Err(CliError::configuration(
            format!("{} exists already", path.display()),
            "Edit it, or name another file: `scrutineer init other.toml`.",
        ));
    }
    write_whole(path, STARTER)?;
    terminal::data(&path.display().to_string());
    terminal::note("Edit it until it says what you run and who allowed the audit, then: scrutineer audit");
    Ok(Exit::Fine)
}
