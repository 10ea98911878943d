//! USER as Docker means it: names are looked up in the container's own files, numbers never are names.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::{Result, mount};
use crate::error::{Code, StepError};

/// The files are read by root and written by whoever made the image.
const MAX_FILE: usize = 10 * 1024 * 1024;
/// Highest id that is accepted, as in Docker.
const MAX_ID: u32 = i32::MAX.cast_unsigned();

/// Who the program will be.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Supplementary groups, the primary one among them.
    pub(super) groups: Vec<u32>,
    pub(super) home: String,
}

/// `user` is "", "USER" or "USER:GROUP", each a name or a number; `extra` are names or numbers.
pub(super) fn find(root: BorrowedFd<'_>, user: &str, extra: &[String]) -> Result<User> {
    let passwd = read(root, "/etc/passwd")?;
    let group = read(root, "/etc/group")?;
    resolve(&passwd, &group, user, extra)
}

/// What is absent, or no regular file, has no entries.
fn read(root: BorrowedFd<'_>, path: &str) -> Result<String> {
    let file = match mount::open_plain_file(root, path) {
        Ok(file) => file,
        Err(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::ACCESS
            | Errno::INVAL
            | Errno::ISDIR,
        ) => {
            return Ok(String::new());
        }
        Err(errno) => return Err(StepError::call("read", path, errno)),
    };
    let mut bytes = vec![0u8; 4096];
    let mut filled = 0;
    loop {
        match rustix::io::read(file.as_fd(), bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(StepError::call("read", path, errno)),
        }
        if filled > MAX_FILE {
            let text = format!("read \"{path}\": it is larger than {MAX_FILE} bytes");
            return Err(StepError::new(Code::InvalidArgument, "read", path, 0, text));
        }
        if filled == bytes.len() {
            bytes.resize(filled * 2, 0);
        }
    }
    bytes.truncate(filled);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn resolve(passwd: &str, group: &str, user: &str, extra: &[String]) -> Result<User> {
    let (name, group_name) = match user.split_once(':') {
        Some((name, group)) => (name, group),
        None => (user, ""),
    };
    let entry = match number(name)? {
        Some(uid) => accounts(passwd).find(|a| a.uid == uid).unwrap_or(Account {
            name: "",
            uid,
            gid: 0,
            home: "",
        }),
        None if name.is_empty() => accounts(passwd).find(|a| a.uid == 0).unwrap_or(Account {
            name: "",
            uid: 0,
            gid: 0,
            home: "",
        }),
        None => accounts(passwd).find(|a| a.name == name).ok_or_else(|| {
            unknown(
                &format!("unable to find user {name}: no matching entries in passwd file"),
                name,
            )
        })?,
    };
    let gid = if group_name.is_empty() {
        entry.gid
    } else {
        find_group(group, group_name)?
    };
    let mut groups = vec![gid];
    // Memberships count only where the group was not chosen, as in Docker.
    if group_name.is_empty() && !entry.name.is_empty() {
        groups.extend(
            lines(group)
                .filter(|g| g.members.split(',').any(|m| m == entry.name))
                .map(|g| g.gid),
        );
    }
    for name in extra {
        groups.push(find_group(group, name)?);
    }
    groups.sort_unstable();
    groups.dedup();
    let home = if entry.home.is_empty() {
        "/"
    } else {
        entry.home
    };
    Ok(User {
        uid: entry.uid,
        gid,
        groups,
        home: home.to_owned(),
    })
}

fn find_group(group: &str, name: &str) -> Result<u32> {
    if let Some(gid) = number(name)? {
        return Ok(gid);
    }
    let found = lines(group).find(|g| g.name == name).map(|g| g.gid);
    found.ok_or_else(|| {
        unknown(
            &format!("unable to find group {name}: no matching entries in group file"),
            name,
        )
    })
}

/// The id if `text` is a number; a number that is out of range is no name either.
fn number(text: &str) -> Result<Option<u32>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse::<u32>() {
        Ok(id) if id <= MAX_ID => Ok(Some(id)),
        _ => Err(unknown(
            &format!("uids and gids must be in range 0-{MAX_ID}: {text}"),
            text,
        )),
    }
}

fn unknown(message: &str, target: &str) -> StepError {
    StepError::new(Code::InvalidArgument, "find user", target, 0, message)
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

/// name:password:uid:gid:comment:home:shell, see passwd(5).
fn accounts(passwd: &str) -> impl Iterator<Item = Account<'_>> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let home = fields.nth(1).unwrap_or("");
        Some(Account {
            name,
            uid,
            gid,
            home,
        })
    })
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// name:password:gid:members, see group(5).
fn lines(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let gid = fields.nth(1)?.parse().ok()?;
        Some(Group {
            name,
            gid,
            members: fields.next().unwrap_or(""),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/srv/app:/bin/sh\n1234:x:7:7::/trap:/bin/sh\n";
    const GROUP: &str = "root:x:0:\napp:x:1001:\nvideo:x:44:app,other\n";

    fn found(user: &str, extra: &[&str]) -> Result<User> {
        let extra: Vec<String> = extra.iter().map(|name| (*name).to_owned()).collect();
        resolve(PASSWD, GROUP, user, &extra)
    }

    #[test]
    fn a_name_brings_its_group_home_and_memberships() {
        let user = User {
            uid: 1000,
            gid: 1001,
            groups: vec![44, 1001],
            home: "/srv/app".into(),
        };
        assert_eq!(found("app", &[]), Ok(user));
    }

    #[test]
    fn nothing_is_root() {
        assert_eq!(
            found("", &[]).map(|u| (u.uid, u.gid, u.home)),
            Ok((0, 0, "/root".into()))
        );
    }

    #[test]
    fn a_number_is_never_a_name() {
        assert_eq!(
            found("1234", &[]).map(|u| (u.uid, u.gid, u.home)),
            Ok((1234, 0, "/".into()))
        );
    }

    #[test]
    fn a_chosen_group_and_extra_groups_are_taken() {
        let user = found("app:video", &["7", "app"]).expect("user");
        assert_eq!((user.gid, user.groups), (44, vec![7, 44, 1001]));
    }

    #[test]
    fn unknown_names_and_numbers_out_of_range_are_refused() {
        for (user, text) in [
            (
                "ghost",
                "unable to find user ghost: no matching entries in passwd file",
            ),
            (
                "app:ghosts",
                "unable to find group ghosts: no matching entries in group file",
            ),
            (
                "2147483648",
                "uids and gids must be in range 0-2147483647: 2147483648",
            ),
            ("-1", "uids and gids must be in range 0-2147483647: -1"),
        ] {
            assert_eq!(found(user, &[]).expect_err("refused").to_string(), text);
        }
    }
}
