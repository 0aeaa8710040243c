//! Names in SPF terms, with macros (RFC 7208 §7.1). Macros are checked, not expanded: they depend on the mail.

type Fault = (usize, String);

/// A domain-spec in lower case without final dot.
pub(super) fn spec(text: &str, at: usize) -> Result<String, Fault> {
    if text.is_empty() {
        return Err((at, "a name is missing".into()));
    }
    macros(text, at)?;
    let name = text.strip_suffix('.').unwrap_or(text);
    // It ends in a macro, or in a top label behind a dot.
    if !name.ends_with('}') && !has_top_label(name) {
        return Err((at, format!("'{text}' is no domain name: it needs at least two labels, the last not a number")));
    }
    if let Some(label) = name.split('.').find(|label| !label.contains('%') && (label.is_empty() || label.len() > 63)) {
        let why = if label.is_empty() { "an empty label" } else { "a label of more than 63 characters" };
        return Err((at, format!("'{text}' has {why}")));
    }
    Ok(name.to_ascii_lowercase())
}

fn has_top_label(name: &str) -> bool {
    let Some((_, top)) = name.rsplit_once('.') else { return false };
    let is_label = top.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    !top.is_empty()
        && is_label
        && !top.starts_with('-')
        && !top.ends_with('-')
        && !top.chars().all(|c| c.is_ascii_digit())
}

/// Whether every `%` begins a macro.
pub(super) fn macros(text: &str, at: usize) -> Result<(), Fault> {
    let mut rest = text;
    while let Some(start) = rest.find('%') {
        let here = at + text.len() - rest.len() + start;
        let after = &rest[start + 1..];
        rest = match after.chars().next() {
            Some('%' | '_' | '-') => &after[1..],
            Some('{') => {
                let Some((body, behind)) = after[1..].split_once('}') else {
                    return Err((here, "a macro is not closed".into()));
                };
                expansion(body).map_err(|why| (here, why))?;
                behind
            }
            _ => return Err((here, "'%' begins no macro".into())),
        };
    }
    Ok(())
}

/// `letter [digits] [r] [delimiters]`.
fn expansion(body: &str) -> Result<(), String> {
    let mut letters = body.chars();
    match letters.next().map(|c| c.to_ascii_lowercase()) {
        Some('s' | 'l' | 'o' | 'd' | 'i' | 'p' | 'h' | 'v' | 'c' | 'r' | 't') => {}
        _ => return Err(format!("'%{{{body}}}' is no macro (§7.2)")),
    }
    let rest = letters.as_str().trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.strip_prefix(['r', 'R']).unwrap_or(rest);
    if rest.chars().all(|c| ".-+,/_=".contains(c)) { Ok(()) } else { Err(format!("'%{{{body}}}' is no macro (§7.2)")) }
}
