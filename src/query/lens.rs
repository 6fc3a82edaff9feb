//! Does a resource, as a reader sees it, meet a filter: rows that exist, and what is computed.
//!
//! Pure. Read by `consent` for filters that stand in a scope and by `search` for those of a query. A
//! row none of whose kinds is permitted does not exist here.

use crate::{
    fhir::{
        date,
        labels::{self, Labels},
        segment::{Permitted, Resource, Row, RowValue, Seen, Slot},
    },
    query::Filter,
};

/// Does the resource, as `seen` through `lens` with these labels, meet the filter?
pub fn meets(
    lens: &impl Permitted,
    resource: &Resource,
    seen: &Seen,
    labels: Labels,
    filter: &Filter,
) -> bool {
    let any = |value: &RowValue| filter.any.iter().any(|test| test.holds(value));
    match filter.param {
        "_id" => any(&token(None, &resource.id)),
        "_lastUpdated" => any(&RowValue::Date(seen.last_updated, seen.last_updated)),
        "_security" => {
            labels::codings(labels).any(|(system, code)| any(&token(Some(system), code)))
        }
        name => values(lens, resource, seen, name).any(|value| any(&value)),
    }
}

/// The values of a parameter that exist for the reader.
pub fn values<'a>(
    lens: &'a impl Permitted,
    resource: &'a Resource,
    seen: &'a Seen,
    param: &'a str,
) -> impl Iterator<Item = RowValue> {
    let exists = |row: &&Row| row.kinds.iter().any(|kind| lens.since(*kind).is_some());
    let rows = resource.rows.iter().filter(move |row| row.param == param && exists(row));
    rows.map(|row| resolve(&row.value, seen))
}

/// The value for this reader.
fn resolve(value: &RowValue, seen: &Seen) -> RowValue {
    match value {
        RowValue::Computed(Slot::Status) => token(None, &seen.status),
        RowValue::Computed(Slot::Authored(_)) => date::range(&seen.authored)
            .map_or_else(|| value.clone(), |(lo, hi)| RowValue::Date(lo, hi)),
        RowValue::Computed(Slot::Meta)
        | RowValue::Date(..)
        | RowValue::Reference(_)
        | RowValue::Token { .. }
        | RowValue::Uri(_) => value.clone(),
    }
}

fn token(system: Option<&str>, code: &str) -> RowValue {
    RowValue::Token { system: system.map(Into::into), code: code.into() }
}
