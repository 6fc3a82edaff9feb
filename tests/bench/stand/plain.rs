//! The rows that pushed documents come to, put into a database of the same form by statements alone.
//!
//! Beside the way. As many connections as the replicas have; a transaction for each document, prepared
//! statements, durable when it is committed. Nobody checks, seals, maps or records anything: the rows
//! are those that the replicas made.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mylife::{
    clock::{Clock, SystemClock},
    store::postgres::{Address, Database, Patience, Postgres},
};
use tokio::{runtime::Builder, task::JoinSet};
use tokio_postgres::{Client, NoTls};

use super::{
    REPLICAS,
    cluster::{Cluster, USER},
    push::{DOCUMENTS, Pushed},
    rounds::{client::cpu_of, world::CONNECTIONS},
};

/// What a push left, of the document, of the change, and of the log.
struct Left {
    id: String,
    person: i64,
    kind: i64,
    owner: String,
    local_id: String,
    recorded: i64,
    parts: Vec<u8>,
    body: Vec<u8>,
    /// Of the record, which is a batch of its own here.
    number: i64,
    link: Vec<u8>,
    leaf: Vec<u8>,
    person_of_record: i64,
    frame: Vec<u8>,
}

pub(crate) struct Plain {
    from: String,
    to: String,
    /// The last document and the last record that were taken.
    documents: i64,
    records: i64,
}

impl Plain {
    /// A database with the people of another, and what has been pushed so far left out.
    pub(crate) fn new(cluster: &Cluster, from: &str) -> Self {
        let to = cluster.database();
        let [from, to] = [from, &to].map(|name| cluster.url("", USER, name));
        let database = Database {
            address: Address::parse(&to).unwrap(),
            password: None,
            tls: None,
            connections: std::num::NonZeroUsize::MIN,
            prepared: true,
            patience: Patience::default(),
        };
        let (documents, records) = runtime().block_on(async {
            Postgres::migrate(&database).await.unwrap();
            let (old, new) = (connect(&from).await, connect(&to).await);
            let sql = "INSERT INTO person (row, patient, identity, version, changed, audit_key) \
                       OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6)";
            let sql = new.prepare(sql).await.unwrap();
            let people = "SELECT row, patient, identity, version, changed, audit_key FROM person";
            for row in old.query(people, &[]).await.unwrap() {
                let (key, patient): (i64, String) = (row.get(0), row.get(1));
                let (identity, version): (Option<Vec<u8>>, i64) = (row.get(2), row.get(3));
                let (changed, audit_key): (i64, Vec<u8>) = (row.get(4), row.get(5));
                new.execute(&sql, &[&key, &patient, &identity, &version, &changed, &audit_key])
                    .await
                    .unwrap();
            }
            new.batch_execute("VACUUM ANALYZE").await.unwrap();
            let last = "SELECT (SELECT max(row) FROM document), \
                        (SELECT max(number + cardinality(ends) - 1) FROM audit_batch \
                        WHERE chain = 'writes')";
            let last = old.query_one(last, &[]).await.unwrap();
            (last.get(0), last.get(1))
        });
        Self { from, to, documents, records }
    }

    /// Puts in what the last round of pushing left.
    pub(crate) fn load(&mut self, server: u32) -> Pushed {
        let left = Arc::new(self.take());
        let (next, to) = (Arc::new(AtomicUsize::new(0)), self.to.clone());
        let (time, cpu) = runtime().block_on(async move {
            let mut clients = Vec::new();
            for _ in 0..REPLICAS * CONNECTIONS {
                clients.push(connect(&to).await);
            }
            let clock = SystemClock::default();
            let (began, before) = (clock.elapsed(), cpu_of(&[server]));
            let mut doing = JoinSet::new();
            for client in clients {
                let (left, next) = (Arc::clone(&left), Arc::clone(&next));
                doing.spawn(async move { put(client, &left, &next).await });
            }
            doing.join_all().await;
            let time = clock.elapsed().checked_sub(began).unwrap();
            (time, cpu_of(&[server]).checked_sub(before).unwrap())
        });
        Pushed::of(time, cpu)
    }

    fn take(&mut self) -> Vec<Left> {
        let (left, last): (Vec<Left>, (i64, i64)) = runtime().block_on(async {
            let old = connect(&self.from).await;
            let documents = "SELECT id, person, kind, owner, local_id, recorded, parts, body, row \
                             FROM document WHERE row > $1 ORDER BY row";
            let documents = old.query(documents, &[&self.documents]).await.unwrap();
            let records = "SELECT number, link, substr(leaves, at * 32 - 31, 32), people[at], \
                           substr(frames, first + 1, ends[at]::int - first) \
                           FROM (SELECT number + at - 1 AS number, link, leaves, people, ends, \
                           frames, at, coalesce(ends[at - 1], 0)::int AS first \
                           FROM audit_batch, generate_series(1, cardinality(ends)) AS at \
                           WHERE chain = 'writes') AS each WHERE number > $1 ORDER BY number";
            let records = old.query(records, &[&self.records]).await.unwrap();
            assert_eq!((documents.len(), records.len()), (DOCUMENTS, DOCUMENTS));
            let last = (documents.last().unwrap().get(8), records.last().unwrap().get(0));
            let both = documents.iter().zip(&records).map(|(document, record)| Left {
                id: document.get(0),
                person: document.get(1),
                kind: document.get(2),
                owner: document.get(3),
                local_id: document.get(4),
                recorded: document.get(5),
                parts: document.get(6),
                body: document.get(7),
                number: record.get(0),
                link: record.get(1),
                leaf: record.get(2),
                person_of_record: record.get(3),
                frame: record.get(4),
            });
            (both.collect(), last)
        });
        (self.documents, self.records) = last;
        left
    }
}

async fn put(mut client: Client, left: &[Left], next: &AtomicUsize) {
    let texts = [
        "UPDATE person SET version = version + 1, changed = $2 WHERE row = $1",
        "INSERT INTO document (id, person, kind, owner, local_id, version, recorded, parts, body) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8)",
        "INSERT INTO change (sequence, person, at) \
         VALUES (pg_current_xact_id()::text::bigint, $1, $2)",
        "INSERT INTO audit_batch (chain, number, link, leaves, people, ends, frames) \
         VALUES ('writes', $1, $2, $3, ARRAY[$4::bigint], ARRAY[length($5::bytea)::bigint], $5)",
    ];
    let mut statements = Vec::new();
    for text in texts {
        statements.push(client.prepare(text).await.unwrap());
    }
    while let Some(one) = left.get(next.fetch_add(1, Ordering::SeqCst)) {
        let together = client.transaction().await.unwrap();
        let [person, document, change, record] = &statements[..] else { panic!("four") };
        together.execute(person, &[&one.person, &one.recorded]).await.unwrap();
        let Left { id, person, kind, owner, local_id, recorded, parts, body, .. } = one;
        together
            .execute(document, &[id, person, kind, owner, local_id, recorded, parts, body])
            .await
            .unwrap();
        together.execute(change, &[person, recorded]).await.unwrap();
        let Left { number, link, leaf, person_of_record, frame, .. } = one;
        together.execute(record, &[number, link, leaf, person_of_record, frame]).await.unwrap();
        together.commit().await.unwrap();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    // It ends with the client.
    drop(tokio::spawn(connection));
    client
}
