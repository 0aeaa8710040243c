//! The final document as a fact.

use std::cell::RefCell;
use std::collections::BTreeMap;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::chain::{Chain, End};
use super::redact;
use crate::facts::{Observation, Page, printable};

/// Most header names kept.
const NAME_CAP: usize = 100;

/// Most values kept of one name.
const VALUES_CAP: usize = 100;

/// The page at the end of a chain; `keep` stores the body and gives its digest.
pub(super) fn page(path: &str, chain: Chain, keep: &dyn Fn(&[u8]) -> String) -> Observation<Page> {
    let End { url, reply, stopped } = match chain.end {
        Ok(end) => end,
        Err(e) => return e.observation(),
    };
    let headers_cut = i64::try_from(reply.headers.len().saturating_sub(NAME_CAP)).unwrap_or(i64::MAX);
    Observation::observed(Page {
        path: path.to_owned(),
        url: redact::address(&url),
        status: i64::from(reply.status),
        hops: chain.hops,
        stopped: stopped.map(|why| printable(&why, 300)),
        headers: headers(&reply.headers),
        headers_cut,
        title: title(&reply.body),
        body: keep(&reply.body),
        body_bytes: i64::try_from(reply.body.len()).unwrap_or(i64::MAX),
        body_cut: reply.cut,
        hsts: Observation::underived(),
        csp: Observation::underived(),
        framing: Observation::underived(),
        content_type_options: Observation::underived(),
        referrer_policy: Observation::underived(),
        disclosed_versions: Observation::underived(),
        subresources: Observation::underived(),
        linked_hosts: Observation::underived(),
    })
}

/// Fields that facts are derived from are never the ones that are cut.
const NEEDED: &[&str] = &[
    "content-encoding",
    "content-security-policy",
    "content-type",
    "location",
    "referrer-policy",
    "server",
    "set-cookie",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-powered-by",
];

fn headers(sent: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let is_needed = |name: &str| NEEDED.contains(&name);
    let needed = sent.iter().filter(|(name, _)| is_needed(name));
    let others = sent.iter().filter(|(name, _)| !is_needed(name));
    let kept = |(name, values): (&String, &Vec<String>)| {
        let values = values.iter().take(VALUES_CAP).map(|value| redact::field(name, value)).collect();
        (printable(name, 200), values)
    };
    needed.chain(others).take(NAME_CAP).map(kept).collect()
}

/// The first title element of an HTML document, white space collapsed.
fn title(body: &[u8]) -> Option<String> {
    // A title lies in the head; what is not HTML has none anyway.
    let start = body.get(..body.len().min(64 * 1024))?;
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(String::from_utf8_lossy(start).as_ref()));
    let tokenizer = Tokenizer::new(TitleSink::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let text = tokenizer.sink.0.into_inner();
    let words: Vec<&str> = text.text.split_whitespace().collect();
    (text.state == TitleState::Over).then(|| printable(&words.join(" "), 300))
}

#[derive(Default)]
struct TitleSink(RefCell<Title>);

#[derive(Default)]
struct Title {
    state: TitleState,
    text: String,
}

#[derive(Default, PartialEq)]
enum TitleState {
    #[default]
    Before,
    Inside,
    Over,
}

impl TokenSink for TitleSink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut title = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return raw(&mut title, &tag.name),
            Token::TagToken(tag) if &*tag.name == "title" && title.state == TitleState::Inside => {
                title.state = TitleState::Over;
            }
            Token::CharacterTokens(text) if title.state == TitleState::Inside => title.text.push_str(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn raw(title: &mut Title, name: &str) -> TokenSinkResult<()> {
    match name {
        "title" => {
            if title.state == TitleState::Before {
                title.state = TitleState::Inside;
            }
            TokenSinkResult::RawData(RawKind::Rcdata)
        }
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "iframe" | "noembed" | "noframes" | "xmp" => TokenSinkResult::RawData(RawKind::Rawtext),
        "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_title_is_the_first_whole_title_element() {
        assert_eq!(
            title(b"<script>'<title>no</title>'</script><TITLE>A &amp; B\n</TITLE><title>c</title>").unwrap(),
            "A & B"
        );
        assert_eq!(title(b"<title>never closed"), None);
        assert_eq!(title(b"{\"a\":1}"), None);
    }

    #[test]
    fn a_flood_of_header_names_never_hides_a_needed_one() {
        let mut sent: BTreeMap<String, Vec<String>> = (0..300).map(|i| (format!("a{i}"), vec!["x".into()])).collect();
        sent.insert("x-frame-options".into(), vec!["DENY".into()]);
        let kept = headers(&sent);
        assert_eq!(kept.len(), NAME_CAP);
        assert_eq!(kept["x-frame-options"], ["DENY"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            title(&body);
        }
    }
}
