//! Which property belongs to which item (WHATWG HTML 5.2.5)?

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};
use url::Url;

use crate::extract::items::{Item, ItemFormat, Items, kind};

/// Nodes of a page that are kept.
const MAX_NODES: usize = 20_000;
/// Steps that all items of a page may take together: `itemref` can make each of many
/// items hold all others.
const MAX_STEPS: usize = 200_000;
/// Bytes of all values of a page, as its elements have them, and as its items do.
const MAX_BYTES: usize = 2 << 20;
/// Items within each other at most.
const MAX_DEPTH: usize = 32;

/// An element that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The innermost node around it.
    pub(super) parent: Option<u32>,
    pub(super) id: Option<String>,
    /// Of the properties whose value it is.
    pub(super) names: Vec<String>,
    /// Present if it is an item.
    pub(super) scope: Option<Scope>,
    /// Of the properties, if it is no item.
    pub(super) value: Value,
}

/// What an item says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) types: Vec<String>,
    /// A reference.
    pub(super) id: Option<String>,
    /// The ids of elements whose properties are its, too.
    pub(super) refs: Vec<String>,
}

/// The value of a property that is no item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// It is no property, or an item.
    None,
    /// Its text, once it ends.
    Open,
    Text(String),
    /// The URL that a reference means, if there is one.
    Url(Option<String>),
}

/// The elements that matter, in the order of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    /// What is left of [`MAX_BYTES`].
    room: usize,
    /// Whether there was no room for something.
    pub(super) is_cut: bool,
}

impl Graph {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), room: MAX_BYTES, is_cut: false }
    }

    /// Adds an element, if there is room for it.
    pub(super) fn push(&mut self, node: Node) -> Option<u32> {
        let has_room = self.nodes.len() < MAX_NODES;
        self.is_cut |= !has_room;
        if has_room {
            self.nodes.push(node);
        }
        has_room.then(|| u32::try_from(self.nodes.len() - 1).expect("nodes are capped"))
    }

    pub(super) fn set_text(&mut self, node: u32, text: String) {
        let left = self.room.checked_sub(text.len());
        self.is_cut |= left.is_none();
        if let Some(left) = left {
            self.room = left;
            self.nodes[node as usize].value = Value::Text(text);
        }
    }

    /// Makes references absolute; one that means no URL stays as it is written.
    pub(super) fn resolve(&mut self, base: &Url) {
        let absolute = |href: &mut String| {
            if let Ok(url) = base.join(href) {
                *href = url.into();
            }
        };
        for node in &mut self.nodes {
            if let Some(id) = node.scope.as_mut().and_then(|scope| scope.id.as_mut()) {
                absolute(id);
            }
            if let Value::Url(Some(href)) = &mut node.value {
                absolute(href);
            }
        }
    }

    /// The items at the top: those that are no property.
    pub(super) fn items(&self) -> Items {
        let mut building = Building::new(&self.nodes);
        let tops = (0..).zip(&self.nodes).filter(|(_, node)| node.names.is_empty());
        let mut items = Items::default();
        for (at, scope) in tops.filter_map(|(at, node)| Some((at, node.scope.as_ref()?))) {
            items.push_with(|| building.top(at, scope));
        }
        items
    }
}

/// The items, while they are put together.
struct Building<'a> {
    nodes: &'a [Node],
    children: Vec<Vec<u32>>,
    by_id: HashMap<&'a str, u32>,
    /// What is left of [`MAX_STEPS`].
    steps: usize,
    /// What is left of [`MAX_BYTES`].
    room: usize,
    is_cut: bool,
    /// The items around the one at hand.
    around: Vec<u32>,
}

impl<'a> Building<'a> {
    fn new(nodes: &'a [Node]) -> Self {
        let mut children = vec![Vec::new(); nodes.len()];
        let mut by_id = HashMap::new();
        for (at, node) in (0..).zip(nodes) {
            if let Some(parent) = node.parent {
                children[parent as usize].push(at);
            }
            if let Some(id) = &node.id {
                by_id.entry(id.as_str()).or_insert(at);
            }
        }
        Self {
            nodes,
            children,
            by_id,
            steps: MAX_STEPS,
            room: MAX_BYTES,
            is_cut: false,
            around: Vec::new(),
        }
    }

    fn top(&mut self, at: u32, scope: &Scope) -> Item {
        self.is_cut = false;
        let mut fields = self.item(at, scope);
        if scope.types.iter().any(|name| kind(name) != *name) {
            fields.insert("@context".into(), "https://schema.org".into());
        }
        let kinds = scope.types.iter().map(|name| kind(name)).collect::<Vec<_>>().join(" ");
        let error = "cut: the items of the page together have too many properties";
        Item {
            format: ItemFormat::Microdata,
            kind: Some(kinds).filter(|kinds| !kinds.is_empty()),
            json: Some(Json::Object(fields).to_string()),
            error: self.is_cut.then(|| error.to_owned()),
        }
    }

    fn item(&mut self, at: u32, scope: &Scope) -> Map<String, Json> {
        let mut fields: Map<String, Json> = Map::new();
        if let Some(types) = one_or_all(scope.types.iter().map(|name| kind(name).into()).collect())
        {
            fields.insert("@type".into(), types);
        }
        if let Some(id) = &scope.id {
            fields.insert("@id".into(), id.as_str().into());
        }
        self.around.push(at);
        let mut properties: Vec<(&str, Vec<Json>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for at in self.properties_of(at, scope) {
            let node = &self.nodes[at as usize];
            let value = self.value(at, node);
            for name in &node.names {
                if !self.takes(name.len() + value.as_str().map_or(0, str::len)) {
                    break;
                }
                let place = *places.entry(name).or_insert_with(|| {
                    properties.push((name, Vec::new()));
                    properties.len() - 1
                });
                properties[place].1.push(value.clone());
            }
        }
        self.around.pop();
        for (name, values) in properties {
            if let Some(values) = one_or_all(values) {
                fields.entry(name).or_insert(values);
            }
        }
        fields
    }

    /// Whether there is room for so many bytes, which are then taken.
    fn takes(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.is_cut |= left.is_none();
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    fn value(&mut self, at: u32, node: &'a Node) -> Json {
        match (&node.scope, &node.value) {
            // An item within itself is an error (5.2.6).
            (Some(_), _) if self.around.contains(&at) => "ERROR".into(),
            (Some(_), _) if self.around.len() >= MAX_DEPTH || self.steps == 0 => {
                self.is_cut = true;
                Json::Null
            }
            (Some(scope), _) => Json::Object(self.item(at, scope)),
            (None, Value::Text(text) | Value::Url(Some(text))) => text.as_str().into(),
            (None, Value::None | Value::Open | Value::Url(None)) => "".into(),
        }
    }

    /// The elements that are properties of an item, in the order of the page.
    fn properties_of(&mut self, item: u32, scope: &Scope) -> Vec<u32> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([item]);
        let mut pending = self.children[item as usize].clone();
        pending.extend(scope.refs.iter().filter_map(|id| self.by_id.get(id.as_str())));
        while let Some(at) = pending.pop() {
            if !seen.insert(at) {
                continue;
            }
            let Some(left) = self.steps.checked_sub(1) else {
                self.is_cut = true;
                break;
            };
            self.steps = left;
            let node = &self.nodes[at as usize];
            if node.scope.is_none() {
                pending.extend(&self.children[at as usize]);
            }
            if !node.names.is_empty() {
                found.push(at);
            }
        }
        found.sort_unstable();
        found
    }
}

/// The value alone if there is one, an array of several, nothing of none.
fn one_or_all(mut values: Vec<Json>) -> Option<Json> {
    match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(Json::Array(values)),
    }
}
