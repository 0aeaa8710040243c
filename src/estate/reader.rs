//! TOML tables with places: every key that is asked for is known, every other one is a fault, and every fault has its line.

use std::cell::RefCell;
use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::EstateError;

/// A value with its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// Collects what is wrong.
pub(super) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    list: RefCell<Vec<EstateError>>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, list: RefCell::default() }
    }
    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|b| **b == b'\n').count() + 1
    }
    pub(super) fn add(&self, offset: usize, key: &str, message: impl Into<String>) {
        let line = self.line(offset);
        self.list.borrow_mut().push(EstateError {
            file: self.file.into(),
            line,
            key: key.into(),
            message: message.into(),
        });
    }
    /// All faults in order of line.
    pub(super) fn into_list(self) -> Vec<EstateError> {
        let mut list = self.list.into_inner();
        list.sort_by(|a, b| (a.line, &a.key).cmp(&(b.line, &b.key)));
        list
    }
}

/// A table being read.
pub(super) struct Table<'a> {
    pub(super) faults: &'a Faults<'a>,
    /// Dotted path, empty for the file itself.
    path: String,
    table: &'a DeTable<'a>,
    /// Where the table starts.
    pub(super) offset: usize,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(faults: &'a Faults<'a>, path: String, table: &'a DeTable<'a>, offset: usize) -> Self {
        Self { faults, path, table, offset, known: RefCell::default() }
    }

    /// Reads a key that may be left out.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(key)?;
        match read(value) {
            Ok(read) => Some(read),
            Err(why) => {
                self.faults.add(value.span().start, &self.dotted(key), why);
                None
            }
        }
    }

    /// Reads a key that must be there.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Result<T, String>,
    ) -> Option<T> {
        if self.value(key).is_none() {
            self.fault(key, "is missing");
        }
        self.optional(key, read)
    }

    /// A table below this one.
    pub(super) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.value(key)?;
        self.as_table(value, self.dotted(key))
    }

    /// The tables of a list below this one, `[[key]]` or `key = [{…}]`.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.faults.add(
                value.span().start,
                &self.dotted(key),
                format!("must be a list of tables; write [[{key}]]"),
            );
            return Vec::new();
        };
        list.iter()
            .enumerate()
            .filter_map(|(n, item)| self.as_table(item, format!("{}[{}]", self.dotted(key), n + 1)))
            .collect()
    }

    /// The keys of a table whose names are free, such as `[contacts]`.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Value<'a>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), value))
    }

    pub(super) fn as_table(&self, value: &'a Value<'a>, path: String) -> Option<Table<'a>> {
        match value.get_ref().as_table() {
            Some(table) => Some(Table::new(self.faults, path, table, value.span().start)),
            None => {
                self.faults.add(
                    value.span().start,
                    &path,
                    format!("must be a table, not a {}", value.get_ref().type_str()),
                );
                None
            }
        }
    }

    /// A fault at a key, or at the table if the key is not there.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>) {
        let offset = self.table.iter().find(|(k, _)| k.get_ref() == key).map_or(self.offset, |(k, _)| k.span().start);
        self.faults.add(offset, &self.dotted(key), message);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(k, _)| k.get_ref() == key)
    }

    /// Every key that nobody asked for is a fault.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| !known.contains(key.get_ref().as_ref())) {
            let near = nearest(key.get_ref(), known.iter().copied());
            let list = known.iter().copied().collect::<Vec<_>>().join(", ");
            let message = near.map_or_else(
                || format!("is not a key here; there are {list}"),
                |near| format!("is not a key here; did you mean '{near}'?"),
            );
            self.faults.add(key.span().start, &self.dotted(key.get_ref()), message);
        }
    }

    pub(super) fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn value(&self, key: &'static str) -> Option<&'a Value<'a>> {
        self.known.borrow_mut().insert(key);
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, value)| value)
    }
}

/// The nearest of some words, if one is near.
pub(super) fn nearest<'w>(wrong: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let best =
        words.into_iter().map(|word| (strsim::jaro_winkler(wrong, word), word)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score > 0.78).map(|(_, word)| word)
}
