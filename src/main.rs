//! The crawlite command.

fn main() {}
