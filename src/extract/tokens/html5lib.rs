//! Do the published tokenizer cases of html5lib come out as published? (tests)

#[path = "../../../tests/cases/mod.rs"]
mod cases;

use serde_json::Value;

use super::recorder::{Event, events, push_text};

/// Why a case is not expected to come out as published.
fn exception(case: &Case) -> Option<&'static str> {
    if case.input.contains('\0') && matches!(case.state, "Data state" | "CDATA section state") {
        return Some("NUL is left out of text, or replaced, where the tree builder does that");
    }
    if case.state == "Data state" && case.input.starts_with("<plaintext>") {
        return Some("the tree builder, not the tokenizer, makes the rest of the page plain text");
    }
    None
}

struct Case<'a> {
    id: &'a str,
    state: &'a str,
    input: String,
    expected: Vec<Event>,
}

/// What brings the reader into a state, and the element whose text is read in it.
fn beginning(state: &str, last_start_tag: Option<&str>) -> (&'static str, Option<&'static str>) {
    match state {
        "Data state" => ("", None),
        "CDATA section state" => ("<svg><![CDATA[", None),
        "RCDATA state" if last_start_tag == Some("textarea") => ("<textarea>", Some("textarea")),
        "RCDATA state" => ("<title>", Some("title")),
        "RAWTEXT state" => ("<xmp>", Some("xmp")),
        "Script data state" => ("<script>", Some("script")),
        "PLAINTEXT state" => ("<plaintext>", Some("plaintext")),
        _ => panic!("unknown state {state}"),
    }
}

/// The case, told of an element that has the state: the published ones put `xmp` into each.
fn renamed(text: &str, last_start_tag: Option<&str>, element: Option<&str>) -> String {
    let (Some(from), Some(to)) = (last_start_tag, element) else { return text.to_owned() };
    let mut renamed = text.to_owned();
    while from != to
        && let Some(at) = renamed.to_ascii_lowercase().find(from)
    {
        let is_capital = renamed[at..].contains(char::is_uppercase);
        let to = if is_capital { to.to_uppercase() } else { to.to_owned() };
        renamed.replace_range(at..at + from.len(), &to);
    }
    renamed
}

fn expected(
    output: &[Value],
    element: Option<&str>,
    rename: impl Fn(&str) -> String,
) -> Vec<Event> {
    let mut raw = element;
    let mut found = Vec::new();
    for token in output {
        let text = |at: usize| token[at].as_str().expect("a string");
        match text(0) {
            "StartTag" => {
                let attributes = token[2].as_object().expect("attributes");
                let attribute = |(name, value): (&String, &Value)| {
                    (name.clone(), value.as_str().expect("a value").to_owned())
                };
                found.push(Event::Start {
                    name: rename(text(1)),
                    attributes: attributes.iter().map(attribute).collect(),
                    self_closing: token[3] == true,
                    is_foreign: false,
                });
            }
            "EndTag" => {
                raw = None;
                found.push(Event::End(rename(text(1))));
            }
            "Character" => push_text(&mut found, &rename(text(1)), raw),
            "Comment" | "DOCTYPE" => {}
            other => panic!("unknown token {other}"),
        }
    }
    found
}

/// What the reader gives, less what brought it into the state; attributes in
/// alphabetical order, as in the cases.
fn found(html: &str, is_within: bool) -> Vec<Event> {
    let mut events = events(html).split_off(usize::from(is_within));
    for event in &mut events {
        if let Event::Start { attributes, .. } = event {
            attributes.sort();
        }
    }
    events
}

/// The cases; none, and a line that says so, where the folder of cases lacks them.
fn load() -> Vec<Value> {
    const FILE: &str = "tokenizer-html5lib.json";
    let is_missing =
        |folder: std::ffi::OsString| !std::path::Path::new(&folder).join(FILE).exists();
    if std::env::var_os("CRAWLITE_CASES").is_some_and(is_missing) {
        cases::say(&format!("{FILE}: skipped, CRAWLITE_CASES does not hold it"));
        return Vec::new();
    }
    cases::load(FILE)
}

#[test]
fn published_cases_come_out_as_published() {
    let (mut passed, mut excepted, mut failures) = (0, Vec::new(), Vec::new());
    for case in load() {
        let state = case["state"].as_str().expect("state");
        let last_start_tag = case["lastStartTag"].as_str();
        let (beginning, element) = beginning(state, last_start_tag);
        let rename = |text: &str| renamed(text, last_start_tag, element);
        let case = Case {
            id: case["id"].as_str().expect("id"),
            state,
            input: rename(case["input"].as_str().expect("input")),
            expected: expected(case["output"].as_array().expect("output"), element, rename),
        };
        let found = found(&format!("{beginning}{}", case.input), !beginning.is_empty());
        if found == case.expected {
            passed += 1;
        } else if let Some(why) = exception(&case) {
            excepted.push(why);
        } else {
            let Case { id, state, input, expected } = case;
            failures
                .push(format!("{id}, {state}: {input:?}\n  {found:?}\n  published {expected:?}"));
        }
    }
    let (failed, counted) = (failures.len(), excepted.len());
    cases::say(&format!("tokens: {passed} passed, {counted} excepted by name, {failed} failed"));
    excepted.sort_unstable();
    excepted.dedup();
    excepted.iter().for_each(|why| cases::say(&format!("  excepted: {why}")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
