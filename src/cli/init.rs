//! `crawlite init`: a settings file to begin with.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;

use super::{Exit, Usage};

/// The settings file with every key at its default.
const TEMPLATE: &str = include_str!("../../crawl.toml");

/// Write a commented crawl.toml with every setting at its default
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// File to write; - prints it
    #[arg(value_name = "FILE", default_value = "crawl.toml")]
    pub file: PathBuf,
}

/// Runs the subcommand.
///
/// # Errors
/// If the file exists or cannot be written.
pub(super) fn run(args: &InitArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let name = args.file.display();
    if args.file.as_os_str() == "-" {
        out.write_all(TEMPLATE.as_bytes())?;
        return Ok(Exit::Finished);
    }
    let file = std::fs::File::create_new(&args.file);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(
                Usage(anyhow!("{name} exists; name another file, or remove it first")).into()
            );
        }
        file => file.with_context(|| format!("cannot write {name}"))?,
    };
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("cannot write {name}"))?;
    writeln!(out, "Wrote {name}; use it with crawlite crawl --config {name} URL")?;
    Ok(Exit::Finished)
}
