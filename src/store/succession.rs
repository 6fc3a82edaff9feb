//! Which document versions may follow which.
//!
//! Belongs to `store`; every implementation asks it with what its row says before it writes. It knows
//! no rows and writes nothing.

use crate::{
    error::{Error, Kind, Result},
    store::Document,
};

/// What a document's row says of it beside its contents.
#[derive(Eq, PartialEq)]
pub(super) struct Standing {
    /// The row.
    pub(super) row: i64,
    /// Row of the person.
    pub(super) person: i64,
    /// Number of its kind.
    pub(super) kind: i64,
    /// The owner system.
    pub(super) owner: String,
    /// The owner's id for it.
    pub(super) local_id: String,
    /// Newest version.
    pub(super) version: u64,
}

/// The row that a document version of this person succeeds; none if it is the first.
///
/// # Errors
/// [`Kind::Conflict`] if the id is another person's; [`Kind::Internal`] if it is not the successor.
pub(super) fn follows(
    standing: Option<Standing>,
    person: i64,
    document: &Document,
) -> Result<Option<i64>> {
    let Some(standing) = standing else {
        return if document.version == 1 { Ok(None) } else { Err(gap()) };
    };
    if standing.person != person {
        return Err(conflict());
    }
    let expected = Standing {
        row: standing.row,
        person,
        kind: document.kind.number(),
        owner: document.owner.as_ref().to_owned(),
        local_id: document.local_id.as_ref().to_owned(),
        version: document.version.saturating_sub(1),
    };
    if expected == standing { Ok(Some(standing.row)) } else { Err(gap()) }
}

/// How many of its kind its owner may have of the person with this one, the first version of one more.
pub(super) fn bound(document: &Document, most: usize) -> Option<i64> {
    document.kind.is_bounded().then(|| i64::try_from(most).unwrap_or(i64::MAX))
}

/// Its owner has as many of its kind as may be.
pub(super) fn full() -> Error {
    let say = "You have as many of these of one person as may be (limits.documents): write the next \
               version of one that is here, or ask who runs the gateway for a higher limit.";
    Error::new(Kind::TooCostly, say)
}

/// Somebody else was first.
pub(super) fn conflict() -> Error {
    Error::new(Kind::Conflict, "Another write came first: read again, then repeat this one.")
}

/// A version as a column holds it.
pub(super) fn signed(version: u64) -> Result<i64> {
    i64::try_from(version).map_err(Error::internal)
}

fn gap() -> Error {
    Error::internal("a document version is not the successor of the stored one")
}
