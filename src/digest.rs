//! SHA-256, and bytes as hexadecimal digits.
//!
//! Floor of the house: for names and tags that follow from what they are of. It has no key, so what is not
//! to be guessed from its name is named by `seal` instead. Sources: FIPS 180-4; RFC 4648 section 8, in
//! small letters.

use aws_lc_rs::digest::{Context, SHA256};

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha256_of(&[bytes])
}

/// SHA-256 of pieces, one after the other.
pub fn sha256_of(pieces: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    pieces.iter().for_each(|piece| context.update(piece));
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// Two digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
