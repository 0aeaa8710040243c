//! Bytes put away one after the other, found again by where they lie: the first in memory, the rest in an unnamed temporary file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::StoreFault;

/// Bytes that are held in memory before a file is made.
const IN_MEMORY: usize = 512 << 10;

/// What is only added to. A copy shares it.
#[derive(Clone, Debug, Default)]
pub struct Spool(Arc<Mutex<Inner>>);

/// Each record is its length, four bytes, and its bytes. They lie in these three places, one behind the other.
#[derive(Debug, Default)]
struct Inner {
    head: Vec<u8>,
    file: Option<File>,
    in_file: u64,
    /// What the file did not take, for want of room or of a folder.
    rest: Vec<u8>,
    fault: Option<StoreFault>,
}

/// Where a record begins in a [`Spool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u64);

impl Spool {
    /// Puts bytes away.
    pub fn put(&self, bytes: &[u8]) -> Place {
        self.with(|inner| inner.put(bytes))
    }

    /// The bytes of a place. What cannot be read is remembered by [`Self::sound`].
    pub fn get(&self, place: Place) -> Option<Vec<u8>> {
        self.with(|inner| inner.get(place).map_err(|error| inner.remember(error.to_string()))).ok()
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
    fn put(&mut self, bytes: &[u8]) -> Place {
        // What is longer than its length can say does not exist here: facts are capped.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        let record = [&length[..], bytes].concat();
        let (in_head, before_rest) = (self.head.len() as u64, self.head.len() as u64 + self.in_file);
        if self.in_file == 0 && self.rest.is_empty() && self.head.len() + record.len() <= IN_MEMORY {
            self.head.extend(record);
            Place(in_head)
        } else if self.rest.is_empty() && self.append(&record).is_ok() {
            Place(before_rest)
        } else {
            let place = Place(before_rest + self.rest.len() as u64);
            self.rest.extend(record);
            place
        }
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(unnamed()?),
        };
        file.seek(SeekFrom::Start(self.in_file))?;
        file.write_all(record)?;
        self.in_file += record.len() as u64;
        Ok(())
    }

    fn get(&mut self, Place(at): Place) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.read(at, &mut length)?;
        let length = u32::from_le_bytes(length);
        // A length that was read wrong must not take memory.
        let end = self.head.len() as u64 + self.in_file + self.rest.len() as u64;
        if at + 4 + u64::from(length) > end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.read(at + 4, &mut bytes)?;
        Ok(bytes)
    }

    /// No record lies in two places.
    fn read(&mut self, at: u64, to: &mut [u8]) -> io::Result<()> {
        let (in_head, before_rest) = (self.head.len() as u64, self.head.len() as u64 + self.in_file);
        let from = |memory: &[u8], at: u64| {
            let at = usize::try_from(at).ok()?;
            memory.get(at..at.checked_add(to.len())?).map(<[u8]>::to_vec)
        };
        let held = match at {
            _ if at < in_head => from(&self.head, at),
            _ if at >= before_rest => from(&self.rest, at - before_rest),
            _ => {
                let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
                file.seek(SeekFrom::Start(at - in_head))?;
                return file.read_exact(to);
            }
        };
        to.copy_from_slice(&held.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
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

    fn long(byte: u8) -> Vec<u8> {
        vec![byte; IN_MEMORY / 2 - 10]
    }

    #[test]
    fn what_is_put_away_is_had_again_in_any_order_and_from_wherever_it_lies() {
        let spool = Spool::default();
        let all: [Vec<u8>; 5] = [long(1), vec![], long(2), long(3), b"short".to_vec()];
        let places = all.each_ref().map(|bytes| spool.put(bytes));
        for at in [4, 0, 3, 1, 2] {
            assert_eq!(spool.get(places[at]).as_ref(), Some(&all[at]), "{at}");
        }
        assert_eq!(spool.sound(), Ok(()));
        let inner = spool.0.lock().unwrap();
        assert!(inner.file.is_some() && inner.rest.is_empty() && inner.head.len() < IN_MEMORY);
    }

    #[test]
    fn what_the_file_does_not_take_stays_in_memory() {
        let spool = Spool::default();
        let first = [long(1), long(2), long(3)].map(|bytes| spool.put(&bytes));
        // A file that was opened for reading takes nothing.
        let full = |inner: &mut Inner| inner.file.replace(File::open("/dev/null").unwrap());
        let file = spool.with(full);
        let later = [spool.put(b"four"), spool.put(b"five")];
        spool.with(|inner| inner.file = file);
        let read: Vec<u8> = first.iter().map(|place| spool.get(*place).unwrap()[0]).collect();
        assert_eq!(read, [1, 2, 3]);
        assert_eq!(later.map(|place| spool.get(place).unwrap()), [b"four", b"five"]);
    }

    #[test]
    fn bytes_that_cannot_be_read_are_not_passed_over_in_silence() {
        let spool = Spool::default();
        spool.put(b"one");
        for lost in [Place(1), Place(9)] {
            assert_eq!(spool.get(lost), None);
            assert!(spool.sound().is_err());
            assert!(spool.clone().sound().is_err(), "a copy shares the file, and its fault");
        }
    }
}
