//! Text from a server, made harmless before it is kept.

/// Printable characters only, at most `cap` of them; what is cut ends in `…`. Controls, line breaks and direction marks become
/// spaces, so that nothing a server sends can move a cursor or turn a line around.
pub fn printable(text: &str, cap: usize) -> String {
    let harmless = |c: char| if is_harmless(c) { c } else { ' ' };
    if text.chars().nth(cap).is_none() {
        return text.chars().map(harmless).collect();
    }
    let kept = text.chars().take(cap.saturating_sub(1)).map(harmless);
    kept.chain(std::iter::once('…')).collect()
}

fn is_harmless(c: char) -> bool {
    let direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    let line = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    !c.is_control() && !direction && !line
}

#[cfg(test)]
mod tests {
    use super::printable;
    use proptest::prelude::*;

    #[test]
    fn controls_and_direction_marks_become_spaces() {
        assert_eq!(printable("a\r\n\u{1b}[31mb\u{202e}c", 99), "a   [31mb c");
        assert_eq!(printable("abcdef", 3), "ab…");
        assert_eq!(printable("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn the_cap_holds(text in ".*", cap in 1_usize..50) {
            let kept = printable(&text, cap);
            prop_assert!(kept.chars().count() <= cap);
            prop_assert!(!kept.chars().any(char::is_control));
        }
    }
}
