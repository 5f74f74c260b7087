//! Crawls web sites politely into one SQLite file.
pub mod canonical;
pub mod config;
pub mod engine;
pub mod extract;
pub mod hash;
pub mod refusal;
pub mod robots;
pub mod scope;
pub mod sitemap;
