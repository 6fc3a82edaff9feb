//! Opening: everything durable is there again, a torn tail is cut, damage is named.

use std::fs;

use mylife::{
    audit::{
        checkpoint,
        read::{person, read},
        record::Outcome,
        segment,
        tree::Head,
        verify::verify,
    },
    seal::audit::AuditKey,
};

use super::{Dir, aino, all_keys, block_on, eero, entry, fill, no_keys, search, signer};
use crate::step::audit_tree::grown;

fn tree(dir: &Dir) -> Head {
    let found: Vec<_> = read(dir.path(), &no_keys).unwrap().map(Result::unwrap).collect();
    grown(found.iter().map(|found| &found.leaf)).head()
}

#[test]
fn what_was_recorded_is_read_back_in_order() {
    let dir = Dir::new();
    let log = dir.open();
    let refused = mylife::audit::record::Entry {
        patient: None,
        outcome: Outcome::Refused("no-consent".into()),
        ..search("second")
    };
    let first = block_on(log.append(&aino(), &entry("first").to_payload().unwrap())).unwrap();
    let second = block_on(log.append(log.node_key(), &refused.to_payload().unwrap())).unwrap();
    drop(log);

    let found: Vec<_> = read(dir.path(), &all_keys).unwrap().map(Result::unwrap).collect();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].leaf, &*found[0].key_id), (first.leaf, "297.aino"));
    assert_eq!(found[0].entry.as_ref(), Some(&entry("first")));
    assert_eq!((found[1].leaf, &*found[1].key_id), (second.leaf, AuditKey::NODE));
    assert_eq!(found[1].entry.as_ref(), Some(&refused));
}

#[test]
fn no_name_of_the_caller_stands_in_the_clear_on_disk() {
    let dir = Dir::new();
    fill(&dir.open(), 3);
    let bytes = fs::read(segment::path(dir.path(), 1)).unwrap();
    assert!(!bytes.windows(8).any(|w| w == b"national"));
}

#[test]
fn a_log_goes_on_where_it_was_closed_and_where_it_was_not() {
    let dir = Dir::new();
    for round in 1..=4_u64 {
        let log = dir.open();
        assert_eq!(log.head().size, (round - 1) * 5);
        fill(&log, 5);
        let head = log.head();
        assert_eq!(head, tree(&dir));
        if round % 2 == 0 {
            log.close().unwrap();
        } else {
            // As after a crash: no last checkpoint.
            std::mem::forget(log);
        }
    }
    assert_eq!(dir.open().head().size, 20);
}

#[test]
fn opening_starts_at_the_kept_frontier_and_does_without_it() {
    let dir = Dir::new();
    fill(&dir.open(), 9);
    let head = dir.open().head();
    let frontier = fs::read(dir.file("frontier")).unwrap();
    for wrong in [&b""[..], b"9\n1\n24\n", &frontier[..frontier.len() - 2]] {
        fs::write(dir.file("frontier"), wrong).unwrap();
        assert_eq!(dir.open().head(), head);
    }
    fs::remove_file(dir.file("frontier")).unwrap();
    assert_eq!(dir.open().head(), head);
    // With the frontier, what lies before it is not read: damage there is for `verify` to find.
    let path = segment::path(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(dir.open().head(), head);
    assert!(verify(dir.path(), None, &no_keys).unwrap().fault.is_some());
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_nothing_before_it() {
    let dir = Dir::new();
    let log = dir.open();
    fill(&log, 3);
    let path = segment::path(dir.path(), 1);
    let kept = dir.written();
    let head = log.head();
    fill(&log, 1);
    let grown = dir.written();
    std::mem::forget(log);
    for length in kept.len()..grown.len() {
        fs::write(&path, &grown[..length]).unwrap();
        let log = dir.open();
        assert_eq!(log.head(), head, "torn at {length}");
        std::mem::forget(log);
        assert!(verify(dir.path(), None, &no_keys).unwrap().fault.is_none());
        assert!(dir.written().len() <= kept.len() + 16);
    }
    // Also among the zeros that were laid out for more.
    for length in [kept.len() + 9, grown.len() - 1] {
        let zeros = vec![0; grown.len() + 4096 - length];
        fs::write(&path, [&grown[..length], &zeros].concat()).unwrap();
        let log = dir.open();
        assert_eq!(log.head(), head);
        fill(&log, 1);
        assert_eq!(log.head().size, 4);
        std::mem::forget(log);
    }
}

#[test]
fn a_segment_is_longer_than_what_it_holds_while_it_is_written_and_not_after() {
    let dir = Dir::new();
    let path = segment::path(dir.path(), 1);
    let log = dir.open();
    fill(&log, 8);
    let written = dir.written();
    let laid_out = fs::read(&path).unwrap();
    assert!(laid_out.len() > written.len() + 4096);
    let report = verify(dir.path(), None, &no_keys).unwrap();
    assert_eq!((report.records, report.fault), (8, None));
    assert_eq!(read(dir.path(), &all_keys).unwrap().map(Result::unwrap).count(), 8);
    log.close().unwrap();
    drop(log);
    assert_eq!(fs::read(&path).unwrap(), written);
    // As a crash leaves it.
    fs::write(&path, laid_out).unwrap();
    let log = dir.open();
    fill(&log, 2);
    assert_eq!(log.head().size, 10);
    drop(log);
    assert!(fs::read(&path).unwrap().starts_with(&written));
    assert_eq!(verify(dir.path(), None, &no_keys).unwrap().fault, None);
}

#[test]
fn zeros_behind_the_checkpoints_as_a_power_cut_leaves_them_are_no_fault() {
    let dir = Dir::new();
    let log = dir.open();
    fill(&log, 2);
    log.close().unwrap();
    drop(log);
    let path = dir.path().join(checkpoint::FILE);
    let mut file = fs::read(&path).unwrap();
    let written = file.len();
    file.resize(4096, 0);
    fs::write(&path, &file).unwrap();
    let verifier = signer().verifier();
    assert_eq!(verify(dir.path(), Some(&verifier), &no_keys).unwrap().fault, None);
    let log = dir.open();
    fill(&log, 1);
    log.close().unwrap();
    drop(log);
    let after = fs::read(&path).unwrap();
    assert!(after.starts_with(&file[..written]) && after.len() > written && !after.contains(&0));
    assert_eq!(verify(dir.path(), Some(&verifier), &no_keys).unwrap().fault, None);
}

#[test]
fn damage_before_the_tail_stops_the_log_and_is_named() {
    let dir = Dir::new();
    let log = dir.open();
    fill(&log, 4);
    std::mem::forget(log);
    let path = segment::path(dir.path(), 1);
    let whole = dir.written();
    let last_batch = whole.len() - (whole.len() - 24) / 4;
    for at in (0..last_batch).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        let error = dir.try_open().unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("segment-1.log: damaged at byte"), "{cause}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is changed");
    }
}

#[test]
fn what_a_checkpoint_counted_cannot_be_torn_away() {
    let dir = Dir::new();
    fill(&dir.open(), 4);
    let path = segment::path(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    for cut in [1, 40, whole.len() / 2, whole.len() - 24] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        dir.try_open().unwrap_err();
        fs::remove_file(dir.file("frontier")).ok();
        dir.try_open().unwrap_err();
        let report = verify(dir.path(), Some(&signer().verifier()), &no_keys).unwrap();
        assert!(report.fault.is_some());
    }
}

#[test]
fn a_torn_checkpoint_is_cut_and_a_foreign_one_refused() {
    let dir = Dir::new();
    fill(&dir.open(), 2);
    let path = dir.file("checkpoints.log");
    let whole = fs::read(&path).unwrap();
    let note = fs::read_to_string(&path).unwrap();
    for length in 1..note.len() {
        fs::write(&path, [&whole[..], &whole[..length]].concat()).unwrap();
        let log = dir.open();
        std::mem::forget(log);
    }
    let log = dir.open();
    log.checkpoint(super::NOW).unwrap();
    std::mem::forget(log);
    let report = verify(dir.path(), Some(&signer().verifier()), &no_keys).unwrap();
    assert_eq!((report.checkpoints, report.fault), (2, None));
    fs::write(&path, note.replace("\n2\n", "\n3\n")).unwrap();
    dir.try_open().unwrap_err();
}

#[test]
fn the_records_of_one_person_are_found_in_every_segment() {
    let dir = Dir::new();
    let disk = std::sync::Arc::new(super::failing::Faulty::default());
    let log = dir.threaded(std::sync::Arc::clone(&disk) as _);
    for round in 0..3 {
        fill(&log, 6);
        disk.fail_next_sync();
        block_on(log.append(&eero(), b"{}")).unwrap_err();
        assert_eq!(person(dir.path(), &aino()).unwrap().len(), 3 * (round + 1));
    }
    fill(&log, 2);
    log.close().unwrap();
    assert_eq!(segment::numbers(dir.path()).unwrap(), [1, 2, 3, 4]);
    let found = person(dir.path(), &aino()).unwrap();
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|found| found.key_id == "297.aino" && found.entry.is_some()));
    assert!(dir.file("segment-1.index").exists());
    let nobody = AuditKey::new("297.nobody", [0; 32]);
    assert_eq!(person(dir.path(), &nobody).unwrap(), []);
}
