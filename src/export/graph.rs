//! What does the graph of a site look like for Graphviz and Gephi?
//!
//! First all nodes, then all edges, as both formats want it. Redirects are edges
//! of their own kind; a page that is broken stands out.

use std::io::{self, Write};

use super::{section, xml};
use crate::canonical::CanonicalUrl;
use crate::store::{Edge, Node};

/// Characters of a label.
const MAX_LABEL: usize = 60;
/// Bytes of a title.
const MAX_TITLE_BYTES: usize = 200;

/// Colours of the first sections that are met (Okabe and Ito's, lightened so that
/// black text can be read on them); later ones share [`OTHER`].
const SECTIONS: [&str; 8] =
    ["#f5d38a", "#a9d7f2", "#8fd6bd", "#f6ec9a", "#9cc4e4", "#efb191", "#e3b7d0", "#cfd8dc"];
const OTHER: &str = "#eeeeee";
const BROKEN: &str = "#ff6b6b";

/// Writes the graph in the language of Graphviz.
pub struct Dot<W: Write> {
    out: W,
    sections: Vec<String>,
}

impl<W: Write> Dot<W> {
    /// Begins a graph.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(
            b"digraph site {\n  graph [overlap=prism, outputorder=edgesfirst]\n  \
              node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", fontsize=10, color=\"#00000040\"]\n  \
              edge [color=\"#00000030\", arrowsize=0.5]\n",
        )?;
        Ok(Self { out, sections: Vec::new() })
    }

    /// Adds a page.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn node(&mut self, node: &Node) -> io::Result<()> {
        let url = CanonicalUrl::from_stored(&*node.url);
        let section = section(&url);
        let colour = if is_broken(node) { BROKEN } else { self.colour(section) };
        write!(
            self.out,
            "  n{} [label={}, tooltip={}, URL={}, fillcolor=\"{colour}\", section={}",
            node.id,
            quoted(&label(&url)),
            quoted(&title(node)),
            quoted(&node.url),
            quoted(section),
        )?;
        for (name, number) in numbers(node) {
            write!(self.out, ", {name}={number}")?;
        }
        self.out.write_all(b"]\n")
    }

    /// Adds a link between two pages.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn edge(&mut self, edge: &Edge) -> io::Result<()> {
        write!(self.out, "  n{} -> n{}", edge.source, edge.target)?;
        match edge {
            Edge { is_redirect: true, .. } => {
                self.out.write_all(b" [kind=redirect, style=dashed]\n")
            }
            Edge { times: 1, .. } => self.out.write_all(b"\n"),
            Edge { times, .. } => writeln!(self.out, " [times={times}]"),
        }
    }

    /// Ends the graph.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"}\n")?;
        Ok(self.out)
    }

    fn colour(&mut self, section: &str) -> &'static str {
        let at = self.sections.iter().position(|known| known == section).unwrap_or_else(|| {
            if self.sections.len() < SECTIONS.len() {
                self.sections.push(section.to_owned());
                self.sections.len() - 1
            } else {
                usize::MAX
            }
        });
        SECTIONS.get(at).copied().unwrap_or(OTHER)
    }
}

/// Writes the graph as GEXF 1.3, which Gephi reads.
pub struct Gexf<W: Write> {
    out: W,
    is_in_edges: bool,
    edges: u64,
}

impl<W: Write> Gexf<W> {
    /// Begins a graph.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
              <gexf xmlns=\"http://gexf.net/1.3\" version=\"1.3\">\n\
              <meta><creator>crawlite</creator><description>Pages of a site and their links</description></meta>\n\
              <graph mode=\"static\" defaultedgetype=\"directed\">\n\
              <attributes class=\"node\">\n\
              <attribute id=\"url\" title=\"url\" type=\"string\"/>\n\
              <attribute id=\"title\" title=\"title\" type=\"string\"/>\n\
              <attribute id=\"section\" title=\"section\" type=\"string\"/>\n\
              <attribute id=\"depth\" title=\"depth\" type=\"integer\"/>\n\
              <attribute id=\"status\" title=\"status\" type=\"integer\"/>\n\
              <attribute id=\"inlinks\" title=\"inlinks\" type=\"integer\"/>\n\
              </attributes>\n<attributes class=\"edge\">\n\
              <attribute id=\"kind\" title=\"kind\" type=\"string\"/>\n</attributes>\n<nodes>\n",
        )?;
        Ok(Self { out, is_in_edges: false, edges: 0 })
    }

    /// Adds a page; before the first edge.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn node(&mut self, node: &Node) -> io::Result<()> {
        let url = CanonicalUrl::from_stored(&*node.url);
        write!(
            self.out,
            "<node id=\"{}\" label=\"{}\"><attvalues><attvalue for=\"url\" value=\"{}\"/>\
             <attvalue for=\"title\" value=\"{}\"/><attvalue for=\"section\" value=\"{}\"/>",
            node.id,
            xml(&label(&url)),
            xml(&node.url),
            xml(&title(node)),
            xml(section(&url)),
        )?;
        for (name, number) in numbers(node) {
            write!(self.out, "<attvalue for=\"{name}\" value=\"{number}\"/>")?;
        }
        self.out.write_all(b"</attvalues></node>\n")
    }

    /// Adds a link between two pages.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn edge(&mut self, edge: &Edge) -> io::Result<()> {
        self.end_nodes()?;
        self.edges += 1;
        writeln!(
            self.out,
            "<edge id=\"{}\" source=\"{}\" target=\"{}\" weight=\"{}\"><attvalues>\
             <attvalue for=\"kind\" value=\"{}\"/></attvalues></edge>",
            self.edges,
            edge.source,
            edge.target,
            edge.times,
            if edge.is_redirect { "redirect" } else { "link" },
        )
    }

    /// Ends the graph.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_nodes()?;
        self.out.write_all(b"</edges>\n</graph>\n</gexf>\n")?;
        Ok(self.out)
    }

    fn end_nodes(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_in_edges, true) {
            return Ok(());
        }
        self.out.write_all(b"</nodes>\n<edges>\n")
    }
}

/// What is known of a page in numbers.
fn numbers(node: &Node) -> impl Iterator<Item = (&'static str, i64)> {
    [
        ("depth", node.depth.map(i64::from)),
        ("status", node.status.map(i64::from)),
        ("inlinks", node.inlinks),
    ]
    .into_iter()
    .filter_map(|(name, number)| number.map(|number| (name, number)))
}

fn is_broken(node: &Node) -> bool {
    node.status.is_none_or(|status| status >= 400)
}

/// Where on its host a page lies, shortened in the middle.
fn label(url: &CanonicalUrl) -> String {
    let path = url.path_and_query();
    let count = path.chars().count();
    if count <= MAX_LABEL {
        return path.to_owned();
    }
    let half = MAX_LABEL / 2;
    let start: String = path.chars().take(half).collect();
    let end: String = path.chars().skip(count - half + 1).collect();
    format!("{start}…{end}")
}

/// The title of a page, or its URL if it has none.
fn title(node: &Node) -> String {
    let title = node.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&node.url);
    title[..title.floor_char_boundary(MAX_TITLE_BYTES.min(title.len()))].to_owned()
}

/// A string of the DOT language. A backslash would begin an escape of Graphviz.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> [Node; 2] {
        let node = |id, url: &str, title: Option<&str>, status| Node {
            id,
            url: url.into(),
            title: title.map(str::to_owned),
            depth: Some(1),
            status,
            inlinks: None,
        };
        [
            node(1, "http://a/docs/x?\"&<", Some("Say \"a\\b\"\n\u{1}"), Some(200)),
            node(2, "http://a/gone", None, None),
        ]
    }

    const EDGES: [Edge; 2] = [
        Edge { source: 1, target: 2, times: 3, is_redirect: false },
        Edge { source: 2, target: 1, times: 1, is_redirect: true },
    ];

    #[test]
    fn any_title_and_url_can_be_in_a_graph() {
        let mut dot = Dot::begin(Vec::new()).unwrap();
        nodes().iter().for_each(|node| dot.node(node).unwrap());
        EDGES.iter().for_each(|edge| dot.edge(edge).unwrap());
        let dot = String::from_utf8(dot.finish().unwrap()).unwrap();
        for expected in [
            r#"n1 [label="/docs/x?\"&<", tooltip="Say \"a\\b\"  ", URL="http://a/docs/x?\"&<""#,
            "section=\"/docs/\", depth=1, status=200]",
            BROKEN,
            "n1 -> n2 [times=3]\n",
            "n2 -> n1 [kind=redirect, style=dashed]\n}",
        ] {
            assert!(dot.contains(expected), "{expected} in {dot}");
        }

        let mut gexf = Gexf::begin(Vec::new()).unwrap();
        nodes().iter().for_each(|node| gexf.node(node).unwrap());
        EDGES.iter().for_each(|edge| gexf.edge(edge).unwrap());
        let gexf = String::from_utf8(gexf.finish().unwrap()).unwrap();
        let mut reader = quick_xml::Reader::from_str(&gexf);
        let mut edges = 0;
        loop {
            match reader.read_event().expect("well-formed") {
                quick_xml::events::Event::Start(tag) if tag.name().as_ref() == "edge" => edges += 1,
                quick_xml::events::Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(edges, 2);
        assert!(gexf.contains("value=\"Say &quot;a\\b&quot; \""), "{gexf}");
    }

    #[test]
    fn a_graph_without_edges_is_whole() {
        let gexf = Gexf::begin(Vec::new()).unwrap().finish().unwrap();
        assert!(
            String::from_utf8(gexf)
                .unwrap()
                .ends_with("</nodes>\n<edges>\n</edges>\n</graph>\n</gexf>\n")
        );
    }

    #[test]
    fn long_labels_keep_both_ends() {
        let url = CanonicalUrl::parse(&format!("http://a/start{}end", "x".repeat(99))).unwrap();
        let label = label(&url);
        assert!(label.starts_with("/start") && label.ends_with("end"), "{label}");
        assert_eq!(label.chars().count(), MAX_LABEL);
    }
}
