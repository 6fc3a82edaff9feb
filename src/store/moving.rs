//! From one store into another, row by row: nothing is opened, sealed or made anew on the way.
//!
//! Belongs to `store`. Both implementations keep the same rows, sealed alike and bound to what people
//! and documents are called, never to a row's number; so a copy opens under the same keys and under no
//! others. Until a move has ended the target says so in place of its owner and no gateway opens it; one
//! that was interrupted goes on after the last row that arrived. It must not decide what is current:
//! neither store may have a gateway at work.

use std::sync::Arc;

use crate::{
    domain::id::NodeCode,
    error::{Error, Result},
    seal::Keys,
    store::{Task, postgres::Ledger, schema::refusal, sealed},
};

/// Rows that travel together, in one transaction.
const PAGE: usize = 500;
/// What stands before the code of a node whose move has not ended; no code holds a space.
const UNDER_WAY: &str = "moving ";

/// What stands in a column.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The columns of a row, its key first.
pub(super) type Row = Vec<Cell>;

/// A table that both stores have.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// How many of the first columns are the key, in whose order rows travel.
    pub(super) key: usize,
    /// What the key of the first row is above.
    first: fn() -> Row,
    /// Rows after a key.
    pub(super) after: &'static str,
    /// The key of the last row.
    pub(super) last: &'static str,
    pub(super) count: &'static str,
    pub(super) insert: &'static str,
}

fn from_zero() -> Row {
    vec![Cell::Number(i64::MIN)]
}

/// In an order in which every row finds what it points to.
pub(super) const TABLES: [Table; 13] = [
    Table {
        name: "person",
        key: 1,
        first: from_zero,
        after: "SELECT row, patient, identity, version, changed, audit_key FROM person \
                WHERE row > $1 ORDER BY row LIMIT $2",
        last: "SELECT row FROM person ORDER BY row DESC LIMIT 1",
        count: "SELECT count(*) FROM person",
        insert: "INSERT INTO person (row, patient, identity, version, changed, audit_key) \
                 OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6)",
    },
    Table {
        name: "document",
        key: 1,
        first: from_zero,
        after: "SELECT row, id, person, kind, owner, local_id, version, recorded, parts, body \
                FROM document WHERE row > $1 ORDER BY row LIMIT $2",
        last: "SELECT row FROM document ORDER BY row DESC LIMIT 1",
        count: "SELECT count(*) FROM document",
        insert: "INSERT INTO document \
                 (row, id, person, kind, owner, local_id, version, recorded, parts, body) \
                 OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    },
    Table {
        name: "document_version",
        key: 2,
        first: || vec![Cell::Number(i64::MIN), Cell::Number(i64::MIN)],
        after: "SELECT document, version, recorded, parts, body FROM document_version \
                WHERE (document, version) > ($1, $2) ORDER BY document, version LIMIT $3",
        last: "SELECT document, version FROM document_version \
               ORDER BY document DESC, version DESC LIMIT 1",
        count: "SELECT count(*) FROM document_version",
        insert: "INSERT INTO document_version (document, version, recorded, parts, body) \
                 VALUES ($1, $2, $3, $4, $5)",
    },
    Table {
        name: "naming",
        key: 3,
        first: || {
            vec![Cell::Text(String::new()), Cell::Text(String::new()), Cell::Number(i64::MIN)]
        },
        after: "SELECT owner, local_id, person FROM naming \
                WHERE (owner, local_id, person) > ($1, $2, $3) \
                ORDER BY owner, local_id, person LIMIT $4",
        last: "SELECT owner, local_id, person FROM naming \
               ORDER BY owner DESC, local_id DESC, person DESC LIMIT 1",
        count: "SELECT count(*) FROM naming",
        insert: "INSERT INTO naming (owner, local_id, person) VALUES ($1, $2, $3)",
    },
    Table {
        name: "change",
        key: 1,
        first: from_zero,
        after: "SELECT sequence, person, at FROM change \
                WHERE sequence > $1 ORDER BY sequence LIMIT $2",
        last: "SELECT sequence FROM change ORDER BY sequence DESC LIMIT 1",
        count: "SELECT count(*) FROM change",
        insert: "INSERT INTO change (sequence, person, at) VALUES ($1, $2, $3)",
    },
    Table {
        name: "audit_pending",
        key: 1,
        first: from_zero,
        after: "SELECT id, record FROM audit_pending WHERE id > $1 ORDER BY id LIMIT $2",
        last: "SELECT id FROM audit_pending ORDER BY id DESC LIMIT 1",
        count: "SELECT count(*) FROM audit_pending",
        insert: "INSERT INTO audit_pending (id, record) OVERRIDING SYSTEM VALUE VALUES ($1, $2)",
    },
    Table {
        name: "spent",
        key: 1,
        first: || vec![Cell::Bytes(Vec::new())],
        after: "SELECT value, until FROM spent WHERE value > $1 ORDER BY value LIMIT $2",
        last: "SELECT value FROM spent ORDER BY value DESC LIMIT 1",
        count: "SELECT count(*) FROM spent",
        insert: "INSERT INTO spent (value, until) VALUES ($1, $2)",
    },
    Table {
        name: "revoked",
        key: 1,
        first: || vec![Cell::Bytes(Vec::new())],
        after: "SELECT token, place, until FROM revoked WHERE token > $1 ORDER BY token LIMIT $2",
        last: "SELECT token FROM revoked ORDER BY token DESC LIMIT 1",
        count: "SELECT count(*) FROM revoked",
        insert: "INSERT INTO revoked (token, place, until) VALUES ($1, $2, $3)",
    },
    Table {
        name: "outbox",
        key: 1,
        first: from_zero,
        after: "SELECT id, peer, key, body FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
        last: "SELECT id FROM outbox ORDER BY id DESC LIMIT 1",
        count: "SELECT count(*) FROM outbox",
        insert: "INSERT INTO outbox (id, peer, key, body) \
                 OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4)",
    },
    Table {
        name: "job",
        key: 1,
        first: || vec![Cell::Text(String::new())],
        after: "SELECT id, owner, until, body FROM job WHERE id > $1 ORDER BY id LIMIT $2",
        last: "SELECT id FROM job ORDER BY id DESC LIMIT 1",
        count: "SELECT count(*) FROM job",
        insert: "INSERT INTO job (id, owner, until, body) VALUES ($1, $2, $3, $4)",
    },
    Table {
        name: "permission",
        key: 1,
        first: || vec![Cell::Bytes(Vec::new())],
        after: "SELECT name, giver, patient, until, used, body FROM permission \
                WHERE name > $1 ORDER BY name LIMIT $2",
        last: "SELECT name FROM permission ORDER BY name DESC LIMIT 1",
        count: "SELECT count(*) FROM permission",
        insert: "INSERT INTO permission (name, giver, patient, until, used, body) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
    },
    Table {
        name: "subscription",
        key: 1,
        first: || vec![Cell::Text(String::new())],
        after: "SELECT id, owner, version, state, due, ready, touched, looked, body \
                FROM subscription WHERE id > $1 ORDER BY id LIMIT $2",
        last: "SELECT id FROM subscription ORDER BY id DESC LIMIT 1",
        count: "SELECT count(*) FROM subscription",
        insert: "INSERT INTO subscription \
                 (id, owner, version, state, due, ready, touched, looked, body) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    },
    Table {
        name: "subscription_person",
        key: 2,
        first: || vec![Cell::Text(String::new()), Cell::Text(String::new())],
        after: "SELECT patient, subscription FROM subscription_person \
                WHERE (patient, subscription) > ($1, $2) \
                ORDER BY patient, subscription LIMIT $3",
        last: "SELECT patient, subscription FROM subscription_person \
               ORDER BY patient DESC, subscription DESC LIMIT 1",
        count: "SELECT count(*) FROM subscription_person",
        insert: "INSERT INTO subscription_person (patient, subscription) VALUES ($1, $2)",
    },
];

/// A store's rows, while no gateway is at work on them.
pub(super) trait Rows {
    /// Answers a question with rows.
    fn read(&self, sql: &'static str, values: Row) -> Task<Vec<Row>>;
    /// Adds rows, all or none.
    fn add(&self, table: &'static Table, rows: Vec<Row>) -> Task<()>;
    /// Whose store it says it is, with the probe of the keys.
    fn owner(&self) -> Task<Option<(String, Vec<u8>)>>;
    /// Says whose it is from now on.
    fn own(&self, code: String, probe: Vec<u8>) -> Task<()>;
    /// The highest id that each table with ids has ever given out.
    fn highest(&self) -> Task<Vec<i64>>;
    /// Gives out ids above these from now on.
    fn rise(&self, highest: Vec<i64>) -> Task<()>;
    /// Fails if a gateway is at work on the store.
    fn alone(&self) -> Task<()>;
    /// The database, whatever the name it is reached by; none of a file.
    fn database(&self) -> Task<Option<String>>;
}

/// Tables whose ids are given out by the store and never used twice.
pub(super) const NUMBERED: [&str; 4] = ["person", "document", "audit_pending", "outbox"];

/// A store that is moved from or into.
pub struct Side {
    pub(super) rows: Box<dyn Rows>,
    pub(super) ledger: Option<Ledger>,
}

impl Side {
    /// The rows of the audit log beside it, where it is a database.
    pub fn ledger(&self) -> Option<Ledger> {
        self.ledger.clone()
    }
}

/// What a move came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Moved {
    /// Rows that had arrived before.
    pub before: u64,
    /// How many rows of each table the two stores hold alike.
    pub alike: Vec<(&'static str, u64)>,
}

/// Is it this gateway's store, at rest?
///
/// # Errors
/// [`crate::error::Kind::Unavailable`], saying what to do, if it is another's, empty or in use.
pub async fn look(from: &Side, (node, keys): (&NodeCode, &Arc<Keys>)) -> Result<()> {
    let from = &*from.rows;
    let Some((code, probe)) = from.owner().await? else {
        return Err(refusal("The store to move from is empty: name the one with the data."));
    };
    sealed::recognise(keys, node, &code, &probe)?;
    from.alone().await
}

/// Moves everything and compares it; `step` hears of so many rows moved or compared. The target stays
/// shut until [`finish`].
///
/// # Errors
/// [`crate::error::Kind::Unavailable`], saying what to do: a source of another node or key, a gateway
/// at work, a target that holds anything but the beginning of this move, rows that differ at the end.
pub async fn run(
    from: &Side,
    to: &Side,
    whose: (&NodeCode, &Arc<Keys>),
    step: &mut dyn FnMut(u64),
) -> Result<Moved> {
    let same = from.rows.database().await?;
    if same.is_some() && same == to.rows.database().await? {
        let say = "Both settings name the same database, if by two names: name an empty one to move into.";
        return Err(refusal(say));
    }
    look(from, whose).await?;
    let (from, to) = (&*from.rows, &*to.rows);
    to.alone().await?;
    take(to, whose.0, whose.1).await?;
    let mut before = 0;
    for table in &TABLES {
        before += count(to, table).await?;
        copy(from, to, table, step).await?;
    }
    to.rise(from.highest().await?).await?;
    let mut alike = Vec::new();
    for table in &TABLES {
        alike.push((table.name, compare(from, to, table, step).await?));
    }
    Ok(Moved { before, alike })
}

/// Opens the target to gateways, once everything has arrived that belongs with the store.
///
/// # Errors
/// `Unavailable` if a gateway is at work on the source, or if one of the two cannot be reached.
pub async fn finish(from: &Side, to: &Side, (node, keys): (&NodeCode, &Arc<Keys>)) -> Result<()> {
    from.rows.alone().await?;
    to.rows.own(node.to_string(), sealed::probe(keys, node)?).await
}

/// How many rows there are to move.
///
/// # Errors
/// `Unavailable` if the store cannot be read.
pub async fn rows(from: &Side) -> Result<u64> {
    let mut all = 0;
    for table in &TABLES {
        all += count(&*from.rows, table).await?;
    }
    Ok(all)
}

/// A store that says so is the target of a move that has not ended.
pub(super) fn refuse_half(code: &str) -> Result<()> {
    if code.starts_with(UNDER_WAY) {
        let say = "A move into this store has not ended: run `mylife move` again, or empty it.";
        return Err(refusal(say));
    }
    Ok(())
}

/// Marks the target as one that a move is under way into.
async fn take(to: &dyn Rows, node: &NodeCode, keys: &Keys) -> Result<()> {
    let marked = format!("{UNDER_WAY}{node}");
    if let Some((code, probe)) = to.owner().await? {
        if code == marked {
            return sealed::recognise(keys, node, node.as_str(), &probe);
        }
        let of = code.strip_prefix(UNDER_WAY).unwrap_or(&code);
        sealed::recognise(keys, node, of, &probe)?;
        let mut held = 0;
        for table in &TABLES {
            held += count(to, table).await?;
        }
        if held > 0 {
            let say = "The store to move into holds this node's data already: name an empty one.";
            return Err(refusal(say));
        }
    }
    to.own(marked, sealed::probe(keys, node)?).await
}

async fn count(rows: &dyn Rows, table: &Table) -> Result<u64> {
    let counted = rows.read(table.count, Vec::new()).await?;
    match counted.first().and_then(|row| row.first()) {
        Some(Cell::Number(number)) => u64::try_from(*number).map_err(Error::internal),
        Some(Cell::Null | Cell::Text(_) | Cell::Bytes(_)) | None => {
            Err(Error::internal("a count is no number"))
        }
    }
}

/// Moves what the target lacks of a table.
async fn copy(
    from: &dyn Rows,
    to: &dyn Rows,
    table: &'static Table,
    step: &mut dyn FnMut(u64),
) -> Result<()> {
    let held = to.read(table.last, Vec::new()).await?.into_iter().next();
    let mut place = held.unwrap_or_else(table.first);
    loop {
        let page = page(from, table, &place).await?;
        let Some(last) = page.last() else { return Ok(()) };
        place = last.iter().take(table.key).cloned().collect();
        let moved = u64::try_from(page.len()).unwrap_or(u64::MAX);
        to.add(table, page).await?;
        step(moved);
    }
}

/// Compares a table, every byte of it; gives the number of rows.
async fn compare(
    from: &dyn Rows,
    to: &dyn Rows,
    table: &'static Table,
    step: &mut dyn FnMut(u64),
) -> Result<u64> {
    let (mut place, mut alike) = ((table.first)(), 0);
    loop {
        let (ours, theirs) = (page(from, table, &place).await?, page(to, table, &place).await?);
        if ours != theirs {
            let say = format!(
                "The two stores differ ({}): the source was written during the move, or the target \
                 before it. Empty the target and move again.",
                table.name
            );
            return Err(refusal(say));
        }
        let Some(last) = ours.last() else { return Ok(alike) };
        place = last.iter().take(table.key).cloned().collect();
        let compared = u64::try_from(ours.len()).unwrap_or(u64::MAX);
        alike += compared;
        step(compared);
    }
}

async fn page(rows: &dyn Rows, table: &Table, place: &[Cell]) -> Result<Vec<Row>> {
    let limit = Cell::Number(i64::try_from(PAGE).unwrap_or(i64::MAX));
    rows.read(table.after, place.iter().cloned().chain([limit]).collect()).await
}
