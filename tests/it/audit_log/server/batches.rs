//! Records that share a row: found one by one, and nobody tampers with one of them unseen.

use mylife::{audit::log::Log, store::postgres::Postgres};

use super::{
    super::{append, requests},
    Home, Rows,
};
use crate::{
    step::audit::{Dir, NOW, aino, all_keys, block_on, eero, entry},
    store::server::{LAST, NEWEST, ROWS},
};

const COUNT: &str = "SELECT count(*) FROM audit_batch";

/// One row of five records, of one person and of another by turns, the third of nobody.
fn together(log: &Log) {
    let payloads = ["a", "b", "c", "d", "e"].map(|name| entry(name).to_payload().unwrap());
    let (one, other) = (aino(), eero());
    let keys = [&one, &other, log.node_key(), &other, &one];
    let records: Vec<_> = keys.into_iter().zip(payloads.iter().map(Vec::as_slice)).collect();
    block_on(log.append_many(&records)).unwrap();
}

fn filled() -> Rows {
    let home = Rows::new();
    let log = home.open();
    together(&log);
    log.checkpoint(NOW).unwrap();
    drop(log);
    home
}

/// The journal as it was before records shared rows; what came after that is of no matter here.
const BACK: &str = "DELETE FROM schema_version WHERE number >= 8; DROP TABLE";

/// Tables that somebody has read from one end to the other, once all who came before have gone.
const READ_WHOLE: &str = "SELECT coalesce(string_agg(relname, ' '), 'none') FROM pg_stat_user_tables \
     WHERE relname IN ('audit_batch', 'audit_place') AND seq_scan > 0";

const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// A server keeps a plan after some turns, and these are taken while there is next to nothing.
#[test]
fn nothing_that_is_asked_of_the_log_reads_all_of_it_though_it_was_planned_when_it_was_empty() {
    let home = Rows::new();
    let log = home.open();
    home.run("SELECT pg_stat_reset()");
    for turn in 0..12 {
        block_on(append(&log, &format!("{turn:02}"))).unwrap();
        log.grow().unwrap();
        assert_eq!(home.of_person(&aino()).len(), turn + 1);
    }
    drop(log);
    // What a connection counted is known once it has ended.
    while home.run(OTHERS) != ["0"] {}
    assert_eq!(home.run(READ_WHOLE), ["none"]);
}

#[test]
fn what_becomes_durable_together_is_one_row_in_which_each_record_is_found() {
    let home = Rows::new();
    let log = home.open();
    together(&log);
    for in_tree in [false, true] {
        assert_eq!(home.run(COUNT), ["1"]);
        assert_eq!(requests(&home.of_person(&aino())), ["a", "e"], "in the tree: {in_tree}");
        assert_eq!(requests(&home.of_person(&eero())), ["b", "d"], "in the tree: {in_tree}");
        assert_eq!(home.of_person(log.node_key()), [], "nobody may ask who is told of nobody");
        log.grow().unwrap();
    }
    block_on(append(&log, "ff")).unwrap();
    together(&log);
    assert_eq!(requests(&home.of_person(&aino())), ["a", "e", "ff", "a", "e"]);
    drop(log);
    assert_eq!(home.run(COUNT), ["3"]);
    let checked = home.verify(&all_keys);
    assert_eq!((checked.records, checked.opened, checked.fault), (11, 11, None));
    let names = ["a", "b", "c", "d", "e", "ff", "a", "b", "c", "d", "e"];
    assert_eq!(requests(&home.read(&all_keys)), names);
}

#[test]
fn whoever_tampers_with_a_record_among_others_is_found() {
    for tampering in Rows::tamperings() {
        let home = filled();
        assert_eq!(home.verify(&all_keys).fault, None);
        (tampering.act)(&home);
        assert!(home.verify(&all_keys).fault.is_some(), "{} went unseen", tampering.how);
    }
    let cut = "UPDATE audit_batch SET people = people[1:2] || people[4:5], \
         leaves = substr(leaves, 1, 64) || substr(leaves, 97), frames = \
         substr(frames, 1, ends[2]::int) || substr(frames, ends[3]::int + 1), \
         ends = ends[1:2] || ARRAY[ends[4] + ends[2] - ends[3], ends[5] + ends[2] - ends[3]]";
    let again = "INSERT INTO audit_batch SELECT chain, 3, link, substr(leaves, 65, 32), \
         people[3:3], ARRAY[ends[3] - ends[2]], \
         substr(frames, ends[2]::int + 1, (ends[3] - ends[2])::int) FROM audit_batch";
    for (sql, says) in [
        (cut, "record 4 of chain"),
        (again, "leaf 5"),
        ("UPDATE audit_batch SET ends[2] = ends[2] + 1", "record 2 of chain"),
        ("UPDATE audit_batch SET ends = ends[1:4]", "record 4 of chain"),
        ("UPDATE audit_batch SET ends = '{}'", "it is in the tree, and gone"),
        ("UPDATE audit_batch SET ends[2] = -7", "record 2 of chain"),
        ("UPDATE audit_batch SET frames = frames || '\\000'", "record 5 of chain"),
        ("UPDATE audit_batch SET people[4] = people[5]", "its columns differ from it"),
        ("UPDATE audit_batch SET people = people[1:4]", "record 5 of chain"),
        ("UPDATE audit_batch SET leaves = substr(leaves, 1, 100)", "record 4 of chain"),
    ] {
        let home = filled();
        home.run(sql);
        let said = home.verify(&all_keys).fault.unwrap_or_else(|| panic!("{sql} went unseen"));
        assert!(said.contains(says), "{sql}: {said}");
    }
}

#[test]
fn records_that_had_a_row_each_are_found_in_batches() {
    let (home, other) = (Rows::new(), Dir::new());
    let (log, theirs) = (home.open(), home.log(other.path()));
    for n in 0..40 {
        block_on(append(&log, &format!("o{n}"))).unwrap();
        if n < 5 {
            block_on(append(&theirs, &format!("t{n}"))).unwrap();
        }
        // The tree ends in the midst of what will be one batch.
        if n == 7 {
            log.checkpoint(NOW).unwrap();
        }
    }
    let told = |home: &Rows| {
        let of_one = home.of_person(&aino());
        (home.verify(&all_keys), home.read(&all_keys), of_one, home.of_person(&eero()))
    };
    let before = told(&home);
    // They end as processes that are killed do: what is in no tree stays so.
    std::mem::forget((log, theirs));
    home.run(&format!("{BACK} {NEWEST}; {ROWS}"));
    assert_eq!(
        block_on(Postgres::migrate(&home.database)).unwrap(),
        (8..=LAST).collect::<Vec<_>>()
    );
    assert_eq!(home.run(COUNT), ["3"]);
    assert_eq!(told(&home), before);

    let third = Dir::new();
    let log = home.log(third.path());
    block_on(append(&log, "after")).unwrap();
    log.checkpoint(NOW).unwrap();
    drop(log);
    let (checked, found, ..) = told(&home);
    assert_eq!((checked.records, checked.checkpoints, &checked.fault), (46, 2, &None));
    assert_eq!(found.len(), 46);
    assert_eq!(home.run("SELECT sum(count) FROM audit_place"), ["46"]);
}

#[test]
fn a_gap_among_records_that_had_a_row_each_stays_one() {
    let home = Rows::new();
    let log = home.open();
    for n in 0..5 {
        block_on(append(&log, &format!("o{n}"))).unwrap();
    }
    drop(log);
    let gone = "DELETE FROM audit_record WHERE number = 3";
    home.run(&format!("{BACK} {NEWEST}; {ROWS}; {gone}"));
    assert_eq!(
        block_on(Postgres::migrate(&home.database)).unwrap(),
        (8..=LAST).collect::<Vec<_>>()
    );
    assert_eq!(home.run(COUNT), ["2"]);
    let said = home.verify(&all_keys).fault.unwrap();
    assert!(said.contains("record 3 of chain") && said.contains("and gone"), "{said}");
}
