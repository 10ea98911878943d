//! From the bytes of the blob to the plain tar stream. The magic decides, not the media type.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::GzDecoder;

use crate::error::LayerError;

/// Bytes of one read from the file.
const READ: usize = 128 * 1024;
/// A zstd frame may ask for a window of 2^27 bytes (what `zstd -22` uses), not more.
const ZSTD_WINDOW_LOG: u32 = 27;
/// The longest magic looked at (xz).
const MAGIC: usize = 6;

/// The plain stream of a compressed one.
pub enum Plain<R: Read> {
    Gzip(Box<Gzip<Head<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Head<R>>>),
    Tar(Head<R>),
}

/// The input with the bytes that were looked at put back in front.
type Head<R> = io::Chain<Cursor<Vec<u8>>, BufReader<R>>;

impl<R: Read> Plain<R> {
    /// Looks at the first bytes of `input`. Errors are of the input's own.
    pub fn sniff(input: R) -> Result<Self, LayerError> {
        let mut input = BufReader::with_capacity(READ, input);
        let mut magic = Vec::with_capacity(MAGIC);
        let limit = MAGIC as u64;
        (&mut input)
            .take(limit)
            .read_to_end(&mut magic)
            .map_err(to_layer_error)?;
        let kind: [u8; MAGIC] = {
            let mut kind = [0; MAGIC];
            kind[..magic.len()].copy_from_slice(&magic);
            kind
        };
        let is_empty = magic.is_empty();
        let head = Cursor::new(magic).chain(input);
        match kind {
            _ if is_empty => Err(LayerError::Truncated("the file is empty")),
            [0x1f, 0x8b, ..] => Ok(Self::Gzip(Box::new(Gzip::new(head)))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                // Frames follow one another, as members do in gzip; skippable ones are skipped.
                let decoder = zstd::stream::read::Decoder::with_buffer(head)
                    .and_then(|mut decoder| {
                        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                        Ok(decoder)
                    })
                    .map_err(to_layer_error)?;
                Ok(Self::Zstd(Box::new(decoder)))
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Err(unknown("xz")),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Err(unknown("bzip2")),
            _ => Ok(Self::Tar(head)),
        }
    }
}

fn unknown(format: &str) -> LayerError {
    LayerError::Corrupt(format!("{format} compression is not supported for layers"))
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(gzip) => gzip.read(buffer),
            Self::Zstd(zstd) => zstd.read(buffer),
            Self::Tar(tar) => tar.read(buffer),
        }
    }
}

/// Gzip members one after another; zeros may follow the last one, anything else may not.
pub struct Gzip<R> {
    /// `None` after the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    fn new(input: R) -> Self {
        Self {
            member: Some(GzDecoder::new(input)),
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if let Some(member) = self.member.take() {
                let mut input = member.into_inner();
                if is_another_member(&mut input)? {
                    self.member = Some(GzDecoder::new(input));
                }
            }
        }
        Ok(0)
    }
}

fn is_another_member(input: &mut impl BufRead) -> io::Result<bool> {
    let mut padded = false;
    loop {
        let bytes = input.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        match bytes.get(zeros) {
            None if bytes.is_empty() => return Ok(false),
            None => {}
            Some(0x1f) if !padded && zeros == 0 => return Ok(true),
            Some(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "junk after the gzip stream",
                ));
            }
        }
        padded = true;
        input.consume(zeros);
    }
}

/// The source's own errors, and those of the decoders.
pub(crate) fn to_layer_error(error: io::Error) -> LayerError {
    if error.raw_os_error().is_some() {
        return LayerError::Io {
            action: "read the layer's file".into(),
            source: error,
        };
    }
    match error.kind() {
        io::ErrorKind::ConnectionAborted => LayerError::Cancelled,
        io::ErrorKind::UnexpectedEof => LayerError::Truncated("the compressed stream is cut off"),
        _ => LayerError::Corrupt(error.to_string()),
    }
}
