//! The name of something shared.
//!
//! Part of `shared`. Copied, compared and hashed without allocating, since a rate limit is asked on
//! every request. What it holds stays in the process: Redis sees a keyed hash of it.

use std::fmt;

use aws_lc_rs::digest;

/// Bytes of a key, its length among them.
const BYTES: usize = 64;
/// In place of the length where the rest is a hash.
const HASHED: u8 = u8::MAX;

/// A name: what for, and of what. Equal only if both are.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Key([u8; BYTES]);

impl Key {
    /// `space` says what for; `parts` in order say of what. No two lists make the same key.
    pub fn new(space: &'static str, parts: &[&[u8]]) -> Self {
        let mut bytes = [0; BYTES];
        if Self::write(&mut bytes, space, parts).is_none() {
            let mut hash = digest::Context::new(&digest::SHA256);
            for part in [space.as_bytes()].iter().chain(parts) {
                hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(part);
            }
            bytes = [0; BYTES];
            let marked = [HASHED];
            let hash = hash.finish();
            for (to, from) in bytes.iter_mut().zip(marked.iter().chain(hash.as_ref())) {
                *to = *from;
            }
        }
        Self(bytes)
    }

    /// Length, then each part after its own length; nothing if that is too long.
    fn write(bytes: &mut [u8; BYTES], space: &str, parts: &[&[u8]]) -> Option<()> {
        let mut at = 1;
        for part in [space.as_bytes()].iter().chain(parts) {
            *bytes.get_mut(at)? = u8::try_from(part.len()).ok()?;
            bytes.get_mut(at + 1..at + 1 + part.len())?.copy_from_slice(part);
            at += 1 + part.len();
        }
        *bytes.first_mut()? = u8::try_from(at).ok()?;
        Some(())
    }

    /// What is hashed before it leaves the process.
    pub(super) const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}
