//! Who owns the file now, and what was being visited when an owner died?
//!
//! A side file `FILE.lock`, locked (`flock` on Unix), which the kernel undoes when the
//! process ends in whatever way; so nothing stale ever keeps anybody out, and
//! readers are not concerned. It holds one slot per visit with the URL's id,
//! written without fsync and cleared once the visit is committed. A clean end
//! removes the file; slots left behind are the suspects of a crash.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::record::UrlId;

/// Bytes of a slot: a URL id, little-endian; 0 if it is free.
const SLOT_BYTES: usize = 4;
/// The bit of a slot that says: the visit has ended and waits for its commit. Ids stay below it.
const ENDED: u32 = 1 << 31;
/// Slots that are read from a file that an earlier process left.
const MAX_SLOTS: usize = 8192;

/// The right to write to a file, as long as it lives.
#[derive(Debug)]
pub struct OwnerLock {
    file: File,
    path: PathBuf,
    suspects: Vec<UrlId>,
    culprits: Vec<UrlId>,
}

/// Tries to take the lock, since somebody who looks at it holds it for a moment.
const TRIES: u32 = 5;

/// Whether a process owns the store at `path` now.
pub fn is_owned(path: &Path) -> bool {
    File::open(side_file(path))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// `FILE.lock`
fn side_file(path: &Path) -> PathBuf {
    let mut side = path.as_os_str().to_owned();
    side.push(".lock");
    side.into()
}

impl OwnerLock {
    /// Takes the lock of the store at `path`; `None` if another process has it.
    ///
    /// # Errors
    /// If the side file cannot be made or read.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let path = side_file(path);
        let mut tries = 0;
        loop {
            let mut file = private_file(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if tries >= TRIES => return Ok(None),
                Err(TryLockError::WouldBlock) => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(20));
                    continue;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if is_still_at(&file, &path) {
                let slots = read_slots(&mut file)?;
                let suspects = slots.iter().map(|slot| UrlId(slot & !ENDED)).collect();
                let culprits = culprits(&slots);
                return Ok(Some(Self { file, path, suspects, culprits }));
            }
        }
    }

    /// The URLs that were in flight when the owner before us died.
    pub fn suspects(&self) -> &[UrlId] {
        &self.suspects
    }

    /// Those of them that may have been its death: the visits that had not ended, or,
    /// if all had, every one.
    pub fn culprits(&self) -> &[UrlId] {
        &self.culprits
    }

    /// Forgets what an earlier owner left.
    ///
    /// # Errors
    /// If the side file cannot be written.
    pub fn clear(&mut self) -> io::Result<()> {
        self.suspects.clear();
        self.culprits.clear();
        self.file.set_len(0)
    }

    /// Notes in `slot` that `url` is being visited.
    ///
    /// # Errors
    /// If the side file cannot be written.
    pub fn occupy(&self, slot: usize, url: UrlId) -> io::Result<()> {
        self.write(slot, url.0)
    }

    /// Notes that the visit of `url` in `slot` has ended.
    ///
    /// # Errors
    /// If the side file cannot be written.
    pub fn end(&self, slot: usize, url: UrlId) -> io::Result<()> {
        self.write(slot, url.0 | ENDED)
    }

    /// Notes that what was in `slot` is committed.
    ///
    /// # Errors
    /// If the side file cannot be written.
    pub fn vacate(&self, slot: usize) -> io::Result<()> {
        self.write(slot, 0)
    }

    fn write(&self, slot: usize, id: u32) -> io::Result<()> {
        write_at(&self.file, (slot * SLOT_BYTES) as u64, &id.to_le_bytes())
    }

    /// Gives the lock up after a clean end, and removes the side file unless it
    /// names suspects that nobody has looked into yet.
    pub fn release(self) {
        if self.suspects.is_empty() {
            // Removed while still locked; whoever waits sees another file and tries again.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(unix)]
fn write_at(file: &File, place: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, place)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, place: u64, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(place))?;
    file.write_all(bytes)
}

/// Opens or makes a file that only its owner may read.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether the file that we locked is still the one of that name: the owner
/// before us may have removed it between our open and our lock.
#[cfg(unix)]
fn is_still_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata().map(|ours| ours.ino());
    std::fs::metadata(path).is_ok_and(|now| ours.is_ok_and(|ours| ours == now.ino()))
}

/// An open file cannot be removed.
#[cfg(not(unix))]
fn is_still_at(_: &File, _: &Path) -> bool {
    true
}

/// Who may have been the death of an owner that left these slots. Suspects are tried one
/// at a time, but the next begins before the last is committed: without the mark the
/// innocent would be counted along with the culprit, each time.
fn culprits(slots: &[u32]) -> Vec<UrlId> {
    let open: Vec<_> = slots.iter().filter(|slot| *slot & ENDED == 0).collect();
    let counted = if open.is_empty() { slots.iter().collect() } else { open };
    let mut ids: Vec<_> = counted.into_iter().map(|slot| UrlId(slot & !ENDED)).collect();
    // One that was asked for twice in a row may have two slots.
    ids.sort();
    ids.dedup();
    ids
}

fn read_slots(file: &mut File) -> io::Result<Vec<u32>> {
    let mut bytes = Vec::new();
    file.take((MAX_SLOTS * SLOT_BYTES) as u64).read_to_end(&mut bytes)?;
    let (slots, _) = bytes.as_chunks::<SLOT_BYTES>();
    Ok(slots.iter().map(|slot| u32::from_le_bytes(*slot)).filter(|slot| *slot != 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time_and_the_suspects_of_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("a.db");
        let first = OwnerLock::take(&store).unwrap().unwrap();
        assert!(OwnerLock::take(&store).unwrap().is_none());
        first.occupy(0, UrlId(7)).unwrap();
        first.occupy(2, UrlId(9)).unwrap();
        first.vacate(0).unwrap();
        first.occupy(3, UrlId(4)).unwrap();
        first.end(3, UrlId(4)).unwrap();
        drop(first);

        // One that did something else leaves them to the next crawl.
        OwnerLock::take(&store).unwrap().unwrap().release();
        let mut second = OwnerLock::take(&store).unwrap().unwrap();
        assert_eq!(second.suspects(), [UrlId(9), UrlId(4)]);
        assert_eq!(second.culprits(), [UrlId(9)], "the other had ended");
        assert_eq!(culprits(&[ENDED | 4]), [UrlId(4)], "nobody else was there");
        assert_eq!(culprits(&[ENDED | 4, ENDED | 4]), [UrlId(4)], "one crash counts once");
        second.clear().unwrap();
        second.release();
        assert!(!folder.path().join("a.db.lock").exists());
        assert!(OwnerLock::take(&store).unwrap().unwrap().suspects().is_empty());
    }
}
