//! The one error of this crate: what was done, to what, and why the kernel refused.

use rustix::io::Errno;

/// What a caller may want to act upon; everything else is read by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetErrorKind {
    /// A plan holds a word that cannot be used as it stands.
    Invalid,
    /// The subnet overlaps a route of this host: choose another.
    Overlap,
    /// An interface of that name exists and is not ours to use.
    Conflict,
    /// The bridge has no port left.
    Full,
    /// The named bridge is absent.
    NotFound,
    /// Rights are missing.
    Denied,
    /// The kernel lacks a feature.
    Unsupported,
    /// Any other refusal of the kernel.
    Kernel,
}

/// `op target: detail`, for instance
/// `create bridge "rt0": operation not supported: the kernel module "bridge" is missing`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{op} \"{target}\": {detail}")]
pub struct NetError {
    pub op: &'static str,
    pub target: String,
    /// 0 if no system call failed.
    pub errno: i32,
    pub kind: NetErrorKind,
    pub detail: String,
}

impl NetError {
    pub(crate) fn invalid(op: &'static str, target: &str, detail: &str) -> Self {
        Self::new(NetErrorKind::Invalid, op, target, detail)
    }

    /// A refusal of our own, without a failed call.
    pub(crate) fn new(
        kind: NetErrorKind,
        op: &'static str,
        target: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            op,
            target: target.to_owned(),
            errno: 0,
            kind,
            detail: detail.into(),
        }
    }

    /// A failed call. `feature` names what the kernel needs for it, in words that end a sentence;
    /// it is added only where the errno says that something is missing.
    pub(crate) fn kernel(op: &'static str, target: &str, fault: &Fault, feature: &str) -> Self {
        let kind = kind_of(fault.errno);
        let mut detail = describe(fault.errno);
        for part in [fault.text.as_str(), hint(fault.errno, kind, feature)] {
            if !part.is_empty() {
                detail.push_str(": ");
                detail.push_str(part);
            }
        }
        Self {
            op,
            target: target.to_owned(),
            errno: fault.errno.raw_os_error(),
            kind,
            detail,
        }
    }
}

/// What the kernel answered: an errno and, where it gives one, a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) errno: Errno,
    pub(crate) text: String,
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self {
            errno,
            text: String::new(),
        }
    }
}

fn kind_of(errno: Errno) -> NetErrorKind {
    match errno {
        Errno::PERM | Errno::ACCESS => NetErrorKind::Denied,
        Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT => NetErrorKind::Unsupported,
        Errno::EXIST => NetErrorKind::Conflict,
        Errno::XFULL => NetErrorKind::Full,
        Errno::NODEV => NetErrorKind::NotFound,
        _ => NetErrorKind::Kernel,
    }
}

fn hint(errno: Errno, kind: NetErrorKind, feature: &str) -> &str {
    match kind {
        NetErrorKind::Denied => "root rights in this network namespace are needed",
        NetErrorKind::Full => "a bridge holds 1023 containers",
        NetErrorKind::Unsupported => feature,
        // nf_tables answers so when a chain type or an expression cannot be loaded.
        NetErrorKind::Kernel if errno == Errno::NOENT => feature,
        _ => "",
    }
}

/// The C library's words without the number, and in lower case as in the middle of a sentence.
pub(crate) fn describe(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_step_object_cause_and_remedy() {
        let feature = "the kernel module \"bridge\" is missing";
        let error = NetError::kernel("create bridge", "rt0", &Errno::OPNOTSUPP.into(), feature);
        assert_eq!(
            error.to_string(),
            "create bridge \"rt0\": operation not supported: the kernel module \"bridge\" is missing"
        );
        assert_eq!(error.kind, NetErrorKind::Unsupported);
    }

    #[test]
    fn a_bridge_without_a_free_port_is_told_from_other_refusals() {
        let error = NetError::kernel("create veth pair", "rtv1", &Errno::XFULL.into(), "unused");
        assert_eq!(error.kind, NetErrorKind::Full);
        assert!(
            error
                .to_string()
                .ends_with(": a bridge holds 1023 containers")
        );
    }

    #[test]
    fn the_kernels_own_sentence_is_kept() {
        let fault = Fault {
            errno: Errno::INVAL,
            text: "Invalid MTU".into(),
        };
        let error = NetError::kernel("create bridge", "rt0", &fault, "unused");
        assert_eq!(
            error.to_string(),
            "create bridge \"rt0\": invalid argument: Invalid MTU"
        );
    }
}
