//! seccomp(2).

use std::ffi::{c_uint, c_void};
use std::ptr;

use rustix::io::Errno;

use super::{Result, check};

const SET_MODE_FILTER: c_uint = 1;
const FLAG_SPEC_ALLOW: u32 = 1 << 2;

/// Whether the kernel can filter: it has then looked for the program, and not found one.
pub fn has_seccomp() -> bool {
    // SAFETY: a null program is answered with EFAULT.
    let ret =
        unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, 0, ptr::null::<c_void>()) };
    check(ret) == Err(Errno::FAULT)
}

/// From now on this thread and all that comes of it make only the system calls that the program lets through.
pub fn load_filter(flags: u32, program: &[u8]) -> Result<()> {
    match set_filter(flags, program) {
        // Linux before 4.17: there speculation is not held back by filters, so nothing is lost.
        Err(Errno::INVAL) if flags & FLAG_SPEC_ALLOW != 0 => {
            set_filter(flags & !FLAG_SPEC_ALLOW, program)
        }
        other => other,
    }
}

fn set_filter(flags: u32, program: &[u8]) -> Result<()> {
    #[repr(C)]
    struct Program {
        length: u16,
        instructions: *const u8,
    }
    const INSTRUCTION: usize = 8;
    let program = Program {
        length: u16::try_from(program.len() / INSTRUCTION).map_err(|_| Errno::INVAL)?,
        instructions: program.as_ptr(),
    };
    // SAFETY: the program lives for the call and its length is passed; the kernel copies it, whatever its
    // alignment.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            SET_MODE_FILTER,
            flags,
            &raw const program,
        )
    };
    check(ret).map(drop)
}
