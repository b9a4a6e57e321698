//! JSON as Go's `encoding/json` writes it, so that archives are docker's to the byte.

use serde::Serialize;

/// Compact JSON with `<`, `>`, `&`, U+2028 and U+2029 escaped inside strings, and no final newline.
///
/// # Errors
/// Only if `value` itself cannot be serialised (a map with keys that are no strings).
pub fn to_go_json<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let plain = serde_json::to_string(value)?;
    let mut out = Vec::with_capacity(plain.len());
    for c in plain.chars() {
        // Outside of strings compact JSON holds none of these characters.
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_like_go() {
        let json = to_go_json(&"a<b>&c\u{2028}é\n\"").unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), r#""a\u003cb\u003e\u0026c\u2028é\n\"""#);
    }
}
