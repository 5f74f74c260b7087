//! A polite, resumable crawler for web sites, with its results in one SQLite file.
//!
//! Read in this order:
//!
//! 1. [`engine`]: every decision of a crawl, as a pure machine: event in, actions out.
//! 2. [`crawl`]: carries those actions out: starts visits, feeds the writer, keeps time.
//! 3. [`visit`]: one request, from the lease to the record of what came back.
//! 4. [`store`], [`fetch`], [`pool`]: the parts that touch disk, network and threads;
//!    [`export`]: how what is stored is written for other programs; [`reread`]: what rules
//!    make of it.
//! 5. [`robots`], [`sitemap`], [`scope`], [`traps`], [`extract`]: the rules, all of them pure functions.
//! 6. [`canonical`], [`config`], [`hash`], [`refusal`]: the words, plain data.
//!
//! A module uses only those below it; `tests/layers.rs` decides. [`cli`] is the
//! first embedder: it has no private way in.

pub mod canonical;
pub mod cli;
pub mod config;
pub mod crawl;
pub mod engine;
pub mod export;
pub mod extract;
mod fault;
pub mod fetch;
pub mod hash;
pub mod pool;
pub mod refusal;
pub mod reread;
pub mod robots;
pub mod scope;
pub mod sitemap;
pub mod store;
pub mod traps;
pub mod visit;
