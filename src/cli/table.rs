//! Tables: as wide as their content, no wider than the terminal.
//!
//! Widths are measured in one pass over the rows, and the rows written in a second; nothing is kept
//! of them, so that ten thousand cost little more than their bytes.

use std::borrow::Cow;
use std::io::{self, Write};

use mcp_registry_spec::text::{escape, is_printable_ascii};
use unicode_width::UnicodeWidthChar;

use super::style::{BOLD, Paint};

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Whether its cells may be cut where the terminal is too narrow.
    pub(crate) shrinks: bool,
}

/// Between two columns.
const GAP: usize = 2;
/// A column is not cut below this.
const LEAST: usize = 12;

/// How many columns of a terminal `text` takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char_width).sum() }
}

/// A cell as it is shown, and how many columns it takes.
fn measured(cell: &str) -> (Cow<'_, str>, usize) {
    if is_printable_ascii(cell) {
        return (Cow::Borrowed(cell), cell.len());
    }
    let shown = escape(cell);
    let width = width(&shown);
    (shown, width)
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Writes `rows` as a table with a heading, cutting cells that may be cut when it is wider than
/// `limit`.
pub(crate) fn write<R, const N: usize>(
    out: &mut impl Write,
    paint: Paint,
    limit: Option<usize>,
    columns: [Column; N],
    rows: &[R],
    cells: impl for<'r> Fn(&'r R) -> [&'r str; N],
) -> io::Result<()> {
    let mut widths = columns.map(|column| column.title.len());
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(cells(row)) {
            *widest = (*widest).max(measured(cell).1);
        }
    }
    if let Some(limit) = limit {
        shrink(&mut widths, &columns, LEAST, limit);
        // Where there is hardly any room, a name is worth more than what is said of it.
        shrink(&mut widths, &columns, 1, limit);
    }
    paint.begin(out, BOLD)?;
    line(out, &widths, columns.map(|column| column.title))?;
    paint.end(out)?;
    out.write_all(b"\n")?;
    for row in rows {
        line(out, &widths, cells(row))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Takes what is too much from the columns that may be cut, always from the widest, down to `least`.
fn shrink<const N: usize>(widths: &mut [usize; N], columns: &[Column; N], least: usize, limit: usize) {
    let gaps = GAP * N.saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
    while excess > 0 {
        let mut open: Vec<_> =
            widths.iter_mut().zip(columns).filter(|(w, c)| c.shrinks && **w > least).map(|(w, _)| w).collect();
        open.sort_by_key(|w| std::cmp::Reverse(**w));
        // Down to the next widest, or to the least there may be.
        let next = open.get(1).map_or(least, |w| **w).max(least);
        let Some(widest) = open.into_iter().next() else { return };
        let cut = excess.min((*widest - next).max(1));
        *widest -= cut;
        excess -= cut;
    }
}

fn line<const N: usize>(out: &mut impl Write, widths: &[usize; N], cells: [&str; N]) -> io::Result<()> {
    // Spaces are owed until something follows them, so that no line ends in any.
    let mut owed = 0;
    for (cell, room) in cells.into_iter().zip(widths) {
        let (cell, taken) = measured(cell);
        if taken > 0 {
            pad(out, owed)?;
            owed = 0;
        }
        let used = if taken <= *room {
            out.write_all(cell.as_bytes())?;
            taken
        } else {
            cut(out, &cell, *room)?
        };
        owed += room - used + GAP;
    }
    Ok(())
}

/// Writes as much of `text` as fits into `room` with an ellipsis, and says how much room that took.
fn cut(out: &mut impl Write, text: &str, room: usize) -> io::Result<usize> {
    let mut used = 1;
    let mut fits = |c: char| {
        used += char_width(c);
        used <= room
    };
    let end = text.char_indices().find(|(_, c)| !fits(*c)).map_or(text.len(), |(at, _)| at);
    let kept = text.split_at(end).0;
    out.write_all(kept.as_bytes())?;
    out.write_all("…".as_bytes())?;
    Ok(width(kept) + 1)
}

fn pad(out: &mut impl Write, mut count: usize) -> io::Result<()> {
    const SPACES: &[u8] = &[b' '; 64];
    while let Some(spaces) = SPACES.get(..count.min(SPACES.len())).filter(|s| !s.is_empty()) {
        out.write_all(spaces)?;
        count -= spaces.len();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(limit: Option<usize>, rows: &[[&str; 3]]) -> String {
        let columns = [("NAME", false), ("SOURCE", true), ("DESCRIPTION", true)]
            .map(|(title, shrinks)| Column { title, shrinks });
        let mut out = Vec::new();
        write(&mut out, Paint(false), limit, columns, rows, |row| *row).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_no_line_ends_in_spaces() {
        assert_eq!(
            table(None, &[["a", "日本", "x\u{1b}[2J"], ["bb", "", ""], ["c", "äöü", "\u{202e}"]]),
            "NAME  SOURCE  DESCRIPTION\na     日本    x\\u{1b}[2J\nbb\nc     äöü     \\u{202e}\n"
        );
    }

    #[test]
    fn it_fits_the_terminal() {
        let long = "word ".repeat(30);
        let wide = "日本".repeat(30);
        for limit in [40, 41, 60, 80] {
            let text = table(Some(limit), &[["name", "some/folder/mcp.md", &long], ["n", &wide, &wide]]);
            assert!(text.lines().all(|l| width(l) <= limit), "{text}");
            assert!(text.contains('…'));
            let second: Vec<_> =
                text.lines().filter_map(|l| l.find("word ").map(|at| width(l.split_at(at).0))).collect();
            let heading = text.find("DESCRIPTION").unwrap();
            assert_eq!(second, [heading], "{text}");
        }
    }

    #[test]
    fn it_fits_a_very_narrow_terminal() {
        for limit in 10..40 {
            let text = table(Some(limit), &[["name", "some/folder/mcp.md", "日本 and more of it"]]);
            assert!(text.lines().all(|l| width(l) <= limit) && text.contains("\nname  "), "{limit}: {text}");
        }
    }

    #[test]
    fn names_are_never_cut() {
        let name = "n".repeat(50);
        assert!(table(Some(20), &[[&name, "s", "d"]]).contains(&name));
    }
}
