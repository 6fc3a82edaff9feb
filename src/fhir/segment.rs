//! Labelled segments: a FHIR resource as byte runs, each of which some condition releases.
//!
//! A mapped resource is not a tree that is pruned. It is a flat list of parts in document order;
//! writing it for a reader copies the parts whose condition holds. A part is *content* (its
//! release makes the resource exist), a *reference* (passes if its target exists for the reader),
//! *frame* (goes with its object) or *computed* from what is visible. Nothing in the result tells
//! that something was left out. Knows nothing of consent: conditions are numbers.

pub mod build;

use std::{fmt::Write as _, ops::Range, sync::Arc};

pub use self::build::Builder;
use super::types::ResourceType;
use crate::{
    domain::moment::Moment,
    mutant::{self, Mutant},
};

/// Number of a kind: a distinct tuple of everything a decision reads of a unit.
pub type KindId = u16;

/// When a part was last changed, and what the document said of itself then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// Instant of the commit that last changed the part.
    pub changed: Moment,
    /// The document's FHIR status at that change.
    pub status: Arc<str>,
    /// The document's own time at that change, as FHIR writes it.
    pub authored: Arc<str>,
}

/// What is computed when the resource is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Slot {
    /// `meta`: version, time, profile and labels of what is visible.
    Meta,
    /// `status` of the newest visible stamp.
    Status,
    /// A member of this name holding the time of the newest visible stamp.
    Authored(&'static str),
}

#[derive(Clone, Debug)]
enum Part {
    /// Goes with its object.
    Frame(Range<u32>),
    /// Content: released if any of the kinds is; stamped.
    Content { kinds: Range<u32>, stamp: u16, text: Range<u32> },
    /// Follows content elsewhere: released if any of the kinds is, but makes nothing exist.
    Dependent { kinds: Range<u32>, text: Range<u32> },
    /// Computed at writing.
    Computed(Slot),
    /// Something that holds the next `inside` parts, and stands if one of them passes.
    Open { text: Range<u32>, around: Around, inside: u32 },
}

/// What a group is, and so how it is separated and closed.
#[derive(Clone, Copy, Debug)]
enum Around {
    Array,
    Narrative,
    Object,
}

impl Around {
    const fn close(self) -> &'static str {
        match self {
            Self::Array => "]",
            Self::Narrative => "</div>\"",
            Self::Object => "}",
        }
    }

    const fn separator(self) -> &'static str {
        match self {
            Self::Array | Self::Object => ",",
            Self::Narrative => "",
        }
    }
}

/// One resource, ready to be released to anybody.
#[derive(Clone, Debug)]
pub struct Resource {
    /// FHIR type.
    pub kind: ResourceType,
    /// FHIR id.
    pub id: Arc<str>,
    rows: Box<[Row]>,
    profile: &'static str,
    parts: Box<[Part]>,
    kinds: Box<[KindId]>,
    stamps: Box<[Stamp]>,
    text: Box<str>,
}

/// One value of one search parameter; it does not exist for whom none of its kinds is permitted.
#[derive(Clone, Debug)]
struct Row {
    param: &'static str,
    value: RowValue<Range<u32>>,
    kinds: Range<u32>,
}

/// A search value; `T` is how its texts are held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RowValue<T> {
    /// A coding, code or identifier.
    Token {
        /// `None` for a plain `code`.
        system: Option<T>,
        /// The code.
        code: T,
    },
    /// First and last millisecond of the time.
    Date(Moment, Moment),
    /// Type and id.
    Reference(T, T),
    /// A canonical or uri.
    Uri(T),
    /// Words.
    Text(T),
    /// What is computed from the visible segments.
    Computed(Slot),
}

impl<T> RowValue<T> {
    /// The same with its texts held in another way.
    fn hold<U>(self, mut hold: impl FnMut(T) -> U) -> RowValue<U> {
        match self {
            Self::Token { system, code } => {
                let system = system.map(&mut hold);
                RowValue::Token { system, code: hold(code) }
            }
            Self::Date(first, last) => RowValue::Date(first, last),
            Self::Reference(kind, id) => {
                let kind = hold(kind);
                RowValue::Reference(kind, hold(id))
            }
            Self::Uri(uri) => RowValue::Uri(hold(uri)),
            Self::Text(words) => RowValue::Text(hold(words)),
            Self::Computed(slot) => RowValue::Computed(slot),
        }
    }
}

/// Which kinds a reader may see, and since when.
pub trait Permitted {
    /// `Some(start of the unbroken permit)` if the kind is released.
    fn since(&self, kind: KindId) -> Option<Moment>;
}

/// What a reader sees of a resource, before anything is copied.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Latest of change and permit over the visible segments.
    pub last_updated: Moment,
    /// Status of the newest visible stamp.
    pub status: Arc<str>,
    /// Time of the newest visible stamp.
    pub authored: Arc<str>,
    /// Kinds that are visible in it, sorted, each once.
    pub kinds: Vec<KindId>,
}

/// What `meta` adds to the visible segments.
pub struct MetaText<'a> {
    /// `meta.versionId`.
    pub version: &'a str,
    /// `meta.security`, as JSON array members without the brackets.
    pub security: &'a str,
}

impl Resource {
    /// What exists of it for this reader; `None` if nothing does.
    pub fn look(&self, permitted: &impl Permitted) -> Option<Seen> {
        let mut newest: Option<&Stamp> = None;
        let mut last_updated = Moment::MIN;
        let mut kinds = Vec::new();
        for part in &*self.parts {
            let Part::Content { kinds: of, stamp, .. } = part else { continue };
            let mut shown = false;
            for kind in self.kinds_of(of) {
                if let Some(since) = permitted.since(*kind) {
                    shown = true;
                    last_updated = last_updated.max(since);
                    if !kinds.contains(kind) {
                        kinds.push(*kind);
                    }
                }
            }
            if let Some(stamp) = self.stamps.get(usize::from(*stamp)).filter(|_| shown) {
                last_updated = last_updated.max(stamp.changed);
                if newest.is_none_or(|n| n.changed <= stamp.changed) {
                    newest = Some(stamp);
                }
            }
        }
        let mut newest = newest?;
        let newest_of_all = self.stamps.iter().max_by_key(|stamp| stamp.changed).unwrap_or(newest);
        if mutant::on(Mutant::LastUpdatedOverAll) {
            last_updated = last_updated.max(newest_of_all.changed);
        }
        if mutant::on(Mutant::StatusOverAll) {
            newest = newest_of_all;
        }
        kinds.sort_unstable();
        Some(Seen {
            last_updated,
            status: Arc::clone(&newest.status),
            authored: Arc::clone(&newest.authored),
            kinds,
        })
    }

    /// The times that its visible content has for this reader: of each its own change, or the start of
    /// the permit if that is later.
    pub fn times(&self, permitted: &impl Permitted) -> impl Iterator<Item = Moment> {
        self.parts.iter().flat_map(move |part| {
            let Part::Content { kinds, stamp, .. } = part else { return Vec::new() };
            let changed = self.stamps.get(usize::from(*stamp)).map(|stamp| stamp.changed);
            let since = self.kinds_of(kinds).iter().filter_map(|kind| permitted.since(*kind));
            since.map(|since| changed.map_or(since, |changed| changed.max(since))).collect()
        })
    }

    /// The profile it claims.
    pub const fn profile(&self) -> &'static str {
        self.profile
    }

    /// Every kind a content segment of it has: it exists for whom one of them is permitted.
    pub fn content_kinds(&self) -> impl Iterator<Item = KindId> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Content { kinds, .. } => self.kinds_of(kinds),
                Part::Frame(_) | Part::Dependent { .. } | Part::Computed(_) | Part::Open { .. } => {
                    &[]
                }
            })
            .copied()
    }

    /// Copies what passes to the end of `out`, with `meta` as given.
    pub fn write(
        &self,
        permitted: &impl Permitted,
        seen: &Seen,
        meta: &MetaText<'_>,
        out: &mut String,
    ) {
        let mut writer = Writer { resource: self, permitted, seen, meta, out };
        writer.group(&self.parts, "{", Around::Object);
    }

    /// The values of a search parameter that exist for this reader.
    pub fn values<'a>(
        &'a self,
        permitted: &'a impl Permitted,
        param: &'a str,
    ) -> impl Iterator<Item = RowValue<&'a str>> {
        let rows = self.rows.iter().filter(move |row| row.param == param);
        let matches = mutant::on(Mutant::HiddenRowsMatch);
        let exists = move |row: &&Row| {
            matches || self.kinds_of(&row.kinds).iter().any(|k| permitted.since(*k).is_some())
        };
        rows.filter(exists).map(|row| row.value.clone().hold(|text| self.text_of(&text)))
    }

    /// Bytes it takes in memory, with what it alone holds.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + self.text.len()
            + size_of_val(&*self.parts)
            + size_of_val(&*self.kinds)
            + size_of_val(&*self.rows)
            + size_of_val(&*self.stamps)
    }

    fn kinds_of(&self, range: &Range<u32>) -> &[KindId] {
        self.kinds.get(range.start as usize..range.end as usize).unwrap_or(&[])
    }

    fn text_of(&self, range: &Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or("")
    }
}

struct Writer<'a, P> {
    resource: &'a Resource,
    permitted: &'a P,
    seen: &'a Seen,
    meta: &'a MetaText<'a>,
    out: &'a mut String,
}

impl<P: Permitted> Writer<'_, P> {
    /// Writes a group; takes it back if only frame was in it. Returns whether it stands.
    fn group(&mut self, parts: &[Part], open: &str, around: Around) -> bool {
        let start = self.out.len();
        self.out.push_str(open);
        let (mut rest, mut first, mut stands) = (parts, true, false);
        let mistake = match around {
            Around::Narrative => Mutant::NarrativeIsWhole,
            Around::Array | Around::Object => Mutant::HiddenReferencesShow,
        };
        while let Some((part, tail)) = rest.split_first() {
            rest = tail;
            let before = self.out.len();
            if !first {
                self.out.push_str(around.separator());
            }
            let written = match part {
                Part::Frame(text) => {
                    self.out.push_str(self.resource.text_of(text));
                    true
                }
                Part::Content { kinds, text, .. } | Part::Dependent { kinds, text } => {
                    let careless = matches!(part, Part::Dependent { .. }) && mutant::on(mistake);
                    let passes = !text.is_empty() && (careless || self.passes(kinds));
                    if passes {
                        self.out.push_str(self.resource.text_of(text));
                        stands = true;
                    }
                    passes
                }
                Part::Computed(slot) => {
                    self.computed(*slot);
                    true
                }
                Part::Open { text, around, inside } => {
                    let (children, after) =
                        tail.split_at_checked(*inside as usize).unwrap_or((tail, &[]));
                    rest = after;
                    let resource = self.resource;
                    let stood = self.group(children, resource.text_of(text), *around);
                    stands |= stood;
                    stood
                }
            };
            if written {
                first = false;
            } else {
                self.out.truncate(before);
            }
        }
        if stands {
            self.out.push_str(around.close());
        } else {
            self.out.truncate(start);
        }
        stands
    }

    fn passes(&self, kinds: &Range<u32>) -> bool {
        self.resource.kinds_of(kinds).iter().any(|k| self.permitted.since(*k).is_some())
    }

    fn computed(&mut self, slot: Slot) {
        // Writing to a String cannot fail.
        match slot {
            Slot::Meta => {
                self.out.push_str("\"meta\":{\"versionId\":\"");
                self.out.push_str(self.meta.version);
                self.out.push_str("\",\"lastUpdated\":\"");
                self.out.write_fmt(format_args!("{}", self.seen.last_updated)).ok();
                self.out.push_str("\",\"profile\":[\"");
                self.out.push_str(self.resource.profile);
                self.out.push_str("\"]");
                if !self.meta.security.is_empty() {
                    self.out.push_str(",\"security\":[");
                    self.out.push_str(self.meta.security);
                    self.out.push(']');
                }
                self.out.push('}');
            }
            Slot::Status => {
                self.out.push_str("\"status\":\"");
                self.out.push_str(&self.seen.status);
                self.out.push('"');
            }
            Slot::Authored(name) => {
                self.out.push('"');
                self.out.push_str(name);
                self.out.push_str("\":\"");
                self.out.push_str(&self.seen.authored);
                self.out.push('"');
            }
        }
    }
}
