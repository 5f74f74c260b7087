//! Does the reader do what each state of the standard says? (tests)

use super::recorder::{Event, events, spelled};
use super::{Attribute, Sink, Tag, read};

/// Compares what comes out of each page with its row.
fn check(rows: &[(&str, &str)]) {
    for (html, expected) in rows {
        assert_eq!(spelled(html), *expected, "{html:?}");
    }
}

#[test]
#[rustfmt::skip]
fn a_less_than_sign_begins_a_tag_only_before_a_letter() {
    check(&[
        ("a < b<3 <",             "a < b<3 <"),
        ("a</",                   "a</"),
        ("a</>b</ b>c</3>d",      "abcd"),
        ("a<?x y?>b<!x>c<!>d",    "abcd"),
        ("a<<b>",                 "a<<b>"),
        ("<b",                    ""),
        ("x<b y",                 "x"),
        ("x</b",                  "x"),
        ("<B></B><a\0b>",         "<b></b><a\u{FFFD}b>"),
        ("<h1/><br / ></p/>",     "<h1/><br></p>"),
        ("<a:b-c.d_e\"'é>",       "<a:b-c.d_e\"'é>"),
        ("<a=b>",                 "<a=b>"),
    ]);
}

#[test]
#[rustfmt::skip]
fn attributes_are_read_in_all_their_spellings() {
    check(&[
        ("<a b c=1 d='2' e=\"3\">",     r#"<a b="" c="1" d="2" e="3">"#),
        ("<a\tb\n=\x0c1\rc>",           r#"<a b="1" c="">"#),
        ("<a b= c=1>",                  r#"<a b="c=1">"#),
        ("<a b=>",                      r#"<a b="">"#),
        ("<a b= >",                     r#"<a b="">"#),
        ("<a b=''c=\"\"d>",             r#"<a b="" c="" d="">"#),
        ("<a/b/c=1/d='2'/e>",           r#"<a b="" c="1/d='2'/e">"#),
        ("<a b='1'/c/ d/>",             r#"<a b="1" c="" d=""/>"#),
        ("<a / = =b ==c>",              r#"<a =="b">"#),
        ("<a =b=c>",                    r#"<a =b="c">"#),
        ("<a b=1 B=2 b=3>",             r#"<a b="1">"#),
        ("<a href=1 HREF=2 HrEf=3>",    r#"<a href="1">"#),
        ("<a href HREF=2>",             r#"<a href="">"#),
        ("<a Http-Equiv=x XLINK:HREF=y>", r#"<a http-equiv="x" xlink:href="y">"#),
        ("<a b=x\"y'z<`=w>",            r#"<a b="x\"y'z<`=w">"#),
        ("<a \"b' <c>",                 r#"<a "b'="" <c="">"#),
        ("<a b\0=\0 c='\0'>",           "<a b\u{FFFD}=\"\u{FFFD}\" c=\"\u{FFFD}\">"),
        ("<a b='>' c=\"<b>\">",         r#"<a b=">" c="<b>">"#),
        ("<a b='\r\n\r'>",              r#"<a b="\n\n">"#),
        ("<a b='x",                     ""),
        ("<a b=x",                      ""),
        ("<a b=",                       ""),
        ("<a b='x' ",                   ""),
        ("<a/",                         ""),
        ("</a b='>' c>x",               "</a>x"),
        ("</a b=\">x",                  ""),
        ("<p class=a id=é data-x='ü'>", r#"<p class="a" id="é" data-x="ü">"#),
        ("<p a-very-long-name-that-is-none-of-ours=1 HREFHREFHREFHREFHREF>",
            r#"<p a-very-long-name-that-is-none-of-ours="1" hrefhrefhrefhrefhref="">"#),
    ]);
}

#[test]
#[rustfmt::skip]
fn comments_end_where_browsers_end_them() {
    check(&[
        ("a<!---->b",               "ab"),
        ("a<!-->b",                 "ab"),
        ("a<!--->b",                "ab"),
        ("a<!-- > -> -- - --x>-->b", "ab"),
        ("a<!----->b",              "ab"),
        ("a<!-- --!>b",             "ab"),
        ("a<!----!>b",              "ab"),
        ("a<!--!>b-->c",            "ac"),
        ("a<!---!>b-->c",           "ac"),
        ("a<!-- --!-->b",           "ab"),
        ("a<!-- --!--!>b",          "ab"),
        ("a<!-- --!x>b-->c",        "ac"),
        ("a<!--<!-->b",             "ab"),
        ("a<!--<!--->b",            "ab"),
        ("a<!-- <!-- x --> b -->c", "a b -->c"),
        ("a<!--<!>b-->c",           "ac"),
        ("a<!--x",                  "a"),
        ("a<!--x--",                "a"),
        ("a<!--x--!",               "a"),
        ("a<!-",                    "a"),
        ("a<!->b",                  "ab"),
        ("a<!- -->b",               "ab"),
        ("<!DOCTYPE html>a",        "a"),
        ("<!doctype html PUBLIC \"a>b\">c", "b\">c"),
        ("<!doctype",               ""),
        ("<?php echo '>' ?>",       "' ?>"),
    ]);
}

#[test]
#[rustfmt::skip]
fn references_are_resolved_as_the_standard_says() {
    check(&[
        ("&amp;&lt;&gt;&quot;&nbsp;&apos;", "&<>\"\u{A0}'"),
        ("&amp&lt&gt&quot&nbsp",            "&<>\"\u{A0}"),
        ("&ampx&notit;&notin;&not;&notx",   "&x¬it;∉¬¬x"),
        ("&AMP;&Amp;&apos",                 "&&Amp;&apos"),
        ("&nosuch;&;& &&x",                 "&nosuch;&;& &&x"),
        ("&NotEqualTilde;&fjlig;",          "≂\u{338}fj"),
        ("&CounterClockwiseContourIntegral;", "∳"),
        ("&CounterClockwiseContourIntegralx;", "&CounterClockwiseContourIntegralx;"),
        ("&#65;&#x41;&#X4a;&#65&#x41z",     "AAJAAz"),
        ("&#;&#x;&#xg;&#&#x",               "&#;&#x;&#xg;&#&#x"),
        ("&#0;&#xD800;&#x110000;&#99999999999999999999;", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        ("&#x80;&#x81;&#159;&#13;&#xFFFE;", "€\u{81}Ÿ\r\u{FFFE}"),
        ("&#000000000000000000000000065;",  "A"),
        ("&lt;b>&amp;lt;",                  "<b>&lt;"),
        ("<a b='&amp;&lt &notx &not= &not;x &not'>", r#"<a b="&< &notx &not= ¬x ¬">"#),
        ("<a b=&amp;c&copy=1&copy;&copy>",  r#"<a b="&c&copy=1©©">"#),
        ("<a b='&notin;&notit;&noti;'>",    r#"<a b="∉&notit;&noti;">"#),
        ("<a href='?a&#38;b&#x3d;c'>",      r#"<a href="?a&b=c">"#),
        ("<a &amp;=1>",                     r#"<a &amp;="1">"#),
        ("<title>&lt;/title>&amp</title>",  "<title>{title: </title>&}</title>"),
        ("<style>&lt;</style><script>&amp;</script>", "<style>{style: &lt;}</style><script>{script: &amp;}</script>"),
    ]);
}

#[test]
#[rustfmt::skip]
fn raw_text_ends_with_its_own_end_tag() {
    check(&[
        ("<title><b></titles></title ></title>", "<title>{title: <b></titles>}</title></title>"),
        ("<TITLE>x</tItLe\n>y",     "<title>{title: x}</title>y"),
        ("<title>x</title/>y",      "<title>{title: x}</title>y"),
        ("<title>x</title a='>'>y", "<title>{title: x}</title>y"),
        ("<title>x</title",         "<title>{title: x</title}"),
        ("<title>x</title y",       "<title>{title: x}"),
        ("<textarea><!--</textarea>-->", "<textarea>{textarea: <!--}</textarea>-->"),
        ("<style><</</s</style>",   "<style>{style: <</</s}</style>"),
        ("<xmp/>a<b></xmp>",        "<xmp/>{xmp: a<b>}</xmp>"),
        ("<iframe></noembed></iframe>", "<iframe>{iframe: </noembed>}</iframe>"),
        ("<noembed><p></noembed>",  "<noembed>{noembed: <p>}</noembed>"),
        ("<noframes><p></noframes>", "<noframes>{noframes: <p>}</noframes>"),
        ("<noscript><p></noscript>", "<noscript><p></noscript>"),
        ("<plaintext><b></plaintext>&amp;", "<plaintext>{plaintext: <b></plaintext>&amp;}"),
        ("a\0b<title>\0</title><style>\0</style><plaintext>\0",
            "ab<title>{title: \u{FFFD}}</title><style>{style: \u{FFFD}}</style><plaintext>{plaintext: \u{FFFD}}"),
        ("<title>\r\n\r</title>\r",  "<title>{title: \n\n}</title>\n"),
    ]);
}

#[test]
fn scripts_end_where_browsers_end_them() {
    // The text of a script, and what follows it.
    #[rustfmt::skip]
    let rows = [
        ("a</script>b",                             "a", "b"),
        ("a</SCRIPT >b",                            "a", "b"),
        ("a</scripts></script/>b",                  "a</scripts>", "b"),
        ("<!--a</script>b",                         "<!--a", "b"),
        ("<!--<script></script>--></script>b",      "<!--<script></script>-->", "b"),
        ("<!--<script></script></script>b",         "<!--<script></script>", "b"),
        ("<!--<script>--></script>b",               "<!--<script>-->", "b"),
        ("<!--<script>-- ></script></script>b",     "<!--<script>-- ></script>", "b"),
        ("<!--<script>-></script></script>b",       "<!--<script>-></script>", "b"),
        ("<!--<SCRIPT/></ScRiPt\n></script>b",      "<!--<SCRIPT/></ScRiPt\n>", "b"),
        ("<!--<scripts></script>b",                 "<!--<scripts>", "b"),
        ("<!--<script</script>b",                   "<!--<script", "b"),
        ("<!--></script>b",                         "<!-->", "b"),
        ("<!---></script>b",                        "<!--->", "b"),
        ("<!--><script></script>b",                 "<!--><script>", "b"),
        ("<!-- --><script></script>b",              "<!-- --><script>", "b"),
        ("<!-<script></script>b",                   "<!-<script>", "b"),
        ("<!--<script><script></script></script>b", "<!--<script><script></script>", "b"),
        ("<!--<script></script><script></script></script>b", "<!--<script></script><script></script>", "b"),
        ("<script></script>b",                      "<script>", "b"),
    ];
    for (html, script, after) in rows {
        let expected = format!("<script>{{script: {script}}}</script>{after}");
        assert_eq!(spelled(&format!("<script>{html}")), expected, "{html:?}");
    }
    check(&[("<script><!--<script></script>", "<script>{script: <!--<script></script>}")]);
}

#[test]
#[rustfmt::skip]
fn svg_and_math_are_followed() {
    check(&[
        ("<svg><style><b x>",                   r#"<:svg><:style><b x="">"#),
        ("<svg/><style><b></style>",            "<:svg/><style>{style: <b>}</style>"),
        ("<svg></svg><style><b></style>",       "<:svg></svg><style>{style: <b>}</style>"),
        ("<svg><svg></svg><style></svg><style>x", "<:svg><:svg></svg><:style></svg><style>{style: x}"),
        ("<svg><title><style>x</style></title><style>", "<:svg><:title><style>{style: x}</style></title><:style>"),
        ("<svg><desc/><title/><style>",         "<:svg><:desc/><:title/><:style>"),
        ("<svg><title><title>x</title><style>y", "<:svg><:title><title>{title: x}</title><style>{style: y}"),
        ("<svg><foreignObject><title>x</title><svg><style>", "<:svg><:foreignobject><title>{title: x}</title><:svg><:style>"),
        ("<svg><p><style>x",                    "<:svg><p><style>{style: x}"),
        ("<svg></p><style>x",                   "<:svg></p><style>{style: x}"),
        ("<svg></br><style>x",                  "<:svg></br><style>{style: x}"),
        ("<svg><font><style><font SIZE=1><style>x", r#"<:svg><:font><:style><font size="1"><style>{style: x}"#),
        ("<svg><desc><svg><p><style>x",         "<:svg><:desc><:svg><p><style>{style: x}"),
        ("<svg><math><mi><style>",              "<:svg><:math><:mi><:style>"),
        ("<math><mi><style>x</style></mi><style>", "<:math><:mi><style>{style: x}</style></mi><:style>"),
        ("<math><mi><mglyph><style></mglyph><style>x", "<:math><:mi><:mglyph><:style></mglyph><style>{style: x}"),
        ("<math><svg><title><style>",           "<:math><:svg><:title><:style>"),
        ("<math><annotation-xml><style>",       "<:math><:annotation-xml><:style>"),
        ("<math><annotation-xml><svg><desc><style>x", "<:math><:annotation-xml><:svg><:desc><style>{style: x}"),
        ("<math><annotation-xml encoding=TEXT/html><style>x", r#"<:math><:annotation-xml encoding="TEXT/html"><style>{style: x}"#),
        ("<math><annotation-xml encoding=text/xml><style>", r#"<:math><:annotation-xml encoding="text/xml"><:style>"#),
        ("<svg><![CDATA[<b>&amp;\0]]]>x]]></svg>", "<:svg><b>&amp;\u{FFFD}]x]]></svg>"),
        ("<svg><![CDATA[a]>b>c]]>d",            "<:svg>a]>b>cd"),
        ("<svg><![CDATA[x",                     "<:svg>x"),
        ("<svg><![CDATA[x]]",                   "<:svg>x]]"),
        ("<svg><![cdata[x]]>y",                 "<:svg>y"),
        ("<svg><desc><![CDATA[x]]>y",           "<:svg><:desc>y"),
        ("<![CDATA[x>y]]>z",                    "y]]>z"),
        ("<svg>\0</svg>\0",                     "<:svg>\u{FFFD}</svg>"),
    ]);
}

#[test]
#[rustfmt::skip]
fn templates_are_left_out() {
    check(&[
        ("a<template>b<i><template></template>c</template>d", "a<template></template>d"),
        ("<template><style><b></template></style></template>a", "<template></template>a"),
        ("<template><svg></template><style>x",  "<template></template><style>{style: x}"),
        ("<template><svg><template></template></svg>x</template>y", "<template></template>y"),
        ("<svg><template>x</template></svg>",   "<:svg><:template>x</template></svg>"),
        ("</template>a",                        "</template>a"),
        ("<svg><desc><template></svg>x</template><style>y", "<:svg><:desc><template></template><style>{style: y}"),
        ("<template/>a",                        "<template/>"),
    ]);
}

#[test]
fn a_value_is_cut_between_characters() {
    let rows = [("é", 64 * 1024 - 1), ("&eacute;", 16 * 1024 + 7), ("é&amp;é", 64 * 1024 / 9 * 5)];
    for (repeated, expected) in rows {
        let events = events(&format!("<a href=x{}>", repeated.repeat(40_000)));
        let [Event::Start { attributes, .. }] = &events[..] else { panic!("one tag") };
        let length = attributes[0].1.len();
        assert!(length.abs_diff(expected) < 10, "{repeated}: {length}, expected {expected}");
    }
}

/// Counts what it is given: a recorder would take longer than the reader.
#[derive(Default)]
struct Counter(usize);

impl Sink for Counter {
    fn start(&mut self, tag: &Tag<'_>) {
        self.0 += tag.name.len() + tag.get(Attribute::Href).map_or(0, |href| href.len());
    }
    fn end(&mut self, name: &[u8]) {
        self.0 += name.len();
    }
    fn text(&mut self, text: &[u8], _: Option<&[u8]>) {
        self.0 += text.len();
    }
}

/// Each takes some 20 ms in a debug build; read again and again, it would take many seconds.
#[test]
#[rustfmt::skip]
fn hostile_pages_take_time_by_their_length() {
    const BYTES: usize = 100_000;
    let openings = ["", "<a href='", "<title>", "<script><!--", "<svg>"];
    let floods = [
        "<", "&", "--", "<!--", "</", "<a ", "<a b='", "<a b=", "<a b=c ", "/", "&#", "&#1", "&a", "&amp", "&not",
        "&CounterClockwiseContourIntegral", "<title>", "<title></x", "</title", "<script", "</script", "--!", "->", ">",
        "]", "\0", "\r", "<svg><desc>", "</svg>", "<template>", "<svg><desc></math>", "<svg><font>", "<!", "=",
    ];
    let mut pages: Vec<_> = openings
        .iter()
        .flat_map(|opening| floods.iter().map(move |flood| (*opening, *flood, BYTES)))
        .collect();
    pages.extend(["<", "&", "--"].map(|flood| ("", flood, 1_000_000)));
    for (opening, flood, bytes) in pages {
        let html = format!("{opening}{}", flood.repeat(bytes / flood.len()));
        let start = std::time::Instant::now();
        read(&html, Counter::default());
        let taken = start.elapsed();
        assert!(taken.as_secs() < 3, "{opening}{flood}…: {taken:?}");
    }
    let names: String = (0..100_000).map(|n| format!("a{n} ")).collect();
    assert_eq!(read(&format!("<a {names}href=x>"), Counter::default()).0, 2);
}
