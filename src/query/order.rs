//! Keys of an order: what a resource is sorted by, whoever holds it.
//!
//! Pure. Made of a parameter's values that exist for the reader; of several the first going up and the
//! last going down; nothing comes before everything. Source: FHIR R4 search.html#sort.

use crate::{domain::moment::Moment, fhir::segment::RowValue, query::test::folded};

/// One key of one resource.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// A time; the first there is where there is none.
    At(Moment),
    /// A code, words, an address.
    Text(Box<str>),
}

impl Key {
    /// The key that these values make. They are all of one parameter.
    pub fn of<'a>(values: impl Iterator<Item = RowValue<&'a str>>, descending: bool) -> Self {
        let keys = values.filter_map(|value| {
            Some(match value {
                RowValue::Date(first, last) => Self::At(if descending { last } else { first }),
                RowValue::Token { code, .. } => Self::Text(code.into()),
                RowValue::Reference(kind, id) => Self::Text(format!("{kind}/{id}").into()),
                RowValue::Uri(uri) => Self::Text(uri.into()),
                RowValue::Text(words) => Self::Text(folded(words).into()),
                RowValue::Computed(_) => return None,
            })
        });
        let found = if descending { keys.max() } else { keys.min() };
        found.unwrap_or(Self::At(Moment::MIN))
    }

    /// Its place among all, as long as a cursor has room for: of two keys the lesser never has the
    /// greater place. Of a text its beginning counts.
    pub fn place(&self) -> i64 {
        match self {
            Self::At(moment) => moment.millis(),
            Self::Text(text) => {
                let mut start = [0; 8];
                start.iter_mut().zip(text.bytes()).for_each(|(to, byte)| *to = byte);
                // Unsigned bytes in the order of signed numbers.
                i64::from_be_bytes(start).wrapping_add(i64::MIN)
            }
        }
    }
}
