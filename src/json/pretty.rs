//! JSON with line breaks, for people who read it.
//!
//! Floor of the house. Moves nothing but white space: names, numbers and order stay as they were written.

/// The same JSON, one member or element a line.
pub fn lines(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped, mut opened) = (0_usize, false, false, false);
    for byte in text.iter().copied() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        if byte.is_ascii_whitespace() {
            continue;
        }
        if opened && !matches!(byte, b'}' | b']') {
            end_line(&mut out, depth);
        }
        let was_opened = std::mem::replace(&mut opened, matches!(byte, b'{' | b'['));
        match byte {
            b'{' | b'[' => {
                depth += 1;
                out.push(byte);
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !was_opened {
                    end_line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                end_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
    out.push(b'\n');
    out
}

fn end_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}
