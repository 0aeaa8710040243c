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

/// Sees, before any work, that a file can be written there.
///
/// # Errors
/// The path and why not.
pub(super) fn check_writable(path: &Path) -> Result<(), CliError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        let why = if path.is_dir() {
            "is a folder".to_owned()
        } else {
            format!("the folder {} does not exist", folder.display())
        };
        return Err(CliError::configuration(
            format!("{} cannot be written: {why}", path.display()),
            "Name a file in a folder that exists.",
        ));
    }
    let probe = folder.join(format!(".scrutineer-{}", std::process::id()));
    std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe)).map_err(|e| {
        CliError::configuration(
            format!("{} cannot be written: {e}", path.display()),
            "Name a file in a folder that you may write to.",
        )
    })
}
