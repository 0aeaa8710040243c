//! Domain names as text: lower case, without the final dot.

/// The domain that somebody registered, by the list of public suffixes; the name itself if it is such a suffix.
pub fn registrable(name: &str) -> &str {
    psl::domain_str(name).unwrap_or(name)
}

/// Whether `name` is `zone` or lies below it.
pub fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// The names whose `_dmarc` record a receiver asks for, in order: at most eight (RFC 9989 §4.10).
pub fn dmarc_walk(name: &str) -> Vec<&str> {
    const MOST_LABELS: usize = 7;
    let above = |name: &'_ str| name.split_once('.').map(|(_, rest)| rest.len());
    let mut walk = vec![name];
    let mut current = name;
    while let Some(length) = above(current) {
        current = &current[current.len() - length..];
        // From a long name it is one step to seven labels.
        if current.split('.').count() <= MOST_LABELS {
            walk.push(current);
        }
    }
    walk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_goes_up_label_by_label_and_leaps_from_long_names() {
        assert_eq!(dmarc_walk("a.mail.example.com"), ["a.mail.example.com", "mail.example.com", "example.com", "com"]);
        // The example of RFC 9989 §4.10: eight questions.
        let long = "a.b.c.d.e.f.g.h.i.j.mail.example.com";
        let walk = dmarc_walk(long);
        assert_eq!((walk.len(), walk[0], walk[1], walk[7]), (8, long, "g.h.i.j.mail.example.com", "com"));
        assert_eq!(dmarc_walk("com"), ["com"]);
    }

    #[test]
    fn a_name_lies_within_a_zone_label_by_label() {
        assert!(is_within("a.x.example", "x.example") && is_within("x.example", "x.example"));
        assert!(!is_within("ax.example", "x.example") && !is_within("example", "x.example"));
        assert_eq!((registrable("a.b.co.uk"), registrable("co.uk")), ("b.co.uk", "co.uk"));
    }
}
