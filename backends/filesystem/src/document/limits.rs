//! What a text must keep to to be read as a document at all.

use super::{Problem, count_lines};

/// The deepest that quotes and lists may be nested. Reading what is nested deeper would take time
/// that grows with the product of its depth and its length.
const MOST_NESTED: usize = 256;

/// Checks that a text is one that can be a document (M1).
///
/// # Errors
/// A [`Problem`] naming the line that nests quotes or lists too deeply.
pub fn check(text: &str) -> Result<(), Problem> {
    let bytes = text.as_bytes();
    let mut start = 0;
    while let Some(within) = bytes.get(start..start + MOST_NESTED + 1) {
        // A line opens no more than it has bytes: those that end within reach need no look.
        if let Some(last) = memchr::memrchr2(b'\n', b'\r', within) {
            start += last + 1;
            continue;
        }
        let rest = bytes.get(start..).unwrap_or_default();
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        if nesting(rest.get(..end).unwrap_or_default()) > MOST_NESTED {
            let line = 1 + count_lines(bytes.get(..start).unwrap_or_default());
            return Err(Problem::new(line, format!("quotes or lists are nested deeper than {MOST_NESTED} levels")));
        }
        start += end + 1;
    }
    Ok(())
}

/// How many quotes and list items a line may open or go on with, at the most: what stands in a list
/// item is indented by two columns at least.
fn nesting(mut line: &[u8]) -> usize {
    let (mut depth, mut columns) = (0, 0);
    loop {
        line = match line {
            [b' ', rest @ ..] => {
                columns += 1;
                rest
            }
            [b'\t', rest @ ..] => {
                columns += 4;
                rest
            }
            [b'>' | b'-' | b'+' | b'*', rest @ ..] => {
                if line.first() != Some(&b'>') && !ends_marker(rest) {
                    return depth;
                }
                depth += 1 + columns / 2;
                columns = 0;
                rest
            }
            [b'0'..=b'9', ..] => {
                let digits = line.iter().take(10).take_while(|b| b.is_ascii_digit()).count();
                match line.get(digits..) {
                    Some([b'.' | b')', rest @ ..]) if ends_marker(rest) => {
                        depth += 1 + columns / 2;
                        columns = 0;
                        rest
                    }
                    _ => return depth,
                }
            }
            _ => return depth,
        }
    }
}

/// Whether what follows a list marker lets it be one.
fn ends_marker(rest: &[u8]) -> bool {
    matches!(rest.first(), None | Some(b' ' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m1_depth_is_bounded() {
        for deep in [
            "> ".repeat(300),
            ">".repeat(300),
            "- ".repeat(300),
            "1. ".repeat(300),
            "  * > 2) ".repeat(100),
            format!("{}- ", " ".repeat(600)),
        ] {
            for (before, line) in
                [("", 1), ("# x\n", 2), (&*"a\r\n\n".repeat(300), 601), (&*format!("{deep:.256}\n"), 2)]
            {
                assert_eq!(check(&format!("{before}{deep}a\n")).unwrap_err().line, Some(line), "{before}{deep}");
                assert_eq!(check(&format!("{before}{deep}")).unwrap_err().line, Some(line), "{before}{deep}");
            }
        }
        for plain in ["-".repeat(300), "*".repeat(300), " ".repeat(300), "1".repeat(300), "> - a".to_owned()] {
            assert_eq!(check(&plain), Ok(()), "{plain}");
        }
    }
}
