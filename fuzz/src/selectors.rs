//! What must hold of a selector, whatever it and the page are? Case: the selector, a line break, HTML.

use std::time::Duration;

use crawlite::extract::{MAX_FIELD_BYTES, Selector};

use super::{Case, within};

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let case = Case::of(data);
    match Selector::parse(&case.head) {
        Ok(selector) => {
            let html = case.text();
            let found = within(Duration::from_secs(4), || selector.texts(&html, 10));
            assert!(found.texts.len() <= 10);
            assert!(found.texts.iter().all(|text| text.len() <= MAX_FIELD_BYTES));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // No page is a selector, but whoever tries must be told.
    drop(Selector::parse(&case.text()).map_err(|error| error.to_string()));
}
