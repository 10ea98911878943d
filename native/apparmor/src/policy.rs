//! A profile as the kernel unpacks it: a stream of tagged values, some with names. Little-endian.

/// What a profile is made of.
pub(crate) struct Profile<'a> {
    pub(crate) name: &'a str,
    /// Tables for everything but files.
    pub(crate) policy: Vec<u8>,
    pub(crate) files: Vec<u8>,
}

/// The interface of kernels since 2012, which newer ones still take.
const VERSION: u32 = 0x0020_2007;
/// Paths of deleted files count, and those that lead out of the root count from "/".
const PATH_FLAGS: u32 = 0x1_0000 | 0x4;
const ENFORCE: u32 = 0;

const U32: u8 = 2;
const NAME: u8 = 4;
const STRING: u8 = 5;
const BLOB: u8 = 6;
const STRUCT: u8 = 7;
const STRUCT_END: u8 = 8;

pub(crate) fn serialise(profile: &Profile<'_>) -> Vec<u8> {
    let mut out = Stream(Vec::new());
    out.named("version").u32(VERSION);
    out.named("profile").tag(STRUCT).string(profile.name);
    // No hat, enforced, no word in the log of what is allowed.
    out.named("flags").tag(STRUCT);
    out.u32(0).u32(ENFORCE).u32(0).tag(STRUCT_END);
    out.named("path_flags").u32(PATH_FLAGS);
    // Capabilities allowed, audited, quiet, and one more set that is read and dropped; then their upper halves.
    out.u32(u32::MAX).u32(0).u32(0).u32(0);
    out.named("caps64").tag(STRUCT);
    out.u32(u32::MAX).u32(0).u32(0).u32(0).tag(STRUCT_END);
    out.named("policydb").tag(STRUCT);
    out.named("aadfa").tables(&profile.policy).tag(STRUCT_END);
    out.named("aadfa").tables(&profile.files);
    out.tag(STRUCT_END);
    out.0
}

struct Stream(Vec<u8>);

impl Stream {
    fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.push(tag);
        self
    }

    fn named(&mut self, name: &str) -> &mut Self {
        self.tag(NAME).text(name)
    }

    fn string(&mut self, text: &str) -> &mut Self {
        self.tag(STRING).text(text)
    }

    fn text(&mut self, text: &str) -> &mut Self {
        let length = u16::try_from(text.len() + 1).unwrap_or(0);
        self.0.extend(length.to_le_bytes());
        self.0.extend(text.bytes().chain([0]));
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.push(U32);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Moved on so that they begin at a multiple of eight bytes of the stream; they are as long as one.
    fn tables(&mut self, tables: &[u8]) -> &mut Self {
        self.0.push(BLOB);
        let at = self.0.len() + 4;
        let padding = at.next_multiple_of(8) - at;
        let length = u32::try_from(padding + tables.len()).unwrap_or(0);
        self.0.extend(length.to_le_bytes());
        self.0.resize(self.0.len() + padding, 0);
        self.0.extend(tables);
        self
    }
}
