//! One SPF record as terms with their places; faults of syntax are collected, never stopped at (RFC 7208 §4.6.1, §12).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::domain;

/// A record read.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) terms: Vec<Term>,
    /// Faults of syntax, each a permanent error for receivers, by byte offset.
    pub(super) faults: Vec<(usize, String)>,
    pub(super) length: usize,
}

/// A term that could be read.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) at: usize,
    pub(super) text: String,
    /// `+` where none is written.
    pub(super) qualifier: char,
    pub(super) kind: Kind,
}

/// What a term is; names in lower case without final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    All,
    Include(String),
    /// The name; empty for the record's own.
    A(String),
    Mx(String),
    Ptr,
    Exists(String),
    /// `width` is the number of bits in an address of the family.
    Network {
        width: u8,
        length: u8,
    },
    Redirect(String),
    /// `exp` and unknown modifiers.
    Other,
}

impl Kind {
    pub(super) fn is_mechanism(&self) -> bool {
        !matches!(self, Self::Redirect(_) | Self::Other)
    }

    /// Whether evaluation counts it against the limit (§4.6.4).
    pub(super) fn asks(&self) -> bool {
        matches!(self, Self::Include(_) | Self::A(_) | Self::Mx(_) | Self::Ptr | Self::Exists(_) | Self::Redirect(_))
    }
}

const MECHANISMS: [&str; 8] = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];

impl Record {
    /// Reads a text that begins with `v=spf1`.
    pub(super) fn read(text: &str) -> Self {
        let mut record = Self { length: text.len(), ..Self::default() };
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !matches!(c, ' '..='~')) {
            record.faults.push((at, format!("U+{:04X} is not allowed: a record is printable ASCII", u32::from(c))));
        }
        let mut at = 0;
        for word in text.split(' ') {
            // The first word is the version.
            if at > 0 && !word.is_empty() {
                record.add(at, word);
            }
            at += word.len() + 1;
        }
        record.check_modifiers();
        record
    }

    /// Index of the first `all`.
    pub(super) fn all(&self) -> Option<usize> {
        self.terms.iter().position(|term| term.kind == Kind::All)
    }

    /// The name of the first `redirect`.
    pub(super) fn redirect(&self) -> Option<&str> {
        self.terms.iter().find_map(|term| match &term.kind {
            Kind::Redirect(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn add(&mut self, at: usize, word: &str) {
        let end = word.find([':', '/', '=']).unwrap_or(word.len());
        let is_modifier = word[end..].starts_with('=');
        let outcome = if is_modifier { modifier(at, word, end) } else { directive(at, word) };
        match outcome {
            Ok((kind, qualifier)) => self.terms.push(Term { at, text: word.to_owned(), qualifier, kind }),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// `redirect` and `exp` stand at most once (§6).
    fn check_modifiers(&mut self) {
        for name in ["redirect=", "exp="] {
            let is_it = |term: &&Term| term.text.get(..name.len()).is_some_and(|s| s.eq_ignore_ascii_case(name));
            for again in self.terms.iter().filter(is_it).skip(1) {
                self.faults.push((again.at, format!("'{name}' stands more than once (§6)")));
            }
        }
    }
}

type Read = Result<(Kind, char), (usize, String)>;

fn modifier(at: usize, word: &str, end: usize) -> Read {
    let (name, value) = (&word[..end], &word[end + 1..]);
    let value_at = at + end + 1;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !is_name {
        return Err((at, format!("'{word}' is neither a mechanism nor a modifier")));
    }
    let kind = match name.to_ascii_lowercase().as_str() {
        "redirect" => Kind::Redirect(domain::spec(value, value_at)?),
        "exp" => domain::spec(value, value_at).map(|_| Kind::Other)?,
        bare if MECHANISMS.contains(&bare) => {
            return Err((at + end, format!("'{bare}' is a mechanism and takes ':', not '='")));
        }
        // An unknown modifier is ignored, but has to be well-formed (§6).
        _ => domain::macros(value, value_at).map(|()| Kind::Other)?,
    };
    Ok((kind, '+'))
}

fn directive(at: usize, word: &str) -> Read {
    let (qualifier, bare) = match word.strip_prefix(['+', '-', '~', '?']) {
        Some(bare) => (word.chars().next().unwrap_or('+'), bare),
        None => ('+', word),
    };
    let bare_at = at + word.len() - bare.len();
    let end = bare.find([':', '/']).unwrap_or(bare.len());
    let (name, argument) = (bare[..end].to_ascii_lowercase(), &bare[end..]);
    let place = bare_at + end;
    let kind = match name.as_str() {
        "all" if argument.is_empty() => Kind::All,
        "all" => return Err((place, "'all' takes nothing behind it".into())),
        "include" => Kind::Include(required(argument, place, "include")?),
        "exists" => Kind::Exists(required(argument, place, "exists")?),
        "a" => Kind::A(host(argument, place)?),
        "mx" => Kind::Mx(host(argument, place)?),
        "ptr" => optional(argument, place).map(|_| Kind::Ptr)?,
        "ip4" => ip4(argument, place)?,
        "ip6" => ip6(argument, place)?,
        other => return Err((bare_at, unknown(other))),
    };
    Ok((kind, qualifier))
}

fn unknown(name: &str) -> String {
    let near = MECHANISMS.iter().find(|known| known.len() > 1 && strsim::damerau_levenshtein(known, name) == 1);
    match near {
        Some(near) => format!("'{name}' is no mechanism; '{near}' is (§4.6.1)"),
        None => format!("'{name}' is no mechanism (§4.6.1)"),
    }
}

/// `:domain-spec`.
fn required(argument: &str, at: usize, name: &str) -> Result<String, (usize, String)> {
    match argument.strip_prefix(':') {
        Some(spec) => domain::spec(spec, at + 1),
        None => Err((at, format!("'{name}' needs ':' and a name"))),
    }
}

/// `[:domain-spec]`.
fn optional(argument: &str, at: usize) -> Result<String, (usize, String)> {
    match (argument, argument.strip_prefix(':')) {
        ("", _) => Ok(String::new()),
        (_, Some(spec)) => domain::spec(spec, at + 1),
        _ => Err((at, format!("'{argument}' cannot stand here"))),
    }
}

/// `[:domain-spec] [/length] [//length]` (§5.3, §5.4).
fn host(argument: &str, at: usize) -> Result<String, (usize, String)> {
    // A macro holds slashes only in its delimiters; lengths are at the end.
    let cut = lengths_at(argument);
    let name = optional(&argument[..cut], at)?;
    let lengths = &argument[cut..];
    let (four, six) = match lengths.split_once("//") {
        Some((four, six)) => (four, Some(six)),
        None => (lengths, None),
    };
    if !four.is_empty() {
        length(four.strip_prefix('/').unwrap_or(four), 32, at + cut + 1)?;
    }
    if let Some(six) = six {
        length(six, 128, at + cut + four.len() + 2)?;
    }
    Ok(name)
}

/// Where the trailing run of slashes and digits starts that begins with a slash.
fn lengths_at(argument: &str) -> usize {
    let tail = argument
        .rfind(|c: char| c != '/' && !c.is_ascii_digit())
        .map_or(0, |at| at + argument[at..].chars().next().map_or(1, char::len_utf8));
    argument[tail..].find('/').map_or(argument.len(), |slash| tail + slash)
}

fn length(digits: &str, most: u8, at: usize) -> Result<u8, (usize, String)> {
    let plain = digits == "0" || (!digits.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit()));
    let value = digits.parse::<u8>().ok().filter(|n| plain && *n <= most);
    value.ok_or_else(|| (at, format!("'/{digits}' is no prefix length from /0 to /{most}")))
}

fn ip4(argument: &str, at: usize) -> Result<Kind, (usize, String)> {
    let (address, length) = network(argument, at, "ip4", 32)?;
    match address.parse::<Ipv4Addr>() {
        Ok(_) => Ok(Kind::Network { width: 32, length }),
        Err(_) => Err((at + 1, format!("'{address}' is no IPv4 address"))),
    }
}

fn ip6(argument: &str, at: usize) -> Result<Kind, (usize, String)> {
    let (address, length) = network(argument, at, "ip6", 128)?;
    match address.parse::<Ipv6Addr>() {
        Ok(_) => Ok(Kind::Network { width: 128, length }),
        Err(_) => Err((at + 1, format!("'{address}' is no IPv6 address"))),
    }
}

/// `:address[/length]` (§5.6).
fn network<'a>(argument: &'a str, at: usize, name: &str, width: u8) -> Result<(&'a str, u8), (usize, String)> {
    let Some(text) = argument.strip_prefix(':') else {
        return Err((at, format!("'{name}' needs ':' and an address")));
    };
    match text.split_once('/') {
        Some((address, digits)) => Ok((address, length(digits, width, at + 2 + address.len())?)),
        None => Ok((text, width)),
    }
}
