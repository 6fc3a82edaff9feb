//! Blocks of the id space: where pages and files across people end, whoever is held.
//!
//! Stands under `federation`. A Patient id is the node's code and a random part of 32 letters; the ids
//! that begin alike are a block. Blocks follow from configuration alone, so that where one ends says
//! nothing of the people in it.

use crate::domain::id::NodeCode;

/// Characters of the random part of an id, in order.
const ALPHABET: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// The first block.
pub fn first(node: &NodeCode, stride: usize) -> String {
    format!("{node}.{}", "2".repeat(stride))
}

/// The block a place is in; a place at the end of a block is in the next.
pub fn of(patient: &str, node: &NodeCode, stride: usize) -> String {
    let length = node.as_str().len() + 1 + stride;
    let block = patient.get(..length).unwrap_or(patient);
    if patient.get(length..) == Some("~") {
        next(block, stride).unwrap_or_else(|| block.to_owned())
    } else {
        block.to_owned()
    }
}

/// The block after one; `None` after the last.
pub fn next(block: &str, stride: usize) -> Option<String> {
    let (head, tail) = block.split_at_checked(block.len().checked_sub(stride)?)?;
    let mut tail = tail.as_bytes().to_vec();
    for at in (0..tail.len()).rev() {
        let byte = tail.get_mut(at)?;
        let place = ALPHABET.iter().position(|c| c == byte)?;
        match ALPHABET.get(place + 1) {
            Some(next) => {
                *byte = *next;
                return Some(format!("{head}{}", String::from_utf8(tail).ok()?));
            }
            None => *byte = b'2',
        }
    }
    None
}

/// Every block, in order.
pub fn all(node: &NodeCode, stride: usize) -> Vec<String> {
    std::iter::successors(Some(first(node, stride)), |block| next(block, stride)).collect()
}
