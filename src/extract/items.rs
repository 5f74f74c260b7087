//! What is an item of structured data, in whatever format a page writes it?
//!
//! The JSON of an item looks the same for all: `@type`, `@id` and a value, or an
//! array of them, for each property, nested items within.

/// Items of one page that are kept, of each format.
const MAX_ITEMS: usize = 1000;

/// An item at the top: one that belongs to no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// How the page writes it.
    pub format: ItemFormat,
    /// Its types, separated by blanks, those of schema.org without the address; `None`
    /// if it says none.
    pub kind: Option<String>,
    /// The item with those in it; `None` if it cannot be read.
    pub json: Option<String>,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// How a page writes an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemFormat {
    /// JSON-LD in a script.
    JsonLd,
    /// Microdata: `itemscope` and `itemprop` (WHATWG HTML 5).
    Microdata,
}

impl ItemFormat {
    /// The name that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonLd => "json-ld",
            Self::Microdata => "microdata",
        }
    }
}

impl Item {
    /// One that cannot be read, and why.
    pub(super) fn broken(format: ItemFormat, why: String) -> Self {
        Self { format, kind: None, json: None, error: Some(why) }
    }
}

/// Items, as many as are kept.
#[derive(Default)]
pub(super) struct Items {
    items: Vec<Item>,
    beyond: usize,
}

impl Items {
    pub(super) fn push(&mut self, item: Item) {
        self.push_with(|| item);
    }

    /// As [`Self::push`]; an item beyond what is kept is not even made.
    pub(super) fn push_with(&mut self, item: impl FnOnce() -> Item) {
        if self.items.len() < MAX_ITEMS {
            self.items.push(item());
        } else {
            self.beyond += 1;
        }
    }

    pub(super) fn finish(mut self) -> Vec<Item> {
        if let (1.., Some(last)) = (self.beyond, self.items.last()) {
            let why = format!("{} items more are not kept", self.beyond);
            self.items.push(Item::broken(last.format, why));
        }
        self.items
    }
}

/// The name of a type, without the address if it is one of schema.org.
pub(super) fn kind(name: &str) -> String {
    let name = name.trim();
    let schema = ["https://schema.org/", "http://schema.org/", "https://www.schema.org/"];
    let others = ["http://www.schema.org/", "schema:"];
    let short = schema.iter().chain(&others).find_map(|prefix| name.strip_prefix(prefix));
    short.unwrap_or(name).to_owned()
}
