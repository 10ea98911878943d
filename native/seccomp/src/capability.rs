/// In the order of capability.h, without `CAP_`.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Whether "`CAP_NAME`" is in a set whose bit n is capability n; one that is unknown never is.
pub(crate) fn is_in(name: &str, set: u64) -> bool {
    let bare = name.strip_prefix("CAP_");
    let number = bare.and_then(|bare| NAMES.iter().position(|known| *known == bare));
    number.is_some_and(|number| set & (1 << number) != 0)
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn a_capability_is_found_by_its_name() {
        assert!(is_in("CAP_CHOWN", 1) && is_in("CAP_SYS_ADMIN", 1 << 21));
        assert!(is_in("CAP_CHECKPOINT_RESTORE", 1 << 40));
        assert!(!is_in("CAP_SYS_ADMIN", 0xa804_25fb) && !is_in("CHOWN", u64::MAX));
    }
}
