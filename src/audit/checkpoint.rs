//! Signed checkpoints: at this size the tree had this root.
//!
//! C2SP tlog-checkpoint in a C2SP signed note: origin, size and root, one extension line with the
//! instant, an empty line, one Ed25519 signature line. The log appends them to `checkpoints.log`;
//! they go to witnesses and to whoever verifies the log offline, never to clients or peers.

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::tree::{Hash, Head};
use crate::{
    digest::sha256_of,
    domain::moment::Moment,
    error::{Error, Result},
};

/// Name of the file of checkpoints.
pub const FILE: &str = "checkpoints.log";

const DASH: &str = "\u{2014} ";
const ED25519_KEY: u8 = 1;
const EXTENSION: &str = "at ";

/// What a checkpoint says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The tree.
    pub head: Head,
    /// When it was signed.
    pub at: Moment,
}

/// The name and private key that sign a node's checkpoints.
pub struct Signer {
    origin: Arc<str>,
    pair: Ed25519KeyPair,
}

impl Signer {
    /// From a 32-byte Ed25519 seed. `origin` is the log's name: a URL without scheme, no space, no `+`.
    ///
    /// # Errors
    /// `Internal` if the name cannot stand in a signed note.
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(Error::internal)?;
        if !is_name(origin) {
            return Err(Error::internal("an audit origin has no spaces and no plus sign"));
        }
        Ok(Self { origin: origin.into(), pair })
    }

    /// What others check with.
    pub fn verifier(&self) -> Verifier {
        let mut key = [0; 32];
        key.iter_mut().zip(self.pair.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        Verifier { origin: Arc::clone(&self.origin), key }
    }

    /// The signed note.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let Head { size, root } = checkpoint.head;
        let root = STANDARD.encode(root);
        let text = format!("{}\n{size}\n{root}\n{EXTENSION}{}\n", self.origin, checkpoint.at);
        let mut signature = self.verifier().key_hash().to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n{DASH}{} {}\n", self.origin, STANDARD.encode(signature))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.origin)
    }
}

/// The name and public key that check a node's checkpoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verifier {
    origin: Arc<str>,
    key: [u8; 32],
}

impl Verifier {
    /// Reads `<name>+<key hash, 8 hex>+<base64 of 0x01 and the key>`; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (origin, rest) = text.trim().split_once('+')?;
        let (hash, key) = rest.split_once('+')?;
        let bytes = STANDARD.decode(key).ok()?;
        let key = <[u8; 32]>::try_from(bytes.strip_prefix(&[ED25519_KEY])?).ok()?;
        let verifier = Self { origin: origin.into(), key };
        (is_name(origin) && verifier.hash_text() == hash).then_some(verifier)
    }

    /// The signed note's checkpoint; `None` unless this key signed it and its form is exact.
    pub fn open(&self, note: &str) -> Option<Checkpoint> {
        let (body, signatures) = note.split_once("\n\n")?;
        let text = format!("{body}\n");
        let ours = |line: &str| {
            let encoded =
                line.strip_prefix(DASH)?.strip_prefix(&*self.origin)?.strip_prefix(' ')?;
            let bytes = STANDARD.decode(encoded).ok()?;
            let signature = bytes.strip_prefix(&self.key_hash())?;
            UnparsedPublicKey::new(&ED25519, &self.key).verify(text.as_bytes(), signature).ok()
        };
        if !note.ends_with('\n') || !signatures.lines().any(|line| ours(line).is_some()) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != &*self.origin {
            return None;
        }
        let size = lines.next()?.parse().ok()?;
        let root: Hash = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let at = Moment::parse(lines.next()?.strip_prefix(EXTENSION)?)?;
        Some(Checkpoint { head: Head { size, root }, at })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    fn key_hash(&self) -> [u8; 4] {
        let [a, b, c, d, ..] =
            sha256_of(&[self.origin.as_bytes(), b"\n", &[ED25519_KEY], &self.key]);
        [a, b, c, d]
    }

    fn hash_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.key_hash()))
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_KEY];
        key.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.origin, self.hash_text(), STANDARD.encode(key))
    }
}

/// What was written of a file: after a power cut zeros can stand behind it, which say nothing.
pub fn written(file: &str) -> &str {
    file.trim_end_matches('\0')
}

/// The notes of a file, each with its offset; the last may be torn.
pub fn notes(file: &str) -> impl Iterator<Item = (usize, &str)> {
    let file = written(file);
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = file.get(at..).filter(|rest| !rest.is_empty())?;
        let length = note_length(rest);
        let note = (at, rest.get(..length)?);
        at += length;
        Some(note)
    })
}

/// Has it a whole signature line at its end? A torn note has not.
pub fn is_whole(note: &str) -> bool {
    note.ends_with('\n') && note.lines().last().is_some_and(|line| line.starts_with(DASH))
}

fn note_length(text: &str) -> usize {
    let mut signed = false;
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        if signed && !line.starts_with(DASH) {
            break;
        }
        signed |= line.starts_with(DASH);
        length += line.len();
    }
    length
}

fn is_name(origin: &str) -> bool {
    !origin.is_empty() && !origin.contains(|c: char| c == '+' || c.is_whitespace())
}
