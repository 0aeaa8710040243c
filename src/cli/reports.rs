//! `--dmarc-reports DIR`: a folder of DMARC aggregate reports, read beside what a run sees.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::CliError;
use crate::facts::{Input, digest};
use crate::intake::{FILE_CAP, dmarc_reports};

/// The most files of a folder.
const MOST_FILES: usize = 20_000;

/// The reports of a folder as an input of the run, in digested form.
pub(super) fn input(folder: &Path) -> Result<Input, CliError> {
    let files = files(folder).map_err(|why| {
        CliError::configuration(
            format!("--dmarc-reports {}: {why}", folder.display()),
            "Name a folder of aggregate reports as they came by mail: XML, gz or zip.",
        )
    })?;
    let named = files.iter().map(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        (crate::facts::printable(&name, 200), bytes(path))
    });
    let reports = dmarc_reports(named);
    let text = serde_json::to_string(&reports).map_err(|e| CliError::Internal(e.to_string()))?;
    Ok(Input { digest: digest(text.as_bytes()), text })
}

/// The files right in the folder, by name; hidden ones are passed over.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("cannot be read: {e}"))? {
        let path = entry.map_err(|e| format!("cannot be read: {e}"))?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_file() && !is_hidden {
            found.push(path);
        }
        if found.len() > MOST_FILES {
            return Err(format!("holds more than {MOST_FILES} files"));
        }
    }
    if found.is_empty() {
        return Err("holds no file".into());
    }
    found.sort();
    Ok(found)
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    let cap = u64::try_from(FILE_CAP).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(cap + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() > FILE_CAP { Err(format!("is larger than {} MB", FILE_CAP / 1024 / 1024)) } else { Ok(bytes) }
}
