//! One connection while it is ours: statements in, rows out.
//!
//! Belongs to `store::postgres`. Every statement says the types of its values, so that it runs the
//! same prepared (once a connection) and unprepared (through poolers that share connections).

use std::{error::Error as StdError, fmt, sync::Arc};

use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use crate::{
    error::Error,
    store::{DocumentKind, postgres::fault::Outcome},
};

/// A value of a statement.
pub(super) enum Value<'a> {
    /// `bytea`
    Bytes(&'a [u8]),
    /// `bytea`, or null
    MaybeBytes(Option<&'a [u8]>),
    /// `bigint`
    Number(i64),
    /// `bigint[]`
    Numbers(&'a [i64]),
    /// `text`
    Text(&'a str),
    /// `text`, or null
    MaybeText(Option<&'a str>),
    /// `text[]`
    Texts(&'a [&'a str]),
}

impl Value<'_> {
    fn in_database(&self) -> Type {
        match self {
            Self::Bytes(_) | Self::MaybeBytes(_) => Type::BYTEA,
            Self::Number(_) => Type::INT8,
            Self::Numbers(_) => Type::INT8_ARRAY,
            Self::Text(_) | Self::MaybeText(_) => Type::TEXT,
            Self::Texts(_) => Type::TEXT_ARRAY,
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        to: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Bytes(bytes) => bytes.to_sql(to, out),
            Self::MaybeBytes(bytes) => bytes.to_sql(to, out),
            Self::Number(number) => number.to_sql(to, out),
            Self::Numbers(numbers) => numbers.to_sql(to, out),
            Self::Text(text) => text.to_sql(to, out),
            Self::MaybeText(text) => text.to_sql(to, out),
            Self::Texts(texts) => texts.to_sql(to, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn typed<'a>(value: &'a Value<'_>) -> (&'a (dyn ToSql + Sync), Type) {
    (value, value.in_database())
}

/// A connection in use.
pub(super) struct Session<'a> {
    client: &'a ClientWrapper,
    prepared: bool,
}

impl<'a> Session<'a> {
    /// `prepared`: may statements be kept on the connection?
    pub(super) fn new(client: &'a ClientWrapper, prepared: bool) -> Self {
        Self { client, prepared }
    }

    /// The rows of a statement.
    pub(super) async fn all(&self, sql: &'static str, values: &[Value<'_>]) -> Outcome<Vec<Row>> {
        if !self.prepared {
            let values: Vec<_> = values.iter().map(typed).collect();
            return Ok(self.client.query_typed(sql, &values).await?);
        }
        let (values, types): (Vec<_>, Vec<_>) = values.iter().map(typed).unzip();
        let statement = self.client.prepare_typed_cached(sql, &types).await?;
        Ok(self.client.query(&statement, &values).await?)
    }

    /// The first row of a statement.
    pub(super) async fn one(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Outcome<Option<Row>> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// How many rows a statement has changed.
    pub(super) async fn changed(&self, sql: &'static str, values: &[Value<'_>]) -> Outcome<u64> {
        if !self.prepared {
            let values: Vec<_> = values.iter().map(typed).collect();
            return Ok(self.client.execute_typed(sql, &values).await?);
        }
        let (values, types): (Vec<_>, Vec<_>) = values.iter().map(typed).unzip();
        let statement = self.client.prepare_typed_cached(sql, &types).await?;
        Ok(self.client.execute(&statement, &values).await?)
    }

    /// Several statements without values.
    pub(super) async fn run(&self, sql: &str) -> Outcome<()> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

/// A column of a row; another type than expected is a fault of the schema.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Outcome<T> {
    row.try_get(at).map_err(|cause| Error::internal(cause).into())
}

/// A text.
pub(super) fn text(row: &Row, at: usize) -> Outcome<Arc<str>> {
    column::<&str>(row, at).map(Arc::from)
}

/// Bytes.
pub(super) fn bytes(row: &Row, at: usize) -> Outcome<Arc<[u8]>> {
    column::<&[u8]>(row, at).map(Arc::from)
}

/// A version, from 1.
pub(super) fn version(row: &Row, at: usize) -> Outcome<u64> {
    u64::try_from(column::<i64>(row, at)?).map_err(|cause| Error::internal(cause).into())
}

/// A kind of document.
pub(super) fn kind(row: &Row, at: usize) -> Outcome<DocumentKind> {
    let known = DocumentKind::of_number(column(row, at)?);
    known.ok_or_else(|| Error::internal("a document is of no known kind").into())
}

/// A limit on rows; beyond what fits there is none.
pub(super) fn at_most(limit: usize) -> Value<'static> {
    Value::Number(i64::try_from(limit).unwrap_or(i64::MAX))
}
