//! What an HTML document loads, submits to and says of itself. A tokenizer, not a tree: hostile nesting costs nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use url::Url;

use crate::facts::{LIST_CAP, Subresource, printable};

/// What a document holds that checks ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    /// `<meta http-equiv=content-security-policy>` of the head.
    pub(super) policies: Vec<String>,
    /// `<meta name=referrer>` of the head.
    pub(super) referrers: Vec<String>,
    /// Elements that load or submit, in order, with the address as written.
    references: Vec<Reference>,
    /// Addresses of `<a>` and `<area>`, as written.
    links: Vec<String>,
    base: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Reference {
    kind: &'static str,
    address: String,
    integrity: bool,
}

/// More than this many references of one document are not looked at.
const REFERENCE_CAP: usize = 10_000;

/// Reads a document.
pub(super) fn read(body: &[u8]) -> Document {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(String::from_utf8_lossy(body).as_ref()));
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    // A sink that never blocks on scripts takes everything in one go.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.state.into_inner().document
}

impl Document {
    /// The references as facts, seen from the page. When there are more than the cap, those that checks ask about are kept:
    /// insecure ones, forms, third parties.
    pub(super) fn subresources(&self, page: &Url) -> Vec<Subresource> {
        let base = self.base.as_ref().and_then(|base| page.join(base).ok()).unwrap_or_else(|| page.clone());
        let mut found: BTreeMap<(&str, String), Subresource> = BTreeMap::new();
        for reference in &self.references {
            // An empty action submits to the page itself, whatever the base (HTML §4.10.21.3).
            let from = if reference.address.is_empty() { page } else { &base };
            let Some(resource) = from.join(&reference.address).ok().and_then(|url| resource(reference, url, page))
            else {
                continue;
            };
            let key = (reference.kind, resource.url.clone());
            found.entry(key).and_modify(|known| known.integrity &= resource.integrity).or_insert(resource);
        }
        let mut all: Vec<Subresource> = found.into_values().collect();
        all.sort_by_key(|r| {
            (!r.insecure, r.kind != "form", !r.third_party, r.integrity, r.kind.clone(), r.url.clone())
        });
        all.truncate(LIST_CAP);
        all.sort_by(|a, b| (&a.kind, &a.url).cmp(&(&b.kind, &b.url)));
        all
    }

    /// Hosts that the document links to, its own aside. When there are more than the cap, those of the page's own registrable
    /// domain are kept.
    pub(super) fn linked_hosts(&self, page: &Url) -> Vec<String> {
        let base = self.base.as_ref().and_then(|base| page.join(base).ok()).unwrap_or_else(|| page.clone());
        let urls = self.links.iter().filter_map(|link| base.join(link).ok());
        let elsewhere =
            urls.filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str() != page.host_str());
        let hosts: BTreeSet<(bool, String)> = elsewhere
            .map(|url| (registrable(&url) != registrable(page), printable(url.host_str().unwrap_or_default(), 253)))
            .collect();
        hosts.into_iter().map(|(_, host)| host).take(LIST_CAP).collect()
    }
}

fn resource(reference: &Reference, mut url: Url, page: &Url) -> Option<Subresource> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(Subresource {
        kind: reference.kind.into(),
        insecure: url.scheme() == "http",
        third_party: registrable(&url) != registrable(page),
        integrity: reference.integrity,
        url: printable(url.as_str(), 2048),
    })
}

/// The registrable domain by the public suffix list; an address or a bare suffix stands for itself.
fn registrable(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    match url.host() {
        Some(url::Host::Domain(_)) => psl::domain_str(host).unwrap_or(host).to_owned(),
        _ => host.to_owned(),
    }
}

#[derive(Default)]
struct Sink {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    document: Document,
    in_body: bool,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
        if tag.kind == TagKind::EndTag {
            return TokenSinkResult::Continue;
        }
        self.state.borrow_mut().open(&tag);
        match &*tag.name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "iframe" | "noembed" | "noframes" | "xmp" => TokenSinkResult::RawData(RawKind::Rawtext),
            "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
            "plaintext" => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }
}

impl State {
    fn open(&mut self, tag: &Tag) {
        match &*tag.name {
            "body" => self.in_body = true,
            "base" => {
                let href = attribute(tag, "href");
                self.document.base = self.document.base.take().or(href);
            }
            "meta" if !self.in_body => self.meta(tag),
            "script" => {
                self.refer("script", tag, "src");
                // In SVG (SVG 2 §15.9).
                self.refer("script", tag, "href");
            }
            "link" => self.link(tag),
            "a" | "area" => self.anchor(tag),
            "iframe" | "frame" | "embed" => self.refer("frame", tag, "src"),
            "object" => self.refer("frame", tag, "data"),
            "img" => {
                self.refer("image", tag, "src");
                self.candidates(tag);
            }
            "audio" | "track" => self.refer("media", tag, "src"),
            "video" => {
                self.refer("media", tag, "src");
                self.refer("image", tag, "poster");
            }
            "source" => {
                self.refer("media", tag, "src");
                self.candidates(tag);
            }
            "form" => {
                let action = attribute(tag, "action").unwrap_or_default();
                self.push("form", action, false);
            }
            "button" => self.refer("form", tag, "formaction"),
            "input" => {
                self.refer("form", tag, "formaction");
                if attribute(tag, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("image")) {
                    self.refer("image", tag, "src");
                }
            }
            _ => {}
        }
    }

    fn meta(&mut self, tag: &Tag) {
        let Some(content) = attribute(tag, "content") else { return };
        let is = |name: &str, word: &str| attribute(tag, name).is_some_and(|value| value.eq_ignore_ascii_case(word));
        if is("http-equiv", "content-security-policy") && self.document.policies.len() < LIST_CAP {
            self.document.policies.push(content);
        } else if is("name", "referrer") && self.document.referrers.len() < LIST_CAP {
            self.document.referrers.push(content);
        }
    }

    fn link(&mut self, tag: &Tag) {
        let rel = attribute(tag, "rel").unwrap_or_default().to_ascii_lowercase();
        let rel: Vec<&str> = rel.split_ascii_whitespace().collect();
        if rel.contains(&"stylesheet") {
            self.refer("style", tag, "href");
        } else if rel.contains(&"modulepreload") {
            self.refer("script", tag, "href");
        } else if rel.contains(&"icon") {
            self.refer("image", tag, "href");
        }
    }

    fn anchor(&mut self, tag: &Tag) {
        if let Some(address) = attribute(tag, "href").filter(|_| self.document.links.len() < REFERENCE_CAP) {
            self.document.links.push(address);
        }
    }

    /// `srcset`: addresses, each with an optional descriptor, separated by commas (HTML §4.8.4.3).
    fn candidates(&mut self, tag: &Tag) {
        let set = attribute(tag, "srcset").unwrap_or_default();
        for address in set.split(", ").filter_map(|candidate| candidate.split_ascii_whitespace().next()) {
            self.push("image", address.trim_end_matches(',').to_owned(), false);
        }
    }

    fn refer(&mut self, kind: &'static str, tag: &Tag, name: &str) {
        let Some(address) = attribute(tag, name).filter(|address| !address.is_empty()) else { return };
        let integrity = attribute(tag, "integrity").is_some_and(|value| has_hash(&value));
        self.push(kind, address, integrity);
    }

    fn push(&mut self, kind: &'static str, address: String, integrity: bool) {
        if self.document.references.len() < REFERENCE_CAP {
            self.document.references.push(Reference { kind, address, integrity });
        }
    }
}

/// Whether integrity metadata names a hash that browsers know (SRI §3.2); without one nothing is checked.
fn has_hash(integrity: &str) -> bool {
    let known =
        |word: &str| ["sha256-", "sha384-", "sha512-"].iter().any(|p| word.len() > p.len() && word.starts_with(p));
    integrity.split_ascii_whitespace().any(known)
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name)?;
    Some(found.value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(html: &str) -> Vec<Subresource> {
        read(html.as_bytes()).subresources(&Url::parse("https://www.cec.example/a/b?q=1").unwrap())
    }
    fn short(html: &str) -> Vec<(String, String)> {
        of(html).into_iter().map(|r| (r.kind, r.url)).collect()
    }

    #[test]
    fn linked_hosts_are_those_elsewhere_with_the_own_domain_first() {
        let html = "<a href=/here>x</a><A HREF='//results.cec.example/'>y</A><area href=https://a.other.example>\
                    <a href=mailto:x@y.example>z</a><a href='http://[::'>broken</a>";
        let hosts = read(html.as_bytes()).linked_hosts(&Url::parse("https://www.cec.example/a").unwrap());
        assert_eq!(hosts, ["results.cec.example", "a.other.example"]);
    }

    #[test]
    fn every_kind_is_found_and_made_absolute_without_query() {
        let found = short(
            "<script src=/x.js?v=1></script><LINK REL='preload Stylesheet' HREF=s.css><iframe src='//f.example/'></iframe>\
             <img src=../i.png><video src=v.mp4 poster=p.png></video><form action='http://f.example/send?x#y'></form>",
        );
        let expected = [
            ("form", "http://f.example/send"),
            ("frame", "https://f.example/"),
            ("image", "https://www.cec.example/a/p.png"),
            ("image", "https://www.cec.example/i.png"),
            ("media", "https://www.cec.example/a/v.mp4"),
            ("script", "https://www.cec.example/x.js"),
            ("style", "https://www.cec.example/a/s.css"),
        ];
        assert_eq!(found, expected.map(|(kind, url)| (kind.to_owned(), url.to_owned())));
    }

    #[test]
    fn markup_inside_scripts_comments_and_text_loads_nothing() {
        assert!(of("<script>'<img src=http://a.example/>'</script>").is_empty());
        assert!(of("<!-- <script src=http://a.example/></script> -->").is_empty());
        assert!(of("<textarea><img src=a.png></textarea><title><img src=a.png></title>").is_empty());
        assert!(of("<img src=data:image/png;base64,AA><script src=javascript:1></script>").is_empty());
    }

    #[test]
    fn third_parties_are_told_by_registrable_domain() {
        let third = |html: &str| of(html)[0].third_party;
        assert!(!third("<img src=https://static.cec.example/a.png>"));
        assert!(third("<img src=https://cec2.example/a.png>"));
        assert!(third("<img src=http://192.0.2.1/a.png>"));
    }

    #[test]
    fn integrity_counts_only_with_a_known_hash_and_at_every_use() {
        let with = "<script src=https://a.example/x.js integrity=sha384-abc></script>";
        assert!(of(with)[0].integrity);
        assert!(!of("<script src=https://a.example/x.js integrity=md5-abc></script>")[0].integrity);
        assert!(!of(&format!("{with}<script src=https://a.example/x.js></script>"))[0].integrity);
    }

    #[test]
    fn a_form_without_action_submits_to_the_page_and_the_base_element_moves_the_rest() {
        let found = short("<base href=http://b.example/d/><form></form><img src=i.png>");
        assert_eq!(found[0], ("form".into(), "https://www.cec.example/a/b".into()));
        assert_eq!(found[1], ("image".into(), "http://b.example/d/i.png".into()));
    }

    #[test]
    fn policies_count_in_the_head_only() {
        let document = read(
            b"<head><meta http-equiv=Content-Security-Policy content=\"default-src 'self'\"><meta name=referrer \
              content=no-referrer></head><body><meta http-equiv=content-security-policy content=\"img-src *\">",
        );
        assert_eq!(document.policies, ["default-src 'self'"]);
        assert_eq!(document.referrers, ["no-referrer"]);
    }

    #[test]
    fn a_cut_list_keeps_what_checks_ask_about() {
        let many: String = (0..400).map(|i| format!("<img src=/{i}.png>")).collect();
        let found = of(&format!("{many}<script src=http://evil.example/x.js></script>"));
        assert_eq!(found.len(), LIST_CAP);
        assert!(found.iter().any(|r| r.kind == "script" && r.insecure && r.third_party));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            read(&body).subresources(&Url::parse("http://a.example/").unwrap());
        }

        #[test]
        fn any_markup_is_read_without_harm(body in "(<(script|base|img|meta|form|link) ?(src|href|rel|content)=?['\"]?[^>]{0,12}>?){0,20}") {
            read(body.as_bytes()).subresources(&Url::parse("https://a.example/").unwrap());
        }
    }
}
