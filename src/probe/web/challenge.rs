//! Pages that stand between a visitor and the site: a bot check, a waiting room. What they carry says nothing of the site.

use crate::net::HttpReply;

/// Header fields that announce a challenge, with the word their value contains, and who sends them.
const FIELDS: &[(&str, &str, &str)] = &[
    ("cf-mitigated", "challenge", "Cloudflare"),
    ("x-amzn-waf-action", "challenge", "AWS WAF"),
    ("x-amzn-waf-action", "captcha", "AWS WAF"),
    ("x-datadome", "", "DataDome"),
];

/// Marks in the body of a blocking answer.
const MARKS: &[(&str, &str)] = &[
    ("/cdn-cgi/challenge-platform/", "Cloudflare"),
    ("<title>just a moment...</title>", "Cloudflare"),
    ("<title>attention required! | cloudflare</title>", "Cloudflare"),
    ("_incapsula_resource", "Imperva"),
    ("captcha-delivery.com", "DataDome"),
    ("ddos-guard", "DDoS-Guard"),
    ("sucuri_cloudproxy", "Sucuri"),
    ("/_sec/cp_challenge/", "Akamai"),
    ("awswafcookiedomainlist", "AWS WAF"),
    ("px-captcha", "HUMAN"),
    ("<title>ddos protection by", "a DDoS filter"),
];

/// Who sent the challenge, if this is one. Marks count only in answers that block, because an ordinary page may load the
/// same scripts.
pub(super) fn of(reply: &HttpReply) -> Option<&'static str> {
    let blocks = matches!(reply.status, 202 | 401 | 403 | 405 | 406 | 429 | 503);
    let announced = FIELDS.iter().find(|(name, word, _)| {
        let values = reply.headers.get(*name).map(Vec::as_slice).unwrap_or_default();
        values.iter().any(|value| value.to_ascii_lowercase().contains(word)) && (blocks || !word.is_empty())
    });
    if let Some((_, _, by)) = announced {
        return Some(by);
    }
    if !blocks {
        return None;
    }
    let start = &reply.body[..reply.body.len().min(32 * 1024)];
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    MARKS.iter().find(|(mark, _)| text.contains(mark)).map(|(_, by)| *by)
}

#[cfg(test)]
mod tests {
    use super::super::visit::script::reply;
    use super::*;

    #[test]
    fn challenges_are_told_from_pages() {
        assert_eq!(of(&reply(403, &[("cf-mitigated", "challenge")], "")), Some("Cloudflare"));
        assert_eq!(of(&reply(202, &[("x-amzn-waf-action", "challenge")], "")), Some("AWS WAF"));
        assert_eq!(of(&reply(403, &[], "<TITLE>Just a moment...</TITLE>")), Some("Cloudflare"));
        assert_eq!(of(&reply(403, &[], "<title>403 Forbidden</title>")), None);
        assert_eq!(of(&reply(200, &[("x-datadome", "protected")], "/cdn-cgi/challenge-platform/ ")), None);
    }
}
