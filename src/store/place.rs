//! Is the file kept where every program that opens it shares its memory?
//!
//! SQLite's write-ahead log needs that: on a network file system two machines
//! would each see a state of their own, and locks and syncs may be promises only.

use std::path::Path;

/// The name of the network file system that `path`, or the folder it is to be made in, lies on;
/// `None` if it is none that is known to be one, or the system does not say.
#[cfg(target_os = "linux")]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let place = if path.exists() { path } else { folder.unwrap_or(Path::new(".")) };
    named(u32::try_from(rustix::fs::statfs(place).ok()?.f_type).ok()?)
}

/// Only Linux is asked.
#[cfg(not(target_os = "linux"))]
pub fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

/// By the numbers of `statfs(2)`. FUSE is not among them: it may be anything.
#[cfg(target_os = "linux")]
fn named(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x0102_1997 => "9p",
        0x00c3_6400 => "Ceph",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x0bd0_0bd0 => "Lustre",
        0x0116_1970 => "GFS2",
        0x7461_636f => "OCFS2",
        _ => return None,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_number_and_local_ones_are_none() {
        assert_eq!(named(0x6969), Some("NFS"));
        assert_eq!(named(0xfe53_4d42), Some("SMB"));
        // ext4, tmpfs, btrfs, xfs, overlayfs.
        for local in [0xef53, 0x0102_1994, 0x9123_683e, 0x5846_5342, 0x794c_7630] {
            assert_eq!(named(local), None, "{local:x}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(network_file_system(&folder.path().join("new.db")), None);
        assert_eq!(network_file_system(Path::new("new.db")), None);
    }
}
