//! Another validator, that of the crate `domain`, over the answers that an audit kept: the same evidence, a second opinion.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use domain::base::Message;
use domain::dnssec::validator::anchor::TrustAnchors;
use domain::dnssec::validator::context::ValidationContext;
use domain::net::client::request::{Error, GetResponse, RequestMessage, SendRequest};
use serde_json::Value;

/// Raw answers by name and type.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<BTreeMap<(String, String), Bytes>>);

impl SendRequest<RequestMessage<Vec<u8>>> for Kept {
    fn send_request(&self, request: RequestMessage<Vec<u8>>) -> Box<dyn GetResponse + Send + Sync> {
        use domain::net::client::request::ComposeRequest;
        let asked = request.to_message().ok().and_then(|message| {
            let question = message.first_question()?;
            Some((plain(&question.qname().to_string()), question.qtype().to_string()))
        });
        Box::new(Told(asked.and_then(|asked| self.0.get(&asked).cloned())))
    }
}

#[derive(Debug)]
struct Told(Option<Bytes>);

impl GetResponse for Told {
    fn get_response(&mut self) -> Pin<Box<dyn Future<Output = Result<Message<Bytes>, Error>> + Send + Sync + '_>> {
        let told = self.0.clone().ok_or(Error::ConnectionClosed);
        Box::pin(async move { Message::from_octets(told?).map_err(|_| Error::MessageParseError) })
    }
}

/// The state of a zone's SOA, in lower case; `None` if its answer was not kept.
///
/// `facts` are a stored document, `anchor` the root's DS in zone-file form.
pub(crate) fn state(facts: &Value, anchor: &str, zone: &str) -> Option<String> {
    let chain = facts["first"]["zones"][zone]["dns"]["chain"]["value"]["answers"].as_array()?;
    let kept: BTreeMap<(String, String), Bytes> = chain.iter().filter_map(|answer| one(facts, answer)).collect();
    let soa = kept.get(&(zone.to_owned(), "SOA".to_owned()))?.clone();
    let anchors = TrustAnchors::from_u8(anchor.as_bytes()).ok()?;
    let context = ValidationContext::new(anchors, Kept(Arc::new(kept)));
    let mut message = Message::from_octets(soa).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let outcome = runtime.block_on(context.validate_msg::<_, Vec<u8>>(&mut message));
    Some(outcome.map_or_else(|e| format!("error: {e:?}"), |(state, _)| format!("{state:?}").to_lowercase()))
}

fn one(facts: &Value, answer: &Value) -> Option<((String, String), Bytes)> {
    let raw = blob(facts, answer["message"]["value"].as_str()?)?;
    Some(((plain(answer["name"].as_str()?), answer["record_type"].as_str()?.to_owned()), raw.into()))
}

fn plain(name: &str) -> String {
    let name = name.to_lowercase();
    let name = name.trim_end_matches('.');
    if name.is_empty() { ".".to_owned() } else { name.to_owned() }
}

fn blob(facts: &Value, digest: &str) -> Option<Vec<u8>> {
    let blobs: scrutineer::facts::Blobs = serde_json::from_value(facts["blobs"].clone()).ok()?;
    blobs.bytes(digest)
}
