//! Where does a result go that is a file, and when is it there?
//!
//! A file appears under its name once it is whole, never before: it is written
//! beside it under another name and renamed at the end. Nothing that exists is
//! replaced unless the person said so, and nothing but a plain file ever is.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Usage;
use super::interrupt::Interrupt;
use super::output::Shown;

/// Bytes that are collected before they are written.
const BUFFER: usize = 256 * 1024;

/// Refuses a target that is the file which is read: nobody means that, even with
/// `--force`.
///
/// # Errors
/// If it is.
pub(super) fn check_is_not(path: &Path, source: &Path) -> anyhow::Result<()> {
    let is_same = match (fs::canonicalize(path), fs::canonicalize(source)) {
        (Ok(path), Ok(source)) => path == source,
        _ => false,
    };
    if is_same {
        let name = path.display();
        return Err(Usage(anyhow!("{name} is the crawl itself; name another file")).into());
    }
    Ok(())
}

/// Refuses a target that exists, unless `force` allows to replace it.
///
/// # Errors
/// If it may not be replaced.
pub(super) fn check_free(path: &Path, force: bool) -> anyhow::Result<()> {
    let name = path.display();
    match fs::metadata(path) {
        Err(_) => Ok(()),
        Ok(found) if !found.is_file() => {
            Err(Usage(anyhow!("{name} is no plain file; `-` writes to stdout")).into())
        }
        Ok(_) if !force => {
            Err(Usage(anyhow!("{name} exists; name another file, or replace it with --force"))
                .into())
        }
        Ok(_) => Ok(()),
    }
}

/// The name beside `path` under which it is prepared.
pub(super) fn draft_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// A file that is not there yet. Dropped before its end, it leaves nothing.
struct Draft {
    file: BufWriter<File>,
    draft: PathBuf,
    path: PathBuf,
    force: bool,
    is_done: bool,
}

impl Draft {
    fn create(path: &Path, force: bool) -> anyhow::Result<Self> {
        let draft = draft_name(path);
        let file = File::create_new(&draft)
            .with_context(|| format!("cannot write beside {}", path.display()))?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, file),
            draft,
            path: path.to_owned(),
            force,
            is_done: false,
        })
    }

    /// Gives the file its name; its size.
    fn finish(mut self) -> io::Result<u64> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        let bytes = self.file.get_ref().metadata()?.len();
        if self.force {
            fs::rename(&self.draft, &self.path)?;
        } else {
            // Unlike a rename, a link does not replace what has come there meanwhile.
            match fs::hard_link(&self.draft, &self.path) {
                Ok(()) => fs::remove_file(&self.draft)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => fs::rename(&self.draft, &self.path)?,
            }
        }
        self.is_done = true;
        sync_folder(&self.path);
        Ok(bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_done {
            fs::remove_file(&self.draft).ok();
        }
    }
}

/// Makes a new name last through a power cut, where folders can be synced.
pub(super) fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        folder.sync_all().ok();
    }
}

/// Where bytes go.
enum Place<'a> {
    /// A pipe, or whatever stdout is.
    Pipe(BufWriter<&'a mut (dyn Write + Send)>),
    /// A terminal, which must not obey what it is shown.
    Terminal(Shown<&'a mut (dyn Write + Send)>),
    File(Draft),
}

/// A result on its way, packed or not.
pub(super) struct Stream<'a> {
    packing: Packing<'a>,
    interrupt: Interrupt,
    written: u64,
}

enum Packing<'a> {
    None(Place<'a>),
    Gzip(GzEncoder<Place<'a>>),
}

impl<'a> Stream<'a> {
    /// To a file that [`check_free`] has allowed, packed if `gzip`.
    ///
    /// # Errors
    /// If nothing can be written beside it.
    pub(super) fn file(
        path: &Path,
        force: bool,
        gzip: bool,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        Ok(Self::new(Place::File(Draft::create(path, force)?), gzip, interrupt))
    }

    /// To stdout; `is_terminal` if it is one.
    pub(super) fn stdout(
        out: &'a mut (dyn Write + Send),
        is_terminal: bool,
        gzip: bool,
        interrupt: &Interrupt,
    ) -> Self {
        let place = if is_terminal {
            Place::Terminal(Shown::new(out))
        } else {
            Place::Pipe(BufWriter::with_capacity(BUFFER, out))
        };
        Self::new(place, gzip, interrupt)
    }

    fn new(place: Place<'a>, gzip: bool, interrupt: &Interrupt) -> Self {
        let packing = if gzip {
            Packing::Gzip(GzEncoder::new(place, Compression::default()))
        } else {
            Packing::None(place)
        };
        Self { packing, interrupt: interrupt.clone(), written: 0 }
    }

    /// Like [`Self::finish`], but a file gets another name.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish_as(mut self, path: &Path) -> io::Result<u64> {
        let place = match &mut self.packing {
            Packing::None(place) => place,
            Packing::Gzip(packing) => packing.get_mut(),
        };
        if let Place::File(draft) = place {
            path.clone_into(&mut draft.path);
        }
        self.finish()
    }

    /// Writes what is left, and gives a file its name; bytes as they were written.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(self) -> io::Result<u64> {
        let place = match self.packing {
            Packing::None(place) => place,
            Packing::Gzip(packing) => packing.finish()?,
        };
        match place {
            Place::Pipe(mut out) => out.flush().map(|()| self.written),
            Place::Terminal(mut out) => out.flush().map(|()| self.written),
            Place::File(draft) => draft.finish(),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.interrupt.check()?;
        let written = match &mut self.packing {
            Packing::None(place) => place.write(bytes)?,
            Packing::Gzip(packing) => packing.write(bytes)?,
        };
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.packing {
            Packing::None(place) => place.flush(),
            Packing::Gzip(packing) => packing.flush(),
        }
    }
}

impl Write for Place<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Pipe(out) => out.write(bytes),
            Self::Terminal(out) => out.write(bytes),
            Self::File(draft) => draft.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Pipe(out) => out.flush(),
            Self::Terminal(out) => out.flush(),
            Self::File(draft) => draft.file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_once_it_is_whole_and_replaces_nothing_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let interrupt = Interrupt::default();
        let write = |force: bool, text: &str| -> anyhow::Result<u64> {
            check_free(&path, force)?;
            let mut stream = Stream::file(&path, force, false, &interrupt)?;
            stream.write_all(text.as_bytes())?;
            assert_eq!(names(folder.path()).len(), if path.exists() { 2 } else { 1 });
            Ok(stream.finish()?)
        };
        assert_eq!(write(false, "one").unwrap(), 3);
        assert!(write(false, "two").unwrap_err().to_string().contains("--force"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(true, "three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");

        let mut stream = Stream::file(&path, true, true, &interrupt).unwrap();
        stream.write_all(b"half").unwrap();
        interrupt.set();
        assert!(stream.write_all(b"more").is_err());
        drop(stream);
        assert_eq!(names(folder.path()), ["a.csv"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert!(check_free(folder.path(), true).unwrap_err().to_string().contains("no plain file"));
    }
}
