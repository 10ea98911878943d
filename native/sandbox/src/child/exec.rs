//! The last step: the program.

use std::ffi::CString;

use rustix::fs::{Access, FileType, stat};
use rustix::io::Errno;

use crate::error::{Code, StepError, reason};
use crate::sys::{self, Vector};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Becomes the program; returns only what went wrong, in Docker's words.
pub(super) fn exec(argv: &[String], mut env: Vec<String>, home: &str) -> StepError {
    let Some(name) = argv.first() else {
        return failed(
            Code::InvalidArgument,
            "",
            Errno::INVAL,
            "exec: no command was given".into(),
        );
    };
    if !env.iter().any(|variable| variable.starts_with("HOME=")) {
        env.push(format!("HOME={home}"));
    }
    let path = match find_program(name, &env) {
        Ok(path) => path,
        Err(error) => return error,
    };
    let (Some(file), Some(argv), Some(env)) =
        (CString::new(path).ok(), c_strings(argv), c_strings(&env))
    else {
        return failed(
            Code::InvalidArgument,
            name,
            Errno::INVAL,
            format!("exec: \"{name}\": holds a NUL byte"),
        );
    };
    sys::cloexec_from(3);
    match sys::execve(&file, &Vector::new(&argv), &Vector::new(&env)) {
        // A script whose interpreter is missing also says NOENT.
        errno @ (Errno::NOENT | Errno::NOTDIR) => failed(
            Code::CommandNotFound,
            name,
            errno,
            format!("exec {name}: no such file or directory"),
        ),
        errno @ Errno::NOEXEC => failed(
            Code::CommandNotExecutable,
            name,
            errno,
            format!("exec {name}: exec format error"),
        ),
        errno => failed(
            Code::CommandNotExecutable,
            name,
            errno,
            format!("exec: \"{name}\": {}", reason(errno)),
        ),
    }
}

fn failed(code: Code, name: &str, errno: Errno, message: String) -> StepError {
    StepError::new(code, "exec", name, errno.raw_os_error(), message)
}

fn c_strings(texts: &[String]) -> Option<Vec<CString>> {
    texts
        .iter()
        .map(|text| CString::new(text.as_str()).ok())
        .collect()
}

/// A name with a slash is a path; any other is looked for in the container's PATH.
fn find_program(name: &str, env: &[String]) -> Result<String, StepError> {
    if name.contains('/') {
        return match check(name) {
            Ok(()) => Ok(name.to_owned()),
            Err(errno @ (Errno::NOENT | Errno::NOTDIR)) => Err(failed(
                Code::CommandNotFound,
                name,
                errno,
                format!("exec: \"{name}\": stat {name}: {}", reason(errno)),
            )),
            Err(errno) => Err(failed(
                Code::CommandNotExecutable,
                name,
                errno,
                format!("exec: \"{name}\": {}", reason(errno)),
            )),
        };
    }
    let path = env
        .iter()
        .rev()
        .find_map(|variable| variable.strip_prefix("PATH="))
        .unwrap_or(DEFAULT_PATH);
    let mut denied = None;
    for directory in path.split(':') {
        let directory = if directory.is_empty() { "." } else { directory };
        let candidate = format!("{directory}/{name}");
        match check(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(errno @ Errno::ACCESS) => denied = Some(errno),
            Err(_) => {}
        }
    }
    match denied.filter(|_| !name.is_empty()) {
        Some(errno) => Err(failed(
            Code::CommandNotExecutable,
            name,
            errno,
            format!("exec: \"{name}\": {}", reason(errno)),
        )),
        None => Err(failed(
            Code::CommandNotFound,
            name,
            Errno::NOENT,
            format!("exec: \"{name}\": executable file not found in $PATH"),
        )),
    }
}

/// Ok for a file that this user may execute.
fn check(path: &str) -> Result<(), Errno> {
    if FileType::from_raw_mode(stat(path)?.st_mode) == FileType::Directory {
        return Err(Errno::ACCESS);
    }
    rustix::fs::accessat(
        rustix::fs::CWD,
        path,
        Access::EXEC_OK,
        rustix::fs::AtFlags::EACCESS,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(name: &str, path: &str) -> (Code, String) {
        let error = find_program(name, &[format!("PATH={path}")]).expect_err("refused");
        (error.code, error.message)
    }

    #[test]
    fn a_program_is_found_in_the_path() {
        assert_eq!(
            find_program("sh", &["PATH=/nowhere:/bin".into()]),
            Ok("/bin/sh".into())
        );
    }

    #[test]
    fn what_is_absent_or_no_program_is_told_in_dockers_words() {
        let text = "exec: \"ghost\": executable file not found in $PATH";
        assert_eq!(
            code_of("ghost", "/bin"),
            (Code::CommandNotFound, text.into())
        );
        let text = "exec: \"/ghost\": stat /ghost: no such file or directory";
        assert_eq!(
            code_of("/ghost", "/bin"),
            (Code::CommandNotFound, text.into())
        );
        assert_eq!(
            code_of("/etc", "/bin"),
            (
                Code::CommandNotExecutable,
                "exec: \"/etc\": permission denied".into()
            )
        );
    }
}
