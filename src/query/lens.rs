//! Does a resource, as a reader sees it, meet a filter: rows that exist, and what is computed.
//!
//! Pure. Read by `consent` for filters that stand in a scope and by `search` for those of a query. A
//! row none of whose kinds is permitted does not exist here.

use crate::{
    fhir::{
        date,
        labels::{self, Labels},
        segment::{Permitted, Resource, RowValue, Seen, Slot},
    },
    query::{Filter, How, param},
};

/// Does the resource, as `seen` through `lens` with these labels, meet the filter?
pub fn meets(
    lens: &impl Permitted,
    resource: &Resource,
    seen: &Seen,
    labels: Labels,
    filter: &Filter,
) -> bool {
    let found = match filter.how {
        How::Missing(missing) => {
            let exists = filter.param.starts_with('_')
                || values(lens, resource, seen, filter.param).next().is_some();
            return exists != missing;
        }
        How::Any | How::None => finds(lens, resource, seen, labels, filter),
    };
    found == (filter.how == How::Any)
}

/// Has the resource a value of which one of the tests holds?
fn finds(
    lens: &impl Permitted,
    resource: &Resource,
    seen: &Seen,
    labels: Labels,
    filter: &Filter,
) -> bool {
    let any = |value: &RowValue<&str>| filter.any.iter().any(|test| test.holds(value));
    let implied = param::system(resource.kind, filter.param);
    match filter.param {
        "_id" => any(&RowValue::Token { system: None, code: &resource.id }),
        "_lastUpdated" => any(&RowValue::Date(seen.last_updated, seen.last_updated)),
        "_profile" => any(&RowValue::Uri(resource.profile())),
        "_security" => labels::codings(labels)
            .any(|(system, code)| any(&RowValue::Token { system: Some(system), code })),
        name => values(lens, resource, seen, name).any(|value| any(&in_system(value, implied))),
    }
}

/// The values of a parameter that exist for the reader.
pub fn values<'a>(
    lens: &'a impl Permitted,
    resource: &'a Resource,
    seen: &'a Seen,
    param: &'a str,
) -> impl Iterator<Item = RowValue<&'a str>> {
    resource.values(lens, param).map(|value| resolve(value, seen))
}

/// The value for this reader.
fn resolve<'a>(value: RowValue<&'a str>, seen: &'a Seen) -> RowValue<&'a str> {
    match value {
        RowValue::Computed(Slot::Status) => RowValue::Token { system: None, code: &seen.status },
        RowValue::Computed(Slot::Authored(_)) => {
            date::range(&seen.authored).map_or(value, |(lo, hi)| RowValue::Date(lo, hi))
        }
        RowValue::Computed(Slot::Meta)
        | RowValue::Date(..)
        | RowValue::Reference(..)
        | RowValue::Token { .. }
        | RowValue::Uri(_)
        | RowValue::Text(_) => value,
    }
}

/// A code that names no system, in that of its element.
const fn in_system<'a>(value: RowValue<&'a str>, implied: Option<&'a str>) -> RowValue<&'a str> {
    match (value, implied) {
        (RowValue::Token { system: None, code }, Some(_)) => {
            RowValue::Token { system: implied, code }
        }
        (value, _) => value,
    }
}
