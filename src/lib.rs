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
//! [`crawler`] wires all of it. A module uses only those below it; `tests/layers.rs`
//! decides. [`cli`] is the first embedder: it has no private way in.
//!
//! # A crawl from a program
//!
//! ```no_run
//! use crawlite::{
//!     canonical::CanonicalUrl, config::Config, crawl::Controls, crawler::Crawler, store,
//! };
//!
//! # async fn crawl() -> Result<(), Box<dyn std::error::Error>> {
//! let (file, seed) = ("site.db".as_ref(), CanonicalUrl::parse("https://example.org")?);
//! let mut config = Config::default();
//! config.limits.pages = Some(1000);
//! let crawler = Crawler::new(config, vec![seed], &[])?;
//!
//! let (controls, mut numbers) = Controls::new();
//! tokio::spawn(async move {
//!     while numbers.changed().await.is_ok() {
//!         let numbers = numbers.borrow_and_update().clone();
//!         println!("{} pages, {} errors", numbers.pages, numbers.errors);
//!     }
//! });
//! let finish = crawler.begin(file).await?.run(&controls).await?;
//! println!("{}", finish.as_str());
//!
//! let pages = store::Query::open(file, store::QueryLimits::default())?;
//! pages.run(
//!     "SELECT url, title FROM html_pages",
//!     |_columns| Ok(()),
//!     |row| Ok(println!("{row:?}")),
//! )?;
//! # Ok(())
//! # }
//! ```
//!
//! A crawl that was stopped goes on with [`crawler::Crawler::resume`].

pub mod canonical;
pub mod cli;
pub mod config;
pub mod crawl;
pub mod crawler;
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
