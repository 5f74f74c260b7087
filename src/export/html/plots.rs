//! How do numbers look as bars and columns?
//!
//! Inline SVG without a view box: widths are in percent and heights in pixels, so
//! that a plot fits any screen and its letters keep their size. Colours are
//! classes of the style. Whoever cannot see a plot is told its numbers.

use std::io::{self, Write};

use super::escape::Text;
use crate::export::numbers::count;

/// Pixels of columns.
const HEIGHT: f64 = 132.0;
/// Pixels above the highest, for its number.
const ABOVE: f64 = 18.0;
/// Pixels below, for the scale.
const BELOW: f64 = 20.0;
/// More columns than this have no numbers above.
const MAX_NUMBERED: usize = 12;

/// The kinds of an answer: class of the style, and in words.
pub(super) const ANSWERS: [(&str, &str); 5] = [
    ("ok", "2xx success"),
    ("moved", "3xx redirection"),
    ("client", "4xx client error"),
    ("server", "5xx server error"),
    ("none", "no answer"),
];

/// Which of [`ANSWERS`] a status is.
pub(super) fn answer_of(status: Option<u16>) -> usize {
    match status {
        Some(0..300) => 0,
        Some(300..400) => 1,
        Some(400..500) => 2,
        Some(_) => 3,
        None => 4,
    }
}

/// One column.
#[derive(Debug, Default)]
pub(super) struct Column {
    /// What it stands for, in words.
    pub(super) name: String,
    /// Parts from the bottom: class of the style, number.
    pub(super) parts: Vec<(&'static str, u64)>,
    /// Below its middle; blank if nothing.
    pub(super) label: String,
    /// Below its left edge; blank if nothing.
    pub(super) edge: String,
}

impl Column {
    fn sum(&self) -> u64 {
        self.parts.iter().map(|(_, number)| number).sum()
    }

    /// Writes its parts, at `x` and of that width in percent; the pixel of its top.
    fn write(&self, out: &mut impl Write, highest: u64, x: f64, width: f64) -> io::Result<f64> {
        let mut y = ABOVE + HEIGHT;
        for (class, number) in self.parts.iter().filter(|(_, number)| *number > 0) {
            // A single page among many thousands is still to be seen.
            let height = (percent(*number, highest) / 100.0 * HEIGHT).max(1.5);
            y -= height;
            write!(
                out,
                r#"<rect class="{class}" x="{x:.3}%" y="{y:.2}" width="{width:.3}%" height="{height:.2}"/>"#
            )?;
        }
        Ok(y)
    }
}

/// Writes columns side by side; `says` is for those who cannot see them. With
/// `is_dense` there is no room between two.
pub(super) fn columns(
    out: &mut impl Write,
    says: &str,
    columns: &[Column],
    is_dense: bool,
) -> io::Result<()> {
    let highest = columns.iter().map(Column::sum).max().unwrap_or_default().max(1);
    let all = ABOVE + HEIGHT + BELOW;
    write!(
        out,
        r#"<svg class="plot" width="100%" height="{all}" role="img" aria-label="{}">"#,
        Text(says)
    )?;
    let base = ABOVE + HEIGHT;
    write!(out, r#"<line class="axis" x1="0" x2="100%" y1="{base}" y2="{base}"/>"#)?;
    let step = percent(1, columns.len() as u64);
    let width = if is_dense { step } else { step * 0.76 };
    for (column, place) in columns.iter().zip(0_u32..) {
        let left = step * f64::from(place);
        let middle = left + step / 2.0;
        write!(out, "<g><title>{}: {}</title>", Text(&column.name), count(column.sum()))?;
        let top = column.write(out, highest, middle - width / 2.0, width)?;
        if column.sum() > 0 && columns.len() <= MAX_NUMBERED {
            let (y, number) = (top - 5.0, short(column.sum()));
            write!(out, r#"<text class="number" x="{middle:.3}%" y="{y:.2}">{number}</text>"#)?;
        }
        out.write_all(b"</g>")?;
        let y = base + 15.0;
        for (text, x) in [(&column.label, middle), (&column.edge, left)] {
            if !text.is_empty() {
                write!(out, r#"<text class="scale" x="{x:.3}%" y="{y}">{}</text>"#, Text(text))?;
            }
        }
    }
    out.write_all(b"</svg>")
}

/// Writes one bar whose parts make up the whole.
pub(super) fn stacked_bar(
    out: &mut impl Write,
    says: &str,
    parts: &[(&'static str, String, u64)],
) -> io::Result<()> {
    let whole: u64 = parts.iter().map(|(.., number)| number).sum();
    write!(
        out,
        r#"<svg class="bar" width="100%" height="22" role="img" aria-label="{}">"#,
        Text(says)
    )?;
    let mut x = 0.0;
    for (class, name, number) in parts.iter().filter(|(.., number)| *number > 0) {
        let width = percent(*number, whole);
        write!(
            out,
            r#"<rect class="{class}" x="{x:.3}%" y="0" width="{width:.3}%" height="22"><title>{}: {}</title></rect>"#,
            Text(name),
            count(*number)
        )?;
        x += width;
    }
    out.write_all(b"</svg>")
}

/// How much of the whole, in percent; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "drawn, or shown with a decimal")]
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// A share in words: `0.1 %`, `<0.1 %`, `76 %`.
pub(super) fn share(part: u64, whole: u64) -> String {
    let share = percent(part, whole);
    match share {
        0.0 => "0 %".into(),
        ..0.1 => "<0.1 %".into(),
        ..10.0 => format!("{share:.1} %"),
        // Not all is not 100 %.
        99.5.. if part < whole => format!("{:.1} %", share.min(99.9)),
        _ => format!("{share:.0} %"),
    }
}

/// A number for the room above a column.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn short(number: u64) -> String {
    match number {
        0..10_000 => count(number),
        10_000..1_000_000 => format!("{:.1}k", number as f64 / 1e3),
        _ => format!("{:.1}M", number as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_honest() {
        let cases = [(0, 5, "0 %"), (1, 5000, "<0.1 %"), (1, 50, "2.0 %"), (76, 100, "76 %")];
        for (part, whole, expected) in cases {
            assert_eq!(share(part, whole), expected);
        }
        assert_eq!([share(9999, 10_000), share(5, 5), share(0, 0)], ["99.9 %", "100 %", "0 %"]);
    }

    #[test]
    fn whatever_a_column_is_called_it_is_text() {
        let column = Column {
            name: "<b>".into(),
            parts: vec![("ok", 2), ("none", 0), ("client", 1)],
            label: "\"&".into(),
            edge: String::new(),
        };
        let mut out = Vec::new();
        columns(&mut out, "\"says\"", &[column, Column::default()], false).unwrap();
        let svg = String::from_utf8(out).unwrap();
        assert!(
            svg.contains("<title>&lt;b&gt;: 3</title>") && svg.contains("&quot;&amp;</text>"),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert!(svg.contains(r#"height="88.00""#), "two thirds of the height: {svg}");
    }
}
