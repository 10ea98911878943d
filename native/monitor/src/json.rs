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
    let mut out = vec![b'{'];
    failure_fields(&mut out, error);
    out.push(b'}');
    out
}

/// The same with the exec's id.
pub(crate) fn exec_failure(id: &str, error: &StepError) -> Vec<u8> {
    let mut out = vec![b'{'];
    field(&mut out, "id", id);
    out.push(b',');
    failure_fields(&mut out, error);
    out.push(b'}');
    out
}

/// `{"id","NAME"}`
pub(crate) fn exec(id: &str, name: &str, number: i64) -> Vec<u8> {
    let mut out = vec![b'{'];
    field(&mut out, "id", id);
    out.extend(format!(",\"{name}\":{number}}}").bytes());
    out
}

fn failure_fields(out: &mut Vec<u8>, error: &StepError) {
    out.extend(format!("\"errno\":{}", error.errno).bytes());
    let fields = [
        ("op", error.op.as_str()),
        ("target", &error.target),
        ("message", &error.message),
        ("code", error.code.name()),
    ];
    for (name, value) in fields {
        out.push(b',');
        field(out, name, value);
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
