//! Offline verification: whole logs pass, every flipped byte is found, erasure leaves the tree valid.

use std::fs;

use mylife::audit::{
    checkpoint::{Signer, Verifier},
    read::read,
    segment,
    verify::verify,
};

use super::{Dir, NOW, all_keys, fill, no_keys, signer};
use crate::step::audit_tree::proof::{consistency, grew, includes, inclusion};

fn checked(dir: &Dir) {
    let log = dir.open();
    fill(&log, 3);
    log.checkpoint(NOW).unwrap();
    fill(&log, 2);
}

#[test]
fn a_whole_log_passes_with_and_without_keys() {
    let dir = Dir::new();
    checked(&dir);
    let verifier = signer().verifier();
    let open = verify(dir.path(), Some(&verifier), &all_keys).unwrap();
    assert_eq!((open.segments, open.records, open.opened, open.checkpoints), (1, 5, 5, 2));
    assert_eq!(open.fault, None);
    let blind = verify(dir.path(), Some(&verifier), &no_keys).unwrap();
    assert_eq!((blind.opened, blind.head, blind.fault), (0, open.head, None));
    let one = verify(&segment::path(dir.path(), 1), None, &no_keys).unwrap();
    assert_eq!((one.records, one.head, one.fault), (5, open.head, None));
}

#[test]
fn every_flipped_byte_is_found_and_its_file_named() {
    let dir = Dir::new();
    checked(&dir);
    let verifier = signer().verifier();
    for name in ["segment-1.log", "checkpoints.log"] {
        let path = dir.file(name);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            let fault = verify(dir.path(), Some(&verifier), &no_keys).unwrap().fault;
            let fault = fault.unwrap_or_else(|| panic!("{name}: byte {at} went unseen"));
            assert_eq!(fault.file, path);
            assert!(fault.offset <= at as u64, "{name} {at}: {fault}");
        }
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_segment_that_is_missing_or_swapped_is_found() {
    let dir = Dir::new();
    checked(&dir);
    let verifier = signer().verifier();
    fs::rename(segment::path(dir.path(), 1), segment::path(dir.path(), 2)).unwrap();
    let fault = verify(dir.path(), Some(&verifier), &no_keys).unwrap().fault.unwrap();
    assert_eq!(fault.what, "a segment before this one is missing");
    fs::remove_file(segment::path(dir.path(), 2)).unwrap();
    let fault = verify(dir.path(), Some(&verifier), &no_keys).unwrap().fault.unwrap();
    assert_eq!(fault.what, "the log is shorter than this checkpoint says");
}

#[test]
fn a_wrong_key_is_told_from_a_forgotten_one() {
    let dir = Dir::new();
    checked(&dir);
    let report = verify(dir.path(), None, &|_| Some([99; 32])).unwrap();
    assert_eq!(report.fault.unwrap().what, "the key does not open this record");
}

#[test]
fn forgetting_a_persons_key_erases_the_records_and_leaves_the_tree() {
    let dir = Dir::new();
    checked(&dir);
    let keys = |id: &str| all_keys(id).filter(|_| id != "297.aino");
    let report = verify(dir.path(), Some(&signer().verifier()), &keys).unwrap();
    assert_eq!((report.records, report.opened, report.checkpoints), (5, 2, 2));
    assert_eq!(report.fault, None);
    let found: Vec<_> = read(dir.path(), &keys).unwrap().map(Result::unwrap).collect();
    assert!(found.iter().all(|f| f.entry.is_none() == (f.key_id == "297.aino")));
}

#[test]
fn what_is_proved_from_the_files_holds_against_the_signed_heads() {
    let dir = Dir::new();
    checked(&dir);
    let notes = fs::read_to_string(dir.file("checkpoints.log")).unwrap();
    let verifier = signer().verifier();
    let heads: Vec<_> = mylife::audit::checkpoint::notes(&notes)
        .map(|(_, note)| verifier.open(note).unwrap().head)
        .collect();
    let leaves: Vec<_> =
        read(dir.path(), &no_keys).unwrap().map(|found| found.unwrap().leaf).collect();
    assert!(grew(heads[0], heads[1], &consistency(&leaves, 3).unwrap()));
    for (index, leaf) in (0..).zip(&leaves) {
        let path = inclusion(&leaves, usize::try_from(index).unwrap()).unwrap();
        assert!(includes(*leaf, index, heads[1].size, &path, &heads[1].root));
    }
}

#[test]
fn a_checkpoint_is_a_signed_note_for_its_own_key_alone() {
    let dir = Dir::new();
    checked(&dir);
    let notes = fs::read_to_string(dir.file("checkpoints.log")).unwrap();
    let lines: Vec<&str> = notes.lines().collect();
    assert_eq!(lines[0], "mylife.example/audit/297");
    assert_eq!(lines[1], "3");
    assert_eq!(lines[3], "at 2026-09-21T14:13:20.000Z");
    assert_eq!(lines[4], "");
    assert!(lines[5].starts_with("\u{2014} mylife.example/audit/297 "));

    let verifier = signer().verifier();
    assert_eq!(Verifier::parse(&verifier.to_string()).unwrap(), verifier);
    let first = mylife::audit::checkpoint::notes(&notes).next().expect("a note").1;
    assert!(verifier.open(first).is_some());
    for other in [("mylife.example/audit/297", [4; 32]), ("mylife.example/audit/205", [3; 32])] {
        let other = Signer::from_seed(other.0, &other.1).unwrap().verifier();
        assert!(other.open(first).is_none());
    }
    assert!(Signer::from_seed("two words", &[3; 32]).is_err());
}
