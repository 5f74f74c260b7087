//! How is a sitemap written, in as many files as it needs?

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{Job, Written};
use crate::cli::Usage;
use crate::cli::counting::Counting;
use crate::cli::interrupt::Interrupt;
use crate::cli::summary::count;
use crate::cli::target::{Stream, check_free};
use crate::export::sitemap::{self, UrlSet};
use crate::store::QueryError;

/// Writes the sitemap of one origin.
pub(super) fn write(job: &Job<'_>, out: &mut (dyn Write + Send)) -> anyhow::Result<Written> {
    let origins = job.export.indexable_origins()?;
    let (origin, pages) = chosen(job, &origins)?;
    let mut written = match &job.target {
        None => one_stream(job, origin, pages, out)?,
        Some(path) => files(job, origin, path)?,
    };
    let others: Vec<_> = origins.iter().filter(|(other, _)| other != origin).collect();
    if !others.is_empty() {
        let names: Vec<_> = others.iter().take(3).map(|(origin, _)| &**origin).collect();
        written.notes.push(format!(
            "A sitemap is of one host, here {origin}; not in it: {} pages of {}{}; --origin takes another",
            count(others.iter().map(|(_, pages)| pages).sum::<i64>()),
            names.join(", "),
            if others.len() > names.len() { " and others" } else { "" },
        ));
    }
    Ok(written)
}

/// The origin that is meant, and the number of its pages.
fn chosen<'o>(job: &Job<'_>, origins: &'o [(String, i64)]) -> anyhow::Result<(&'o str, i64)> {
    let wanted = job.args.origin.as_deref().map(|origin| origin.trim_end_matches('/'));
    let chosen = match wanted {
        Some(wanted) => origins.iter().find(|(origin, _)| origin == wanted),
        None => origins.first(),
    };
    if let Some((origin, pages)) = chosen {
        return Ok((origin, *pages));
    }
    let there_are: Vec<_> = origins.iter().take(5).map(|(origin, _)| &**origin).collect();
    Err(match wanted {
        Some(wanted) if !there_are.is_empty() => Usage(anyhow!(
            "search engines may show no page of {wanted}, but pages of {}",
            there_are.join(", ")
        ))
        .into(),
        _ => anyhow!(
            "there is no page that search engines may show; `indexability_reason` in the view pages says why"
        ),
    })
}

fn one_stream(
    job: &Job<'_>,
    origin: &str,
    pages: i64,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Written> {
    if usize::try_from(pages).is_ok_and(|pages| pages > sitemap::MAX_URLS) {
        return Err(Usage(anyhow!("{} URLs need several files: give -o FILE", count(pages))).into());
    }
    let mut set = UrlSet::begin(job.stream(out, job.args.gz)?).map_err(QueryError::Output)?;
    let number = job.export.indexable(origin, |page| {
        let entry = sitemap::entry(&page);
        let too_large = || io::Error::other("too large for one file: give -o FILE");
        if set.has_room(&entry) { set.push(&entry) } else { Err(too_large()) }
    })?;
    let bytes = set.finish().and_then(Stream::finish).map_err(QueryError::Output)?;
    Ok(Written::new(number, "URL", "URLs", bytes))
}

/// Files of a sitemap that are being written.
struct Parts<'a> {
    path: &'a Path,
    force: bool,
    gzip: bool,
    interrupt: &'a Interrupt,
    open: Option<UrlSet<Stream<'static>>>,
    /// Whole, but without their names.
    full: Vec<(PathBuf, Stream<'static>)>,
}

impl Parts<'_> {
    /// `sitemap.xml`, or `sitemap-2.xml` for the second of several.
    fn name(&self, number: usize) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, ending) = name.split_once('.').unwrap_or((&name, "xml"));
        self.path.with_file_name(format!("{stem}-{number}.{ending}"))
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        let number = self.full.len() + 1;
        let path = self.name(number);
        // A first one that remains the only one gets the name of the whole.
        if number > 1 {
            check_free(&self.name(1), self.force)?;
            check_free(&path, self.force)?;
        }
        let stream = Stream::file(&path, self.force, self.gzip, self.interrupt)?;
        self.open = Some(UrlSet::begin(stream)?);
        Ok(())
    }

    fn push(&mut self, entry: &str) -> anyhow::Result<()> {
        if self.open.as_ref().is_some_and(|set| !set.has_room(entry)) {
            self.end()?;
            self.begin()?;
        }
        if let Some(set) = &mut self.open {
            set.push(entry)?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(set) = self.open.take() {
            let path = self.name(self.full.len() + 1);
            self.full.push((path, set.finish()?));
        }
        Ok(())
    }
}

fn files(job: &Job<'_>, origin: &str, path: &Path) -> anyhow::Result<Written> {
    let (force, gzip) = (job.args.force, job.args.gz);
    check_free(path, force)?;
    let mut parts =
        Parts { path, force, gzip, interrupt: &job.interrupt, open: None, full: Vec::new() };
    parts.begin()?;
    let mut counting = Counting::start("URLs", None, job.quiet);
    let number = job.export.indexable(origin, |page| {
        counting.add();
        parts.push(&sitemap::entry(&page)).map_err(io::Error::other)
    })?;
    counting.finish();
    parts.end()?;
    let full = parts.full;
    let number_of_files = full.len();
    let mut bytes = 0;
    if let [_] = &*full {
        // One file needs no index: it is the sitemap.
        for (_, stream) in full {
            bytes += stream.finish_as(path)?;
        }
        return Ok(Written::new(number, "URL", "URLs", bytes));
    }
    let mut urls = Vec::new();
    for (part, stream) in full {
        urls.push(format!("{origin}/{}", part.file_name().unwrap_or_default().to_string_lossy()));
        bytes += stream.finish()?;
    }
    // Last, so that it names nothing that is not there.
    let mut index = Stream::file(path, force, gzip, &job.interrupt)?;
    index.write_all(sitemap::index(urls.iter().map(String::as_str)).as_bytes())?;
    bytes += index.finish()?;
    let mut written = Written::new(number, "URL", "URLs", bytes);
    written.what.push_str(&format!(" in {number_of_files} files and an index"));
    written.notes.push(format!(
        "The index expects them at {}; give it to search engines and put all files there",
        urls[0].rsplit_once('/').map_or(origin, |(folder, _)| folder)
    ));
    Ok(written)
}
