//! Copying a file without filling its holes: an image of a few bytes may have one of many gigabytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use rustix::io::Errno;

/// Copies what is stored in `from` to the same places in `to`, which is empty and becomes as long.
pub(crate) fn copy_file(from: &mut File, to: &mut File) -> io::Result<()> {
    let size = from.metadata()?.len();
    let mut end = 0;
    while let Some(begin) = next_data(from, end)? {
        end = rustix::fs::seek(&*from, rustix::fs::SeekFrom::Hole(begin))?;
        from.seek(SeekFrom::Start(begin))?;
        to.seek(SeekFrom::Start(begin))?;
        io::copy(&mut (&*from).take(end - begin), to)?;
    }
    to.flush()?;
    to.set_len(size)
}

/// None when only a hole is left, or nothing.
fn next_data(file: &File, from: u64) -> io::Result<Option<u64>> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(from)) {
        Ok(at) => Ok(Some(at)),
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    #[test]
    fn holes_stay_holes_and_data_is_where_it_was() {
        let base = std::env::temp_dir().join(format!("rt-holes-{}", std::process::id()));
        let path = |name: &str| base.with_extension(name);
        let open = |name: &str| {
            let mut all = File::options();
            all.read(true).write(true).create(true).truncate(true);
            all.open(path(name)).expect("file")
        };
        let (mut from, mut to) = (open("from"), open("to"));
        from.set_len(1 << 28).expect("length");
        from.write_all_at(b"begin", 0).expect("write");
        from.write_all_at(b"middle", 1 << 27).expect("write");
        copy_file(&mut from, &mut to).expect("copy");
        let mut words = [0; 6];
        to.read_exact_at(&mut words, 1 << 27).expect("read");
        assert_eq!(&words, b"middle");
        let meta = to.metadata().expect("metadata");
        assert_eq!(meta.len(), 1 << 28);
        assert!(meta.blocks() * 512 < 1 << 20);
        for name in ["from", "to"] {
            std::fs::remove_file(path(name)).expect("clean up");
        }
    }
}
