//! Extended attributes of entries: which are taken, and how they are set.

use std::os::fd::BorrowedFd;

use paths::entry;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::error::LayerError;

/// What an access control list is called, and the one that new entries of a directory get.
const ACCESS: &str = "system.posix_acl_access";
pub(crate) const DEFAULT: &str = "system.posix_acl_default";

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Set,
    /// Of the machine it was made on, not of the image.
    Ignore,
    /// A mark of overlayfs, which only we may make.
    Refuse,
}

fn judge(name: &[u8]) -> Verdict {
    match name {
        b"security.selinux" | b"system.nfs4_acl" | b"security.evm" | b"security.ima" => {
            Verdict::Ignore
        }
        _ if name.starts_with(b"trusted.overlay.") => Verdict::Refuse,
        _ if name.starts_with(b"user.overlay.") => Verdict::Refuse,
        _ => Verdict::Set,
    }
}

/// False for what belongs to a machine or to overlayfs.
pub(crate) fn is_of_image(name: &[u8]) -> bool {
    judge(name) == Verdict::Set
}

/// What carries the attributes: a file or directory by its fd, anything else by its directory.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    Fd(BorrowedFd<'a>),
    At(BorrowedFd<'a>, &'a [u8]),
}

impl Place<'_> {
    fn set(self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match self {
            Self::Fd(fd) => rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty()),
            Self::At(dir, base) => entry::set_xattr(dir, base, name, value),
        }
    }

    fn remove(self, name: &str) -> Result<(), Errno> {
        let removed = match self {
            Self::Fd(fd) => rustix::fs::fremovexattr(fd, name),
            Self::At(dir, base) => entry::remove_xattr(dir, base, name.as_bytes()),
        };
        match removed {
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::PERM) => Ok(()),
            other => other,
        }
    }
}

/// Refuses attributes that no archive may carry; done before anything is made.
pub fn check(entry: &[u8], xattrs: &[(Vec<u8>, Vec<u8>)]) -> Result<(), LayerError> {
    match xattrs
        .iter()
        .find(|(name, _)| judge(name) == Verdict::Refuse)
    {
        None => Ok(()),
        Some((name, _)) => Err(LayerError::refused(
            entry,
            format!(
                "it carries overlayfs's own mark {}",
                crate::error::quote(name)
            ),
        )),
    }
}

/// Sets what can be set; what the filesystem or a namespace does not allow is left out.
pub fn set(
    place: Place<'_>,
    entry: &[u8],
    xattrs: &[(Vec<u8>, Vec<u8>)],
) -> Result<(), LayerError> {
    for (name, value) in xattrs {
        if judge(name) != Verdict::Set {
            continue;
        }
        match place.set(name, value) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => {}
            // ext4 has room for a block of them and says "no space" otherwise.
            Err(Errno::NOSPC | Errno::TOOBIG | Errno::RANGE | Errno::INVAL) => {
                let name = crate::error::quote(name);
                let reason = format!("its extended attribute {name} cannot be stored");
                return Err(LayerError::refused(entry, reason));
            }
            Err(errno) => return Err(LayerError::sys("set an attribute of", entry, errno)),
        }
    }
    Ok(())
}

/// Takes away what an entry got from its directory's default list.
pub(crate) fn remove_acls(place: Place<'_>) -> Result<(), Errno> {
    place.remove(ACCESS)?;
    place.remove(DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judge_refuses_overlay_marks_and_ignores_the_builders_labels() {
        assert_eq!(judge(b"trusted.overlay.opaque"), Verdict::Refuse);
        assert_eq!(judge(b"user.overlay.whiteout"), Verdict::Refuse);
        assert_eq!(judge(b"security.selinux"), Verdict::Ignore);
        assert_eq!(judge(b"system.nfs4_acl"), Verdict::Ignore);
        assert_eq!(judge(b"security.capability"), Verdict::Set);
        assert_eq!(judge(b"user.overlayed"), Verdict::Set);
    }
}
