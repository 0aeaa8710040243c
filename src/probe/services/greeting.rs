//! What servers say before they are asked.

use super::mysql::{self, MySql};
use super::talk::{banner, text};
use crate::facts::{Access, Protocol, printable};

/// A greeting, and what may still be asked of the one who greeted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Greeting {
    /// Nothing more to ask.
    Whole(Protocol, Option<Access>),
    /// Ask for capabilities.
    /// SMTP or LMTP, by its name.
    Mail(Protocol),
    Nntp(Protocol),
    Ftp(Protocol),
    Pop3(Protocol),
    Imap(Protocol),
    /// Ask for the security types.
    Vnc(Protocol),
    /// 220 without a word of FTP or mail: EHLO tells.
    Either(Protocol),
    /// 421: too busy to talk.
    Busy,
}

/// A protocol of which only name and banner are known.
pub(super) fn named(name: &str, bytes: &[u8]) -> Protocol {
    Protocol {
        name: name.into(),
        product: None,
        version: None,
        banner: banner(bytes),
        offers_tls: None,
        protocol_version: None,
    }
}

/// Whether a greeting is whole as far as bytes can tell. When in doubt, the patience decides.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let last_line_is_final = || {
        let text = text(bytes);
        let last = text.lines().last().unwrap_or_default();
        // `220-` goes on; SSH may send other lines before its identification (RFC 4253 §4.2).
        last.as_bytes().get(3) != Some(&b'-') || last.starts_with("SSH-")
    };
    match bytes.first() {
        Some(0xff) => bytes.len() >= 3,
        _ if mysql::is_whole(bytes) => true,
        Some(b'"') => bytes.windows(3).any(|three| three == b"\nOK") && bytes.ends_with(b"\n"),
        _ => bytes.ends_with(b"\n") && last_line_is_final(),
    }
}

/// Recognises a greeting; `port` decides only where words do not.
pub(super) fn read(bytes: &[u8], port: u16) -> Option<Greeting> {
    if let Some(mysql) = mysql::read(bytes) {
        return Some(of_mysql(mysql, bytes));
    }
    if is_telnet(bytes) {
        return Some(Greeting::Whole(telnet(bytes), None));
    }
    if matches!(bytes, [0x15 | 0x16, 3, 0..=4, ..]) {
        return Some(Greeting::Whole(Protocol { banner: None, ..named("tls", bytes) }, None));
    }
    let all = text(bytes);
    if let Some(line) = all.lines().find(|line| line.starts_with("SSH-")) {
        return ssh(line).map(|protocol| Greeting::Whole(protocol, None));
    }
    let line = all.lines().next().unwrap_or_default();
    match line {
        _ if line.starts_with("220") => Some(of_220(&all, bytes, port)),
        _ if line.starts_with("421") => Some(Greeting::Busy),
        _ if line.starts_with("554 ") && port != 21 => Some(Greeting::Whole(named("smtp", bytes), None)),
        _ if line.starts_with("+OK") => Some(Greeting::Pop3(with_product(named("pop3", bytes), &all))),
        _ if line.starts_with("* OK") || line.starts_with("* PREAUTH") => {
            Some(Greeting::Imap(with_product(named("imap", bytes), &all)))
        }
        // ManageSieve lists its capabilities unasked (RFC 5804 §1.7).
        _ if all.contains("\"SIEVE\"") => {
            let ended = all.lines().any(|line| line.starts_with("OK"));
            let offers_tls = ended.then(|| all.lines().any(|line| line.trim().eq_ignore_ascii_case("\"STARTTLS\"")));
            Some(Greeting::Whole(Protocol { offers_tls, ..with_product(named("sieve", bytes), &all) }, None))
        }
        // RFC 3977 §5.1.1.
        _ if (line.starts_with("200 ") || line.starts_with("201 ")) && (port == 119 || all.contains("NNTP")) => {
            Some(Greeting::Nntp(named("nntp", bytes)))
        }
        _ if line.starts_with("RFB 00") => vnc(line, bytes),
        _ if line.starts_with("@RSYNCD: ") => {
            let version = line.split_ascii_whitespace().nth(1).map(|v| printable(v, 20));
            Some(Greeting::Whole(Protocol { protocol_version: version, ..named("rsync", bytes) }, None))
        }
        _ if line.starts_with("INFO {") => Some(nats(line, bytes)),
        _ if is_login_prompt(&all) => Some(Greeting::Whole(named("telnet", bytes), None)),
        _ => None,
    }
}

/// `SSH-protoversion-softwareversion comments` (RFC 4253 §4.2).
fn ssh(line: &str) -> Option<Protocol> {
    let mut parts = line.trim_end().splitn(3, '-').skip(1);
    let (protocol, rest) = (parts.next()?, parts.next()?);
    let software = rest.split_ascii_whitespace().next().unwrap_or_default();
    let (product, version) = match software.split_once('_') {
        Some((product, version)) => (product, Some(version)),
        None => (software, None),
    };
    let version = version.filter(|v| v.starts_with(|c: char| c.is_ascii_digit()));
    let product = if version.is_some() { product } else { software };
    Some(Protocol {
        product: Some(printable(product, 60)).filter(|p| !p.is_empty()),
        version: version.map(|v| printable(v, 60)),
        protocol_version: Some(printable(protocol, 20)),
        ..named("ssh", line.as_bytes())
    })
}

fn of_220(all: &str, bytes: &[u8], port: u16) -> Greeting {
    let lower = all.to_ascii_lowercase();
    let ftp = ["ftp", "filezilla"].iter().any(|word| lower.contains(word));
    let mail = ["smtp", "esmtp", "postfix", "exim", "sendmail", "mail service"].iter().any(|word| lower.contains(word));
    let mail_port = matches!(port, 25 | 465 | 587 | 2525);
    if lower.contains("lmtp") {
        return Greeting::Mail(with_product(named("lmtp", bytes), all));
    }
    match (ftp, mail) {
        (true, false) => Greeting::Ftp(with_product(named("ftp", bytes), all)),
        (false, true) => Greeting::Mail(with_product(named("smtp", bytes), all)),
        _ if port == 21 => Greeting::Ftp(with_product(named("ftp", bytes), all)),
        _ if mail_port => Greeting::Mail(with_product(named("smtp", bytes), all)),
        _ => Greeting::Either(with_product(named("ftp", bytes), all)),
    }
}

/// Products as they write themselves in greetings; the version is the next word that starts with a digit.
const PRODUCTS: &[&str] = &[
    "vsFTPd",
    "ProFTPD",
    "Pure-FTPd",
    "FileZilla Server",
    "Microsoft FTP Service",
    "Serv-U",
    "Exim",
    "Postfix",
    "Sendmail",
    "Microsoft ESMTP MAIL Service",
    "Haraka",
    "OpenSMTPD",
    "Dovecot",
    "Courier",
    "Cyrus IMAP",
];

fn with_product(protocol: Protocol, greeting: &str) -> Protocol {
    let lower = greeting.to_ascii_lowercase();
    let found = PRODUCTS.iter().find_map(|product| Some((*product, lower.find(&product.to_ascii_lowercase())?)));
    let Some((product, at)) = found else { return protocol };
    let after = greeting.get(at + product.len()..).unwrap_or_default();
    let words = after.split(|c: char| c.is_whitespace() || "()[],;/".contains(c)).filter(|word| !word.is_empty());
    // A version comes right after the name, perhaps behind one word such as `Version`.
    let version = words.take(2).map(|word| word.trim_start_matches(['v', 'V'])).find(|w| is_version(w));
    Protocol { product: Some(product.into()), version: version.map(|v| printable(v, 60)), ..protocol }
}

fn is_version(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')
}

/// IAC and a command from SE on (RFC 854).
fn is_telnet(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xf0..=0xfe, ..])
}

/// The text between the negotiations (RFC 854): IAC WILL/WONT/DO/DONT take one option, SB runs to IAC SE.
fn telnet(bytes: &[u8]) -> Protocol {
    let mut words = Vec::new();
    let mut rest = bytes;
    loop {
        rest = match rest {
            [0xff, 0xfa, tail @ ..] => match tail.windows(2).position(|pair| pair == [0xff, 0xf0]) {
                Some(end) => tail.get(end + 2..).unwrap_or_default(),
                None => &[],
            },
            [0xff, 0xfb..=0xfe, _, tail @ ..] | [0xff, _, tail @ ..] => tail,
            [byte, tail @ ..] => {
                words.push(*byte);
                tail
            }
            [] => break,
        };
    }
    named("telnet", &words)
}

/// A login prompt in plain text, as small devices send it without negotiation.
fn is_login_prompt(all: &str) -> bool {
    let last = all.lines().last().unwrap_or_default().trim_end().to_ascii_lowercase();
    ["login:", "username:", "user name:", "password:"].iter().any(|prompt| last.ends_with(prompt))
}

/// `RFB 003.008` (RFC 6143 §7.1.1).
fn vnc(line: &str, bytes: &[u8]) -> Option<Greeting> {
    let (major, minor) = line.trim().strip_prefix("RFB ")?.split_once('.')?;
    let (major, minor): (u16, u16) = (major.parse().ok()?, minor.parse().ok()?);
    Some(Greeting::Vnc(Protocol { protocol_version: Some(format!("{major}.{minor}")), ..named("vnc", bytes) }))
}

/// The INFO line of NATS is JSON and says whether credentials are wanted.
fn nats(line: &str, bytes: &[u8]) -> Greeting {
    let info: serde_json::Value =
        line.strip_prefix("INFO ").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let flag = |name: &str| info.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
    let protocol = Protocol {
        product: Some("NATS".into()),
        version: info.get("version").and_then(|v| v.as_str()).map(|v| printable(v, 60)),
        offers_tls: info.is_object().then(|| flag("tls_required") || flag("tls_available")),
        ..named("nats", bytes)
    };
    let open = !flag("auth_required") && !flag("tls_verify");
    let access =
        info.is_object().then(|| Access { open, proof: format!("INFO, auth_required {}", flag("auth_required")) });
    Greeting::Whole(protocol, access)
}

fn of_mysql(mysql: MySql, bytes: &[u8]) -> Greeting {
    match mysql {
        MySql::Greeting { product, version, offers_tls } => {
            let protocol = Protocol {
                product: Some(product.into()),
                version: Some(printable(&version, 60)),
                offers_tls,
                banner: None,
                ..named("mysql", bytes)
            };
            Greeting::Whole(protocol, None)
        }
        MySql::Refusal { code, text } => {
            let said = printable(&text, 120);
            let access = Access { open: false, proof: format!("connect → error {code}: {said}") };
            Greeting::Whole(Protocol { banner: Some(said), ..named("mysql", bytes) }, Some(access))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn protocol(bytes: &[u8], port: u16) -> Protocol {
        match read(bytes, port).unwrap_or_else(|| panic!("{}", text(bytes))) {
            Greeting::Whole(p, _) | Greeting::Mail(p) | Greeting::Ftp(p) => p,
            Greeting::Pop3(p) | Greeting::Imap(p) | Greeting::Vnc(p) | Greeting::Either(p) => p,
            Greeting::Nntp(p) => p,
            Greeting::Busy => panic!("busy"),
        }
    }

    #[test]
    fn greetings_are_told_apart_with_product_and_version() {
        // (greeting, name, product, version)
        let table = [
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "ssh", Some("OpenSSH"), Some("9.2p1")),
            ("Welcome\r\nSSH-2.0-dropbear_2022.83\r\n", "ssh", Some("dropbear"), Some("2022.83")),
            ("SSH-1.99-Cisco-1.25\n", "ssh", Some("Cisco-1.25"), None),
            ("220 (vsFTPd 3.0.3)\r\n", "ftp", Some("vsFTPd"), Some("3.0.3")),
            ("220 ProFTPD 1.3.8 Server (Debian) [::ffff:192.0.2.1]\r\n", "ftp", Some("ProFTPD"), Some("1.3.8")),
            ("220-FileZilla Server 1.8.0\r\n220 Please visit\r\n", "ftp", Some("FileZilla Server"), Some("1.8.0")),
            ("220 mail.cec.example ESMTP Exim 4.96 Mon, 23 Nov 2026\r\n", "smtp", Some("Exim"), Some("4.96")),
            ("220 mail.cec.example ESMTP Postfix (Debian/GNU)\r\n", "smtp", Some("Postfix"), None),
            ("+OK Dovecot ready.\r\n", "pop3", Some("Dovecot"), None),
            ("* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n", "imap", Some("Dovecot"), None),
            ("RFB 003.008\n", "vnc", None, None),
            ("@RSYNCD: 31.0\n", "rsync", None, None),
            ("INFO {\"version\":\"2.10.1\",\"auth_required\":true}\r\n", "nats", Some("NATS"), Some("2.10.1")),
            ("\r\nRouter\r\nUsername: ", "telnet", None, None),
        ];
        for (greeting, name, product, version) in table {
            let found = protocol(greeting.as_bytes(), 9999);
            assert_eq!(
                (found.name.as_str(), found.product.as_deref(), found.version.as_deref()),
                (name, product, version),
                "{greeting}"
            );
        }
        assert_eq!(protocol(b"SSH-1.99-x\n", 22).protocol_version.as_deref(), Some("1.99"));
        assert_eq!(protocol(b"RFB 003.008\n", 22).protocol_version.as_deref(), Some("3.8"));
    }

    #[test]
    fn the_port_decides_only_where_words_do_not() {
        assert_eq!(protocol(b"220 ready\r\n", 21).name, "ftp");
        assert_eq!(protocol(b"220 ready\r\n", 587).name, "smtp");
        assert!(matches!(read(b"220 ready\r\n", 9999), Some(Greeting::Either(_))));
        assert_eq!(protocol(b"220 x ESMTP\r\n", 21).name, "smtp");
    }

    #[test]
    fn telnet_is_known_by_its_negotiation_and_its_text_is_kept() {
        let found = protocol(b"\xff\xfd\x18\xff\xfb\x01\xff\xfa\x18\x01\xff\xf0Debian login: ", 9999);
        assert_eq!((found.name.as_str(), found.banner.as_deref()), ("telnet", Some("Debian login:")));
    }

    #[test]
    fn a_broker_that_wants_no_credentials_is_open() {
        let open = |json: &str| match read(format!("INFO {json}\r\n").as_bytes(), 4222) {
            Some(Greeting::Whole(_, access)) => access.map(|access| access.open),
            _ => None,
        };
        assert_eq!(open("{\"version\":\"2\"}"), Some(true));
        assert_eq!(open("{\"auth_required\":true}"), Some(false));
        assert_eq!(open("{broken"), None);
    }

    #[test]
    fn busy_and_nonsense_are_no_protocols() {
        assert_eq!(read(b"421 Too many connections\r\n", 21), Some(Greeting::Busy));
        assert_eq!(read(b"hello\r\n", 22), None);
        assert_eq!(read(b"", 22), None);
    }

    #[test]
    fn a_greeting_of_several_lines_is_waited_for() {
        assert!(!is_whole(b"220-Welcome\r\n"));
        assert!(is_whole(b"220-Welcome\r\n220 ready\r\n"));
        assert!(is_whole(b"SSH-2.0-x\r\n"));
        assert!(!is_whole(b"SSH-2.0"));
        assert!(is_whole(b"\xff\xfd\x18"));
        assert!(is_whole(&mysql::tests::greeting_of("8.0.1", 0)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), port: u16) {
            is_whole(&bytes);
            read(&bytes, port);
        }
        #[test]
        fn any_greeting_is_read_without_harm(start in "(SSH-|220[ -]|\\+OK|\\* OK|RFB 00|@RSYNCD: |INFO \\{|421)", rest in "(?s).{0,80}", port: u16) {
            read(format!("{start}{rest}").as_bytes(), port);
        }
    }
}
