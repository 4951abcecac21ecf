//! Patterns (P10).

use std::fmt;

/// The longest pattern, in bytes: what bounds it bounds the work of matching a text to its length.
pub(crate) const LONGEST: usize = 256;

/// A pattern: `*` stands for any characters but `/`, `?` for one of them; a lone `*` for any text.
/// It fits a text as a whole, the case of letters included.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Glob(Box<str>);

impl Glob {
    /// The pattern that `text` is; `None` for one that is empty or too long.
    pub(crate) fn new(text: &str) -> Option<Self> {
        (1..=LONGEST).contains(&text.len()).then(|| Self(text.into()))
    }

    /// Whether `text` as a whole fits.
    pub(crate) fn fits(&self, text: &str) -> bool {
        if &*self.0 == "*" {
            return true;
        }
        let (mut patterns, mut texts) = (self.0.split('/'), text.split('/'));
        loop {
            match (patterns.next(), texts.next()) {
                (None, None) => return true,
                (Some(pattern), Some(text)) if segment_fits(pattern, text) => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

fn segment_fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Behind the last star, and the text from which it has not been tried: what an earlier one could
    // take, the last one can take as well.
    let mut star = None;
    loop {
        let here = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = here;
                star = Some((pattern.clone(), text.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
            _ => {
                let Some((behind, untried)) = &mut star else { return false };
                if untried.next().is_none() {
                    return false;
                }
                (pattern, text) = (behind.clone(), untried.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Glob::new(pattern).unwrap().fits(text)
    }

    #[test]
    fn p10_patterns() {
        for (pattern, text) in [
            ("github", "github"),
            ("git*", "git"),
            ("git*", "github"),
            ("*hub", "github"),
            ("*", "a/b"),
            ("@a/*", "@a/b"),
            ("?it?ub", "github"),
            ("*a*b*", "xxaxxbxx"),
            ("*ab", "aab"),
            ("1.*", "1.2.3"),
            ("ä?", "äö"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("github", "githubx"),
            ("github", "GitHub"),
            ("git?", "git"),
            ("@a/*", "@a/b/c"),
            ("@a/*", "@evil/@a/b"),
            ("*/b", "b"),
            ("**", "a/b"),
            ("a*", "ba"),
            ("*a*b", "ba"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        assert!(Glob::new("").is_none() && Glob::new(&"*".repeat(LONGEST + 1)).is_none());
    }

    #[test]
    fn p10_many_stars_cost_no_more_than_their_length_times_the_texts() {
        let text = "a".repeat(1 << 20);
        assert!(!fits(&format!("{}b", "*a".repeat(100)), &text));
        assert!(fits(&format!("{}*", "*a".repeat(100)), &text));
    }

    /// What the pattern means, said the simplest way.
    fn means(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => means(rest, text),
            (Some(('*', rest)), Some((c, more))) => means(rest, text) || (*c != '/' && means(pattern, more)),
            (Some(('?', rest)), Some((c, more))) => *c != '/' && means(rest, more),
            (Some((wanted, rest)), Some((found, more))) => wanted == found && means(rest, more),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn p10_it_fits_what_it_means(pattern in "[ab*?/]{1,8}", text in "[ab/]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let meant = pattern == "*" || means(&chars(&pattern), &chars(&text));
            prop_assert_eq!(fits(&pattern, &text), meant);
        }
    }
}
