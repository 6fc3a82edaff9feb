//! The lines of an export's file, piece by piece.
//!
//! Part of `bundle`. A line is a resource as the reader sees it. With `_elements` it is cut from those
//! bytes, never from more, and says so by `SUBSETTED`. Source: Bulk Data Access 2.0, `export.html#file-request`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Answer, Disclosure, disclosures, history, note, note_all, peers_disclosure};
use crate::{
    domain::id::NodeCode,
    error::{Error, Result},
    federation::{Entry, Gone, page::ABOUT},
    fhir::types::ResourceType,
    query::{page::Sealer, shape::Shape},
    search::{Hit, history::Version},
};

/// Lines in the making.
pub struct Lines<'a> {
    node: &'a NodeCode,
    sealer: &'a dyn Sealer,
    body: Vec<u8>,
    disclosures: Vec<Disclosure>,
}

impl<'a> Lines<'a> {
    /// No line yet.
    pub fn new(node: &'a NodeCode, sealer: &'a dyn Sealer) -> Self {
        Self { node, sealer, body: Vec::new(), disclosures: Vec::new() }
    }

    /// Adds what is seen of a resource, in this form.
    pub fn add(&mut self, hit: &Hit, shape: &Shape) {
        let written = hit.view.written(&hit.resource, &hit.sight, self.sealer);
        match shape.cut(hit.resource.kind, &written.text) {
            None => self.body.extend_from_slice(&written.text),
            Some(cut) => self.body.extend_from_slice(&cut),
        }
        self.body.push(b'\n');
        note_all(&mut self.disclosures, disclosures(hit, self.node));
    }

    /// Adds that these of one person are there no more.
    pub fn gone(&mut self, gone: &[(ResourceType, Version)]) {
        let Some((_, one)) = gone.first() else { return };
        self.delete(&one.whose.0, gone.iter().map(|(kind, one)| (*kind, &one.id)));
        for (kind, one) in gone {
            note_all(&mut self.disclosures, history::disclosures(one, *kind, self.node));
        }
    }

    /// Adds what a peer says is there no more of one person.
    pub fn pass_gone(&mut self, gone: &Gone) {
        self.delete(&gone.patient, gone.resources.iter().map(|(kind, id)| (*kind, id)));
        note(&mut self.disclosures, peers_gone(gone));
    }

    /// Adds one line, that deletes them where they were copied to. It says whose they were, as nothing
    /// else does, for the record of whoever passes it on.
    fn delete<'b>(
        &mut self,
        patient: &str,
        of: impl Iterator<Item = (ResourceType, &'b Arc<str>)>,
    ) {
        let entry = of.map(|(kind, id)| {
            json!({ "request": { "method": "DELETE", "url": format!("{kind}/{id}") } })
        });
        let entry: Vec<Value> = entry.collect();
        let link = json!([{ "relation": ABOUT, "url": format!("Patient/{patient}") }]);
        let line = json!({
            "resourceType": "Bundle", "type": "transaction", "link": link, "entry": entry,
        });
        self.body.extend_from_slice(line.to_string().as_bytes());
        self.body.push(b'\n');
    }

    /// Adds what a peer released, in this form.
    ///
    /// # Errors
    /// `Internal` if that is no JSON.
    pub fn pass(&mut self, entry: &Entry, shape: &Shape) -> Result<()> {
        let released = entry.resource.get().as_bytes();
        let cut = shape.cut(entry.kind, released);
        let wanted = cut.as_deref().unwrap_or(released);
        if wanted.contains(&b'\n') {
            // A line has no line break of its own.
            let value: Value = serde_json::from_slice(wanted).map_err(Error::internal)?;
            serde_json::to_writer(&mut self.body, &value).map_err(Error::internal)?;
        } else {
            self.body.extend_from_slice(wanted);
        }
        self.body.push(b'\n');
        note(&mut self.disclosures, peers_disclosure(entry));
        Ok(())
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Is there no line?
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The finished page of another gateway: a Bundle of the lines, and where it goes on.
    pub fn close_page(mut self, next: Option<&str>, known_current: Duration) -> Answer {
        let mut body = br#"{"resourceType":"Bundle","type":"collection""#.to_vec();
        if let Some(url) = next {
            let link = json!([{ "relation": "next", "url": url }]);
            body.extend_from_slice(format!(",\"link\":{link}").as_bytes());
        }
        let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (number, line) in lines.enumerate() {
            let before: &[u8] = if number == 0 { b",\"entry\":[" } else { b"," };
            body.extend_from_slice(before);
            body.extend_from_slice(b"{\"resource\":");
            body.extend_from_slice(line);
            body.push(b'}');
        }
        if !self.body.is_empty() {
            body.push(b']');
        }
        body.push(b'}');
        self.body = body;
        self.close(known_current)
    }

    /// The finished piece.
    pub fn close(self, known_current: Duration) -> Answer {
        Answer::once(self.body.into(), self.disclosures, known_current)
    }
}

/// What leaves with what a peer says is there no more.
pub(super) fn peers_gone(gone: &Gone) -> Disclosure {
    let whose = (Arc::clone(&gone.patient), None);
    Disclosure::naming(whose, gone.resources.clone(), gone.node.clone())
}
