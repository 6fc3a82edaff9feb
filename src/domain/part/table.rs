//! The parts of one document by their keys, kept in a few bytes each.
//!
//! Part of `domain::part`. Keys and suffixes stand in one text; what a commit gave to all the parts
//! it changed is kept once. So is the stored form: an array of the changes, each an array, and of the parts
//! in order of key, each as key, suffix and place of its change. Stores of before have an object of parts by
//! key, each with its change; a document keeps that until it is next written.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::domain::moment::Moment;

/// What the commit that last changed a part gave to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Commit that last changed it.
    pub changed: Moment,
    /// The document's status at that commit, in the native code.
    pub status: Arc<str>,
    /// The document's own time at that commit, as FHIR writes it.
    pub authored: Arc<str>,
}

/// What was made at commit for one part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Part<'a> {
    /// Random end of the id of what is derived from it.
    pub suffix: &'a str,
    /// The commit that last changed it.
    pub change: &'a Change,
}

/// The parts of one document by their keys.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Parts {
    /// Key and suffix of each part, one behind the other.
    text: Box<str>,
    /// In order of key.
    places: Box<[Place]>,
    changes: Box<[Change]>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
struct Place {
    start: u32,
    key: u16,
    suffix: u16,
    change: u16,
}

/// A change as it is stored: when, status, time of the document.
#[derive(Deserialize, Serialize)]
struct StoredChange<'a>(Moment, #[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>);

/// A part as it is stored: key, suffix, place of its change.
#[derive(Deserialize, Serialize)]
struct Row<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>, u16);

/// A part as it was stored before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Former<'a> {
    #[serde(borrow)]
    suffix: Cow<'a, str>,
    changed: Moment,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    authored: Cow<'a, str>,
}

impl Parts {
    /// The part of a key.
    pub fn of(&self, key: &str) -> Option<Part<'_>> {
        let at = self.places.binary_search_by(|place| self.key(place).cmp(key)).ok()?;
        self.places.get(at).and_then(|place| self.part(place))
    }

    /// Bytes it takes in memory, with what it alone holds.
    pub fn weight(&self) -> usize {
        self.text.len()
            + self.places.len() * size_of::<Place>()
            + self.changes.len() * size_of::<Change>()
    }

    fn key(&self, place: &Place) -> &str {
        let start = place.start as usize;
        self.text.get(start..start + usize::from(place.key)).unwrap_or_default()
    }

    fn part(&self, place: &Place) -> Option<Part<'_>> {
        let start = place.start as usize + usize::from(place.key);
        let suffix = self.text.get(start..start + usize::from(place.suffix))?;
        Some(Part { suffix, change: self.changes.get(usize::from(place.change))? })
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.places.iter().map(|place| (self.key(place), self.part(place)));
        f.debug_map().entries(parts).finish()
    }
}

/// Collects parts in order of key.
#[derive(Default)]
pub(super) struct Collector {
    text: String,
    places: Vec<Place>,
    changes: Vec<Change>,
}

impl Collector {
    /// Adds one; `None` if there are more, or longer ones, than a document can have.
    pub(super) fn add(
        &mut self,
        key: &str,
        suffix: &str,
        changed: Moment,
        status: &str,
        authored: &str,
    ) -> Option<()> {
        let same =
            |c: &Change| c.changed == changed && *c.status == *status && *c.authored == *authored;
        let change = self.changes.iter().position(same).unwrap_or_else(|| {
            let (status, authored) = (status.into(), authored.into());
            self.changes.push(Change { changed, status, authored });
            self.changes.len() - 1
        });
        self.place(key, suffix, change.try_into().ok()?)
    }

    /// The same of a change that is known.
    fn place(&mut self, key: &str, suffix: &str, change: u16) -> Option<()> {
        self.places.push(Place {
            start: self.text.len().try_into().ok()?,
            key: key.len().try_into().ok()?,
            suffix: suffix.len().try_into().ok()?,
            change,
        });
        self.text.push_str(key);
        self.text.push_str(suffix);
        Some(())
    }

    /// The parts.
    pub(super) fn parts(self) -> Parts {
        Parts { text: self.text.into(), places: self.places.into(), changes: self.changes.into() }
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let changes = self.changes.iter().map(|Change { changed, status, authored }| {
            StoredChange(*changed, (&**status).into(), (&**authored).into())
        });
        let rows = self.places.iter().filter_map(|place| {
            let part = self.part(place)?;
            Some(Row(self.key(place).into(), part.suffix.into(), place.change))
        });
        (changes.collect::<Vec<_>>(), rows.collect::<Vec<_>>()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Parts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("changes and parts, or parts by their keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Parts, A::Error> {
        let missing = || A::Error::custom("changes and parts of a document");
        let changes: Vec<StoredChange<'de>> = all.next_element()?.ok_or_else(missing)?;
        let rows: Vec<Row<'de>> = all.next_element()?.ok_or_else(missing)?;
        let in_order = rows.is_sorted_by(|a, b| a.0 < b.0);
        let known = rows.iter().all(|row| usize::from(row.2) < changes.len());
        if !in_order || !known {
            return Err(missing());
        }
        let change = |StoredChange(changed, status, authored): StoredChange<'_>| Change {
            changed,
            status: status.into(),
            authored: authored.into(),
        };
        let changes = changes.into_iter().map(change).collect();
        let mut parts = Collector { changes, ..Collector::default() };
        for Row(key, suffix, change) in rows {
            parts.place(&key, &suffix, change).ok_or_else(missing)?;
        }
        Ok(parts.parts())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
        let mut all = BTreeMap::new();
        while let Some((key, part)) = map.next_entry::<Cow<'de, str>, Former<'de>>()? {
            all.insert(key, part);
        }
        let mut parts = Collector::default();
        for (key, part) in all {
            parts
                .add(&key, &part.suffix, part.changed, &part.status, &part.authored)
                .ok_or_else(|| A::Error::custom("parts of a document"))?;
        }
        Ok(parts.parts())
    }
}
