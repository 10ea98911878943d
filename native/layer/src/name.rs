//! Names of entries as paths below the root, by their bytes alone.

/// The longest component, as the kernel has it.
const COMPONENT: usize = 255;

/// A name without empty components, "." and "..": components joined by "/", relative to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    bytes: Vec<u8>,
    /// Where the last component starts.
    base: usize,
}

impl Name {
    /// Absolute names are taken from the root; ".." takes a component back, but not beyond it.
    pub fn clean(raw: &[u8]) -> Result<Self, &'static str> {
        let mut bytes = Vec::with_capacity(raw.len());
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." if bytes.is_empty() => return Err("its path leaves the root"),
                b".." => bytes.truncate(last_slash(&bytes).unwrap_or(0)),
                _ if component.len() > COMPONENT => {
                    return Err("a part of its path is longer than 255 bytes");
                }
                _ => {
                    if !bytes.is_empty() {
                        bytes.push(b'/');
                    }
                    bytes.extend_from_slice(component);
                }
            }
        }
        let base = last_slash(&bytes).map_or(0, |slash| slash + 1);
        Ok(Self { bytes, base })
    }

    pub fn is_root(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn path(&self) -> &[u8] {
        &self.bytes
    }

    /// Empty for the root.
    pub fn base(&self) -> &[u8] {
        &self.bytes[self.base..]
    }

    /// The path of the directory that holds it; empty means the root.
    pub fn parent(&self) -> &[u8] {
        &self.bytes[..self.base.saturating_sub(1)]
    }
}

fn last_slash(bytes: &[u8]) -> Option<usize> {
    bytes.iter().rposition(|byte| *byte == b'/')
}

/// What a name means to the layers below.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// A plain entry.
    None,
    /// The directory hides what lower layers have in it.
    Opaque,
    /// This name of the same directory is hidden.
    Whiteout(&'a [u8]),
    /// Bookkeeping of AUFS, without meaning here.
    Ignored,
}

/// Only the last component decides.
pub(crate) fn to_mark(base: &[u8]) -> Result<Mark<'_>, &'static str> {
    if base == b".wh..wh..opq" {
        return Ok(Mark::Opaque);
    }
    match base.strip_prefix(b".wh.") {
        None => Ok(Mark::None),
        Some(b"" | b"." | b"..") => Err("it is a whiteout of nothing"),
        Some(hidden) if hidden.starts_with(b".wh.") => Ok(Mark::Ignored),
        Some(hidden) => Ok(Mark::Whiteout(hidden)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(raw: &str) -> Result<String, &'static str> {
        Name::clean(raw.as_bytes()).map(|name| String::from_utf8_lossy(name.path()).into_owned())
    }

    #[test]
    fn clean_keeps_names_below_the_root() {
        assert_eq!(clean("./a//b/"), Ok("a/b".into()));
        assert_eq!(clean("/a/../b/./c"), Ok("b/c".into()));
        assert_eq!(clean("a/b/../../c"), Ok("c".into()));
        assert_eq!(clean("/"), Ok(String::new()));
        assert_eq!(clean("a/.."), Ok(String::new()));
    }

    #[test]
    fn clean_refuses_names_that_leave_the_root_and_long_components() {
        for raw in ["..", "../a", "/../a", "a/../../b", "./../a"] {
            assert!(clean(raw).is_err(), "{raw}");
        }
        assert!(clean(&"a".repeat(256)).is_err());
        assert!(clean(&"a".repeat(255)).is_ok());
    }

    #[test]
    fn name_splits_into_parent_and_base() {
        let name = Name::clean(b"usr/lib/x").unwrap();
        assert_eq!((name.parent(), name.base()), (&b"usr/lib"[..], &b"x"[..]));
        let name = Name::clean(b"x").unwrap();
        assert_eq!((name.parent(), name.base()), (&b""[..], &b"x"[..]));
        let name = Name::clean(b"./").unwrap();
        assert!(name.is_root());
        assert_eq!((name.parent(), name.base()), (&b""[..], &b""[..]));
    }

    #[test]
    fn to_mark_knows_whiteouts_by_the_base_name() {
        assert_eq!(to_mark(b"x"), Ok(Mark::None));
        assert_eq!(to_mark(b".wh.x"), Ok(Mark::Whiteout(b"x")));
        assert_eq!(to_mark(b".wh..x"), Ok(Mark::Whiteout(b".x")));
        assert_eq!(to_mark(b".wh..wh..opq"), Ok(Mark::Opaque));
        assert_eq!(to_mark(b".wh..wh.plnk"), Ok(Mark::Ignored));
        for bad in [&b".wh."[..], b".wh..", b".wh..."] {
            assert!(to_mark(bad).is_err());
        }
    }
}
