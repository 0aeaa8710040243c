//! One HTTP/1.1 request over a stream that `net` dialled. hyper speaks; following redirects is the probe's.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::NetError;
use crate::facts::Reason;

/// What is asked.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// `GET`, `HEAD`, `OPTIONS`.
    pub method: &'static str,
    /// Host field, with the port if it is not the scheme's.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// Most bytes of body to read.
    pub body_cap: usize,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpReply {
    pub status: u16,
    /// Lower-case names; values in order, bytes outside of ASCII replaced.
    pub headers: BTreeMap<String, Vec<String>>,
    pub body: Vec<u8>,
    /// The body went on beyond the cap.
    pub cut: bool,
}

/// The largest header block that is read.
const HEADER_CAP: usize = 64 * 1024;

/// An honest name, with a contact.
pub const USER_AGENT: &str =
    concat!("scrutineer/", env!("CARGO_PKG_VERSION"), " (declared audit; see the authority's notice)");

/// Sends one request over an open stream and reads the answer, all within the patience.
///
/// # Errors
/// Timeout, reset, closed, garbage, or a header block over 64 kB.
pub async fn fetch<S>(stream: S, request: &HttpRequest, patience: Duration) -> Result<HttpReply, NetError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let deadline = Instant::now() + patience;
    timeout_at(deadline, exchange(stream, request)).await.unwrap_or_else(|_| {
        Err(NetError::new(Reason::Timeout, format!("no complete HTTP answer within {} s", patience.as_secs_f32())))
    })
}

async fn exchange<S>(stream: S, request: &HttpRequest) -> Result<HttpReply, NetError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEADER_CAP).max_headers(200);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|e| http_error(&e))?;
    let driver = tokio::spawn(connection);
    let answer = async {
        let question = hyper::Request::builder()
            .method(request.method)
            .uri(&request.path)
            .header("host", &request.host)
            .header("user-agent", USER_AGENT)
            .header("accept", "*/*")
            .header("connection", "close")
            .body(Empty::<Bytes>::new())
            .map_err(|e| NetError::new(Reason::Other, format!("building the request: {e}")))?;
        let response = sender.send_request(question).await.map_err(|e| http_error(&e))?;
        let status = response.status().as_u16();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in response.headers() {
            headers
                .entry(name.as_str().to_owned())
                .or_default()
                .push(String::from_utf8_lossy(value.as_bytes()).into_owned());
        }
        let (body, cut) = read_body(response.into_body(), request.body_cap).await?;
        Ok(HttpReply { status, headers, body, cut })
    };
    let outcome = answer.await;
    driver.abort();
    outcome
}

async fn read_body(mut body: hyper::body::Incoming, cap: usize) -> Result<(Vec<u8>, bool), NetError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| http_error(&e))?;
        if let Ok(data) = frame.into_data() {
            let room = cap.saturating_sub(bytes.len());
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                return Ok((bytes, true));
            }
        }
    }
    Ok((bytes, false))
}

fn http_error(error: &hyper::Error) -> NetError {
    use std::error::Error as _;
    if let Some(io) = error.source().and_then(|s| s.downcast_ref::<std::io::Error>()) {
        return NetError::from_io(io, "speaking HTTP");
    }
    let reason = match error {
        e if e.is_incomplete_message() => Reason::Closed,
        e if e.to_string().contains("too large") => Reason::TooLarge,
        e if e.is_parse() => Reason::Garbage,
        e if e.is_timeout() => Reason::Timeout,
        _ => Reason::Other,
    };
    NetError::new(reason, format!("speaking HTTP: {error}"))
}
