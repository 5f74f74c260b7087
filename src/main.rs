//! The crawlite command. Everything is in the library; see `crawlite::cli`.

fn main() -> std::process::ExitCode {
    crawlite::cli::main().into()
}
