//! Random bytes: however they are asked for, each is given once.

use std::collections::HashSet;

use mylife::chance::{Chance, SystemChance, base32};

#[test]
fn draws_of_every_size_are_filled_and_never_repeat() {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        for size in [8, 9, 12, 28, 32, 100, 255, 256, 257, 1000, 1024, 1025, 5000] {
            let mut bytes = vec![0; size];
            SystemChance.fill(&mut bytes);
            // Eight bytes that come twice, or are all zero, are one chance in ten thousand million million.
            for word in bytes.chunks_exact(8) {
                assert_ne!(word, [0; 8], "of {size}");
                assert!(seen.insert(word.to_vec()), "given before, of {size}");
            }
        }
    }
}

#[test]
fn threads_do_not_share_what_they_drew() {
    let draw = || (0..200).map(|_| base32(&SystemChance, 16)).collect::<Vec<_>>();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
    let all: Vec<String> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 800);
    let alphabet = |c: char| c.is_ascii_lowercase() || ('2'..='7').contains(&c);
    assert!(all.iter().all(|text| text.len() == 16 && text.chars().all(alphabet)));
}
