//! Nothing that a page says moves a cursor, runs in a spreadsheet or breaks a line.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::Desk;
use site::payloads::{PAYLOADS, is_harmful, site};

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
