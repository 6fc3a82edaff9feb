//! What was released of one person, here and at peers, to be told in one piece: as a picture, a page,
//! a Bundle.
//!
//! Part of `bundle`. Each resource stands here as the reader sees it, with what its record says of it;
//! what is not told of is left out of the record too. Decides and searches nothing.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Disclosure, disclosures, note_all, peers_disclosure};
use crate::{
    consent::view::View,
    domain::id::NodeCode,
    error::{Error, Result},
    federation::{Answered, Completeness, Entry, State},
    fhir::{segment::MetaText, types::ResourceType},
    mutant::{self, Mutant},
    query::{Query, page::Sealer},
    search::{self, Hit},
};

/// One resource as the reader sees it.
pub struct Piece {
    /// Its type.
    pub kind: ResourceType,
    /// Its id.
    pub id: String,
    /// What it says.
    pub resource: Value,
    text: Bytes,
    disclosures: Vec<Disclosure>,
}

/// Everything that was released.
pub struct Gathered {
    pieces: Vec<Piece>,
    statements: Vec<Completeness>,
    known_current: Duration,
}

impl Gathered {
    /// Nothing yet; the gateway's own data are known to be current since then.
    pub fn new(mut statements: Vec<Completeness>, known_current: Duration) -> Self {
        statements.sort_by(|a, b| a.node.cmp(&b.node));
        Self { pieces: Vec::new(), statements, known_current }
    }

    /// Adds everything of these types that one view shows.
    ///
    /// # Errors
    /// `Internal` for what is no JSON.
    pub fn found(
        &mut self,
        view: &Arc<View>,
        kinds: &[ResourceType],
        (node, sealer): (&NodeCode, &dyn Sealer),
    ) -> Result<()> {
        for kind in kinds {
            let found = search::find(view, &Query::everything(*kind, view.patient()));
            for hit in found.hits() {
                self.hit(hit, node, sealer)?;
            }
        }
        self.settle();
        Ok(())
    }

    /// Adds a resource of the gateway's own.
    ///
    /// # Errors
    /// `Internal` for what is no JSON.
    pub fn hit(&mut self, hit: &Hit, node: &NodeCode, sealer: &dyn Sealer) -> Result<()> {
        let text = hit.view.written(&hit.resource, &hit.sight, sealer).text;
        let mut resource: Value = serde_json::from_slice(&text).map_err(Error::internal)?;
        if mutant::on(Mutant::HiddenIsDrawnAsZero) {
            answer_with_zero(&mut resource, hit);
        }
        self.pieces.push(Piece {
            kind: hit.resource.kind,
            id: hit.resource.id.to_string(),
            resource,
            text,
            disclosures: disclosures(hit, node),
        });
        Ok(())
    }

    /// Adds what a peer answered.
    ///
    /// # Errors
    /// `Internal` for what is no JSON.
    pub fn answered(&mut self, answered: &Answered) -> Result<()> {
        for entry in &answered.entries {
            self.entry(entry, answered.asked_at)?;
        }
        self.known_current = self.known_current.min(answered.asked_at);
        self.settle();
        Ok(())
    }

    /// Adds a resource that a peer released.
    ///
    /// # Errors
    /// `Internal` for what is no JSON.
    pub fn entry(&mut self, entry: &Entry, asked_at: Duration) -> Result<()> {
        self.known_current = self.known_current.min(asked_at);
        self.pieces.push(Piece {
            kind: entry.kind,
            id: entry.id.clone(),
            resource: serde_json::from_str(entry.resource.get()).map_err(Error::internal)?,
            text: Bytes::copy_from_slice(entry.resource.get().as_bytes()),
            disclosures: vec![peers_disclosure(entry)],
        });
        Ok(())
    }

    /// Sources answer in any order; what is told has one, and each resource once.
    fn settle(&mut self) {
        self.pieces.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        self.pieces.dedup_by(|a, b| (a.kind, &a.id) == (b.kind, &b.id));
    }

    /// Leaves out what is not told of.
    pub fn keep(&mut self, tells: impl Fn(&Piece) -> bool) {
        self.pieces.retain(tells);
    }

    /// The resources, by type and id.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The resources of a type.
    pub fn of(&self, kind: ResourceType) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(move |piece| piece.kind == kind)
    }

    /// Has every source answered with all it releases?
    pub fn is_complete(&self) -> bool {
        self.statements.iter().all(|statement| statement.state == State::Complete)
    }

    /// Who was asked, by node, with the code of the completeness of each part.
    pub fn asked(&self) -> Vec<(String, &'static str)> {
        self.statements.iter().map(|one| (one.node.to_string(), one.state.code())).collect()
    }

    /// The same as an issue each.
    pub fn issues(&self) -> Vec<Value> {
        self.statements.iter().map(|one| one.state.issue_of(one.node.as_str())).collect()
    }

    /// A Bundle of type `collection`: what was made of the resources first, each with its `fullUrl`, then
    /// the resources as they were released. Source: FHIR R4 bundle.html.
    pub fn collection(&self, base: &str, timestamp: &str, made: &[(String, Value)]) -> String {
        let size: usize = self.pieces.iter().map(|piece| piece.text.len() + 128).sum();
        let mut out = String::with_capacity(size + 16 * 1024);
        write!(
            out,
            "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"timestamp\":\"{timestamp}\",\"entry\":["
        )
        .ok();
        let mut separator = "";
        for (url, resource) in made {
            let url = Value::from(url.as_str());
            write!(out, "{separator}{{\"fullUrl\":{url},\"resource\":{resource}}}").ok();
            separator = ",";
        }
        for piece in &self.pieces {
            let (kind, id) = (piece.kind.name(), &piece.id);
            write!(out, "{separator}{{\"fullUrl\":\"{base}/{kind}/{id}\",\"resource\":").ok();
            out.push_str(str::from_utf8(&piece.text).unwrap_or("null"));
            out.push('}');
            separator = ",";
        }
        out.push_str("]}");
        out
    }

    /// The answer that says this of what is kept.
    pub fn close(self, body: String) -> Answer {
        let mut disclosures: Vec<Disclosure> = Vec::new();
        for piece in self.pieces {
            note_all(&mut disclosures, piece.disclosures);
        }
        Answer::once(body.into(), disclosures, self.known_current)
    }
}

/// Adds to an assessment what is held of it and not seen, as zero.
fn answer_with_zero(seen: &mut Value, hit: &Hit) {
    let whole = mutant::careless(Mutant::HiddenIsDrawnAsZero, || {
        let lens = hit.view.lens(&hit.resource)?;
        let (look, mut text) = (hit.resource.look(&lens)?, String::new());
        let meta = MetaText { version: "1", security: "" };
        hit.resource.write(&lens, &look, &meta, &mut text);
        serde_json::from_str::<Value>(&text).ok()
    });
    let items = |of: &Value| of.get("item").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = items(seen);
    for group in whole.as_ref().map(items).unwrap_or_default() {
        let link = group.get("linkId").cloned().unwrap_or_default();
        if all.iter().all(|known| known.get("linkId") != Some(&link)) {
            let about = format!("{}.satisfaction", link.as_str().unwrap_or_default());
            let zero = json!({ "linkId": about, "answer": [{ "valueInteger": 0 }] });
            all.push(json!({ "linkId": link, "item": [zero] }));
        }
    }
    if let Some(object) = seen.as_object_mut() {
        object.insert("item".to_owned(), Value::Array(all));
    }
}
