//! Percent escapes, read strictly.
//!
//! Floor of the house. Source: RFC 3986 section 2.1. Unlike a lossy decoder it refuses what is not
//! an escape, so that two readers of the same bytes cannot differ.

/// The bytes that `text` stands for; `None` where a `%` has no two hexadecimal digits behind it.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            hex(bytes.next()?)? << 4 | hex(bytes.next()?)?
        } else {
            byte
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
