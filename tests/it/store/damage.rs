//! Whoever edits the file gets an error out of the gateway, never other data.

use std::error::Error as _;

use mylife::{
    error::{Error, Kind},
    seal::Forged,
    store::{Document, Store},
};
use rusqlite::{Connection, params};

use super::{Directory, assessment, change, consent, message, on_one_thread, sqlite, writes};

/// Two people with two assessments and a consent of two versions each, and a message owed for each.
async fn fill(store: &dyn Store) {
    for (patient, ids) in [("297.p", ["297.a", "297.b"]), ("297.q", ["297.x", "297.y"])] {
        let mut first = change(patient, 0);
        let kept = format!("{patient}.c");
        first.documents = ids.map(|id| assessment(id, 1)).into();
        first.documents.push(consent(&kept, 1));
        first.outbox.push(message("205", patient));
        store.commit(first).await.unwrap();
        store.commit(writes(patient, 1, consent(&kept, 2))).await.unwrap();
    }
}

/// Reads everything there is of the first person, and the outbox.
async fn read(store: &dyn Store) -> Result<Vec<Document>, Error> {
    let stored = store.load("297.p").await?.expect("the person is there");
    store.owed(9).await?;
    Ok(stored.documents)
}

/// Writes a store, lets `edit` at its file, and reads it again.
fn after(edit: impl FnOnce(&Connection)) -> Result<Vec<Document>, Error> {
    let directory = Directory::new("damage");
    on_one_thread(async {
        let store = sqlite(directory.path());
        fill(&*store).await;
        drop(store);
        edit(&Connection::open(directory.file()).unwrap());
        read(&*sqlite(directory.path())).await
    })
}

/// Not found, not empty: a fault of the gateway, whose cause stands in the log alone.
fn assert_forged(outcome: Result<Vec<Document>, Error>, what: &str) {
    let error = outcome.err().unwrap_or_else(|| panic!("{what}: read as if nothing had happened"));
    assert_eq!(error.kind(), Kind::Internal, "{what}");
    let cause = error.source().expect("a cause for the log");
    assert!(cause.is::<Forged>(), "{what}");
}

#[test]
fn one_bit_of_anything_sealed_is_an_error() {
    for (table, column, row) in [
        ("person", "audit_key", "patient = '297.p'"),
        ("document", "body", "id = '297.a'"),
        ("document", "parts", "id = '297.a'"),
        ("document", "body", "id = '297.p.c'"),
        ("document_version", "body", "row = 1"),
        ("document_version", "parts", "row = 1"),
        ("outbox", "body", "key = '297.p'"),
    ] {
        let what = format!("{table}.{column} where {row}");
        let query = format!("SELECT {column} FROM {table} WHERE {row}");
        let update = format!("UPDATE {table} SET {column} = ?1 WHERE {row}");
        let sealed = |file: &Connection| -> Vec<u8> {
            file.query_row(&query, [], |row| row.get(0)).unwrap()
        };
        let write = |file: &Connection, bytes: &[u8]| {
            assert_eq!(file.execute(&update, params![bytes]).unwrap(), 1);
        };
        // The form, the nonce, the content, the tag.
        for place in [0, 5, 14, usize::MAX] {
            let outcome = after(|file| {
                let mut bytes = sealed(file);
                let place = place.min(bytes.len() - 1);
                bytes[place] ^= 1;
                write(file, &bytes);
            });
            assert_forged(outcome, &what);
        }
        for kept in [0, 1, 12, 28] {
            assert_forged(after(|file| write(file, &sealed(file)[..kept])), &what);
        }
    }
}

#[test]
fn a_row_that_was_moved_or_relabelled_is_an_error() {
    for sql in [
        "UPDATE document SET person = (SELECT row FROM person WHERE patient = '297.p') \
         WHERE id = '297.x'",
        "UPDATE document SET body = (SELECT body FROM document WHERE id = '297.b') \
         WHERE id = '297.a'",
        "UPDATE document SET body = parts WHERE id = '297.a'",
        "UPDATE document SET parts = (SELECT parts FROM document WHERE id = '297.x') \
         WHERE id = '297.a'",
        "UPDATE document SET id = '297.other' WHERE id = '297.a'",
        "UPDATE document SET kind = 3 WHERE id = '297.a'",
        "UPDATE document SET owner = 'other' WHERE id = '297.a'",
        "UPDATE document SET local_id = 'other' WHERE id = '297.a'",
        "UPDATE document SET version = 7 WHERE id = '297.a'",
        "UPDATE document SET recorded = recorded + 1 WHERE id = '297.a'",
        "UPDATE document SET body = (SELECT body FROM document_version WHERE row = 1) \
         WHERE id = '297.p.c'",
        "UPDATE document_version SET version = 3 WHERE row = 1",
        "UPDATE document_version SET recorded = recorded + 1 WHERE row = 1",
        "UPDATE document_version SET version = 9, \
         document = (SELECT row FROM document WHERE id = '297.p.c') WHERE row = 2",
        "UPDATE person SET audit_key = (SELECT audit_key FROM person WHERE patient = '297.q') \
         WHERE patient = '297.p'",
        "UPDATE outbox SET body = (SELECT body FROM outbox WHERE key = '297.q') \
         WHERE key = '297.p'",
        "UPDATE outbox SET peer = '049' WHERE key = '297.p'",
        "UPDATE outbox SET key = 'other' WHERE key = '297.p'",
    ] {
        assert_forged(after(|file| assert_eq!(file.execute(sql, []).unwrap(), 1, "{sql}")), sql);
    }
}

#[test]
fn an_untouched_file_is_read() {
    assert_eq!(after(|_| ()).unwrap().len(), 4);
}
