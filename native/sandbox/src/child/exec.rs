//! Finds the program as a shell would, and becomes it.

use std::ffi::CString;

use rustix::fs::{Access, CWD, FileType};
use rustix::io::Errno;

use crate::error::{Code, StepError, reason};
use crate::sys;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The file to execute. The last step that looks around: behind it few system calls may be left.
pub(super) fn find(name: &str, path: Option<&str>) -> Result<String, StepError> {
    let file = locate(name, path.unwrap_or(DEFAULT_PATH))?;
    // Nothing but stdin, stdout and stderr crosses over.
    sys::cloexec_from(3);
    Ok(file)
}

/// Replaces this process; what comes back is why that failed.
pub(super) fn exec(file: &str, argv: &[String], mut env: Vec<String>, home: &str) -> StepError {
    let name = argv.first().map_or("", String::as_str);
    if !env.iter().any(|e| e.starts_with("HOME=")) {
        env.push(format!("HOME={home}"));
    }
    let (Some(file), Some(argv), Some(env)) = (
        c_strings(&[file.to_owned()]),
        c_strings(argv),
        c_strings(&env),
    ) else {
        let text = format!("exec: \"{name}\": an argument or a variable holds a NUL byte");
        return failed(Code::InvalidArgument, name, Errno::INVAL, text);
    };
    let errno = match file.first() {
        Some(file) => sys::execve(file, &sys::Vector::new(&argv), &sys::Vector::new(&env)),
        None => Errno::INVAL,
    };
    let (code, text) = match errno {
        Errno::NOEXEC => (Code::CommandNotExecutable, "exec format error".to_owned()),
        // The file is there, so what is absent is its interpreter.
        Errno::NOENT => (Code::CommandNotFound, reason(errno)),
        Errno::ACCESS | Errno::PERM => (Code::CommandNotExecutable, "permission denied".to_owned()),
        _ => (Code::CommandNotExecutable, reason(errno)),
    };
    failed(code, name, errno, format!("exec: \"{name}\": {text}"))
}

fn c_strings(texts: &[String]) -> Option<Vec<CString>> {
    texts
        .iter()
        .map(|t| CString::new(t.as_str()).ok())
        .collect()
}

fn failed(code: Code, name: &str, errno: Errno, message: String) -> StepError {
    StepError::new(code, "exec", name, errno.raw_os_error(), message)
}

/// The path to execute: a name with a slash as it is, another by PATH.
fn locate(name: &str, path: &str) -> Result<String, StepError> {
    if name.contains('/') {
        return match executable(name) {
            Ok(()) => Ok(name.to_owned()),
            Err(errno @ (Errno::NOENT | Errno::NOTDIR)) => {
                let text = format!("exec: \"{name}\": stat {name}: {}", reason(errno));
                Err(failed(Code::CommandNotFound, name, errno, text))
            }
            Err(errno) => Err(denied(name, errno)),
        };
    }
    let mut refused = None;
    if !name.is_empty() {
        for directory in path.split(':') {
            let directory = if directory.is_empty() { "." } else { directory };
            let file = format!("{directory}/{name}");
            match executable(&file) {
                Ok(()) => return Ok(file),
                Err(errno @ (Errno::ACCESS | Errno::PERM)) => refused = refused.or(Some(errno)),
                Err(_) => {}
            }
        }
    }
    if let Some(errno) = refused {
        return Err(denied(name, errno));
    }
    let text = format!("exec: \"{name}\": executable file not found in $PATH");
    Err(failed(Code::CommandNotFound, name, Errno::NOENT, text))
}

fn denied(name: &str, errno: Errno) -> StepError {
    let text = match errno {
        Errno::ACCESS | Errno::PERM => "permission denied".to_owned(),
        _ => reason(errno),
    };
    failed(
        Code::CommandNotExecutable,
        name,
        errno,
        format!("exec: \"{name}\": {text}"),
    )
}

/// A plain file that this user may execute.
fn executable(file: &str) -> Result<(), Errno> {
    let stat = rustix::fs::stat(file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::ACCESS);
    }
    rustix::fs::accessat(CWD, file, Access::EXEC_OK, rustix::fs::AtFlags::EACCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_path_in_order() {
        assert_eq!(
            locate("sh", "/nonexistent:/bin:/usr/bin").expect("sh"),
            "/bin/sh"
        );
    }

    #[test]
    fn what_cannot_be_run_is_said_in_dockers_words() {
        let error = |name: &str| locate(name, "/bin").expect_err("no program");
        assert_eq!(
            error("no-such").message,
            "exec: \"no-such\": executable file not found in $PATH"
        );
        assert_eq!(
            error("/no/such").message,
            "exec: \"/no/such\": stat /no/such: no such file or directory"
        );
        assert_eq!(error("/etc").message, "exec: \"/etc\": permission denied");
        assert_eq!(
            error("/etc/passwd").message,
            "exec: \"/etc/passwd\": permission denied"
        );
        assert_eq!(error("no-such").code, Code::CommandNotFound);
        assert_eq!(error("/etc").code, Code::CommandNotExecutable);
        assert_eq!(error("").code, Code::CommandNotFound);
    }
}
