//! Reading a document below a root folder, and nowhere else.
//!
//! The path comes from a foreign database. Every folder on the way is opened from the one before and no link is followed,
//! so that neither `..` nor a link, nor one that is put there meanwhile, leads out. The root itself may be a link: an
//! operator named it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// The folder where a connector's documents are.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error("the path leads out of the folder of documents, or is none")]
    Outside,
    #[error("there is no such file")]
    Missing,
    #[error("the file is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
}

impl Root {
    /// The folder need not be there yet: it may be mounted later.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The bytes of a file. Both slashes part folders, because old systems wrote either. Blocks.
    ///
    /// # Errors
    /// Why not; nothing outside of the root was opened.
    pub fn read(&self, path: &str, largest: usize) -> Result<Vec<u8>, FileFault> {
        let mut names = names(path)?;
        let file = names.pop().ok_or(FileFault::Outside)?;
        let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut at = openat(CWD, &self.0, folder, Mode::empty()).map_err(fault)?;
        for name in names {
            at = openat(&at, name, folder | OFlags::NOFOLLOW, Mode::empty()).map_err(fault)?;
        }
        // not blocking: somebody's pipe would hold us for ever
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let found = openat(&at, file, flags, Mode::empty()).map_err(fault)?;
        content(found, largest)
    }
}

fn names(path: &str) -> Result<Vec<&str>, FileFault> {
    if path.starts_with(['/', '\\']) || path.contains([':', '\0']) {
        return Err(FileFault::Outside);
    }
    let names: Vec<&str> = path.split(['/', '\\']).filter(|name| !name.is_empty() && *name != ".").collect();
    if names.is_empty() || names.contains(&"..") { Err(FileFault::Outside) } else { Ok(names) }
}

fn content(found: OwnedFd, largest: usize) -> Result<Vec<u8>, FileFault> {
    let file = File::from(found);
    let unreadable = |error: std::io::Error| FileFault::Unreadable(error.to_string());
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(FileFault::Unreadable("it is no file".into()));
    }
    let mut bytes = Vec::new();
    // one byte more than there may be tells of a file that grows
    let bound = u64::try_from(largest).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > largest { Err(FileFault::TooLarge(largest)) } else { Ok(bytes) }
}

fn fault(error: Errno) -> FileFault {
    match error {
        Errno::NOENT => FileFault::Missing,
        // a link, or a folder on the way that is none
        Errno::LOOP | Errno::NOTDIR => FileFault::Outside,
        other => FileFault::Unreadable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_below_the_root_and_nowhere_else() {
        let base = std::env::temp_dir().join(format!("portico-test-files-{}", std::process::id()));
        let root_folder = base.join("root");
        std::fs::create_dir_all(root_folder.join("2026/11")).unwrap();
        std::fs::write(root_folder.join("2026/11/INV1.pdf"), b"%PDF-1").unwrap();
        std::fs::write(base.join("secret"), b"secret").unwrap();
        std::os::unix::fs::symlink(base.join("secret"), root_folder.join("link.pdf")).unwrap();
        std::os::unix::fs::symlink(&base, root_folder.join("up")).unwrap();
        let root = Root::new(&root_folder);
        for fine in ["2026/11/INV1.pdf", "2026\\11\\INV1.pdf", "./2026//11/INV1.pdf"] {
            assert_eq!(root.read(fine, 100).as_deref(), Ok(&b"%PDF-1"[..]), "{fine}");
        }
        let secret = base.join("secret");
        for out in [
            "../secret",
            "2026/../../secret",
            "2026\\..\\..\\secret",
            secret.to_str().unwrap(),
            "\\\\server\\x",
            "C:\\secret",
            "link.pdf",
            "up/secret",
            "",
            ".",
            "..",
            "x\0y",
        ] {
            assert_eq!(root.read(out, 100), Err(FileFault::Outside), "{out:?}");
        }
        assert_eq!(root.read("2026/11/INV2.pdf", 100), Err(FileFault::Missing));
        assert!(matches!(root.read("2026/11", 100), Err(FileFault::Unreadable(_))));
        assert_eq!(root.read("2026/11/INV1.pdf", 5), Err(FileFault::TooLarge(5)));
        std::fs::remove_dir_all(base).unwrap();
    }
}
