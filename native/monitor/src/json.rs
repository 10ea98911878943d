//! Writing JSON, as little of it as the log and the records need.

use sandbox::StepError;

/// Appends `text` as the inside of a JSON string; what is no UTF-8 becomes U+FFFD.
pub(crate) fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' => out.extend(b"\\\""),
                b'\\' => out.extend(b"\\\\"),
                b'\n' => out.extend(b"\\n"),
                b'\r' => out.extend(b"\\r"),
                b'\t' => out.extend(b"\\t"),
                0..0x20 => out.extend(format!("\\u{byte:04x}").bytes()),
                _ => out.push(byte),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend("\u{fffd}".bytes());
        }
    }
}

/// `"name":"value"`
pub(crate) fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b'"');
    out.extend(name.bytes());
    out.extend(b"\":\"");
    escape(out, value.as_bytes());
    out.push(b'"');
}

/// `{"op","target","errno","message","code"}`
pub(crate) fn failure(error: &StepError) -> Vec<u8> {
    let mut out = format!("{{\"errno\":{},", error.errno).into_bytes();
    let fields = [
        ("op", error.op.as_str()),
        ("target", &error.target),
        ("message", &error.message),
        ("code", error.code.name()),
    ];
    for (index, (name, value)) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        field(&mut out, name, value);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &[u8]) -> String {
        let mut out = Vec::new();
        escape(&mut out, text);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn quotes_controls_and_broken_text_are_escaped() {
        assert_eq!(
            escaped(b"a\"b\\c\n\x1b\x00"),
            "a\\\"b\\\\c\\n\\u001b\\u0000"
        );
        assert_eq!(escaped(b"x\xff\xfey"), "x\u{fffd}\u{fffd}y");
        assert_eq!(escaped("grün".as_bytes()), "grün");
    }
}
