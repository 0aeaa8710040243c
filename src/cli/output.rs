//! Files are written aside and then renamed: nobody ever meets half a report.

use std::path::Path;

use super::CliError;

/// Writes the whole text or nothing.
///
/// # Errors
/// The path and why it cannot be written.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<(), CliError> {
    let aside = path.with_file_name(format!(
        ".{}.part-{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    let written = std::fs::write(&aside, text).and_then(|()| std::fs::rename(&aside, path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&aside);
        CliError::configuration(
            format!("{} cannot be written: {e}", path.display()),
            "Name a file in a folder that exists and that you may write to.",
        )
    })
}
