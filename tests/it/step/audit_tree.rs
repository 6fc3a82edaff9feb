//! The Merkle tree: published roots, an independent definition, and proofs that cannot be bent.

pub(super) mod proof;

use aws_lc_rs::digest::{SHA256, digest};
use mylife::audit::tree::{Frontier, Hash, Head, leaf, node};
use proptest::prelude::*;

use self::proof::{consistency, grew, includes, inclusion};

/// Leaves and roots of the Certificate Transparency reference tests
/// (google/certificate-transparency, `merkle_tree_test.cc`, Apache-2.0).
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_published_roots_come_out() {
    let mut frontier = Frontier::default();
    assert_eq!(hex(&frontier.root()), ROOTS[0]);
    for (payload, expected) in LEAVES.iter().zip(&ROOTS[1..]) {
        frontier.push(leaf(&[], &unhex(payload)));
        assert_eq!(hex(&frontier.root()), *expected);
    }
}

#[test]
fn a_salt_is_the_beginning_of_the_leaf() {
    assert_eq!(leaf(b"salt", b"payload"), leaf(&[], b"saltpayload"));
    assert_ne!(leaf(b"salt", b"payload"), leaf(b"tlas", b"payload"));
}

#[test]
fn every_root_is_that_of_the_recursive_definition() {
    for size in 0..=130 {
        assert_eq!(root(&leaves(size)), definition(&payloads(size)), "{size} leaves");
    }
}

#[test]
fn a_frontier_written_down_goes_on_as_if_it_had_stayed() {
    for size in 0..=70 {
        let kept = grown(&leaves(size));
        let mut again = Frontier::of(kept.size(), kept.peaks().to_vec()).unwrap();
        let more = leaves(size + 9);
        more[size..].iter().for_each(|leaf| again.push(*leaf));
        assert_eq!(again.root(), root(&more));
        assert!(Frontier::of(kept.size() + 1, kept.peaks().to_vec()).is_none() || size % 2 == 1);
    }
}

#[test]
fn every_leaf_of_every_tree_to_seventy_is_proved_and_nothing_else_is() {
    for size in 1..=70 {
        let leaves = leaves(size);
        for index in 0..size {
            check_inclusion(&leaves, index);
        }
        assert_eq!(inclusion(&leaves, size), None);
    }
}

#[test]
fn every_growth_to_seventy_is_proved_and_no_rewriting_is() {
    for size in 1..=70 {
        let leaves = leaves(size);
        for old in 1..=size {
            check_consistency(&leaves, old);
        }
        assert_eq!(consistency(&leaves, 0), None);
        assert_eq!(consistency(&leaves, size + 1), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn larger_trees_hold_too(size in 71_usize..3_000, at in 0.0..1.0_f64) {
        let leaves = leaves(size);
        #[expect(
            clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place in the tree"
        )]
        let index = ((size as f64) * at) as usize;
        check_inclusion(&leaves, index.min(size - 1));
        check_consistency(&leaves, index.max(1));
    }

    #[test]
    fn an_invented_proof_proves_nothing(
        path in proptest::collection::vec(any::<Hash>(), 0..12), index in 0_u64..200, size in 0_u64..200,
    ) {
        prop_assert!(!includes([7; 32], index, size, &path, &[9; 32]));
        let (before, after) = (Head { size: index, root: [7; 32] }, Head { size, root: [9; 32] });
        prop_assert!(!grew(before, after, &path));
    }
}

fn check_inclusion(leaves: &[Hash], index: usize) {
    let (at, size, root) = (index as u64, leaves.len() as u64, root(leaves));
    let path = inclusion(leaves, index).unwrap();
    let leaf = leaves[index];
    assert!(includes(leaf, at, size, &path, &root), "{index} of {size}");
    assert!(!includes([0; 32], at, size, &path, &root));
    assert!(!includes(leaf, at, size, &path, &[0; 32]));
    assert!(!includes(leaf, at + 1, size, &path, &root));
    assert!(!includes(leaf, at, at, &path, &root));
    let longer: Vec<Hash> = path.iter().copied().chain([[1; 32]]).collect();
    assert!(!includes(leaf, at, size, &longer, &root));
    for drop in 0..path.len() {
        let mut shorter = path.clone();
        shorter.remove(drop);
        assert!(!includes(leaf, at, size, &shorter, &root));
    }
}

fn check_consistency(leaves: &[Hash], old: usize) {
    let before = Head { size: old as u64, root: root(&leaves[..old]) };
    let after = Head { size: leaves.len() as u64, root: root(leaves) };
    let proof = consistency(leaves, old).unwrap();
    assert!(grew(before, after, &proof), "{old} to {}", leaves.len());
    assert!(!grew(Head { root: [0; 32], ..before }, after, &proof));
    assert!(!grew(before, Head { root: [0; 32], ..after }, &proof));
    let longer: Vec<Hash> = proof.iter().copied().chain([[1; 32]]).collect();
    assert!(!grew(before, after, &longer));
    for drop in 0..proof.len() {
        let mut shorter = proof.clone();
        shorter.remove(drop);
        assert!(!grew(before, after, &shorter));
    }
    if before.size != after.size {
        assert!(!grew(after, before, &proof));
    }
}

/// The tree over these leaves.
pub(super) fn grown<'a>(leaves: impl IntoIterator<Item = &'a Hash>) -> Frontier {
    let mut tree = Frontier::default();
    leaves.into_iter().for_each(|leaf| tree.push(*leaf));
    tree
}

fn root(leaves: &[Hash]) -> Hash {
    grown(leaves).root()
}

/// RFC 6962, 2.1, word for word, over payloads.
fn definition(payloads: &[Vec<u8>]) -> Hash {
    match payloads {
        [] => digest(&SHA256, &[]).as_ref().try_into().unwrap(),
        [one] => {
            let prefixed: Vec<u8> = [0].into_iter().chain(one.iter().copied()).collect();
            digest(&SHA256, &prefixed).as_ref().try_into().unwrap()
        }
        many => {
            let mut k = 1;
            while k * 2 < many.len() {
                k *= 2;
            }
            node(&definition(&many[..k]), &definition(&many[k..]))
        }
    }
}

fn payloads(size: usize) -> Vec<Vec<u8>> {
    (0..size).map(|n| n.to_be_bytes().to_vec()).collect()
}

fn leaves(size: usize) -> Vec<Hash> {
    payloads(size).iter().map(|payload| leaf(&[], payload)).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(u32::from(digit), 16).unwrap()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}
