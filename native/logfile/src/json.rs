//! Docker's json-file format: a JSON object a line, written byte for byte as Docker writes it:
//! `{"log":"…\n","stream":"stdout","attrs":{…},"time":"…"}`. Reading takes the keys in any order.

use crate::record::{Record, Stream, Text, Time};

/// What follows the text of every record of a stream at one moment.
pub(crate) fn tail(out: &mut Vec<u8>, stream: Stream, attrs: Option<&str>, time: &str) {
    out.extend(b"\",\"stream\":\"");
    out.extend(stream.name().bytes());
    out.extend(b"\",");
    if let Some(attrs) = attrs {
        out.extend(b"\"attrs\":");
        out.extend(attrs.bytes());
        out.push(b',');
    }
    out.extend(b"\"time\":\"");
    out.extend(time.bytes());
    out.extend(b"\"}\n");
}

pub(crate) fn encode(out: &mut Vec<u8>, line: &[u8], tail: &[u8]) {
    out.extend_from_slice(b"{\"log\":\"");
    escape(out, line);
    out.extend_from_slice(tail);
}

/// The inside of a JSON string as Docker escapes it; each byte that is no UTF-8 becomes `\ufffd`.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    if std::str::from_utf8(text).is_ok() {
        return escape_valid(out, text);
    }
    for chunk in text.utf8_chunks() {
        escape_valid(out, chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
}

fn escape_valid(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    loop {
        let (plain, behind) = rest.split_at(plain_prefix(rest));
        out.extend_from_slice(plain);
        let Some((byte, mut after)) = behind.split_first() else {
            return;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            // U+2028 and U+2029 end a line in JavaScript.
            0xe2 => match after {
                [0x80, last @ (0xa8 | 0xa9), behind @ ..] => {
                    out.extend_from_slice(b"\\u202");
                    out.push(if *last == 0xa8 { b'8' } else { b'9' });
                    after = behind;
                }
                _ => out.push(*byte),
            },
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend(
                    [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]),
                );
            }
        }
        rest = after;
    }
}

/// Without a branch, so that many bytes can be looked at with one vector instruction.
#[allow(clippy::needless_bitwise_bool)]
fn is_special(byte: u8) -> bool {
    (byte < 0x20)
        | (byte == b'"')
        | (byte == b'\\')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'&')
        | (byte == 0xe2)
}

/// Bytes up to the first that may need an escape.
fn plain_prefix(text: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let mut at = 0;
    for block in text.as_chunks::<BLOCK>().0 {
        let found = block
            .iter()
            .fold(0, |found, byte| found | u8::from(is_special(*byte)));
        if found != 0 {
            break;
        }
        at += BLOCK;
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|byte| is_special(*byte))
        .unwrap_or(rest.len())
}

/// Appends what the inside of a JSON string means. Halves of a surrogate pair become U+FFFD.
pub(crate) fn unescape(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escape = rest.get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match escape {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => {
                let (character, length) = unicode(rest);
                let mut space = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut space).as_bytes());
                rest = rest.get(length..).unwrap_or_default();
            }
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
}

/// The character whose digits come next, and how many bytes it takes with a second half.
fn unicode(text: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(text.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else {
        return (char::REPLACEMENT_CHARACTER, 0);
    };
    if (0xd800..0xdc00).contains(&first)
        && text.get(4..6) == Some(b"\\u")
        && let Some(second @ 0xdc00..0xe000) = unit(6)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
            10,
        );
    }
    (
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        4,
    )
}

/// A line of the log; None if it is torn or foreign.
pub(crate) fn parse(line: &[u8]) -> Option<Record<'_>> {
    let mut cursor = Cursor { text: line, at: 0 };
    let (mut text, mut stream, mut time, mut attrs) = (None, None, None, None);
    cursor.object(|key, cursor| {
        match key {
            b"log" => text = Some(cursor.string()?),
            b"stream" => {
                stream = match cursor.string()? {
                    b"stdout" => Some(Stream::Output),
                    b"stderr" => Some(Stream::Error),
                    _ => None,
                }
            }
            b"time" => time = Some(cursor.string()?),
            b"attrs" => attrs = Some(cursor.skip()?),
            _ => _ = cursor.skip()?,
        }
        Some(())
    })?;
    cursor.is_at_end().then_some(())?;
    Some(Record {
        stream: stream?,
        time: Time::Text(time?),
        attrs: attrs.filter(|attrs| attrs.first() == Some(&b'{')),
        text: Text::Escaped(text.unwrap_or_default()),
    })
}

/// Keys and values of an object of strings, as they mean.
pub(crate) fn pairs(object: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let plain = |text| {
        let mut out = Vec::new();
        unescape(&mut out, text);
        out
    };
    let mut cursor = Cursor {
        text: object,
        at: 0,
    };
    let _torn = cursor.object(|key, cursor| {
        found.push((plain(key), plain(cursor.string()?)));
        Some(())
    });
    found
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The inside of a string, its escapes untouched.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let rest = self.text.get(self.at..)?;
            self.at += memchr::memchr2(b'"', b'\\', rest)?;
            if self.text.get(self.at) == Some(&b'"') {
                self.at += 1;
                return self.text.get(start..self.at - 1);
            }
            self.at += 2;
        }
    }

    /// Calls `each` with every key; it has to move on behind the value.
    fn object(&mut self, mut each: impl FnMut(&'a [u8], &mut Self) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        loop {
            let key = self.string()?;
            self.take(b':')?;
            each(key, self)?;
            if self.peek()? == b'}' {
                return self.take(b'}');
            }
            self.take(b',')?;
        }
    }

    /// A value of any kind.
    fn skip(&mut self) -> Option<&'a [u8]> {
        self.peek()?;
        let start = self.at;
        let mut depth = 0_u32;
        loop {
            match self.peek()? {
                b'"' => _ = self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' if depth == 0 => return None,
                _ => self.at += 1,
            }
            if depth == 0 && matches!(self.peek(), None | Some(b',' | b'}' | b']')) {
                return self.text.get(start..self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &[u8]) -> String {
        let mut out = Vec::new();
        escape(&mut out, text);
        String::from_utf8(out).expect("UTF-8")
    }

    fn unescaped(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        unescape(&mut out, text.as_bytes());
        out
    }

    #[test]
    fn the_escapes_are_dockers() {
        assert_eq!(
            escaped(b"a\"b\\c\n\r\t\x1b\x00<&>\x7f"),
            "a\\\"b\\\\c\\n\\r\\u0009\\u001b\\u0000\\u003c\\u0026\\u003e\x7f"
        );
        assert_eq!(escaped(b"x\xff\xfey"), "x\\ufffd\\ufffdy");
        assert_eq!(
            escaped("grün €\u{2028}\u{2029}".as_bytes()),
            "grün €\\u2028\\u2029"
        );
    }

    #[test]
    fn every_text_comes_back_at_every_offset() {
        for shift in 0..40 {
            for text in ["\"", "\\", "\n", "\u{1f600}", "\u{2028}", "plain", "\u{0}"] {
                let text = format!("{}{text}{}", "x".repeat(shift), "y".repeat(20));
                assert_eq!(unescaped(&escaped(text.as_bytes())), text.as_bytes());
                let peer: String =
                    serde_json::from_str(&format!("\"{}\"", escaped(text.as_bytes())))
                        .expect("JSON");
                assert_eq!(peer, text);
            }
        }
    }

    #[test]
    fn foreign_escapes_are_read() {
        assert_eq!(unescaped(r"\u00e9\ud83d\ude00\/\b"), "é😀/\u{8}".as_bytes());
        assert_eq!(unescaped(r"\ud83dx\uzz"), "\u{fffd}x\u{fffd}zz".as_bytes());
        assert_eq!(unescaped("\\"), b"\\");
    }

    #[test]
    fn a_line_is_read_whatever_the_order_of_its_keys() {
        let line =
            br#" {"time":"t","attrs":{"a":"}"},"more":[1,{"x":2}],"stream":"stderr","log":"a\n"}"#;
        let record = parse(line).expect("a record");
        assert_eq!(record.stream, Stream::Error);
        assert_eq!(record.text, Text::Escaped(b"a\\n"));
        assert_eq!(record.attrs, Some(br#"{"a":"}"}"#.as_slice()));
    }

    #[test]
    fn torn_and_foreign_lines_are_none() {
        let whole = br#"{"log":"a\"b\n","stream":"stdout","time":"t"}"#;
        assert!(parse(whole).is_some());
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_none(), "{end}");
        }
        for wrong in [
            &b"\0\0\0\0"[..],
            b"[]",
            b"{}",
            br#"{"log":"a","stream":"x","time":"t"}"#,
        ] {
            assert!(parse(wrong).is_none());
        }
    }
}
