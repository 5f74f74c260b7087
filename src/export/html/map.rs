//! What does a site look like, and how do its sections hang together?
//!
//! A list of the sections, each with a bar for its pages, and beside it an arc for
//! the links between two of them: the more links, the thicker. Nothing is placed by
//! chance, so two pictures can be compared. The numbers stand in a table below.

use std::io::{self, Write};

use super::escape::Text;
use super::plots::percent;
use super::sections::Section;
use crate::export::numbers::count;

/// Pixels of a line; the style has the same.
const LINE: usize = 28;
/// Arcs at most: more would be a tangle.
const MAX_ARCS: usize = 48;
/// Where bars end and dots stand, in percent of the width.
const DOTS_AT: f64 = 38.0;
/// Indents that the style has.
const MAX_INDENT: usize = 5;

/// The sections of a site, and the links between them.
#[derive(Debug, Default)]
pub struct Map<'a> {
    /// In the order in which they are shown.
    pub sections: &'a [Section],
    /// From section `a` to `b`: at `a * sections.len() + b`.
    pub links: Vec<u64>,
}

impl Section {
    /// What it is, where it stands alone.
    fn in_words(&self) -> String {
        let rest = if self.has_parts { " other pages" } else { "" };
        format!("{}{}{rest}", self.place, self.begins())
    }

    /// File names that begin alike are no folder.
    fn begins(&self) -> &'static str {
        if self.name.ends_with(['-', '_']) { "…" } else { "" }
    }
}

/// The links between two sections, both ways.
struct Pair {
    one: usize,
    other: usize,
    there: u64,
    back: u64,
}

impl Map<'_> {
    fn links(&self, from: usize, to: usize) -> u64 {
        self.links.get(from * self.sections.len() + to).copied().unwrap_or_default()
    }

    /// The pairs with most links.
    fn pairs(&self) -> Vec<Pair> {
        let count = self.sections.len();
        let all = (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other)));
        let mut pairs: Vec<_> = all
            .map(|(one, other)| {
                let (there, back) = (self.links(one, other), self.links(other, one));
                Pair { one, other, there, back }
            })
            .filter(|pair| pair.there + pair.back > 0)
            .collect();
        pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.there + pair.back), pair.one, pair.other));
        pairs.truncate(MAX_ARCS);
        pairs
    }

    /// Writes the section of the page.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.sections.len() < 2 {
            return Ok(());
        }
        let pairs = self.pairs();
        out.write_all(
            b"<section id=\"sections\"><h2>The site by sections</h2>\n<p class=\"lead\">Folders, and what file names \
              begin with, by the number of their pages. An arc stands for the links between two sections: the thicker, \
              the more. Links in menus, page headers and footers are left out.</p>\n<div class=\"map\"><ul class=\"places\">\n",
        )?;
        for section in self.sections {
            let indent = section.level.min(MAX_INDENT);
            let begins = section.begins();
            let rest = if section.has_parts { " <i>other pages</i>" } else { "" };
            writeln!(
                out,
                "<li class=\"in{indent}\" title=\"{}\"><span>{}{begins}{rest}</span> <b>{}</b></li>",
                Text(&section.in_words()),
                Text(&section.name),
                count(section.pages)
            )?;
        }
        out.write_all(b"</ul>\n")?;
        self.write_picture(out, &pairs)?;
        out.write_all(b"</div>\n")?;
        self.write_numbers(out, &pairs)?;
        out.write_all(b"</section>\n")
    }

    fn write_picture(&self, out: &mut impl Write, pairs: &[Pair]) -> io::Result<()> {
        let height = self.sections.len() * LINE;
        let most = self.sections.iter().map(|section| section.pages).max().unwrap_or(1);
        write!(
            out,
            r#"<svg class="arcs" width="100%" height="{height}" role="img" aria-label="Bars for the pages of each section, arcs for links between sections; the numbers are in the table below">"#
        )?;
        for (section, place) in self.sections.iter().zip(0_usize..) {
            let y = place * LINE + LINE / 2;
            let room = DOTS_AT - 6.0;
            let width = percent(section.pages, most) * room / 100.0;
            let broken = percent(section.broken, section.pages) * width / 100.0;
            write!(
                out,
                r#"<g><title>{}: {} pages, {} broken</title><rect class="ok" x="0" y="{top}" width="{:.2}%" height="10"/>"#,
                Text(&section.in_words()),
                count(section.pages),
                count(section.broken),
                width.max(0.6),
                top = y - 5
            )?;
            if section.broken > 0 {
                write!(
                    out,
                    r#"<rect class="client" x="{:.2}%" y="{top}" width="{:.2}%" height="10"/>"#,
                    (width - broken).max(0.0),
                    broken.max(0.6),
                    top = y - 5
                )?;
            }
            let radius = 3.0 + percent(section.pages, most).sqrt() / 2.5;
            write!(out, r#"<circle cx="{DOTS_AT}%" cy="{y}" r="{radius:.1}"/></g>"#)?;
        }
        self.write_arcs(out, pairs, height)?;
        out.write_all(b"</svg>\n")
    }

    /// The arcs, stretched to the width that there is.
    fn write_arcs(&self, out: &mut impl Write, pairs: &[Pair], height: usize) -> io::Result<()> {
        let most = pairs.first().map_or(1, |pair| pair.there + pair.back);
        write!(
            out,
            r#"<svg x="{DOTS_AT}%" width="{}%" height="{height}" viewBox="0 0 100 {height}" preserveAspectRatio="none">"#,
            100.0 - DOTS_AT
        )?;
        let farthest = self.sections.len().saturating_sub(1).max(1) as u64;
        // The thickest first, so that thin ones stay visible.
        for pair in pairs {
            let (from, to) = (pair.one * LINE + LINE / 2, pair.other * LINE + LINE / 2);
            let reach = 14.0 + percent((pair.other - pair.one) as u64, farthest) * 1.12;
            let width = 1.0 + percent(pair.there + pair.back, most).sqrt() * 0.7;
            write!(
                out,
                r#"<path d="M0 {from}C{reach:.1} {from} {reach:.1} {to} 0 {to}" stroke-width="{width:.1}"><title>{}</title></path>"#,
                Text(&self.in_words(pair))
            )?;
        }
        out.write_all(b"</svg>")
    }

    fn in_words(&self, pair: &Pair) -> String {
        let (one, other) =
            (self.sections[pair.one].in_words(), self.sections[pair.other].in_words());
        format!(
            "{one} → {other}: {} links; {other} → {one}: {} links",
            count(pair.there),
            count(pair.back)
        )
    }

    /// The same for those who want numbers.
    fn write_numbers(&self, out: &mut impl Write, pairs: &[Pair]) -> io::Result<()> {
        let sections = 0..self.sections.len();
        let others = |of: usize| sections.clone().filter(move |other| *other != of);
        let rows: Vec<(String, Vec<u64>)> = sections
            .clone()
            .map(|of| {
                let section = &self.sections[of];
                let leading_out = others(of).map(|other| self.links(of, other)).sum();
                let leading_in = others(of).map(|other| self.links(other, of)).sum();
                (
                    section.in_words(),
                    vec![
                        section.pages,
                        section.broken,
                        self.links(of, of),
                        leading_out,
                        leading_in,
                    ],
                )
            })
            .collect();
        out.write_all(b"<details><summary>The same in numbers</summary>\n")?;
        table(
            out,
            "Sections",
            &["section", "pages", "broken", "links within", "links out", "links in"],
            &rows,
        )?;
        let rows: Vec<(String, Vec<u64>)> = pairs
            .iter()
            .map(|pair| {
                let (one, other) =
                    (self.sections[pair.one].in_words(), self.sections[pair.other].in_words());
                (format!("{one} ↔ {other}"), vec![pair.there, pair.back])
            })
            .collect();
        table(out, "Links between sections", &["sections", "there", "back"], &rows)?;
        out.write_all(b"</details>\n")
    }
}

/// A table of names and numbers.
fn table(
    out: &mut impl Write,
    caption: &str,
    columns: &[&str],
    rows: &[(String, Vec<u64>)],
) -> io::Result<()> {
    write!(
        out,
        "<div class=\"box\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table class=\"rows\"><caption>{0}</caption><thead><tr>",
        Text(caption)
    )?;
    for (place, column) in columns.iter().enumerate() {
        let class = if place > 0 { " class=\"number\"" } else { "" };
        write!(out, "<th scope=\"col\"{class}>{}</th>", Text(column))?;
    }
    out.write_all(b"</tr></thead><tbody>\n")?;
    for (name, numbers) in rows {
        write!(out, "<tr><th scope=\"row\">{}</th>", Text(name))?;
        for number in numbers {
            write!(out, "<td class=\"number\" data-value=\"{number}\">{}</td>", count(*number))?;
        }
        out.write_all(b"</tr>\n")?;
    }
    out.write_all(b"</tbody></table></div>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, pages: u64) -> Section {
        Section {
            name: name.into(),
            place: name.into(),
            pages,
            broken: pages / 4,
            ..Section::default()
        }
    }

    fn written(map: &Map<'_>) -> String {
        let mut out = Vec::new();
        map.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_section_and_each_pair_that_links_is_drawn_once() {
        let sections = [section("/a/", 8), section("/<b>/", 2), section("/c/", 1)];
        let map = Map { sections: &sections, links: vec![9, 3, 0, 4, 0, 0, 0, 0, 0] };
        let page = written(&map);
        assert_eq!(page.matches("<circle").count(), 3, "{page}");
        assert_eq!(page.matches("<path").count(), 1, "{page}");
        assert!(page.contains("/a/ → /&lt;b&gt;/: 3 links; /&lt;b&gt;/ → /a/: 4 links"), "{page}");
        assert!(page.contains(r#"data-value="9""#), "links within: {page}");
    }

    #[test]
    fn a_site_of_one_section_needs_no_picture() {
        assert_eq!(written(&Map::default()), "");
        assert_eq!(written(&Map { sections: &[section("/", 1)], links: vec![1] }), "");
    }

    #[test]
    fn there_are_never_too_many_arcs() {
        let sections: Vec<_> = (0..18).map(|n| section(&format!("/{n}/"), n + 1)).collect();
        let page = written(&Map { sections: &sections, links: vec![1; 18 * 18] });
        assert_eq!(page.matches("<path").count(), MAX_ARCS);
    }
}
