//! What would an XHTML page say if it were written as HTML?
//!
//! A page that is served as `application/xhtml+xml` is XML, in which `<script/>` is a
//! whole element and a CDATA section is text. Read as HTML, the one would swallow the rest
//! of the page and the other its own content. So both are respelt before the tags are read;
//! everything else is the same in both.

use std::borrow::Cow;

use memchr::memmem;

/// Elements that have no end tag in HTML.
const VOID: [&str; 16] = [
    "area", "base", "basefont", "br", "col", "embed", "frame", "hr", "img", "input", "keygen",
    "link", "meta", "param", "source", "wbr",
];

/// Whether a page of this Content-Type is XHTML.
pub fn is_xhtml(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/xhtml+xml")
}

/// `xhtml` with an end tag for each element that ends in its own tag, and with the text of
/// CDATA sections where it stands.
///
/// Linear in the length of `xhtml`.
pub fn xhtml_as_html(xhtml: &str) -> Cow<'_, str> {
    if !xhtml.contains("/>") && !xhtml.contains("<![CDATA[") {
        return Cow::Borrowed(xhtml);
    }
    let mut html = String::with_capacity(xhtml.len() + xhtml.len() / 8);
    let mut rest = xhtml;
    while let Some(at) = rest.find('<') {
        html.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.starts_with("<!--") {
            copied(rest, "-->", &mut html)
        } else if rest.starts_with("<?") {
            copied(rest, "?>", &mut html)
        } else if let Some(section) = rest.strip_prefix("<![CDATA[") {
            character_data(section, &mut html)
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
            tag(rest, &mut html)
        } else {
            html.push('<');
            &rest[1..]
        };
    }
    html.push_str(rest);
    Cow::Owned(html)
}

/// Copies up to and with `end`; gives what follows.
fn copied<'a>(text: &'a str, end: &str, html: &mut String) -> &'a str {
    let length =
        memmem::find(text.as_bytes(), end.as_bytes()).map_or(text.len(), |at| at + end.len());
    html.push_str(&text[..length]);
    &text[length..]
}

/// Writes the text of a CDATA section as text; gives what follows.
fn character_data<'a>(section: &'a str, html: &mut String) -> &'a str {
    let (text, after) = section.split_once("]]>").unwrap_or((section, ""));
    html.push_str(&text.replace('&', "&amp;").replace('<', "&lt;"));
    after
}

/// Writes the tag at the start of `text`, with an end tag if it needs one, or with its
/// content if that is no markup in HTML; gives what follows.
fn tag<'a>(text: &'a str, html: &mut String) -> &'a str {
    let Some(end) = tag_end(text) else {
        html.push_str(text);
        return "";
    };
    let (tag, after) = text.split_at(end);
    html.push_str(tag);
    let name = name_of(tag);
    if tag.ends_with("/>") {
        if !VOID.contains(&name) && !name.is_empty() {
            html.push_str("</");
            html.push_str(name);
            html.push('>');
        }
        return after;
    }
    // Markup and CDATA in it are read as they are.
    if name == "script" || name == "style" {
        copied(after, &format!("</{name}"), html)
    } else {
        after
    }
}

/// Behind the `>` of a tag; those in quotes do not count.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    let is_end = |byte: u8| {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        byte == b'>' && quote.is_none()
    };
    text.bytes().position(is_end).map(|at| at + 1)
}

/// The name of a start tag; empty for others.
fn name_of(tag: &str) -> &str {
    let name = &tag[1..];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
    let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts { &name[..end] } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_else_in_html_is_respelt_and_nothing_else() {
        #[rustfmt::skip]
        let rows = [
            ("<p>x</p>",                              "<p>x</p>",                            "the same in both"),
            ("<script src='a'/><a/>",                 "<script src='a'/></script><a/></a>",  "elements without content"),
            ("<br/><img src='/>'/><hr />",            "<br/><img src='/>'/><hr />",          "elements that never have any"),
            ("<x:y a='1'/>",                          "<x:y a='1'/></x:y>",                  "of other languages"),
            ("<p title='<b/>'>x</p>",                 "<p title='<b/>'>x</p>",               "in a value"),
            ("<!-- <b/> --><?php <b/> ?><b/>",        "<!-- <b/> --><?php <b/> ?><b/></b>",  "in comments and instructions"),
            ("<p><![CDATA[a < b && <c/>]]></p>",      "<p>a &lt; b &amp;&amp; &lt;c/></p>",  "character data"),
            ("<script>//<![CDATA[\n'<b/>'//]]>\n</script><b/>", "<script>//<![CDATA[\n'<b/>'//]]>\n</script><b/></b>", "in scripts"),
            ("<style>a > b{}</style><i/>",            "<style>a > b{}</style><i/></i>",      "in styles"),
            ("<b/><a href='x",                        "<b/></b><a href='x",                  "cut short"),
            ("1 < 2 <b/>",                            "1 < 2 <b/></b>",                      "no XML"),
            ("</a/><b/>é<c/>",                        "</a/><b/></b>é<c/></c>",              "end tags, other letters"),
        ];
        for (xhtml, expected, why) in rows {
            assert_eq!(xhtml_as_html(xhtml), expected, "{why}: {xhtml}");
        }
    }

    #[test]
    fn hostile_pages_cost_no_more_than_their_length() {
        for piece in ["<!--", "<![CDATA[", "<?", "<a '", "<script>", "<b/>", "<", "<script", "]]>"]
        {
            let page = format!("<b/>{}", piece.repeat(200_000));
            assert!(xhtml_as_html(&page).len() <= page.len() * 3, "{piece}");
        }
    }
}
