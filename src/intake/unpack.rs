//! XML out of gzip and zip, within bounds.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

/// The most that one file may unpack to.
const UNPACKED_CAP: u64 = 32 * 1024 * 1024;

/// The most entries of an archive.
const ENTRY_CAP: usize = 64;

/// The documents in a file.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub(super) fn documents(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(vec![read(MultiGzDecoder::new(bytes), &mut { UNPACKED_CAP })?]);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return entries(bytes);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if text.starts_with(b"<") { Ok(vec![text.to_vec()]) } else { Err("is neither XML, gzip nor zip".into()) }
}

fn entries(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| format!("is no archive: {e}"))?;
    if archive.len() > ENTRY_CAP {
        return Err(format!("holds more than {ENTRY_CAP} files"));
    }
    let mut left = UNPACKED_CAP;
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|e| format!("is no archive: {e}"))?;
        if entry.is_file() {
            found.push(read(entry, &mut left)?);
        }
    }
    Ok(found)
}

/// Takes what is read off what is left.
fn read(from: impl Read, left: &mut u64) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let length = from.take(*left + 1).read_to_end(&mut text).map_err(|e| format!("cannot be unpacked: {e}"))?;
    *left = left
        .checked_sub(u64::try_from(length).unwrap_or(u64::MAX))
        .ok_or_else(|| format!("unpacks to more than {} MB", UNPACKED_CAP / 1024 / 1024))?;
    Ok(text)
}
