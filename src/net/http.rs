//! One HTTP/1.1 request over a stream that `net` dialled. hyper speaks; following redirects is the probe's.

use std::collections::BTreeMap;
use std::io::{Error as IoError, ErrorKind};
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

/// The most header fields that are read.
const FIELD_CAP: usize = 500;

/// An honest name, with a contact.
pub const USER_AGENT: &str =
    concat!("scrutineer/", env!("CARGO_PKG_VERSION"), " (declared audit; see the authority's notice)");

/// Sends one request over an open stream and reads the answer, all within the patience.
///
/// # Errors
/// Timeout, reset, closed, garbage, or a header block over 64 kB or 500 fields.
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
    builder.max_buf_size(HEADER_CAP).max_header_size(HEADER_CAP).max_headers(FIELD_CAP);
    // As lenient as browsers are: a folded line or a space before the colon hides no header from a visitor.
    builder.allow_obsolete_multiline_headers_in_responses(true).allow_spaces_after_header_name_in_responses(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|e| http_error(&e))?;
    let _driver = Driver(tokio::spawn(async move {
        // What goes wrong here arrives at the request or its body, too.
        let _ = connection.await;
    }));
    let response = sender.send_request(question(request)?).await.map_err(|e| http_error(&e))?;
    let status = response.status().as_u16();
    let headers = fields(response.headers());
    let ends_by_closing = !headers.contains_key("content-length") && !headers.contains_key("transfer-encoding");
    let (body, cut) = read_body(response.into_body(), request.body_cap, ends_by_closing).await?;
    Ok(HttpReply { status, headers, body, cut })
}

/// Ends the connection's task with the exchange, however that ends.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn question(request: &HttpRequest) -> Result<hyper::Request<Empty<Bytes>>, NetError> {
    hyper::Request::builder()
        .method(request.method)
        .uri(&request.path)
        .header("host", &request.host)
        .header("user-agent", USER_AGENT)
        .header("accept", "*/*")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|e| NetError::new(Reason::Other, format!("building the request: {e}")))
}

fn fields(headers: &hyper::HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        fields.entry(name.as_str().to_owned()).or_default().push(text);
    }
    fields
}

/// The body up to the cap, and whether it went on. A body that ends with the connection may end without TLS close_notify:
/// half of all servers do that, and no browser minds.
async fn read_body(
    mut body: hyper::body::Incoming,
    cap: usize,
    ends_by_closing: bool,
) -> Result<(Vec<u8>, bool), NetError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = match frame.map_err(|e| http_error(&e)) {
            Ok(frame) => frame,
            Err(e) if ends_by_closing && e.reason == Reason::Closed => break,
            Err(e) => return Err(e),
        };
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
    if let Some(io) = io_cause(error) {
        let found = NetError::from_io(io, "speaking HTTP");
        // hyper reports a malformed chunk as an invalid input.
        let malformed = io.kind() == ErrorKind::InvalidInput;
        return if malformed { NetError::garbage(found.detail) } else { found };
    }
    let reason = match error {
        e if e.to_string().contains("too large") => Reason::TooLarge,
        e if e.is_parse() => Reason::Garbage,
        e if e.is_incomplete_message() || e.is_closed() || e.is_canceled() => Reason::Closed,
        e if e.is_timeout() => Reason::Timeout,
        // An answer before the question, or after the end.
        e if e.to_string().contains("unexpected message") => Reason::Garbage,
        _ => Reason::Other,
    };
    NetError::new(reason, format!("speaking HTTP: {error}"))
}

fn io_cause(error: &hyper::Error) -> Option<&IoError> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<IoError>() {
            return Some(io);
        }
        cause = inner.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// What `fetch` makes of a server that reads the request, sends this and closes.
    async fn answer(bytes: Vec<u8>) -> (Result<HttpReply, NetError>, String) {
        let (client, mut server) = duplex(4096);
        let served = tokio::spawn(async move {
            let mut question = Vec::new();
            while !question.ends_with(b"\r\n\r\n") {
                match server.read_u8().await {
                    Ok(byte) => question.push(byte),
                    Err(_) => break,
                }
            }
            let _ = server.write_all(&bytes).await;
            String::from_utf8_lossy(&question).into_owned()
        });
        let request = HttpRequest { method: "GET", host: "a.example".into(), path: "/p?q".into(), body_cap: 1000 };
        let reply = fetch(client, &request, Duration::from_secs(20)).await;
        (reply, served.await.unwrap())
    }
    async fn reason(bytes: impl Into<Vec<u8>>) -> Reason {
        answer(bytes.into()).await.0.unwrap_err().reason
    }

    #[tokio::test]
    async fn an_answer_comes_back_whole() {
        let (reply, question) =
            answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nhi".to_vec())
                .await;
        let reply = reply.unwrap();
        assert_eq!((reply.status, reply.body.as_slice(), reply.cut), (200, b"hi".as_slice(), false));
        assert_eq!(reply.headers["set-cookie"], ["a=1", "b=2"]);
        assert!(question.starts_with("GET /p?q HTTP/1.1\r\nhost: a.example\r\nuser-agent: scrutineer/"));
    }

    #[tokio::test]
    async fn a_body_is_cut_at_the_cap() {
        let body = "x".repeat(5000);
        let (reply, _) = answer(format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes()).await;
        let reply = reply.unwrap();
        assert_eq!((reply.body.len(), reply.cut), (1000, true));
    }

    #[tokio::test]
    async fn a_body_that_ends_with_the_connection_is_whole() {
        let (reply, _) = answer(b"HTTP/1.0 200 OK\r\n\r\nall".to_vec()).await;
        assert_eq!(reply.unwrap().body, b"all");
    }

    #[tokio::test]
    async fn a_megabyte_of_headers_is_too_large() {
        let one = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
        assert_eq!(reason(one).await, Reason::TooLarge);
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(600));
        assert_eq!(reason(many).await, Reason::TooLarge);
    }

    #[tokio::test]
    async fn what_is_not_http_is_garbage() {
        assert_eq!(reason("SSH-2.0-OpenSSH_9.2p1\r\n").await, Reason::Garbage);
        assert_eq!(reason("<html>hello</html>\r\n\r\n").await, Reason::Garbage);
        assert_eq!(reason("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi").await, Reason::Garbage);
        assert_eq!(
            reason("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi").await,
            Reason::Garbage
        );
    }

    #[tokio::test]
    async fn an_early_end_is_closed() {
        assert_eq!(reason("").await, Reason::Closed);
        assert_eq!(reason("HTTP/1.1 200 OK\r\nServ").await, Reason::Closed);
        assert_eq!(reason("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi").await, Reason::Closed);
        assert_eq!(reason("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi").await, Reason::Closed);
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let (client, _server) = duplex(4096);
        let request = HttpRequest { method: "GET", host: "a.example".into(), path: "/".into(), body_cap: 10 };
        let reply = fetch(client, &request, Duration::from_millis(50)).await;
        assert_eq!(reply.unwrap_err().reason, Reason::Timeout);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_end_in_an_answer_or_a_reason(head in "(HTTP/1.1 200 OK\r\n)?", bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (reply, _) = runtime.block_on(answer([head.into_bytes(), bytes].concat()));
            if let Err(e) = reply {
                prop_assert!(e.reason != Reason::Timeout && !e.detail.is_empty());
            }
        }
    }
}
