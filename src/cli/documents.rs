//! `crawlite completions` and `crawlite man`: the command line, for shells and readers.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command};

use super::{Exit, command};

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
bash  crawlite completions bash > ~/.local/share/bash-completion/completions/crawlite
zsh   crawlite completions zsh > ~/.zfunc/_crawlite          (with ~/.zfunc in $fpath)
fish  crawlite completions fish > ~/.config/fish/completions/crawlite.fish")]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Write the man pages
#[derive(Debug, Args)]
#[command(after_help = "\
crawlite man | man -l -                 read the page of crawlite itself
crawlite man ~/.local/share/man/man1    one page per command")]
pub(super) struct ManArgs {
    /// Folder for one page per command; prints that of crawlite itself if not given
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints completions.
///
/// # Errors
/// If `out` cannot be written.
pub(super) fn completions(args: &CompletionsArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "crawlite", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Finished)
}

/// Prints a man page, or writes all of them.
///
/// # Errors
/// If `out` or the folder cannot be written.
pub(super) fn man(args: &ManArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut command = command();
    command.build();
    let Some(folder) = &args.folder else {
        out.write_all(page(command)?.as_bytes())?;
        return Ok(Exit::Finished);
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut pages = 1;
    for subcommand in command.get_subcommands() {
        // `crawlite-export(1)`, as git names its pages.
        let name = format!("crawlite-{}", subcommand.get_name());
        write(folder, &name, &page(subcommand.clone())?)?;
        pages += 1;
    }
    write(folder, "crawlite", &page(command)?)?;
    writeln!(out, "Wrote {pages} pages to {}", folder.display())?;
    Ok(Exit::Finished)
}

fn page(command: Command) -> std::io::Result<String> {
    let mut page = Vec::new();
    let source = concat!("crawlite ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command).source(source).manual("crawlite").render(&mut page)?;
    let page = String::from_utf8_lossy(&page);
    // What stands below the help is set out in lines, which are to stay lines.
    let Some((before, rest)) = page.split_once(".SH EXTRA\n") else { return Ok(page.into_owned()) };
    let end = rest.find("\n.SH").map_or(rest.len(), |end| end + 1);
    Ok(format!("{before}.SH NOTES\n.nf\n{}.fi\n{}", &rest[..end], &rest[end..]))
}

fn write(folder: &Path, name: &str, page: &str) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}
