//! Single values: from TOML to types that cannot hold nonsense. Every error says what was expected.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};
use toml::value::Datetime;
use url::Url;

use super::model::{DeclaredService, Rdap, Scheme};
use super::reader::{Value, nearest};

type Read<T> = Result<T, String>;

/// A text of one line that says something.
pub(super) fn text(value: &Value<'_>) -> Read<String> {
    let text = value
        .get_ref()
        .as_str()
        .ok_or_else(|| format!("must be a text in quotes, not a {}", value.get_ref().type_str()))?;
    match text.trim() {
        "" => Err("must not be empty".into()),
        _ if text.chars().any(char::is_control) => Err("must be one line without control characters".into()),
        _ if text.len() > 1000 => Err("is longer than 1000 characters".into()),
        trimmed => Ok(trimmed.to_owned()),
    }
}

/// One of a closed list of words.
pub(super) fn word<T: Copy>(value: &Value<'_>, all: &[T], spell: impl Fn(T) -> &'static str) -> Read<T> {
    let given = text(value)?;
    let words: Vec<&str> = all.iter().map(|v| spell(*v)).collect();
    all.iter().copied().find(|v| spell(*v) == given).ok_or_else(|| {
        let near = nearest(&given, words.iter().copied())
            .map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
        format!("'{given}' is none of {}{near}", words.join(", "))
    })
}

pub(super) fn flag(value: &Value<'_>) -> Read<bool> {
    value.get_ref().as_bool().ok_or_else(|| "must be true or false".into())
}

/// A whole number between two, both included.
pub(super) fn number(value: &Value<'_>, least: i64, most: i64) -> Read<i64> {
    let n = value.get_ref().as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
    n.filter(|n| (least..=most).contains(n)).ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

pub(super) fn port(value: &Value<'_>) -> Read<u16> {
    number(value, 1, 65_535).and_then(|n| u16::try_from(n).map_err(|e| e.to_string()))
}

/// Every element read in the same way.
pub(super) fn list<T>(value: &Value<'_>, read: impl Fn(&Value<'_>) -> Read<T>) -> Read<Vec<T>> {
    let items = value
        .get_ref()
        .as_array()
        .ok_or_else(|| format!("must be a list in brackets, not a {}", value.get_ref().type_str()))?;
    items.iter().enumerate().map(|(n, item)| read(item).map_err(|why| format!("element {}: {why}", n + 1))).collect()
}

pub(super) fn path(value: &Value<'_>) -> Read<PathBuf> {
    text(value).map(PathBuf::from)
}

/// A TOML date, `2028-10-29`.
pub(super) fn date(value: &Value<'_>) -> Read<Date> {
    let expected = || "must be a date like 2028-10-29, without quotes".to_owned();
    let given = value.get_ref().as_datetime().filter(|d| d.time.is_none()).ok_or_else(expected)?;
    day(given).ok_or_else(expected)
}

/// A TOML time with an offset, `2028-11-19T18:00:00+04:00`.
pub(super) fn moment(value: &Value<'_>) -> Read<OffsetDateTime> {
    let expected = || "must be a time with an offset like 2028-11-19T18:00:00+04:00, without quotes".to_owned();
    let given = value.get_ref().as_datetime().ok_or_else(expected)?;
    let day = day(given).ok_or_else(expected)?;
    let clock = given.time.ok_or_else(expected)?;
    let offset = match given.offset.ok_or_else(expected)? {
        toml::value::Offset::Z => UtcOffset::UTC,
        toml::value::Offset::Custom { minutes } => {
            UtcOffset::from_whole_seconds(i32::from(minutes) * 60).map_err(|_| expected())?
        }
    };
    let clock = Time::from_hms(clock.hour, clock.minute, clock.second.unwrap_or(0)).map_err(|_| expected())?;
    Ok(day.with_time(clock).assume_offset(offset))
}

fn day(given: &Datetime) -> Option<Date> {
    let date = given.date?;
    Date::from_calendar_date(i32::from(date.year), Month::try_from(date.month).ok()?, date.day).ok()
}

/// A host or zone name: lower case, ASCII by IDNA, without the final dot.
pub(super) fn name(value: &Value<'_>) -> Read<String> {
    host_name(&text(value)?)
}

pub(super) fn host_name(given: &str) -> Read<String> {
    let bare = given.strip_suffix('.').unwrap_or(given);
    match url::Host::parse(bare) {
        Ok(url::Host::Domain(name)) if is_host_name(&name) => Ok(name),
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => {
            Err(format!("'{given}' is an address; name the host, and pin its address with addresses = [\"{given}\"]"))
        }
        _ => Err(format!(
            "'{given}' is no host name; expected one like results.cec.example, without scheme, port or path"
        )),
    }
}

/// RFC 1123 §2.1, and underscores, which real names have.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

pub(super) fn address(value: &Value<'_>) -> Read<IpAddr> {
    let given = text(value)?;
    given.parse().map_err(|_| format!("'{given}' is no address; expected one like 192.0.2.10 or 2001:db8::10"))
}

pub(super) fn socket(value: &Value<'_>) -> Read<SocketAddr> {
    let given = text(value)?;
    given
        .parse()
        .map_err(|_| format!("'{given}' is no address with port; expected one like 192.0.2.53:53 or [2001:db8::53]:53"))
}

pub(super) fn network(value: &Value<'_>) -> Read<IpNet> {
    let given = text(value)?;
    let net: IpNet = given.parse().map_err(|_| format!("'{given}' is no network; expected one like 192.0.2.0/24"))?;
    if net.trunc() == net {
        Ok(net)
    } else {
        Err(format!("'{given}' has bits beyond its prefix; did you mean {}?", net.trunc()))
    }
}

/// `http`, `https`, `https:8443`, `tcp/9000`.
pub(super) fn service(value: &Value<'_>) -> Read<DeclaredService> {
    let given = text(value)?;
    let expected = || format!("'{given}' is no service; write http, https, http:8080, https:8443 or tcp/9000");
    let port = |text: &str| text.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(expected);
    match given.as_str() {
        "http" => Ok(DeclaredService { scheme: Scheme::Http, port: 80 }),
        "https" => Ok(DeclaredService { scheme: Scheme::Https, port: 443 }),
        other => match (other.split_once(':'), other.split_once('/')) {
            (Some(("http", n)), _) => Ok(DeclaredService { scheme: Scheme::Http, port: port(n)? }),
            (Some(("https", n)), _) => Ok(DeclaredService { scheme: Scheme::Https, port: port(n)? }),
            (_, Some(("tcp", n))) => Ok(DeclaredService { scheme: Scheme::Tcp, port: port(n)? }),
            _ => Err(expected()),
        },
    }
}

/// The base address of an RDAP server, `true` for the one that a list has, or `false` for none. The list is not built in: an old one would
/// lead to the wrong server.
pub(super) fn rdap(value: &Value<'_>, has_list: bool) -> Read<Option<Rdap>> {
    match value.get_ref().as_bool() {
        Some(false) => return Ok(None),
        Some(true) if has_list => return Ok(Some(Rdap::Listed)),
        Some(true) => {
            return Err("true does not say which server: give the base address of your registry's RDAP server, like \
                        \"https://rdap.registry.example/\", or save https://data.iana.org/rdap/dns.json and name the file in \
                        [scan] rdap_bootstrap"
                .into());
        }
        None => {}
    }
    let given = text(value)?;
    let plain = |url: &Url| {
        url.scheme() == "https"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    let url = Url::parse(&given).ok().filter(plain);
    url.map(|url| Some(Rdap::At(url))).ok_or_else(|| {
        format!("'{given}' is no address of an RDAP server; expected one like https://rdap.registry.example/")
    })
}

/// The path of a page, as a browser would ask for it.
pub(super) fn page(value: &Value<'_>) -> Read<String> {
    let given = text(value)?;
    let plain = given.starts_with('/') && given.is_ascii() && !given.contains([' ', '#', '"', '<', '>', '\\']);
    plain
        .then_some(given.clone())
        .ok_or_else(|| format!("'{given}' is no path; expected one like /results, percent-encoded where needed"))
}

/// ISO 3166-1 alpha-2.
pub(super) fn country(value: &Value<'_>) -> Read<String> {
    let given = text(value)?;
    let good = given.len() == 2 && given.bytes().all(|b| b.is_ascii_uppercase());
    good.then_some(given.clone())
        .ok_or_else(|| format!("'{given}' is no country code; expected two capital letters like GE"))
}

pub(super) fn email(value: &Value<'_>) -> Read<String> {
    let given = text(value)?;
    let good = given
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !given.contains(' '));
    good.then_some(given.clone()).ok_or_else(|| format!("'{given}' is no mail address"))
}
