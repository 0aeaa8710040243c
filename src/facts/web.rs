//! Web facts of one endpoint.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, Span, Timestamp, Unobserved};

/// All web facts of an endpoint. A port that speaks no HTTP has both absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// The site over plain HTTP.
    pub http: Observation<Site>,
    /// The site over HTTPS.
    pub https: Observation<Site>,
    /// `/.well-known/security.txt` (RFC 9116), one GET, over HTTPS.
    pub security_txt: Observation<SecurityTxt>,
}

impl Web {
    /// Every fact in the same valueless state.
    pub fn unobserved(why: &Unobserved) -> Self {
        Self { http: why.cast(), https: why.cast(), security_txt: why.cast() }
    }
}

/// What one scheme of an endpoint serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The declared paths, each followed to its final document; the first is the main page.
    pub pages: Vec<Observation<Page>>,
    /// Cookies set anywhere on the way, by name.
    pub cookies: Vec<Cookie>,
    /// The main page's answer to the first request is a redirect to HTTPS on the same host name.
    /// Left out if the main page could not be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirects_to_https: Option<bool>,
    /// An HTTPS address was followed by a plain one on some chain.
    pub downgrades: bool,
}

/// One declared path, as finally served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "path"))]
pub struct Page {
    /// The declared path.
    pub path: String,
    /// Where the final document was.
    pub url: String,
    pub status: i64,
    /// Every hop before the final document.
    pub hops: Vec<Hop>,
    /// Why the chain was not followed further: a target out of scope, a loop, more than ten hops. Then this is the last answer seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Header fields by lower-case name, each value in order. At most 100 names; values at most 4096 characters.
    pub headers: BTreeMap<String, Vec<String>>,
    /// How many header names were left out.
    pub headers_cut: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Digest of the body as far as it was read; the bytes are a blob.
    #[schemars(extend("x-volatile" = true))]
    pub body: String,
    /// Bytes read.
    #[schemars(extend("x-volatile" = true))]
    pub body_bytes: i64,
    /// The body was longer than the cap.
    pub body_cut: bool,
    /// Strict-Transport-Security (RFC 6797), read.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub hsts: Observation<Hsts>,
    /// The enforced content security policies taken together (CSP Level 3).
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub csp: Observation<Csp>,
    /// Who may frame the page.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub framing: Observation<Framing>,
    /// X-Content-Type-Options, lower case; absent if not sent.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub content_type_options: Observation<String>,
    /// The effective Referrer-Policy token; absent if none is sent or none is known.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub referrer_policy: Observation<String>,
    /// Product and version disclosed in Server, X-Powered-By or the like, as `header: value`.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub disclosed_versions: Observation<Vec<String>>,
    /// What the HTML loads or submits to, as far as checks ask.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub subresources: Observation<Vec<Subresource>>,
    /// Other hosts that the HTML links to.
    #[serde(default, skip_serializing_if = "Observation::is_underived")]
    #[schemars(extend("x-derived" = true))]
    pub linked_hosts: Observation<Vec<String>>,
}

/// One answer on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    pub url: String,
    pub status: i64,
    /// The Location as resolved.
    pub location: String,
}

/// One cookie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "name"))]
pub struct Cookie {
    /// The name; values are never stored.
    pub name: String,
    pub secure: bool,
    pub http_only: bool,
    /// `strict`, `lax`, `none` or what was sent; left out if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name looks like a session or login cookie (framework names, `sess`, `login`, `auth`).
    pub session: bool,
    /// Where it was set.
    pub url: String,
}

/// Derived: Strict-Transport-Security (RFC 6797 §6.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hsts {
    pub max_age: Span,
    pub include_subdomains: bool,
    pub preload: bool,
    /// Header fields sent; browsers read the first only.
    pub count: i64,
    /// The first one follows the grammar.
    pub valid: bool,
}

/// Derived: the effective enforced policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Csp {
    /// Enforced policies, in order.
    pub policies: Vec<String>,
    /// Inline script runs: `'unsafe-inline'` without nonce, hash or strict-dynamic, in every policy, or no script restriction at all.
    pub allows_inline_script: bool,
    /// `eval` runs.
    pub allows_eval: bool,
    /// Script from anywhere: `*`, a bare scheme, `data:`, or no restriction.
    pub broad_script: bool,
    pub restricts_objects: bool,
    pub restricts_base: bool,
    pub restricts_forms: bool,
    pub restricts_framing: bool,
    /// Faults of syntax: unknown directives, duplicates, unquoted keywords.
    pub faults: Vec<String>,
}

/// Derived: who may put this page in a frame, by CSP frame-ancestors of a header or X-Frame-Options (RFC 7034).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framing {
    /// `denied`, `same-origin`, `listed` or `anyone`.
    pub allowed: String,
    /// Where that comes from: `csp`, `x-frame-options` or `nothing`.
    pub by: String,
}

/// Derived: something the page loads or submits to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-key" = "url"))]
pub struct Subresource {
    /// `script`, `style`, `frame`, `image`, `media`, `form`.
    pub kind: String,
    /// Absolute, without query.
    pub url: String,
    /// Its scheme is plain http.
    pub insecure: bool,
    /// Its host is another registrable domain (public suffix list).
    pub third_party: bool,
    /// It carries an integrity hash.
    pub integrity: bool,
}

/// What security.txt says (RFC 9116 §2.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityTxt {
    pub contacts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What breaks the format.
    pub faults: Vec<String>,
}
