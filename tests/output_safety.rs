//! Nothing that a page says moves a cursor, runs in a spreadsheet or breaks a line.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// What strangers write into titles, texts, headers and URLs.
#[rustfmt::skip]
const PAYLOADS: &[&str] = &[
    "\u{1b}[2J", "\u{1b}]0;owned\u{7}", "\u{1b}]8;;http://x.invalid\u{7}link\u{1b}]8;;\u{7}", "\u{1b}P\u{1b}\\", "\u{9b}31m",
    "\u{8}\u{8}\u{8}", "\r overwritten", "line\u{2028}break", "line\u{2029}break", "line\u{85}break", "\u{c}page", "a\u{b}b",
    "\u{202e}gpj.exe", "\u{2066}isolated\u{2069}", "\u{200f}right", "\u{61c}arabic", "\u{feff}mark", "\u{7f}\u{7f}",
    "=1+1", "=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(1)", "\t=1+1", "＝1", "＋1", "－1", "＠1",
    "=HYPERLINK(\"http://x.invalid\",\"a\")", "\"; DROP TABLE page; --", "'; --", "\",=1+1,\"", "a\n=1+1",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{{7*7}}", "%s%n", "$(id)", "`id`", "\u{0}zero",
];

/// What none of the output may have, besides line breaks (and tabs in csv).
fn is_harmful(c: char) -> bool {
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

fn site() -> Site {
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

#[test]
fn no_format_of_any_view_has_a_harmful_character() {
    let (site, desk) = (site(), Desk::new());
    let crawl = ["crawl", &site.url("/"), "-o", "x.db", "-vv", "--my-site", "--retries", "0"];
    let ran = desk.run(&crawl);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        !ran.err.contains(is_harmful),
        "{:?}",
        ran.err.lines().find(|line| line.contains(is_harmful))
    );
    let views = desk.rows("x.db", "SELECT name FROM sqlite_schema WHERE type IN ('view', 'table')");
    assert!(views.len() > 20);
    for view in &views {
        for format in ["table", "csv", "json"] {
            let query = format!("SELECT * FROM {view}");
            let out = desk.run(&["query", "x.db", &query, "--format", format]).out;
            let harmful = |c: char| is_harmful(c) && !(format == "csv" && matches!(c, '\t' | '\r'));
            let line = out.lines().find(|line| line.contains(harmful));
            assert!(line.is_none(), "{view} {format}: {line:?}");
            match format {
                "csv" => assert_no_formula(&out, view),
                "json" => drop(serde_json::from_str::<serde_json::Value>(&out).unwrap()),
                _ => {}
            }
        }
    }
    assert_eq!(
        desk.rows("x.db", "SELECT count(*) FROM pages WHERE title LIKE '%' || char(27) || '%'"),
        ["4"],
        "it was there"
    );
}

/// No cell of a csv text begins as a formula does.
fn assert_no_formula(csv: &str, view: &str) {
    let (mut in_quotes, mut at_start, mut before) = (false, true, '\n');
    for c in csv.chars() {
        let is_formula = matches!(c, '=' | '+' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠');
        assert!(!(at_start && is_formula), "{view}: a cell begins with {c:?}");
        at_start = match c {
            '"' => {
                in_quotes = !in_quotes;
                in_quotes && before != '"'
            }
            ',' | '\n' => !in_quotes,
            _ => false,
        };
        before = c;
    }
}

#[test]
fn every_other_command_is_as_careful() {
    let (site, desk) = (site(), Desk::new());
    let quiet =
        ["crawl", &site.url("/"), "-o", "x.db", "--my-site", "--retries", "0", "--format", "json"];
    let ran = desk.run(&quiet);
    assert!(!ran.out.contains(is_harmful) && !ran.err.contains(is_harmful), "{ran:?}");
    // Those that a terminal would obey; the others are the same to these commands.
    let seeds: Vec<String> =
        PAYLOADS[..18].iter().map(|payload| format!("http://[{payload}")).collect();
    let name = "x\u{1b}[2J\n.db".to_owned();
    let mut runs: Vec<Vec<&str>> = vec![
        vec!["status", "x.db"],
        vec!["status", "x.db", "--format", "json"],
        vec!["schema", "x.db"],
    ];
    runs.extend(seeds.iter().flat_map(|seed| {
        [vec!["explain", &**seed], vec!["query", "x.db", &**seed], vec!["resume", &**seed]]
    }));
    runs.extend([
        vec!["status", &name],
        vec!["crawl", "nonsense\u{1b}[2J"],
        vec!["crawl", "--set", "a\u{1b}[2J=1", "http://x.invalid/"],
    ]);
    let pages: Vec<String> = (0..18).map(|n| site.url(&format!("/{n}"))).collect();
    runs.extend(pages.iter().map(|page| vec!["explain", &**page, "--select", "a"]));
    let secret = site.url("/secret%1B[2Jx");
    runs.push(vec!["explain", &*secret]);
    let mut wrong = Vec::new();
    for args in runs {
        let ran = desk.run(&args);
        if ran.out.contains(is_harmful)
            || ran.err.contains(is_harmful)
            || ran.err.contains("panicked")
        {
            wrong.push(format!("{args:?}: {:?} {:?}", ran.out, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_terminal_gets_no_more_than_a_file() {
    let (site, desk) = (site(), Desk::new());
    let plain = desk.command(&[
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "--my-site",
        "--retries",
        "0",
        "-vv",
    ]);
    let words: Vec<_> = [plain.get_program()].into_iter().chain(plain.get_args()).collect();
    let line = words.iter().map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>();
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &line.join(" "), "/dev/null"]).current_dir(desk.folder.path());
    script.stdin(std::process::Stdio::null());
    let Ok(output) = script.output() else { return }; // without it there is no terminal
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("Finished"), "{shown}");
    // What moves the cursor is our own progress; what the payloads would do is not among it.
    for harm in
        ["\u{1b}[2J", "\u{1b}]", "\u{1b}P", "\u{9b}", "\u{8}", "\u{7}", "\u{202e}", "\u{2066}"]
    {
        assert!(!shown.contains(harm), "{harm:?}");
    }
    let table =
        format!("'{}' query x.db 'SELECT title, h1, lang FROM pages'", words[0].to_str().unwrap());
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &table, "/dev/null"]).current_dir(desk.folder.path());
    let shown = String::from_utf8_lossy(&script.output().unwrap().stdout).replace("\r\n", "\n");
    assert!(shown.contains("title") && !shown.contains(is_harmful), "{shown:?}");
}
