//! Files are written aside and then renamed: nobody ever meets half a report.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::CliError;

/// Writes the whole text or nothing.
///
/// # Errors
/// The path and why it cannot be written.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<(), CliError> {
    write_as_it_comes(path, |file| file.write_all(text.as_bytes()))
}

/// As [`write_whole`], for what need not be in memory at once.
///
/// # Errors
/// The path and why it cannot be written.
pub(super) fn write_as_it_comes(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    let aside = path.with_file_name(format!(
        ".{}.part-{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    // What is no file, such as a pipe or a device, is written to and not replaced.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let filled = || {
            let mut there = BufWriter::new(File::options().write(true).open(path)?);
            write(&mut there)?;
            there.flush()
        };
        return filled().map_err(|e| unwritable(path, &e));
    }
    let filled = || {
        let mut file = BufWriter::new(File::create(&aside)?);
        write(&mut file)?;
        file.flush()?;
        std::fs::rename(&aside, path)
    };
    let written = filled();
    written.map_err(|e| {
        let _ = std::fs::remove_file(&aside);
        unwritable(path, &e)
    })
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::configuration(
        format!("{} cannot be written: {error}", path.display()),
        "Name a file in a folder that exists and that you may write to.",
    )
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
