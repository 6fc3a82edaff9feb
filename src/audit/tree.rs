//! The Merkle tree of RFC 6962, section 2.1, over SHA-256.
//!
//! Floor of the audit: the log grows a [`Frontier`], the verifier recomputes it. A leaf is salted (design
//! 9), so a hash says nothing once its salt is forgotten. Knows neither files nor keys.

use crate::digest::{sha256, sha256_of};

/// A SHA-256 value: of a leaf, an inner node or a whole tree.
pub type Hash = [u8; 32];

/// SHA-256(0x00 ‖ salt ‖ payload).
pub fn leaf(salt: &[u8], payload: &[u8]) -> Hash {
    sha256_of(&[&[0], salt, payload])
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node(left: &Hash, right: &Hash) -> Hash {
    sha256_of(&[&[1], left, right])
}

/// One tree: its number of leaves and its root.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

/// What must be kept of a tree to let it grow: one hash per full subtree, largest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier written down earlier; `None` if that many leaves have another number of peaks.
    pub fn of(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()).ok()? == peaks.len()).then_some(Self { size, peaks })
    }

    /// Adds a leaf; constant work on average.
    pub fn push(&mut self, leaf: Hash) {
        let mut right = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                right = node(&left, &right);
            }
        }
        self.peaks.push(right);
        self.size += 1;
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the full subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Its size and root.
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root() }
    }

    /// The root; of an empty tree the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.peaks.iter().rev();
        match smallest_first.next() {
            None => sha256(&[]),
            Some(last) => smallest_first.fold(*last, |right, left| node(left, &right)),
        }
    }
}
