//! Which items does a page say in JSON-LD?
//!
//! Each `<script type=application/ld+json>` holds an object, an array of them, or
//! an object whose `@graph` is one (JSON-LD 1.1 sections 3 and 9.4). Each object at
//! the top is an item; what is nested in it stays there. What cannot be read is an
//! item, too, that says why: broken JSON is what people look for.

use serde_json::{Map, Value};

use super::fields::cut;
use super::items::{Item, ItemFormat, Items};

/// Bytes of JSON-LD that are read of a page.
const MAX_BYTES: usize = 512 * 1024;
/// Distinct types that are kept.
const MAX_TYPES: usize = 64;
/// Bytes of a context that is repeated in each item of a graph.
const MAX_CONTEXT_BYTES: usize = 256;
/// Bytes before and after an error that are shown.
const SHOWN_BYTES: usize = 24;

/// The JSON-LD of a page, while it is read.
#[derive(Default)]
pub(super) struct JsonLd {
    /// The open script.
    open: Option<Vec<u8>>,
    /// Of all scripts so far.
    bytes: usize,
    is_cut: bool,
    pub(super) types: Vec<String>,
    pub(super) items: Items,
}

impl JsonLd {
    /// A script begins that may be one.
    pub(super) fn start(&mut self, is_json_ld: bool) {
        self.open = is_json_ld.then(Vec::new);
        self.is_cut = false;
    }

    /// Text of the script.
    pub(super) fn text(&mut self, text: &[u8]) {
        if let Some(json) = &mut self.open {
            let room = MAX_BYTES.saturating_sub(self.bytes);
            self.is_cut |= text.len() > room;
            let text = &text[..text.len().min(room)];
            self.bytes += text.len();
            json.extend_from_slice(text);
        }
    }

    /// The script ends.
    pub(super) fn end(&mut self) {
        let Some(json) = self.open.take() else { return };
        if self.is_cut {
            let why = format!("not read: the JSON-LD of the page is longer than {MAX_BYTES} bytes");
            return self.items.push(Item::broken(ItemFormat::JsonLd, why));
        }
        // serde_json ends at 128 levels, so deep nesting is an error, not a full stack.
        match serde_json::from_slice::<Value>(&json) {
            Ok(value) => {
                add_types(&value, &mut self.types);
                self.add(value);
            }
            Err(error) => {
                let why = in_words(&error, &json);
                self.items.push(Item::broken(ItemFormat::JsonLd, why));
            }
        }
    }

    /// Adds the items at the top of a value.
    fn add(&mut self, value: Value) {
        match value {
            Value::Array(values) => values.into_iter().for_each(|value| self.add(value)),
            Value::Object(mut fields) => {
                let Some(graph) = fields.remove("@graph") else { return self.add_item(fields) };
                let context = fields.get("@context").filter(|it| is_short(it)).cloned();
                let nodes = if let Value::Array(nodes) = graph { nodes } else { vec![graph] };
                for mut node in nodes {
                    if let (Some(context), Value::Object(fields)) = (&context, &mut node) {
                        fields.entry("@context").or_insert_with(|| context.clone());
                    }
                    self.add(node);
                }
                // A graph may be said of something that is an item itself.
                if fields.contains_key("@type") {
                    self.add_item(fields);
                }
            }
            other => {
                let what = match other {
                    Value::Null => "null",
                    Value::Bool(_) => "true or false",
                    Value::Number(_) => "a number",
                    _ => "a string",
                };
                let why = format!("{what} stands where an object is expected");
                self.items.push(Item::broken(ItemFormat::JsonLd, why));
            }
        }
    }

    fn add_item(&mut self, fields: Map<String, Value>) {
        let kind = match fields.get("@type") {
            Some(Value::String(name)) => Some(super::items::kind(name)),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str).map(super::items::kind);
                Some(names.collect::<Vec<_>>().join(" ")).filter(|names| !names.is_empty())
            }
            _ => None,
        };
        let json = Value::Object(fields).to_string();
        self.items.push(Item {
            format: ItemFormat::JsonLd,
            kind: kind.map(|kind| cut(&kind, super::MAX_FIELD_BYTES)),
            json: Some(json),
            error: None,
        });
    }
}

fn is_short(context: &Value) -> bool {
    context.as_str().is_some_and(|context| context.len() <= MAX_CONTEXT_BYTES)
}

/// An error with what stands around its place.
fn in_words(error: &serde_json::Error, json: &[u8]) -> String {
    if json.trim_ascii().is_empty() {
        return "it is empty".into();
    }
    let lines = json.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let at = (before + error.column()).min(json.len());
    let from = at.saturating_sub(SHOWN_BYTES);
    let shown = |part: &[u8]| {
        let text = String::from_utf8_lossy(part).replace('\u{fffd}', "");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let around = shown(&json[from..(at + SHOWN_BYTES).min(json.len())]);
    format!("{error}, at: {around}")
}

/// Adds every `@type` within `value` that is not there yet (JSON-LD 1.1 section 3.5).
fn add_types(value: &Value, types: &mut Vec<String>) {
    let mut add = |name: &str| {
        if types.len() < MAX_TYPES && !types.iter().any(|known| known == name) {
            types.push(cut(name, 128));
        }
    };
    match value {
        Value::Object(fields) => {
            match fields.get("@type") {
                Some(Value::String(name)) => add(name),
                Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).for_each(add),
                _ => {}
            }
            fields.values().for_each(|value| add_types(value, types));
        }
        Value::Array(values) => values.iter().for_each(|value| add_types(value, types)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::extract;

    fn items(script: &str) -> Vec<Item> {
        extract(&format!("<script type='Application/LD+json'>{script}</script>"), "x").items
    }

    #[test]
    fn every_row_of_the_table_gives_its_items() {
        let mut count = 0;
        for line in include_str!("../../fixtures/json-ld.tsv").lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells: Vec<_> = line.split('\t').collect();
            let [script, expected, why] = cells[..] else { panic!("not three cells: {line}") };
            let script = script.replace("\\n ", "\n ");
            let written = |item: &Item| match (&item.json, &item.error) {
                (Some(json), None) => {
                    format!("{} | {json}", item.kind.as_deref().unwrap_or_default())
                }
                (None, Some(error)) => format!("! {error}"),
                _ => panic!("{item:?}"),
            };
            let found: Vec<_> = items(&script).iter().map(written).collect();
            assert_eq!(found.join(" || "), expected, "{why}: {script}");
            count += 1;
        }
        assert!(count > 15, "the table was read");
    }

    #[test]
    fn what_is_too_much_says_so() {
        let errors = |script: &str| {
            let items = items(script);
            let errors: Vec<_> = items.iter().filter_map(|item| item.error.clone()).collect();
            (items.len(), errors)
        };
        let deep = errors(&format!("{}1", "[{\"a\":".repeat(1000)));
        assert!(deep.1[0].starts_with("recursion limit exceeded"), "{deep:?}");
        let long = errors(&format!("\"{}\"", "x".repeat(MAX_BYTES)));
        assert_eq!(long.1, ["not read: the JSON-LD of the page is longer than 524288 bytes"]);
        let many = errors(&format!("[{}{{}}]", "{},".repeat(1200)));
        assert_eq!(many, (1001, vec!["201 items more are not kept".to_owned()]));
        let context = format!("\"{}\"", "c".repeat(10_000));
        let graph = format!("{{\"@context\":{context},\"@graph\":[{}{{}}]}}", "{},".repeat(900));
        let bytes: usize =
            items(&graph).iter().filter_map(|item| item.json.as_ref()).map(String::len).sum();
        assert!(bytes < 10_000, "a long context is not repeated: {bytes}");
    }

    #[test]
    fn a_script_that_does_not_end_is_read_to_the_end_of_the_page() {
        let page = "<script type=application/ld+json>{\"@type\":\"A\"}";
        assert_eq!(extract(page, "x").items.len(), 1);
        assert!(extract("<script>{\"@type\":\"A\"}</script>", "x").items.is_empty());
    }
}
