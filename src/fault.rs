//! What would a crawl do if our own code failed here?
//!
//! Faults asked for by `CRAWLITE_FAULT=PLACE:PATH` in the environment, to show
//! what a crawl does about them: a panic at a place (`visit`, `pool`, `engine`,
//! `writer`), or the end of the process (`abort`) when PATH is visited. Without
//! the variable nothing happens.

use std::sync::OnceLock;

/// Strikes if `place` and the path and query are those asked for.
///
/// # Panics
/// If a fault was asked for here; that is what it is for.
pub(crate) fn strike(place: &str, path_and_query: &str) {
    static FAULT: OnceLock<Option<(String, String)>> = OnceLock::new();
    let read = || {
        let value = std::env::var("CRAWLITE_FAULT").ok()?;
        value.split_once(':').map(|(place, path)| (place.to_owned(), path.to_owned()))
    };
    if let Some((at, path)) = FAULT.get_or_init(read).as_ref()
        && path_and_query == path
    {
        assert!(at != place, "a fault was asked for in {place}");
        if at == "abort" && place == "visit" {
            std::process::abort();
        }
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".into())
}
