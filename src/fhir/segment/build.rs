//! Builds a resource of segments, part by part, in document order.
//!
//! Part of `segment`; called by `mapping` alone. Text is put together once, here; releasing copies it.

use std::{ops::Range, sync::Arc};

use serde::Serialize;
use serde_json::Value;

use super::{Around, KindId, Part, Resource, Row, RowValue, Slot, Stamp};
use crate::{
    fhir::{param, path, types::ResourceType},
    markup::escape,
};

/// Builds a resource part by part, in document order.
pub struct Builder {
    resource: Resource,
    parts: Vec<Part>,
    kinds: Vec<KindId>,
    stamps: Vec<Stamp>,
    rows: Vec<Row>,
    text: Vec<u8>,
    is_draft: bool,
}

impl Builder {
    /// A builder that drops all text: for learning which kinds a resource has.
    pub fn draft(kind: ResourceType, id: Arc<str>) -> Self {
        Self { is_draft: true, ..Self::empty(kind, id, "") }
    }

    /// Starts `{"resourceType":...,"id":...,"meta":...,"language":...`.
    pub fn new(kind: ResourceType, id: Arc<str>, profile: &'static str, language: &str) -> Self {
        let shown = Arc::clone(&id);
        let mut b = Self::empty(kind, id, profile);
        b.frame("resourceType", || kind.name());
        b.frame("id", || &*shown);
        b.computed(Slot::Meta);
        b.frame("language", || language);
        b
    }

    fn empty(kind: ResourceType, id: Arc<str>, profile: &'static str) -> Self {
        Self {
            resource: Resource {
                kind,
                id,
                rows: Box::default(),
                profile,
                parts: Box::default(),
                kinds: Box::default(),
                stamps: Box::default(),
                text: Box::default(),
            },
            parts: Vec::new(),
            kinds: Vec::new(),
            stamps: Vec::new(),
            rows: Vec::new(),
            text: Vec::new(),
            is_draft: false,
        }
    }

    /// A stamp for the content that follows; the number is given to [`Builder::content`].
    pub fn stamp(&mut self, stamp: Stamp) -> u16 {
        let known = self.stamps.iter().position(|s| *s == stamp);
        let at = known.unwrap_or_else(|| {
            self.stamps.push(stamp);
            self.stamps.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    /// A member that goes with its object.
    pub fn frame<T: Serialize>(&mut self, name: &str, value: impl FnOnce() -> T) {
        let text = self.member(name, value);
        self.parts.push(Part::Frame(text));
    }

    /// A member that is content, released with any of `kinds`.
    pub fn content<T: Serialize>(
        &mut self,
        kinds: &[KindId],
        stamp: u16,
        name: &str,
        value: impl FnOnce() -> T,
    ) {
        let text = self.member(name, value);
        let kinds = self.list(kinds);
        self.parts.push(Part::Content { kinds, stamp, text });
    }

    /// An array element that is content.
    pub fn content_item<T: Serialize>(
        &mut self,
        kinds: &[KindId],
        stamp: u16,
        value: impl FnOnce() -> T,
    ) {
        let text = self.text(|text| json(text, &value()));
        let kinds = self.list(kinds);
        self.parts.push(Part::Content { kinds, stamp, text });
    }

    /// Content without text: the resource exists for whom `kind` is permitted, stamped.
    pub fn anchor(&mut self, kind: KindId, stamp: u16) {
        let kinds = self.list(&[kind]);
        self.parts.push(Part::Content { kinds, stamp, text: 0..0 });
    }

    /// A member that refers to something that exists for whom one of `kinds` is permitted.
    pub fn reference<T: Serialize>(
        &mut self,
        kinds: &[KindId],
        name: &str,
        value: impl FnOnce() -> T,
    ) {
        let text = self.member(name, value);
        let kinds = self.list(kinds);
        self.parts.push(Part::Dependent { kinds, text });
    }

    /// An array element that refers to something that exists for whom one of `kinds` is permitted.
    pub fn reference_item<T: Serialize>(&mut self, kinds: &[KindId], value: impl FnOnce() -> T) {
        let text = self.text(|text| json(text, &value()));
        let kinds = self.list(kinds);
        self.parts.push(Part::Dependent { kinds, text });
    }

    /// Something that is computed from what is visible.
    pub fn computed(&mut self, slot: Slot) {
        self.parts.push(Part::Computed(slot));
    }

    /// A member that is an object holding what `inside` adds.
    pub fn object(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open(&["\"", name, "\":{"], Around::Object, inside);
    }

    /// A member that is an array holding what `inside` adds.
    pub fn array(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open(&["\"", name, "\":["], Around::Array, inside);
    }

    /// An array element that is an object holding what `inside` adds.
    pub fn item(&mut self, inside: impl FnOnce(&mut Self)) {
        self.open(&["{"], Around::Object, inside);
    }

    /// `text`, the narrative: `lines` adds what is shown of it.
    pub fn narrative(&mut self, lines: impl FnOnce(&mut Self)) {
        self.object("text", |b| {
            b.frame("status", || "generated");
            let div = r#""div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">"#;
            b.open(&[div], Around::Narrative, lines);
        });
    }

    /// A paragraph of the narrative, shown with the content of the same kinds.
    pub fn line(&mut self, kinds: &[KindId], text: &str) {
        if self.is_draft {
            return;
        }
        let text = self.text(|all| {
            all.extend(b"<p");
            let quote = all.len();
            json(all, &escape(text));
            // The quotes of the JSON text are where the paragraph's tags go.
            if let Some(opening) = all.get_mut(quote) {
                *opening = b'>';
            }
            all.pop();
            all.extend(b"</p>");
        });
        let kinds = self.list(kinds);
        self.parts.push(Part::Dependent { kinds, text });
    }

    /// A search row.
    pub fn row<T: AsRef<str>>(
        &mut self,
        kinds: &[KindId],
        param: &'static str,
        value: RowValue<T>,
    ) {
        if self.is_draft {
            return;
        }
        let kinds = self.list(kinds);
        let value = value.hold(|text| self.put(&[text.as_ref()]));
        self.rows.push(Row { param, value, kinds });
    }

    /// Search rows of all that the type's parameters find in a part of the resource, given as it stands
    /// in the whole.
    pub fn rows(&mut self, kinds: &[KindId], part: impl FnOnce() -> Value) {
        if self.is_draft {
            return;
        }
        let (kind, part) = (self.resource.kind, part());
        for param in param::of(kind).iter().chain(param::beside_all(kind)) {
            for value in path::values(kind, *param, &part) {
                self.row(kinds, param.0, value);
            }
        }
    }

    /// The same of what goes with the resource, after all its content: for whom anything of it exists.
    pub fn frame_rows(&mut self, part: impl FnOnce() -> Value) {
        let mut kinds: Vec<KindId> = Vec::new();
        for part in &self.parts {
            if let Part::Content { kinds: of, .. } = part {
                let of = self.kinds.get(of.start as usize..of.end as usize);
                kinds.extend(of.unwrap_or_default());
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        self.rows(&kinds, part);
    }

    /// The resource.
    pub fn build(self) -> Resource {
        Resource {
            rows: self.rows.into(),
            parts: self.parts.into(),
            kinds: self.kinds.into(),
            stamps: self.stamps.into(),
            // It was put together of texts.
            text: String::from_utf8(self.text).unwrap_or_default().into(),
            ..self.resource
        }
    }

    fn open(&mut self, opening: &[&str], around: Around, inside: impl FnOnce(&mut Self)) {
        let text = self.put(opening);
        let at = self.parts.len();
        self.parts.push(Part::Open { text, around, inside: 0 });
        inside(self);
        let count = u32::try_from(self.parts.len() - at - 1).unwrap_or(u32::MAX);
        if let Some(Part::Open { inside, .. }) = self.parts.get_mut(at) {
            *inside = count;
        }
    }

    fn member<T: Serialize>(&mut self, name: &str, value: impl FnOnce() -> T) -> Range<u32> {
        self.text(|text| {
            json(text, name);
            text.push(b':');
            json(text, &value());
        })
    }

    /// What `write` adds to the text; nothing while only kinds are learnt.
    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<u32> {
        let start = offset(self.text.len());
        if !self.is_draft {
            write(&mut self.text);
        }
        start..offset(self.text.len())
    }

    fn put(&mut self, texts: &[&str]) -> Range<u32> {
        self.text(|all| texts.iter().for_each(|text| all.extend(text.as_bytes())))
    }

    fn list(&mut self, kinds: &[KindId]) -> Range<u32> {
        // Neighbours mostly have the same kinds.
        let before = self.kinds.len().checked_sub(kinds.len());
        if let Some(at) = before.filter(|at| self.kinds.get(*at..) == Some(kinds)) {
            return offset(at)..offset(self.kinds.len());
        }
        let start = offset(self.kinds.len());
        self.kinds.extend_from_slice(kinds);
        start..offset(self.kinds.len())
    }
}

/// Adds a value as JSON. Writing to memory cannot fail, and names in it are texts.
fn json<T: Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).ok();
}

/// A document is at most a few megabytes, so an offset fits.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
