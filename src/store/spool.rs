//! Bytes in an unnamed temporary file, found again by where they lie.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::StoreFault;

/// A file that is only added to. It is made when the first bytes come; a copy shares it.
#[derive(Clone, Debug, Default)]
pub struct Spool(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    file: Option<File>,
    end: u64,
    fault: Option<StoreFault>,
}

/// Where bytes lie in a [`Spool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    at: u64,
    length: u32,
}

impl Spool {
    /// Puts bytes away. `None` if they cannot be, for want of space or of a folder: then they are better held in memory.
    pub fn put(&self, bytes: &[u8]) -> Option<Place> {
        let length = u32::try_from(bytes.len()).ok()?;
        self.with(|inner| inner.append(bytes)).ok().map(|at| Place { at, length })
    }

    /// The bytes of a place. What cannot be read is remembered by [`Self::sound`].
    pub fn get(&self, place: Place) -> Option<Vec<u8>> {
        self.with(|inner| inner.read(place).map_err(|error| inner.remember(error.to_string()))).ok()
    }

    /// Notes that what was read is not what was put away.
    pub(super) fn blame(&self, why: String) {
        self.with(|inner| inner.remember(why));
    }

    /// Whether all that was asked for could be had.
    ///
    /// # Errors
    /// The first thing that could not.
    pub fn sound(&self) -> Result<(), StoreFault> {
        self.with(|inner| inner.fault.clone().map_or(Ok(()), Err))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let at = self.end;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(unnamed()?),
        };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(at)
    }

    fn read(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; usize::try_from(place.length).map_err(io::Error::other)?];
        file.seek(SeekFrom::Start(place.at))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn remember(&mut self, why: String) {
        self.fault.get_or_insert(StoreFault(why));
    }
}

/// Where `TMPDIR` says; else in `/var/tmp`, because `/tmp` is often memory itself.
fn unnamed() -> io::Result<File> {
    let large = Path::new("/var/tmp");
    if std::env::var_os("TMPDIR").is_none() && large.is_dir() {
        return tempfile::tempfile_in(large).or_else(|_| tempfile::tempfile());
    }
    tempfile::tempfile()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_away_is_had_again_in_any_order() {
        let spool = Spool::default();
        let places: Vec<Place> = ["one", "", "three"].iter().map(|text| spool.put(text.as_bytes()).unwrap()).collect();
        let again: Vec<Vec<u8>> = places.iter().rev().map(|place| spool.get(*place).unwrap()).collect();
        assert_eq!(again, [&b"three"[..], b"", b"one"]);
        assert_eq!(spool.sound(), Ok(()));
    }

    #[test]
    fn bytes_that_cannot_be_read_are_not_passed_over_in_silence() {
        let spool = Spool::default();
        spool.put(b"one").unwrap();
        assert_eq!(spool.get(Place { at: 0, length: 4 }), None);
        assert!(spool.sound().is_err());
        assert!(spool.clone().sound().is_err(), "a copy shares the file, and its fault");
    }
}
