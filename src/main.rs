//! The crawlite command. Everything is in the library; see `crawlite::cli`.

/// A seventh of a crawl's CPU is spent in the allocator of the system; half of
/// that in this one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    crawlite::cli::main().into()
}
