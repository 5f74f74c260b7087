//! What do strangers write where a crawler reads?

use super::{Answer, Site};

/// What strangers write into titles, texts, headers and URLs.
#[rustfmt::skip]
pub(crate) const PAYLOADS: &[&str] = &[
    "\u{1b}[2J", "\u{1b}]0;owned\u{7}", "\u{1b}]8;;http://x.invalid\u{7}link\u{1b}]8;;\u{7}", "\u{1b}P\u{1b}\\", "\u{9b}31m",
    "\u{8}\u{8}\u{8}", "\r overwritten", "line\u{2028}break", "line\u{2029}break", "line\u{85}break", "\u{c}page", "a\u{b}b",
    "\u{202e}gpj.exe", "\u{2066}isolated\u{2069}", "\u{200f}right", "\u{61c}arabic", "\u{feff}mark", "\u{7f}\u{7f}",
    "=1+1", "=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(1)", "\t=1+1", "＝1", "＋1", "－1", "＠1",
    "=HYPERLINK(\"http://x.invalid\",\"a\")", "\"; DROP TABLE page; --", "'; --", "\",=1+1,\"", "a\n=1+1",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{{7*7}}", "%s%n", "$(id)", "`id`", "\u{0}zero",
    "</script><script>alert(1)</script>", "</style><style>*{display:none}", "</title></pre></td></table><b>", "<!--", "--><b>", "]]><b>",
    "\" onmouseover=\"alert(1)", "' autofocus onfocus='alert(1)", "javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,<b>",
    "&lt;script&gt;", "&#60;script&#62;", "<svg onload=alert(1)>", "<meta http-equiv=refresh content=0>", "\u{ffff}\u{fdd0}",
];

/// What none of the output may have, besides line breaks (and tabs in csv).
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `text` with everything in it as a reference of HTML, so that it reaches the page as it is.
fn escaped(text: &str) -> String {
    text.chars().map(|c| format!("&#{};", u32::from(c))).collect()
}

/// A page with the payload everywhere; a header with what of it a header can hold.
fn page(payload: &str) -> Answer {
    let text = escaped(payload);
    let header: String = payload.chars().filter(|c| !c.is_control() || *c == '\u{85}').collect();
    Answer::html(&format!(
        "<html lang='{text}'><title>{text}</title><meta name=description content='{text}'><h1>{text}</h1>
         <meta name=robots content='{text}'><link rel=canonical href='{text}'><base target='{text}'>
         <a href='/x?{text}#{text}' rel='{text}'>{text}</a><a href='{text}'>b</a><a href='{text}:x'>c</a>
         <a href='http://{text}/'>d</a><img src='/{text}' alt='{text}'><iframe src='http://[{text}'></iframe>"
    ))
    .with("X-Payload", &header)
    .with("Link", &format!("</{header}>; rel=next; title=\"{header}\""))
    .with("X-Robots-Tag", &header)
}

/// A site that writes each payload wherever it can.
pub(crate) fn site() -> Site {
    let links: String = (0..PAYLOADS.len()).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
    Site::start(move |request, _| {
        let number = request.path[1..].parse::<usize>().ok();
        match (&*request.path, number.and_then(|number| PAYLOADS.get(number))) {
            ("/robots.txt", _) => {
                let rules: String = PAYLOADS
                    .iter()
                    .map(|payload| format!("Disallow: /x{payload}\nSitemap: /{payload}\n"))
                    .collect();
                Some(Answer::new(
                    200,
                    "text/plain",
                    format!("User-agent: *\nDisallow: /secret\u{1b}[2J*\n{rules}").as_bytes(),
                ))
            }
            ("/", _) => Some(Answer::html(&links)),
            (_, Some(payload)) => Some(page(payload)),
            _ => None,
        }
    })
}
