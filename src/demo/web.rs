//! Three websites, over plain HTTP and over TLS: one well kept, one careless, one that was never meant to be public.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::certificates::{Authority, self_signed};
use super::{Addresses, failed, listen};

const WWW: &str = "www.cec.example";
const RESULTS: &str = "results.cec.example";
const REGISTER: &str = "register.cec.example";

/// The longest request that is read.
const REQUEST_CAP: usize = 16 * 1024;

/// Serves plain HTTP; gives the port.
pub(super) async fn serve_plain(servers: &mut JoinSet<()>, addresses: &Addresses) -> io::Result<u16> {
    let (port, listeners) = listen::tcp(&machines(addresses)).await?;
    for listener in listeners {
        listen::each(servers, listener, |stream| converse(stream, false, String::new()));
    }
    Ok(port)
}

/// Serves HTTPS; gives the port.
pub(super) async fn serve_tls(
    servers: &mut JoinSet<()>,
    addresses: &Addresses,
    authority: &Authority,
    now: OffsetDateTime,
) -> io::Result<u16> {
    let acceptor = acceptor(authority, now)?;
    let expires = (now + Duration::days(300)).replace_nanosecond(0).unwrap_or(now);
    let expires = expires.format(&Rfc3339).map_err(failed("writing a date"))?;
    let (port, listeners) = listen::tcp(&machines(addresses)).await?;
    for listener in listeners {
        let (acceptor, expires) = (acceptor.clone(), expires.clone());
        listen::each(servers, listener, move |stream| {
            let (acceptor, expires) = (acceptor.clone(), expires.clone());
            async move { converse(acceptor.accept(stream).await?, true, expires).await }
        });
    }
    Ok(port)
}

fn machines(addresses: &Addresses) -> Vec<IpAddr> {
    vec![addresses.www, addresses.results, addresses.register]
}

/// A certificate by server name. The one of the results ends before the results are final; the one of the register is nobody's.
fn acceptor(authority: &Authority, now: OffsetDateTime) -> io::Result<TlsAcceptor> {
    let day = Duration::days;
    let by_name = BTreeMap::from([
        (WWW, authority.issue(WWW, now - day(20), now + day(90))?),
        (RESULTS, authority.issue(RESULTS, now - day(60), now + day(50))?),
        (REGISTER, self_signed(REGISTER, now - day(200), now + day(600))?),
    ]);
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed("setting up TLS"))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName(by_name)));
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[derive(Debug)]
struct ByName(BTreeMap<&'static str, Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.get(hello.server_name()?).cloned()
    }
}

/// One request, one answer.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, secure: bool, expires: String) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_CAP {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    stream.write_all(page(&host(&request), &path, secure, &expires).as_bytes()).await?;
    stream.shutdown().await
}

/// The Host field without its port.
fn host(request: &str) -> String {
    let field = request.lines().find_map(|line| line.strip_prefix("Host: ").or_else(|| line.strip_prefix("host: ")));
    field.unwrap_or_default().split(':').next().unwrap_or_default().trim().to_owned()
}

fn page(host: &str, path: &str, secure: bool, expires: &str) -> String {
    match (host, path, secure) {
        (WWW, _, false) => answer("301 Moved Permanently", &[("Location", &format!("https://{WWW}{path}"))], ""),
        (WWW, "/.well-known/security.txt", true) => answer(
            "200 OK",
            &[("Content-Type", "text/plain; charset=utf-8")],
            &format!("Contact: mailto:security@cec.example\r\nExpires: {expires}\r\n"),
        ),
        (WWW, "/" | "/where-to-vote", true) => answer("200 OK", CAREFUL, WELCOME),
        (RESULTS, "/", _) => answer("200 OK", CARELESS, RESULTS_PAGE),
        (REGISTER, "/", _) => answer("200 OK", FORGOTTEN, REGISTER_PAGE),
        _ => answer("404 Not Found", &[("Content-Type", "text/plain")], "not here\r\n"),
    }
}

fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

const CAREFUL: &[(&str, &str)] = &[
    ("Content-Type", "text/html; charset=utf-8"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
];

const CARELESS: &[(&str, &str)] = &[
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src * 'unsafe-inline' 'unsafe-eval'"),
    ("Set-Cookie", "SESSIONID=demo; Path=/"),
];

const FORGOTTEN: &[(&str, &str)] = &[
    ("Content-Type", "text/html; charset=utf-8"),
    ("Server", "Apache/2.4.29 (Ubuntu)"),
    ("X-Powered-By", "PHP/7.2.24"),
];

const WELCOME: &str = "<!doctype html><html lang=\"en\"><title>Central Election Commission</title>\
    <h1>Where to vote</h1><p>An invented commission, for a demonstration.</p></html>";

const RESULTS_PAGE: &str = "<!doctype html><html lang=\"en\"><title>Results</title><h1>Results</h1>\
    <script src=\"http://cdn.charts.example/chart.js\"></script><p>Counting.</p></html>";

const REGISTER_PAGE: &str = "<!doctype html><html lang=\"en\"><title>Voter register</title><h1>Sign in</h1>\
    <form action=\"http://register.cec.example/login\" method=\"post\"><input name=\"user\"></form></html>";
