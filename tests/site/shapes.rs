//! Pages that make parsers explode, by name and size.

/// A page of about `n` bytes.
pub(crate) type Shape = (&'static str, fn(usize) -> Vec<u8>);

/// `piece` over and over.
fn rep(piece: &str, n: usize) -> Vec<u8> {
    piece.as_bytes().repeat(n / piece.len())
}

/// A piece for each number.
fn each(n: usize, piece: impl Fn(usize) -> String) -> Vec<u8> {
    let mut page = Vec::with_capacity(n + 4096);
    for number in 0.. {
        if page.len() >= n {
            break;
        }
        page.extend_from_slice(piece(number).as_bytes());
    }
    page
}

/// `middle` between two texts.
fn within(before: &str, middle: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), middle, after.as_bytes()].concat()
}

/// Links to many targets below a base of `length` bytes.
fn below(length: usize, n: usize) -> Vec<u8> {
    let base = format!("<base href='/{}/'>", "b".repeat(length));
    within(&base, &each(n, |i| format!("<a href={i:x}>")), "")
}

/// Shapes whose cost lies in reading them.
#[rustfmt::skip]
pub(crate) const MARKUP: &[Shape] = &[
    ("formatting elements",       |n| each(n, |i| format!("<b a{i}><p>"))),
    ("misnested formatting",      |n| [each(n / 2, |i| format!("<b {i}>")), rep("<i 0>x</b>x</b>", n / 2)].concat()),
    ("divs within each other",    |n| rep("<div>", n)),
    ("lists within each other",   |n| rep("<ul><li>", n)),
    ("tables within each other",  |n| rep("<table><tr><td>", n)),
    ("foster parents",            |n| rep("<table><a href=x>", n)),
    ("svg within each other",     |n| rep("<svg><g>", n)),
    ("svg and html by turns",     |n| rep("<svg><foreignObject>", n)),
    ("many ends within svg",      |n| within(&"<svg><foreignObject>".repeat(200), &rep("</x>", n), "")),
    ("math within each other",    |n| rep("<math><mi>", n)),
    ("regions",                   |n| rep("<nav>", n)),
    ("ends of other regions",     |n| within(&"<nav>".repeat(63), &rep("</aside>", n), "")),
    ("templates",                 |n| rep("<template>", n)),
    ("options",                   |n| rep("<select><option>", n)),
    ("attributes",                |n| within("<a ", &each(n, |i| format!("a{i}=1 ")), "href=/x>x</a>")),
    ("the same attribute",        |n| within("<a ", &rep("href=/x ", n), ">x</a>")),
    ("an attribute",              |n| within("<a href='", &rep("x", n), "'>x</a>")),
    ("a name of an attribute",    |n| within("<a ", &rep("x", n), ">x</a>")),
    ("a name of a tag",           |n| within("<", &rep("x", n), ">")),
    ("attributes of a meta",      |n| within("<meta ", &each(n, |i| format!("{i:x} ")), ">")),
    ("metas",                     |n| rep("<meta a b c>", n)),
    ("a charset in a meta",       |n| within("<meta content='", &rep("charset", n), "'>")),
    ("directives",                |n| rep("<meta name=robots content='a,b,c,d,e,f,g'>", n)),
    ("bases",                     |n| rep("<base href=x>", n)),
    ("less than",                 |n| rep("<", n)),
    ("greater than",              |n| rep(">", n)),
    ("ends of nothing",           |n| rep("</", n)),
    ("declarations",              |n| rep("<!", n)),
    ("starts of comments",        |n| rep("<!--", n)),
    ("comments",                  |n| rep("<!---->", n)),
    ("a comment",                 |n| within("<!--", &rep("x", n), "")),
    ("a comment of dashes",       |n| within("<!--", &rep("-", n), "")),
    ("instructions",              |n| rep("<?x>", n)),
    ("CDATA",                     |n| rep("<![CDATA[", n)),
    ("CDATA within svg",          |n| within("<svg><![CDATA[", &rep("]]", n), "")),
    ("doctypes",                  |n| rep("<!doctype x>", n)),
    ("a doctype",                 |n| within("<!doctype ", &rep("x", n), "")),
    ("ampersands",                |n| rep("&", n)),
    ("empty references",          |n| rep("&;", n)),
    ("half a reference",          |n| rep("&notit;", n)),
    ("the longest reference",     |n| rep("&CounterClockwiseContourIntegra", n)),
    ("numbers of characters",     |n| rep("&#x41;", n)),
    ("a number of a character",   |n| within("&#", &rep("1", n), ";")),
    ("scripts in scripts",        |n| within("<script>", &rep("<!--<script>", n), "")),
    ("nearly ended scripts",      |n| within("<script>", &rep("</scrip", n), "")),
    ("nearly ended titles",       |n| within("<title>", &rep("</titl", n), "")),
    ("plain text",                |n| within("<plaintext>", &rep("<a href=x>", n), "")),
    ("a bomb of JSON",            |n| within("<script type=application/ld+json>", &rep("[{\"a\":", n), "")),
    ("a style",                   |n| within("<style>", &rep("a{", n), "")),
    ("a title",                   |n| within("<title>", &rep("t", n), "</title>")),
    ("a title of blanks",         |n| within("<title>x", &rep(" ", n), "x</title>")),
    ("titles",                    |n| rep("<title>x</title>", n)),
    ("a heading of blanks",       |n| within("<h1>x", &rep(" ", n), "x</h1>")),
    ("words",                     |n| rep("a ", n)),
    ("zeros",                     |n| rep("\0", n)),
    ("escapes",                   |n| within("<title>", &rep("\u{1b}[2J", n), "</title>")),
    ("marks of direction",        |n| within("<title>", &rep("\u{202e}", n), "</title>")),
    ("no characters",             |n| vec![0xff; n]),
    ("characters of another set", |n| within("<p>", &vec![0x80; n], "")),
    ("UTF-16",                    |n| [vec![0xff, 0xfe], rep("<\0a\0 \0h\0r\0e\0f\0=\0x\0>\0", n)].concat()),
    ("a srcset",                  |n| within("<img srcset='", &rep("a, ", n), "'>")),
    ("a srcset in parentheses",   |n| within("<img srcset='", &rep("a (, ", n), "'>")),
    ("links within each other",   |n| rep("<a href=x>", n)),
];

/// Shapes whose cost lies in their links.
#[rustfmt::skip]
pub(crate) const LINKS: &[Shape] = &[
    ("links to many targets",     |n| each(n, |i| format!("<a href={i:x}>"))),
    ("links with long texts",     |n| each(n, |i| format!("<a href={i:x}>{}</a>", "y".repeat(500)))),
    ("links below a long base",   |n| below(1900, n)),
    ("links below a base of 64 K", |n| below(64_000, n)),
    ("links below a base of 1 M", |n| below(n, n)),
    ("links upwards",             |n| each(n, |i| format!("<a href='{}{i}'>", "../".repeat(300)))),
    ("links up and down",         |n| each(n, |i| format!("<a href='{}{i}'>", "a/../".repeat(300)))),
    ("links of 2 KB",             |n| each(n, |i| format!("<a href='{}{i}'>", "a".repeat(2000)))),
    ("links of 3 KB",             |n| each(n, |i| format!("<a href='{}{i}'>", "a".repeat(3000)))),
    ("links to long foreign hosts", |n| each(n, |i| format!("<a href='http://{}{i}.com/'>", "ä".repeat(250)))),
    ("links to Chinese hosts",    |n| each(n, |i| format!("<a href='http://{}/'>", han(i)))),
    ("links to deep hosts",       |n| each(n, |i| format!("<a href='http://{}{i}/'>", "ä.".repeat(300)))),
    ("links of percent signs",    |n| each(n, |i| format!("<a href='{}{i}'>", "%".repeat(600)))),
    ("links to be escaped",       |n| each(n, |i| format!("<a href='{}{i}'>", "é".repeat(300)))),
    ("links of other schemes",    |n| each(n, |i| format!("<a href='x{i}:y'>"))),
    ("links that are none",       |n| each(n, |i| format!("<a href='http://[{i}'>"))),
    ("links of escapes",          |n| each(n, |i| format!("<a href='\u{1}\u{2}{i}\u{1b}'>"))),
    ("links to fragments",        |n| each(n, |i| format!("<a href='#{i}'>"))),
    ("links to long fragments",   |n| each(n, |i| format!("<a href='#{}{i}'>", "f".repeat(2000)))),
    ("refreshes",                 |n| each(n, |i| format!("<meta http-equiv=refresh content='0;url={i}'>"))),
    ("canonicals",                |n| each(n, |i| format!("<link rel=canonical href={i}>"))),
    ("images with long texts",    |n| each(n, |i| format!("<a href={i}><img alt='{}'>", "y".repeat(500)))),
    ("srcsets with long texts",   |n| each(n, |i| {
        let urls: String = (0..9000).map(|k| format!("{i}{k:x}, ")).collect();
        format!("<img alt='{}' srcset='{urls}'>", "A".repeat(512))
    })),
];

/// 600 characters of which no two hosts have the same.
fn han(number: usize) -> String {
    let from = u32::try_from(number % 20_000).unwrap();
    (0..600).filter_map(|at| char::from_u32(0x4e00 + (at * 37 + from) % 20_000)).collect()
}
