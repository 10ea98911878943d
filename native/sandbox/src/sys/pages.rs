//! Giving back pages of the program's own code.

use std::ptr;

/// Drops the pages of this process's own program; they come back from the (shared) page cache as they
/// are used. For the moment before a long wait.
pub fn drop_program_pages() {
    unsafe extern "C" {
        // Set by the linker: the first byte of the image, and the first behind its code.
        static __executable_start: u8;
        static etext: u8;
    }
    const PAGE: usize = 4096;
    let start = (&raw const __executable_start).addr() & !(PAGE - 1);
    let end = (&raw const etext).addr() & !(PAGE - 1);
    // SAFETY: between the two lie only read-only mappings of the program's file (headers, constants,
    // code), so dropped pages are read back unchanged.
    unsafe {
        libc::madvise(
            ptr::without_provenance_mut(start),
            end - start,
            libc::MADV_DONTNEED,
        )
    };
}

/// Lets go of the code of this process, its libraries included; what is run on comes back from the files,
/// which the kernel keeps in memory while there is room.
pub fn drop_code_pages() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(code_mapping) {
        // SAFETY: a private mapping of a file that can be run and not be written holds nothing but the file's
        // bytes, so dropped pages are read back unchanged.
        unsafe {
            libc::madvise(
                ptr::without_provenance_mut(start),
                end - start,
                libc::MADV_DONTNEED,
            )
        };
    }
}

/// Bounds of a line of `/proc/PID/maps` that maps code of a file.
fn code_mapping(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()? == "r-xp";
    let of_file = fields.nth(2)? != "0";
    let address = |text| usize::from_str_radix(text, 16).ok();
    (is_code && of_file).then_some((address(start)?, address(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_let_go_of() {
        let line = |perms, inode, path| format!("00400000-00452000 {perms} 0 08:02 {inode} {path}");
        let code = code_mapping(&line("r-xp", "17", "/usr/bin/x"));
        assert_eq!(code, Some((0x40_0000, 0x45_2000)));
        for (perms, inode, path) in [
            ("r--p", "17", "/usr/bin/x"),
            ("rw-p", "17", "/usr/bin/x"),
            ("rwxp", "0", ""),
            ("r-xp", "0", "[vdso]"),
        ] {
            assert_eq!(code_mapping(&line(perms, inode, path)), None);
        }
    }

    #[test]
    fn what_is_let_go_of_runs_on() {
        drop_code_pages();
        assert_eq!("a".repeat(3), "aaa");
    }
}
