//! What speaks on a port: listen first, then ask by the port's hint, then in a general order; at most four connections.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::greeting::{self, Greeting, named};
use super::lines;
use super::port_list::{First, listed};
use super::requests::{self, Speech};
use super::talk::{Heard, hear};
use super::vnc;
use crate::facts::{Access, Protocol, Reason};
use crate::net::NetError;

/// How an open port is reached.
pub(super) trait Door: Sync {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;
    /// For a Host field.
    fn host(&self) -> String;
    /// To say this, or to listen.
    fn open(&self, speech: Option<Speech>) -> impl Future<Output = Result<Self::Stream, NetError>> + Send;
    /// A TLS handshake; gives the version.
    fn open_tls(&self) -> impl Future<Output = Result<Option<String>, NetError>> + Send;
}

/// How long to wait for what.
pub(super) struct Pace {
    /// For a greeting.
    pub(super) greeting: Duration,
    /// For an answer.
    pub(super) answer: Duration,
}

/// What speaks, and whether it serves strangers if that was proven either way.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) protocol: Protocol,
    pub(super) access: Option<Access>,
}

/// Most connections made to one port.
const BUDGET: usize = 4;

/// Identifies what speaks, beginning with what is declared, else with what the port list says.
///
/// # Errors
/// The port is silent to everything, closes at once, is too busy, or could not be reached.
pub(super) async fn identify<D: Door>(
    door: &D,
    port: u16,
    declared: Option<First>,
    pace: &Pace,
) -> Result<Found, NetError> {
    let mut talk = Talk { door, port, pace, left: BUDGET, said: None, last: None };
    let first = declared.or_else(|| listed(port).map(|listed| listed.first)).unwrap_or(First::None);
    let mut speeches = order(first);
    let mut carried = None;
    if matches!(first, First::None | First::Listen) {
        let (found, stream) = talk.listen().await?;
        if let Some(found) = found {
            return Ok(found);
        }
        carried = stream;
    }
    while let Some(speech) = speeches.pop_front() {
        match talk.ask(speech, carried.take()).await? {
            Asked::Found(found) => return Ok(found),
            Asked::Clue(better) => {
                speeches.retain(|other| *other != better);
                if better != speech {
                    speeches.push_front(better);
                }
            }
            Asked::Nothing => {}
            Asked::Spent => break,
        }
    }
    talk.give_up()
}

/// The hint first, then the others.
fn order(first: First) -> VecDeque<Speech> {
    let general = [Speech::Http, Speech::Redis, Speech::Tls, Speech::Postgresql, Speech::Memcached];
    let hint = match first {
        First::None | First::Listen => None,
        First::Http => Some(Speech::Http),
        First::Tls => Some(Speech::Tls),
        First::Redis => Some(Speech::Redis),
        First::Memcached => Some(Speech::Memcached),
        First::Postgresql => Some(Speech::Postgresql),
        First::Rdp => Some(Speech::Rdp),
        First::Ldap => Some(Speech::Ldap),
        First::Xmpp => Some(Speech::Xmpp),
    };
    let rest = general.into_iter().filter(|speech| Some(*speech) != hint);
    hint.into_iter().chain(rest).collect()
}

enum Asked {
    Found(Found),
    /// The answer sounds like this protocol.
    Clue(Speech),
    Nothing,
    /// No connection is left.
    Spent,
}

struct Talk<'a, D> {
    door: &'a D,
    port: u16,
    pace: &'a Pace,
    left: usize,
    /// The first thing heard that was not recognised.
    said: Option<Vec<u8>>,
    /// How the last silence ended.
    last: Option<Reason>,
}

impl<D: Door> Talk<'_, D> {
    /// Opens a connection and waits for a greeting. If there is none and the server still listens, gives the connection back.
    async fn listen(&mut self) -> Result<(Option<Found>, Option<D::Stream>), NetError> {
        self.left -= 1;
        let mut stream = self.door.open(None).await?;
        let heard = hear(&mut stream, self.pace.greeting, greeting::is_whole).await;
        if !heard.bytes.is_empty() {
            if let Some(greeting) = greeting::read(&heard.bytes, self.port) {
                return Ok((Some(self.greeted(stream, greeting).await?), None));
            }
            self.note(heard);
            return Ok((None, None));
        }
        let listens = heard.end == Some(Reason::Timeout);
        self.note(heard);
        Ok((None, listens.then_some(stream)))
    }

    async fn greeted(&self, stream: D::Stream, greeting: Greeting) -> Result<Found, NetError> {
        let patience = self.pace.answer;
        let protocol = match greeting {
            Greeting::Whole(protocol, access) => return Ok(Found { protocol, access }),
            Greeting::Mail(protocol) => lines::mail(stream, protocol, patience).await,
            Greeting::Nntp(protocol) => lines::nntp(stream, protocol, patience).await,
            Greeting::Ftp(protocol) => lines::ftp(stream, protocol, patience).await,
            Greeting::Pop3(protocol) => lines::pop3(stream, protocol, patience).await,
            Greeting::Imap(protocol) => lines::imap(stream, protocol, patience).await,
            Greeting::Either(protocol) => lines::either(stream, protocol, patience).await,
            Greeting::Vnc(protocol) => {
                let access = vnc::access(stream, &protocol, patience).await;
                return Ok(Found { protocol, access });
            }
            Greeting::Busy => {
                return Err(NetError::new(Reason::Throttled, "the server said that it is too busy (421)"));
            }
        };
        Ok(Found { protocol, access: None })
    }

    async fn ask(&mut self, speech: Speech, carried: Option<D::Stream>) -> Result<Asked, NetError> {
        if speech == Speech::Tls {
            return Ok(self.ask_tls(carried).await);
        }
        let mut stream = match carried {
            Some(stream) => stream,
            None if self.left == 0 => return Ok(Asked::Spent),
            None => {
                self.left -= 1;
                match self.door.open(Some(speech)).await {
                    Ok(stream) => stream,
                    // The port was open a moment ago: what was learned so far stands.
                    Err(_) if self.left < BUDGET - 1 => return Ok(Asked::Spent),
                    Err(e) => return Err(e),
                }
            }
        };
        // A server that was silent once gets less time to be silent again.
        let patience = if self.last == Some(Reason::Timeout) && self.left < BUDGET - 1 {
            self.pace.answer / 2
        } else {
            self.pace.answer
        };
        let outcome = match speech {
            Speech::Http => requests::http(&mut stream, &self.door.host(), self.port, patience).await,
            Speech::Redis => requests::redis(&mut stream, patience).await,
            Speech::Memcached => requests::memcached(&mut stream, patience).await,
            Speech::Rdp => requests::rdp(&mut stream, patience).await,
            Speech::Ldap => requests::ldap(&mut stream, patience).await,
            Speech::Xmpp => requests::xmpp(&mut stream, &self.door.host(), self.port, patience).await,
            Speech::Postgresql | Speech::Tls => requests::postgresql(&mut stream, patience).await,
        };
        match outcome {
            Ok((protocol, access)) => Ok(Asked::Found(Found { protocol, access })),
            Err(heard) => self.heard_instead(stream, heard).await,
        }
    }

    async fn ask_tls(&mut self, carried: Option<D::Stream>) -> Asked {
        drop(carried);
        if self.left == 0 {
            return Asked::Spent;
        }
        self.left -= 1;
        match self.door.open_tls().await {
            Ok(version) => {
                let protocol = Protocol { protocol_version: version, banner: None, ..named("tls", &[]) };
                Asked::Found(Found { protocol, access: None })
            }
            Err(e) => {
                self.last = Some(e.reason);
                Asked::Nothing
            }
        }
    }

    /// An answer that is not to the question: a greeting after all, a clue, or nothing known.
    async fn heard_instead(&mut self, stream: D::Stream, heard: Heard) -> Result<Asked, NetError> {
        if let Some(greeting) = greeting::read(&heard.bytes, self.port) {
            drop(stream);
            return self.greet_again(greeting).await.map(Asked::Found);
        }
        let clue = requests::clue(&heard);
        self.note(heard);
        Ok(clue.map_or(Asked::Nothing, Asked::Clue))
    }

    /// Our question has muddled the talk: the capabilities are asked for on a fresh connection, if one is left.
    async fn greet_again(&mut self, greeting: Greeting) -> Result<Found, NetError> {
        let known = match greeting {
            Greeting::Whole(protocol, access) => return Ok(Found { protocol, access }),
            Greeting::Busy => {
                return Err(NetError::new(Reason::Throttled, "the server said that it is too busy (421)"));
            }
            Greeting::Mail(p) | Greeting::Ftp(p) | Greeting::Pop3(p) | Greeting::Nntp(p) => p,
            Greeting::Imap(p) | Greeting::Vnc(p) | Greeting::Either(p) => p,
        };
        if self.left > 0
            && let Ok((Some(found), _)) = self.listen().await
        {
            return Ok(found);
        }
        Ok(Found { protocol: known, access: None })
    }

    fn note(&mut self, heard: Heard) {
        if heard.bytes.is_empty() {
            self.last = heard.end.or(self.last);
        } else if self.said.is_none() {
            self.said = Some(heard.bytes);
        }
    }

    fn give_up(self) -> Result<Found, NetError> {
        match (self.said, self.last) {
            (Some(bytes), _) => Ok(Found { protocol: named("unknown", &bytes), access: None }),
            (None, Some(Reason::Closed | Reason::Reset)) => {
                Err(NetError::new(Reason::Closed, "the connection was closed without a word, whatever was said"))
            }
            (None, Some(Reason::NotOurs)) => Err(NetError::new(Reason::NotOurs, "not ours to ask more of it")),
            (None, _) => Err(NetError::new(Reason::Timeout, "accepts connections and says nothing to any greeting")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::mysql::tests::greeting_of;
    use super::*;

    /// A server as a table: what it says on connecting, and what to messages that start so.
    #[derive(Clone, Default)]
    struct Server {
        greeting: Vec<u8>,
        answers: Vec<(&'static [u8], Vec<u8>)>,
        tls: bool,
        /// Closes after anything it does not know.
        strict: bool,
    }

    struct Lab(Server, AtomicUsize);

    impl Door for Lab {
        type Stream = DuplexStream;
        fn host(&self) -> String {
            "www.cec.example".into()
        }
        async fn open(&self, _: Option<Speech>) -> Result<DuplexStream, NetError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            let (client, server) = duplex(16_384);
            tokio::spawn(serve(self.0.clone(), server));
            Ok(client)
        }
        async fn open_tls(&self) -> Result<Option<String>, NetError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            if self.0.tls { Ok(Some("1.3".into())) } else { Err(NetError::garbage("no TLS")) }
        }
    }

    async fn serve(server: Server, mut stream: DuplexStream) {
        let _ = stream.write_all(&server.greeting).await;
        let mut chunk = [0; 2048];
        while let Ok(n @ 1..) = stream.read(&mut chunk).await {
            match server.answers.iter().find(|(start, _)| chunk[..n].starts_with(start)) {
                Some((_, answer)) => drop(stream.write_all(answer).await),
                None if server.strict => return,
                None => {}
            }
        }
    }

    async fn of(server: Server, port: u16) -> (Result<Found, NetError>, usize) {
        let lab = Lab(server, AtomicUsize::new(0));
        let greeting = if lab.0.greeting.is_empty() { 50 } else { 20_000 };
        let pace = Pace { greeting: Duration::from_millis(greeting), answer: Duration::from_millis(400) };
        let found = identify(&lab, port, None, &pace).await;
        (found, lab.1.load(Ordering::SeqCst))
    }
    fn saying(greeting: &[u8], answers: &[(&'static [u8], &str)]) -> Server {
        let answers = answers.iter().map(|(start, answer)| (*start, answer.as_bytes().to_vec())).collect();
        Server { greeting: greeting.to_vec(), answers, ..Server::default() }
    }

    #[tokio::test]
    async fn protocols_that_can_start_tls_are_known_with_their_offer() {
        let ldap = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        let mut directory = Server::default();
        directory.answers.push((b"\x30\x1d\x02", ldap.to_vec()));
        let chat =
            "<stream:stream><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
        for (server, port, name) in [
            (saying(b"220 m LMTP ready\r\n", &[(b"LHLO ", "250-m\r\n250 STARTTLS\r\n")]), 24, "lmtp"),
            (saying(b"200 news\r\n", &[(b"CAPABILITIES", "101 list\r\nSTARTTLS\r\n.\r\n")]), 119, "nntp"),
            (
                saying(b"\"IMPLEMENTATION\" \"x\"\r\n\"SIEVE\" \"fileinto\"\r\n\"STARTTLS\"\r\nOK\r\n", &[]),
                4190,
                "sieve",
            ),
            (directory, 389, "ldap"),
            (saying(b"", &[(b"<?xml", chat)]), 5222, "xmpp"),
        ] {
            let (found, _) = of(server, port).await;
            let protocol = found.unwrap_or_else(|e| panic!("{name}: {e:?}")).protocol;
            assert_eq!((protocol.name.as_str(), protocol.offers_tls), (name, Some(true)));
        }
    }

    #[tokio::test]
    async fn a_greeting_is_enough_wherever_it_comes_from() {
        for port in [22, 80, 5432, 6379, 40_000] {
            let (found, connections) = of(saying(b"SSH-2.0-OpenSSH_9.2p1\r\n", &[]), port).await;
            assert_eq!(found.unwrap().protocol.name, "ssh", "{port}");
            assert_eq!(connections, 1);
        }
        let (found, _) = of(saying(&greeting_of("5.5.5-10.11.4-MariaDB", 0x0800), &[]), 3306).await;
        let protocol = found.unwrap().protocol;
        assert_eq!((protocol.name.as_str(), protocol.offers_tls), ("mysql", Some(true)));
    }

    #[tokio::test]
    async fn mail_and_ftp_servers_are_asked_whether_they_encrypt() {
        let smtp =
            saying(b"220 m.cec.example ESMTP Exim 4.96\r\n", &[(b"EHLO ", "250-m\r\n250-STARTTLS\r\n250 HELP\r\n")]);
        let protocol = of(smtp, 25).await.0.unwrap().protocol;
        assert_eq!((protocol.name.as_str(), protocol.offers_tls), ("smtp", Some(true)));
        let plain = saying(b"220 (vsFTPd 3.0.3)\r\n", &[(b"FEAT", "211-Features:\r\n UTF8\r\n211 End\r\n")]);
        let protocol = of(plain, 2121).await.0.unwrap().protocol;
        assert_eq!((protocol.name.as_str(), protocol.offers_tls), ("ftp", Some(false)));
        let asks = saying(b"220 ftp\r\n", &[(b"FEAT", "530 Log in\r\n"), (b"AUTH TLS", "234 Go\r\n")]);
        assert_eq!(of(asks, 21).await.0.unwrap().protocol.offers_tls, Some(true));
        let mute = saying(b"220 ftp\r\n", &[]);
        assert_eq!(of(mute, 21).await.0.unwrap().protocol.offers_tls, None);
        let either = saying(b"220 hello\r\n", &[(b"EHLO ", "250 hello\r\n")]);
        let protocol = of(either, 9999).await.0.unwrap().protocol;
        assert_eq!((protocol.name.as_str(), protocol.offers_tls), ("smtp", Some(false)));
        let imap = saying(b"* OK ready\r\n", &[(b"a1 ", "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n")]);
        assert_eq!(of(imap, 143).await.0.unwrap().protocol.offers_tls, Some(true));
        let pop = saying(b"+OK\r\n", &[(b"CAPA", "+OK\r\nUSER\r\n.\r\n")]);
        assert_eq!(of(pop, 110).await.0.unwrap().protocol.offers_tls, Some(false));
    }

    #[tokio::test]
    async fn a_redis_is_found_at_its_port_and_at_others() {
        let redis = saying(
            b"",
            &[
                (b"PING", "+PONG\r\n"),
                (b"INFO", "$32\r\n# Server\r\nredis_version:7.0.15\r\n\r\n"),
                (b"GET ", "-ERR wrong number of arguments for 'get' command\r\n"),
            ],
        );
        for (port, connections) in [(6379, 1), (8081, 2), (8080, 2)] {
            let (found, made) = of(redis.clone(), port).await;
            let found = found.unwrap();
            assert_eq!((found.protocol.name.as_str(), found.protocol.version.as_deref()), ("redis", Some("7.0.15")));
            let access = found.access.unwrap();
            assert!(access.open && access.proof == "PING → +PONG");
            assert_eq!(made, connections, "{port}");
        }
    }

    #[tokio::test]
    async fn a_redis_with_a_password_is_not_open() {
        let redis = saying(b"", &[(b"PING", "-NOAUTH Authentication required.\r\n")]);
        assert!(!of(redis, 6379).await.0.unwrap().access.unwrap().open);
    }

    #[tokio::test]
    async fn memcached_and_postgresql_are_found_at_any_port() {
        let memcached = saying(b"", &[(b"version", "VERSION 1.6.18\r\n"), (b"GET ", "ERROR\r\n")]);
        for port in [11211, 7777] {
            let found = of(memcached.clone(), port).await.0.unwrap();
            assert_eq!(
                (found.protocol.name.as_str(), found.protocol.version.as_deref()),
                ("memcached", Some("1.6.18"))
            );
            assert!(found.access.unwrap().open);
        }
        let postgresql = Server { strict: true, ..saying(b"", &[(b"\0\0\0\x08", "N")]) };
        for port in [5432, 7777] {
            let (found, made) = of(postgresql.clone(), port).await;
            let protocol = found.unwrap().protocol;
            assert_eq!((protocol.name.as_str(), protocol.offers_tls), ("postgresql", Some(false)));
            assert!(made <= BUDGET);
        }
    }

    #[tokio::test]
    async fn a_screen_without_password_is_open() {
        for (types, open) in [("\u{2}\u{1}\u{2}", Some(true)), ("\u{1}\u{2}", Some(false)), ("\0", None)] {
            let found = of(saying(b"RFB 003.008\n", &[(b"RFB 003.008\n", types)]), 5900).await.0.unwrap();
            assert_eq!((found.protocol.name.as_str(), found.access.map(|access| access.open)), ("vnc", open));
        }
    }

    #[tokio::test]
    async fn http_and_tls_are_found() {
        let http = saying(b"", &[(b"GET ", "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 0\r\n\r\n")]);
        for port in [80, 6379, 7777] {
            let found = of(http.clone(), port).await.0.unwrap();
            assert_eq!((found.protocol.name.as_str(), found.protocol.product.as_deref()), ("http", Some("nginx")));
        }
        let tls = Server { tls: true, ..Server::default() };
        for port in [443, 7777] {
            let protocol = of(tls.clone(), port).await.0.unwrap().protocol;
            assert_eq!((protocol.name.as_str(), protocol.protocol_version.as_deref()), ("tls", Some("1.3")));
        }
    }

    #[tokio::test]
    async fn silence_is_a_failure_and_an_unknown_word_is_not() {
        let (found, made) = of(Server::default(), 7777).await;
        assert_eq!(found.unwrap_err().reason, Reason::Timeout);
        assert_eq!(made, BUDGET);
        let closing = Server { strict: true, ..Server::default() };
        assert_eq!(of(closing, 7777).await.0.unwrap_err().reason, Reason::Closed);
        let (found, made) = of(saying(b"hello there\r\n", &[]), 7777).await;
        let protocol = found.unwrap().protocol;
        assert_eq!((protocol.name.as_str(), protocol.banner.as_deref()), ("unknown", Some("hello there")));
        assert!(made <= BUDGET);
        let busy = of(saying(b"421 Too many connections\r\n", &[]), 21).await.0;
        assert_eq!(busy.unwrap_err().reason, Reason::Throttled);
    }
}
