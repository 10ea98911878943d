//! A path in a root as a user typed it.

use std::os::fd::{BorrowedFd, OwnedFd};

use paths::Root;
use rustix::fs::OFlags;

use crate::error::TreeError;

/// The longest path, as the kernel has it.
const PATH: usize = 4096;

/// A path as a user typed it, cleaned by its text alone: what Docker does before it resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Components joined by "/", relative to the root; empty for the root itself.
    path: Vec<u8>,
    /// It ended with "/" or "/.": what is meant is what a link there leads to.
    follow: bool,
    /// What an archive of it calls it: its last component, "." for "dir/.", "/" for the root.
    name: Vec<u8>,
}

impl Target {
    pub fn parse(typed: &str) -> Result<Self, TreeError> {
        if typed.len() > PATH || typed.contains('\0') {
            return Err(TreeError::Invalid(format!("invalid path: {typed:?}")));
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in typed.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let is_dot = typed.ends_with("/.") || typed == ".";
        let name = match parts.last() {
            Some(_) | None if is_dot => ".",
            None => "/",
            Some(name) => name,
        };
        Ok(Self {
            path: parts.join("/").into_bytes(),
            follow: is_dot || typed.ends_with('/'),
            name: name.as_bytes().to_vec(),
        })
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// What is at the path, by a descriptor that only names it.
    pub(crate) fn open(&self, root: BorrowedFd<'_>) -> Result<OwnedFd, TreeError> {
        let last = if self.follow {
            OFlags::DIRECTORY
        } else {
            OFlags::NOFOLLOW
        };
        Root::new(root)
            .open(&self.path, OFlags::PATH | last)
            .map_err(|errno| TreeError::sys("find", &self.path, errno))
    }
}

#[cfg(test)]
mod unit {
    use super::Target;

    #[test]
    fn target_is_cleaned_by_its_text_and_keeps_what_its_end_says() {
        let of = |typed: &str| {
            let target = Target::parse(typed).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(target.path()), text(target.name()), target.follow)
        };
        assert_eq!(of("/a/../b/c"), ("b/c".into(), "c".into(), false));
        assert_eq!(of("a/"), ("a".into(), "a".into(), true));
        assert_eq!(of("/a/."), ("a".into(), ".".into(), true));
        assert_eq!(of("/"), (String::new(), "/".into(), true));
        assert_eq!(of("../../x"), ("x".into(), "x".into(), false));
        assert_eq!(of("/."), (String::new(), ".".into(), true));
    }
}
