//! How is a folder of Markdown files written?
//!
//! In a folder beside it, which gets its name once it is whole. Which page lies
//! in which file is in [`INDEX`]; a folder that has one is ours and may be
//! replaced, no other ever is.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde_json::json;
use url::Url;

use super::{Job, Written};
use crate::canonical::CanonicalUrl;
use crate::cli::Usage;
use crate::cli::counting::Counting;
use crate::cli::target::{draft_name, sync_folder};
use crate::export::markdown_tree::{document, file_path, hashed_path};
use crate::extract::{Markup, main_text};
use crate::store::{QueryError, StoredPage};

/// One line of JSON for each page: its URL, file, title and time.
const INDEX: &str = "crawlite-index.jsonl";

/// A folder that is not there yet. Dropped before its end, it leaves nothing.
struct Draft {
    draft: PathBuf,
    path: PathBuf,
    index: BufWriter<File>,
    bytes: u64,
    is_done: bool,
}

/// Writes the folder.
pub(super) fn write(job: &Job<'_>) -> anyhow::Result<Written> {
    let path = job.target.as_deref().expect("markdown does not go to stdout");
    check_free(path, job.args.force)?;
    let mut draft =
        Draft::create(path).with_context(|| format!("cannot write beside {}", path.display()))?;
    let mut counting = Counting::start("pages", None, job.quiet);
    let mut without_text = 0_u64;
    let number = job.export.pages(|page| {
        job.interrupt.check()?;
        counting.add();
        let url = CanonicalUrl::from_stored(&*page.url);
        let text = main_text(&page.body.html(), &base(&url)?, Markup::Markdown).text;
        without_text += u64::from(text.is_empty());
        draft.add(&url, &page, &text)
    })?;
    counting.finish();
    let bytes = draft.finish().map_err(QueryError::Output)?;
    let mut written = Written::new(number, "page", "pages", bytes);
    if without_text > 0 {
        written.notes.push(format!(
            "{without_text} of them hold no text: their content may come by JavaScript, which is not run"
        ));
    }
    if number == 0 {
        let note = "No HTML page with a stored body: nothing new, or store.bodies was none";
        written.notes.push(note.to_owned());
    }
    Ok(written)
}

fn base(url: &CanonicalUrl) -> io::Result<Url> {
    Url::parse(url.as_str()).map_err(io::Error::other)
}

/// Refuses to write where something is that may not be replaced.
fn check_free(path: &Path, force: bool) -> anyhow::Result<()> {
    let name = path.display();
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let is_ours = path.join(INDEX).is_file();
    Err(Usage(match (is_ours, force) {
        (true, true) => return Ok(()),
        (true, false) => anyhow!("{name} exists; name another folder with -o, or replace it with --force"),
        (false, _) => anyhow!(
            "{name} exists and was not made by crawlite export, so it is not replaced; name another folder with -o"
        ),
    })
    .into())
}

impl Draft {
    fn create(path: &Path) -> io::Result<Self> {
        let draft = draft_name(path);
        fs::create_dir(&draft)?;
        let index = File::create_new(draft.join(INDEX)).inspect_err(|_| {
            fs::remove_dir(&draft).ok();
        })?;
        let index = BufWriter::new(index);
        Ok(Self { draft, path: path.to_owned(), index, bytes: 0, is_done: false })
    }

    /// Writes the file of a page; under another name if its own is taken, or is
    /// that of a folder.
    fn add(&mut self, url: &CanonicalUrl, page: &StoredPage, text: &str) -> io::Result<()> {
        let whole = document(page, text);
        let own = file_path(url);
        let name = if self.create_file(&own, &whole).is_ok() {
            own
        } else {
            let other = hashed_path(url);
            self.create_file(&other, &whole)?;
            other
        };
        self.bytes += whole.len() as u64;
        let line = json!({
            "url": page.url, "file": name, "title": page.title, "fetched_at": page.fetched_at,
        });
        writeln!(self.index, "{line}")
    }

    fn create_file(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.draft.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create_new(path)?.write_all(text.as_bytes())
    }

    /// Gives the folder its name; bytes in all files.
    fn finish(mut self) -> io::Result<u64> {
        self.index.flush()?;
        self.index.get_ref().sync_all()?;
        let old = draft_name(&self.path.with_extension("old"));
        if fs::symlink_metadata(&self.path).is_ok() {
            fs::rename(&self.path, &old)?;
        }
        if let Err(error) = fs::rename(&self.draft, &self.path) {
            fs::rename(&old, &self.path).ok();
            return Err(error);
        }
        self.is_done = true;
        sync_folder(&self.path);
        if fs::symlink_metadata(&old).is_ok() {
            fs::remove_dir_all(&old)?;
        }
        Ok(self.bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_done {
            fs::remove_dir_all(&self.draft).ok();
        }
    }
}
