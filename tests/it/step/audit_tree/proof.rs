//! Proofs that a leaf is in the tree and that the tree only grew (RFC 6962, 2.1.1 and 2.1.2).
//!
//! What anyone can do with the leaf hashes and a signed root: a log whose tree were another than that of the
//! RFC would fail here. The checks follow RFC 9162, 2.1.3.2 and 2.1.4.2, and share nothing with the gateway
//! but the hashes.

use mylife::audit::tree::{Hash, Head, node};

use super::root;

/// The audit path of leaf `index`, nearest sibling first; `None` if there is no such leaf.
pub(crate) fn inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let Some((left, right)) = halves(leaves) else { return Some(Vec::new()) };
    let (mut path, sibling) = if index < left.len() {
        (inclusion(left, index)?, right)
    } else {
        (inclusion(right, index - left.len())?, left)
    };
    path.push(root(sibling));
    Some(path)
}

/// Is `leaf` at `index` of the tree of `size` leaves with this root?
pub(crate) fn includes(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            climb_left_edge(&mut at, &mut last);
        } else {
            hash = node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// The proof that the first `old` leaves are still the beginning; `None` if there are fewer, or
/// `old` is 0 (nothing to prove).
pub(crate) fn consistency(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    (old > 0 && old <= leaves.len()).then(|| subproof(leaves, old, true))
}

fn subproof(leaves: &[Hash], old: usize, known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![root(leaves)] };
    }
    let Some((left, right)) = halves(leaves) else { return Vec::new() };
    let (mut proof, other) = if old <= left.len() {
        (subproof(left, old, known), right)
    } else {
        (subproof(right, old - left.len(), false), left)
    };
    proof.push(root(other));
    proof
}

/// Is `new` the tree `old` with leaves added at the end?
pub(crate) fn grew(old: Head, new: Head, proof: &[Hash]) -> bool {
    if old.size == new.size {
        return proof.is_empty() && old.root == new.root;
    }
    if old.size == 0 || old.size > new.size {
        return false;
    }
    let implied = old.size.is_power_of_two().then_some(&old.root);
    let mut hashes = implied.into_iter().chain(proof);
    let Some(first) = hashes.next() else { return false };
    let (mut at, mut last) = (old.size - 1, new.size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old_root, mut new_root) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_root = node(hash, &old_root);
            new_root = node(hash, &new_root);
            climb_left_edge(&mut at, &mut last);
        } else {
            new_root = node(&new_root, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_root == old.root && new_root == new.root
}

/// Skips the levels at which a rightmost node has no sibling.
fn climb_left_edge(at: &mut u64, last: &mut u64) {
    while *at & 1 == 0 && *at != 0 {
        *at >>= 1;
        *last >>= 1;
    }
}

/// Splits at the largest power of two below the length; `None` for fewer than two leaves.
fn halves(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    let size = leaves.len();
    let k = size.checked_next_power_of_two()? / 2;
    if size < 2 { None } else { leaves.split_at_checked(k) }
}
