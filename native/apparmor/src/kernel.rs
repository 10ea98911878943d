//! Whether this kernel has AppArmor, and which profiles it knows. All by a securityfs that is mounted
//! nowhere, so that it does not matter what the host has mounted where.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};

use crate::profile::{DEFAULT, compile};

/// What kept the profile from being loaded.
#[derive(Debug, thiserror::Error)]
#[error("load the AppArmor profile {DEFAULT}: {0}")]
pub struct LoadError(#[from] std::io::Error);

/// False too where it is switched off at boot.
pub fn is_enabled() -> bool {
    let state = fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    state.is_ok_and(|text| text.starts_with('Y'))
}

/// Loads the default profile unless the kernel has one of its name: then somebody has chosen it.
pub fn ensure_default() -> Result<(), LoadError> {
    if !is_loaded(DEFAULT)? {
        let own = own_profile();
        let peers: Vec<&str> = own.as_deref().into_iter().collect();
        open(OFlags::WRONLY, ".replace")?.write_all(&compile(DEFAULT, &peers))?;
    }
    Ok(())
}

/// True if the kernel knows a profile of this name.
pub fn is_loaded(name: &str) -> Result<bool, LoadError> {
    let mut text = String::new();
    open(OFlags::RDONLY, "profiles")?.read_to_string(&mut text)?;
    Ok(is_listed(&text, name))
}

/// Lines are "name (mode)", and a name may hold anything.
fn is_listed(profiles: &str, name: &str) -> bool {
    let names = profiles.lines().filter_map(|line| line.rsplit_once(" ("));
    names.into_iter().any(|(listed, _)| listed == name)
}

fn open(flags: OFlags, name: &str) -> std::io::Result<fs::File> {
    let root = mount()?;
    let file = rustix::fs::openat(
        &root,
        format!("apparmor/{name}"),
        flags | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok(file.into())
}

fn mount() -> rustix::io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("securityfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    let attrs = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attrs)
}

/// The profile that this engine runs under, if any.
fn own_profile() -> Option<String> {
    let text = fs::read_to_string("/proc/self/attr/current").ok()?;
    let (name, _) = text.trim_end().rsplit_once(" (")?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_by_their_whole_name() {
        let text = "docker-default (enforce)\n/usr/bin/man (x) (enforce)\nlxc (unconfined)\n";
        assert!(is_listed(text, "docker-default"));
        assert!(is_listed(text, "/usr/bin/man (x)"));
        assert!(!is_listed(text, "docker"));
        assert!(!is_listed(text, "enforce"));
    }
}
