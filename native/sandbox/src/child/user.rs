//! Which user a container's program runs as, by the container's own `/etc/passwd` and `/etc/group`.

use std::os::fd::BorrowedFd;

use paths::Root;
use rustix::io::Errno;

use super::Result;
use crate::error::{Code, Context, StepError};

/// The user found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct User {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups, the primary one among them.
    pub groups: Vec<u32>,
    /// From the passwd file, else "/".
    pub home: String,
}

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// The files come from the image: more than this is not read.
const MAX_SIZE: u64 = 10 * 1024 * 1024;
/// Highest uid and gid that may be asked for, as Docker has it.
const MAX_ID: u64 = 2_147_483_647;

/// Looks up `spec` ("", "user", "uid", "user:group", "uid:gid") and additional `groups`.
pub(crate) fn find(root: BorrowedFd<'_>, spec: &str, groups: &[String]) -> Result<User> {
    let passwd = read(root, PASSWD)?;
    let group = read(root, GROUP)?;
    resolve(
        spec,
        groups,
        &String::from_utf8_lossy(&passwd),
        &String::from_utf8_lossy(&group),
    )
}

/// The content of a plain file; empty if there is none.
fn read(root: BorrowedFd<'_>, path: &str) -> Result<Vec<u8>> {
    const STEP: &str = "read user database";
    let refused = |why: &str| {
        let text = format!("{STEP} \"{path}\": {why}");
        Err(StepError::new(Code::InvalidArgument, STEP, path, 0, text))
    };
    match Root::new(root).read_plain(path, MAX_SIZE) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(Vec::new()),
        Err(Errno::INVAL) => refused("it is not a regular file"),
        Err(Errno::FBIG) => refused("it is larger than 10 MiB"),
        other => other.step(STEP, path),
    }
}

struct Entry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// Lines that are not whole are no entries.
fn entries(passwd: &str) -> impl Iterator<Item = Entry<'_>> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let (name, uid, gid) = (
            fields.first()?,
            fields.get(2)?.parse().ok()?,
            fields.get(3)?.parse().ok()?,
        );
        Some(Entry {
            name,
            uid,
            gid,
            home: fields.get(5).copied().unwrap_or(""),
        })
    })
}

/// (name, gid, members)
fn group_entries(group: &str) -> impl Iterator<Item = (&str, u32, &str)> {
    group.lines().filter_map(|line| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        Some((
            *fields.first()?,
            fields.get(2)?.parse().ok()?,
            fields.get(3).copied().unwrap_or(""),
        ))
    })
}

/// A number if it is written as one: then it is never taken for a name.
fn number(text: &str) -> Result<Option<u32>> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    if let Ok(id @ 0..=MAX_ID) = text.parse::<u64>() {
        return Ok(u32::try_from(id).ok());
    }
    let message = format!("uids and gids must be in range 0-{MAX_ID}");
    Err(StepError::new(
        Code::InvalidArgument,
        "find user",
        text,
        0,
        message,
    ))
}

fn resolve(spec: &str, additional: &[String], passwd: &str, group: &str) -> Result<User> {
    let (name, group_name) = spec.split_once(':').unwrap_or((spec, ""));
    let wanted = if name.is_empty() {
        Some(0)
    } else {
        number(name)?
    };
    let entry = match wanted {
        Some(uid) => entries(passwd).find(|e| e.uid == uid),
        None => Some(
            entries(passwd)
                .find(|e| e.name == name)
                .ok_or_else(|| unknown("user", name, "passwd"))?,
        ),
    };
    let uid = entry.as_ref().map_or(wanted.unwrap_or(0), |e| e.uid);
    let mut gid = entry.as_ref().map_or(0, |e| e.gid);
    let mut groups = Vec::new();
    if group_name.is_empty() {
        if let Some(entry) = &entry {
            let member = |list: &str| list.split(',').any(|m| m.trim() == entry.name);
            groups.extend(
                group_entries(group)
                    .filter(|(_, _, list)| member(list))
                    .map(|(_, gid, _)| gid),
            );
        }
    } else {
        gid = group_id(group_name, group)?;
    }
    for name in additional {
        groups.push(group_id(name, group)?);
    }
    groups.push(gid);
    groups.sort_unstable();
    groups.dedup();
    let home = entry
        .map(|e| e.home)
        .filter(|h| !h.is_empty())
        .unwrap_or("/")
        .to_owned();
    Ok(User {
        uid,
        gid,
        groups,
        home,
    })
}

fn group_id(name: &str, group: &str) -> Result<u32> {
    if let Some(gid) = number(name)? {
        return Ok(gid);
    }
    let found = group_entries(group)
        .find(|(n, ..)| *n == name)
        .map(|(_, gid, _)| gid);
    found.ok_or_else(|| unknown("group", name, "group"))
}

fn unknown(what: &str, name: &str, file: &str) -> StepError {
    let message = format!("unable to find {what} {name}: no matching entries in {file} file");
    StepError::new(
        Code::InvalidArgument,
        &format!("find {what}"),
        name,
        0,
        message,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/var/www:/bin/false\nbroken\n7:x:70:70::/seven:\n";
    const GROUP: &str = "root:x:0:\nwww:x:44:\nlog:x:50:root,web\nops:x:60:web\n";

    fn user(spec: &str) -> User {
        resolve(spec, &[], PASSWD, GROUP).expect("user")
    }

    #[test]
    fn no_user_is_root_with_its_home_and_groups() {
        assert_eq!(
            user(""),
            User {
                uid: 0,
                gid: 0,
                groups: vec![0, 50],
                home: "/root".into()
            }
        );
    }

    #[test]
    fn a_name_brings_its_groups_and_the_primary_one() {
        assert_eq!(
            user("web"),
            User {
                uid: 33,
                gid: 44,
                groups: vec![44, 50, 60],
                home: "/var/www".into()
            }
        );
    }

    #[test]
    fn a_group_that_is_given_takes_the_place_of_the_files() {
        assert_eq!(
            user("web:ops"),
            User {
                uid: 33,
                gid: 60,
                groups: vec![60],
                home: "/var/www".into()
            }
        );
        assert_eq!(user("33:7").groups, [7]);
    }

    #[test]
    fn a_number_is_never_a_name() {
        assert_eq!(
            user("7"),
            User {
                uid: 7,
                gid: 0,
                groups: vec![0],
                home: "/".into()
            }
        );
        assert_eq!(user("70").home, "/seven");
    }

    #[test]
    fn additional_groups_are_names_or_numbers() {
        let user = resolve("33", &["log".into(), "99".into()], PASSWD, GROUP).expect("user");
        assert_eq!(user.groups, [44, 50, 60, 99]);
    }

    #[test]
    fn what_is_not_there_is_said_in_dockers_words() {
        let message = |spec: &str| {
            resolve(spec, &[], PASSWD, GROUP)
                .expect_err("unknown")
                .message
        };
        assert_eq!(
            message("nobody"),
            "unable to find user nobody: no matching entries in passwd file"
        );
        assert_eq!(
            message("web:none"),
            "unable to find group none: no matching entries in group file"
        );
        assert_eq!(
            message("4294967296"),
            "uids and gids must be in range 0-2147483647"
        );
        assert_eq!(
            message("2147483648"),
            "uids and gids must be in range 0-2147483647"
        );
        assert_eq!(
            message("-1"),
            "unable to find user -1: no matching entries in passwd file"
        );
    }
}
