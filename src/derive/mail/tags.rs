//! `name=value; name=value`: the form that DMARC, DKIM, MTA-STS and TLS reporting share (RFC 6376 §3.2), read with every fault.

/// What a kind of record knows.
pub(super) struct Grammar {
    /// Names of tags, lower case.
    pub(super) tags: &'static [&'static str],
    /// Tags that may be empty.
    pub(super) empty: &'static [&'static str],
    /// Names that were valid once, and what became of them.
    pub(super) removed: (&'static [&'static str], &'static str),
    /// Where the tags are defined.
    pub(super) source: &'static str,
}

/// One `name = value`, with the place of the value.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) value_at: usize,
}

/// A record read.
pub(super) struct Tags {
    pub(super) list: Vec<Tag>,
    pub(super) faults: Vec<(usize, String)>,
}

impl Tags {
    pub(super) fn read(text: &str, grammar: &Grammar) -> Self {
        let mut tags = Self { list: Vec::new(), faults: Vec::new() };
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !matches!(c, ' '..='~' | '\t')) {
            tags.fault(at, format!("U+{:04X} is not allowed: a record is printable ASCII", u32::from(c)));
        }
        let mut at = 0;
        let parts: Vec<&str> = text.split(';').collect();
        for (index, part) in parts.iter().enumerate() {
            tags.add(at, part, index + 1 == parts.len(), grammar);
            at += part.len() + 1;
        }
        tags
    }

    pub(super) fn fault(&mut self, at: usize, text: impl Into<String>) {
        self.faults.push((at, text.into()));
    }

    /// The first tag of a name.
    pub(super) fn tag(&self, name: &str) -> Option<Tag> {
        self.list.iter().find(|tag| tag.name == name).cloned()
    }

    /// The value of the first tag of a name; empty if there is none.
    pub(super) fn value(&self, name: &str) -> String {
        self.tag(name).map(|tag| tag.value).unwrap_or_default()
    }

    /// Where the record ends: the place of what is missing.
    pub(super) fn end(&self) -> usize {
        self.list.last().map_or(0, |tag| tag.value_at + tag.value.len())
    }

    fn add(&mut self, start: usize, part: &str, is_end: bool, grammar: &Grammar) {
        let at = start + part.len() - part.trim_start().len();
        if part.trim().is_empty() {
            if !is_end {
                self.fault(at, "there is nothing between two semicolons");
            }
            return;
        }
        let Some((name, value)) = part.split_once('=') else {
            self.fault(at, format!("'{}' is no tag: it has no '='", part.trim()));
            return;
        };
        let value_at = start + name.len() + 1 + value.len() - value.trim_start().len();
        let tag = Tag { name: name.trim().to_ascii_lowercase(), value: value.trim().to_owned(), value_at };
        let knows = |names: &[&str]| names.contains(&tag.name.as_str());
        if self.tag(&tag.name).is_some() {
            self.fault(at, format!("the tag '{}' stands more than once", tag.name));
        } else if knows(grammar.removed.0) {
            self.fault(at, format!("the tag '{}' was removed by {}: receivers ignore it", tag.name, grammar.removed.1));
        } else if !knows(grammar.tags) {
            self.fault(at, format!("'{}' is no tag of {}: receivers ignore it", tag.name, grammar.source));
        }
        if tag.value.is_empty() && !knows(grammar.empty) {
            self.fault(tag.value_at, format!("the tag '{}' has no value", tag.name));
        }
        self.list.push(tag);
    }
}

/// Whether a text begins with the tag `v` and exactly this version; white space may surround the sign.
pub(super) fn has_version(text: &str, version: &str) -> bool {
    let first = text.split(';').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(name, value)| name.trim_end() == "v" && value.trim() == version)
}

/// A name of at least two labels, of letters, digits, hyphens and underscores.
pub(super) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.contains('.') && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

/// The places of the parts of a list, each with its part.
pub(super) fn parts(tag: &Tag, separator: char) -> Vec<(usize, &str)> {
    let mut at = tag.value_at;
    let placed = tag.value.split(separator).map(|part| {
        let place = at + part.len() - part.trim_start().len();
        at += part.len() + 1;
        (place, part.trim())
    });
    placed.collect()
}
