use crate::action::shown;
use crate::error::ProfileError;

/// The first two numbers of a kernel's release.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KernelVersion {
    pub major: u32,
    pub minor: u32,
}

impl KernelVersion {
    /// Of uname's release, "6.1.0-13-amd64"; what is not understood is the oldest.
    pub fn of_release(release: &str) -> Self {
        let mut numbers = release
            .split(|c: char| !c.is_ascii_digit())
            .map(|number| number.parse().unwrap_or(0));
        Self {
            major: numbers.next().unwrap_or(0),
            minor: numbers.next().unwrap_or(0),
        }
    }

    /// Of a profile, "4.8"; nothing is any kernel.
    pub(crate) fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let number = |part: &str| part.parse::<u8>().ok().map(u32::from);
        let parts = text.split_once('.');
        let version = parts.and_then(|(major, minor)| {
            Some(Self {
                major: number(major)?,
                minor: number(minor)?,
            })
        });
        version
            .filter(|version| *version != Self::default())
            .ok_or_else(|| ProfileError::Kernel(shown(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_two_numbers() {
        let v = |major, minor| KernelVersion { major, minor };
        assert_eq!(KernelVersion::of_release("6.1.0-13-amd64"), v(6, 1));
        assert_eq!(KernelVersion::of_release("4.19-rc5"), v(4, 19));
        assert_eq!(KernelVersion::of_release("odd"), v(0, 0));
        assert_eq!(KernelVersion::parse("4.8"), Ok(v(4, 8)));
        assert!(v(5, 0) > v(4, 20));
        for bad in ["4", "4.8.1", "a.b", "0.0", "300.1", "4.8 "] {
            assert!(KernelVersion::parse(bad).is_err(), "{bad}");
        }
    }
}
