use super::*;
use crate::config::Config;

/// The rules of a settings file.
fn rules(text: &str) -> Result<Rules, String> {
    let table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let config = Config::layered(table, &[], toml::Table::new()).map_err(|it| format!("{it:#}"))?;
    Rules::new(&config.extract, &|name| name == "pages").map_err(|error| error.to_string())
}

fn read(rules: &Rules, html: &str) -> Vec<RuleRows> {
    let url = Url::parse("https://example.org/docs/page.html").unwrap();
    rules.read(&url, html, || Duration::ZERO)
}

/// A cell as it is written in a table.
fn written(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => format!("'{text}'"),
        Cell::Real(number) => format!("{number:?}"),
        Cell::Integer(number) => number.to_string(),
    }
}

#[test]
fn every_row_of_the_table_gives_its_value() {
    let mut count = 0;
    for line in include_str!("../../../fixtures/extract.tsv").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<_> = line.split('\t').collect();
        let [field, html, expected, why] = cells[..] else { panic!("not four cells: {line}") };
        let rule =
            format!("[[extract]]\nname = \"x\"\neach = \"html\"\n[extract.fields]\nv = {field}");
        let rules = rules(&rule).unwrap_or_else(|error| panic!("{line}: {error}"));
        let found = read(&rules, &html.replace("\\n", "\n"));
        let [row] = &found[0].rows[..] else { panic!("not one row: {line}") };
        assert_eq!(written(&row[0]), expected, "{why}: {field} of {html}");
        count += 1;
    }
    assert!(count > 80, "the table was read");
}

#[test]
fn a_row_per_element_has_what_stands_in_it() {
    let rules = rules(
        r#"[[extract]]
        name = "card"
        each = ".card"
        [extract.fields]
        title = "h2"
        code = { attr = "data-code" }
        from_page = "body > h1"
        "#,
    );
    let page = "<h1>all</h1><div class=card data-code=a1><h2>A</h2></div><h2>not this</h2>\
                <div class=card><p>x</p></div>";
    let found = read(&rules.unwrap(), page);
    let text = |text: &str| Cell::Text(text.into());
    let rows = vec![vec![text("A"), text("a1"), Cell::Empty], vec![Cell::Empty; 3]];
    assert_eq!(found, [RuleRows { rule: "card".into(), rows, cut: None }]);
}

#[test]
fn a_rule_for_pages_gives_a_row_where_it_finds_something() {
    let rules = rules(
        r#"[[extract]]
        name = "one"
        url = '/docs/'
        fields = { title = "h1", images = { css = "img", as = "count" } }
        [[extract]]
        name = "other"
        url = '/blog/'
        fields = { title = "h1" }
        "#,
    )
    .unwrap();
    let found = read(&rules, "<h1>a</h1>");
    assert_eq!(found.len(), 1, "the other rule is not for this page");
    assert_eq!(found[0].rows, [[Cell::Text("a".into()), Cell::Integer(0)]]);
    assert!(read(&rules, "<p>x")[0].rows.is_empty());
}

#[test]
fn what_is_cut_says_so() {
    let rules = rules(
        r#"[[extract]]
        name = "cell"
        each = "b"
        fields = { text = "i" }
        [[extract]]
        name = "whole"
        fields = { html = { css = "body", as = "html" } }
        "#,
    )
    .unwrap();
    let cuts = |page: &str| read(&rules, page).iter().map(|it| it.cut).collect::<Vec<_>>();
    assert_eq!(cuts("<b><i>x</i></b>"), [None, None]);
    assert_eq!(cuts(&"<b></b>".repeat(MAX_ROWS)), [None, Some(Cut::Rows)]);
    let many = read(&rules, &"<b></b>".repeat(MAX_ROWS + 1));
    assert_eq!((many[0].rows.len(), many[0].cut), (MAX_ROWS, Some(Cut::Rows)));
    let long = format!("<b><i>{}</i></b>", "x".repeat(60_000)).repeat(100);
    let long = read(&rules, &long);
    assert!(long[0].rows.len() < 80 && long[0].cut == Some(Cut::Rows), "{}", long[0].rows.len());
    assert_eq!(cuts(&"<div>".repeat(1000)), [Some(Cut::Depth); 2]);
}

#[test]
fn a_page_that_takes_too_long_gives_no_rows() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static TICKS: AtomicU64 = AtomicU64::new(0);
    let clock = || Duration::from_millis(10 * TICKS.fetch_add(1, Ordering::Relaxed));
    let rules = rules("[[extract]]\nname = \"x\"\neach = \"b\"\nfields = { i = \"i\" }").unwrap();
    let url = Url::parse("https://example.org/").unwrap();
    let found = rules.read(&url, &"<b><i>x</i></b>".repeat(1000), clock);
    assert_eq!((found[0].rows.len(), found[0].cut), (0, Some(Cut::Time)));
}

#[test]
fn the_clock_is_not_asked_where_no_rule_is_for_the_page() {
    let rules = rules("[[extract]]\nname = \"x\"\nurl = 'blog'\nfields = { i = \"i\" }").unwrap();
    let url = Url::parse("https://example.org/").unwrap();
    assert!(rules.read(&url, "<i>x", || panic!("it was asked")).is_empty());
}

#[test]
fn a_wrong_rule_is_refused_with_its_place() {
    const GOOD: &str = "[[extract]]\nname = \"a\"\nfields = { x = \"p\" }\n[[extract]]\nname = \"NAME\"\n\
                        url = 'URL'\neach = \"EACH\"\n[extract.fields]\nf = FIELD\n";
    let with = |key: &str, value: &str| {
        let defaults = [("NAME", "b"), ("URL", "x"), ("EACH", "p"), ("FIELD", "\"i\"")];
        let text = GOOD.replace(key, value);
        defaults.iter().fold(text, |text, (key, value)| text.replace(key, value))
    };
    assert!(rules(&with("NAME", "b")).is_ok());
    #[rustfmt::skip]
    let cases = [
        ("NAME",  "b c",                                   "`extract[1].name`: `b c` is no name in SQL"),
        ("NAME",  "order",                                 "`extract[1].name`: `order` is a word of SQL"),
        ("NAME",  "Pages",                                 "`extract[1].name`: `Pages` is a table or view of crawlite"),
        ("NAME",  "sqlite_x",                              "`extract[1].name`: `sqlite_x`: names that begin with `sqlite_`"),
        ("NAME",  "A",                                     "`extract[1].name`: there are two rules `A`"),
        ("URL",   "(",                                     "`extract[1].url`: `(` is no usable regular expression: unclosed group"),
        ("EACH",  "p[",                                    "`extract[1].each`: `p[` is no CSS selector"),
        ("FIELD", "\"i[\"",                                "`extract[1].fields.f`: `i[` is no CSS selector"),
        ("FIELD", "\"//i\"",                               "`extract[1].fields.f`: `//i` is XPath; write it as a CSS selector"),
        ("FIELD", "{ css = \"i\", regex = \"(\" }",        "`extract[1].fields.f`: `(` is no usable regular expression"),
        ("FIELD", "{ css = \"i\", as = \"datum\" }",       "`extract[1].fields.f`: unknown `datum` in `as`; did you mean `date`?"),
        ("FIELD", "{ css = \"i\", decimal = \",\" }",      "`extract[1].fields.f`: `decimal` has an effect only with"),
        ("FIELD", "{ css = \"i::attr(x)\", attr = \"y\" }", "`extract[1].fields.f`: `::attr(x)` and `attr` say the same twice"),
        ("FIELD", "{ as = \"list\" }",                     "`extract[1].fields.f`: `css` is missing: what is to be listed?"),
        ("FIELD", "\"i\"\nF = \"i\"",                      "`extract[1].fields.F`: names differ in more than their case"),
        ("FIELD", "\"i\"\nurl = \"i\"",                    "`extract[1].fields.url`: every row has a column `url` already"),
        ("FIELD", "\"i\"\n[[extract]]\nname = \"c\"\nfields = {}", "`extract[2].fields`: a rule has between 1 and 500 fields"),
        ("each = \"EACH\"\n[extract.fields]\nf = FIELD", "[extract.fields]\nf = { attr = \"x\" }",
                                                           "`extract[1].fields.f`: `css` is missing: which element is meant?"),
    ];
    for (key, value, expected) in cases {
        let message = rules(&with(key, value)).unwrap_err();
        assert!(message.starts_with(expected), "{key} {value}: {message}");
    }
}
