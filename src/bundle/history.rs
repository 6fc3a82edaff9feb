//! One page of a history, and one version.
//!
//! Part of `bundle`. Versions are in order when they come; a page ends after `_count`, and the next one
//! starts after its last entry. Source: FHIR R4 http.html#history, bundle.html#history.

use std::{io::Write as _, sync::Arc, time::Duration};

use super::{
    Answer, Disclosure, Said, export::peers_gone, note, note_all, peers_disclosure, with_others,
    write,
};
use crate::{
    bundle::Frame,
    domain::{id::NodeCode, moment::Moment},
    error::{Error, Result},
    federation::{
        history::{Left, Page},
        page::ABOUT,
    },
    fhir::types::ResourceType,
    query::{history::Asked, page::Cursor},
    search::history::{History, Version},
};

/// The answer that is one version.
///
/// # Errors
/// `NotFound` if the reader sees no such version, or one that says that it is gone.
pub fn version(
    history: History,
    version: &str,
    frame: &Frame<'_>,
    known_current: Duration,
) -> Result<Answer> {
    let kind = history.kind();
    let found = history.version(version).ok_or_else(Error::not_found)?;
    let told_of = disclosures(&found, kind, frame.node);
    let written = found.written.ok_or_else(Error::not_found)?;
    let said = Said::new(written.text, written.version, told_of);
    Ok(Answer::new(Arc::new(said), known_current))
}

/// One page of what is asked of a history.
///
/// # Errors
/// `NotFound` for the history of one resource of which nothing was ever seen.
pub fn page(
    history: History,
    asked: &Asked,
    frame: &Frame<'_>,
    known_current: Duration,
) -> Result<Answer> {
    let kind = history.kind();
    if asked.id.is_some() && history.is_empty() {
        return Err(Error::not_found());
    }
    let mut found = history.find(asked);
    let total = found.len();
    let after = asked.cursor.as_ref().and_then(|cursor| cursor.after.as_ref());
    if let Some((at, place)) = after {
        let done = found.iter().position(|v| self::place(v) == *place).map_or_else(
            || found.iter().take_while(|v| v.at > Moment::from_millis(*at)).count(),
            |last| last + 1,
        );
        found.drain(..done);
    }
    let mut next = None;
    if asked.count > 0 && found.len() > asked.count {
        found.truncate(asked.count);
        next = found.last().map(|last| Cursor {
            after: Some((last.at.millis(), place(last))),
            ..Cursor::default()
        });
    }
    let mut disclosures = Vec::new();
    if asked.count == 0 {
        // That they are counted is told of whom they are about.
        for version in found.drain(..) {
            note_all(&mut disclosures, self::disclosures(&version, kind, frame.node));
        }
    }
    let mut body = Vec::with_capacity(1024 + found.len() * 4096);
    write::open(&mut body, "history", Some(total), &links(asked, frame, next.as_ref()));
    let mut first = true;
    for version in &found {
        separate(&mut body, &mut first);
        let written = version.written.as_ref();
        let entry = Entry {
            kind,
            id: &version.id,
            patient: &version.whose.0,
            is_new: version.is_new,
            at: version.at,
            shown: written.map(|written| (&*written.text, version.version())),
        };
        entry.write(frame.base, &mut body);
        note_all(&mut disclosures, self::disclosures(version, kind, frame.node));
    }
    Ok(close(body, first, disclosures, known_current))
}

/// A page of a peer's, its entries as they were released; where they are only counted, the count.
pub fn peers_page(page: Page, asked: &Asked, frame: &Frame<'_>, asked_at: Duration) -> Answer {
    let is_counted = asked.count == 0;
    let next = page.next.filter(|_| !is_counted);
    let next = next.map(|peer| Cursor { peer: Some(peer), ..Cursor::default() });
    let mut disclosures = Vec::new();
    let mut body = Vec::with_capacity(1024);
    write::open(&mut body, "history", page.total, &links(asked, frame, next.as_ref()));
    let mut first = true;
    for then in &page.entries {
        note(
            &mut disclosures,
            match &then.left {
                Left::Entry(shown) => peers_disclosure(shown),
                Left::Nothing(gone) => peers_gone(gone),
            },
        );
        if is_counted {
            continue;
        }
        separate(&mut body, &mut first);
        let entry = Entry {
            kind: asked.kind,
            id: &then.id,
            patient: then.left.patient(),
            is_new: then.is_new,
            at: then.at,
            shown: match &then.left {
                Left::Entry(shown) => {
                    Some((shown.resource.get().as_bytes(), shown.version.as_deref()))
                }
                Left::Nothing(_) => None,
            },
        };
        entry.write(frame.base, &mut body);
    }
    close(body, first, disclosures, asked_at)
}

/// One entry: a version, or that there was none any more.
struct Entry<'a> {
    kind: ResourceType,
    id: &'a str,
    /// Whose it is, or was.
    patient: &'a str,
    is_new: bool,
    at: Moment,
    /// The resource and its version.
    shown: Option<(&'a [u8], Option<&'a str>)>,
}

impl Entry<'_> {
    fn write(&self, base: &str, out: &mut Vec<u8>) {
        let Self { kind, id, patient, is_new, at, shown } = self;
        // Writing to memory cannot fail.
        write!(out, "{{\"fullUrl\":\"{base}/{kind}/{id}\",").ok();
        if let Some((resource, _)) = shown {
            out.extend_from_slice(b"\"resource\":");
            out.extend_from_slice(resource);
            out.push(b',');
        } else {
            // Nothing else says whose it was, which whoever passes it on has to write down.
            write!(out, "\"link\":[{{\"relation\":\"{ABOUT}\",\"url\":\"Patient/{patient}\"}}],")
                .ok();
        }
        let (method, status) = match (shown, is_new) {
            (None, _) => ("DELETE", "204"),
            (Some(_), true) => ("PUT", "201"),
            (Some(_), false) => ("PUT", "200"),
        };
        write!(out, "\"request\":{{\"method\":\"{method}\",\"url\":\"{kind}/{id}\"}},").ok();
        write!(out, "\"response\":{{\"status\":\"{status}\",").ok();
        if let Some(version) = shown.and_then(|(_, version)| version) {
            write!(out, "\"etag\":\"W/\\\"{version}\\\"\",").ok();
        }
        write!(out, "\"lastModified\":\"{at}\"}}}}").ok();
    }
}

/// Begins the list of entries, which must not be empty, or goes on with it.
fn separate(out: &mut Vec<u8>, first: &mut bool) {
    if *first {
        write::entries(out);
    }
    write::comma(out, first);
}

fn close(
    mut body: Vec<u8>,
    is_empty: bool,
    mut disclosures: Vec<Disclosure>,
    known_current: Duration,
) -> Answer {
    body.extend_from_slice(if is_empty { b"}" } else { b"]}" });
    for told_of in &mut disclosures {
        // Several versions of one resource are one disclosure of it.
        told_of.resources.sort_unstable();
        told_of.resources.dedup();
    }
    Answer::once(body.into(), disclosures, known_current)
}

/// Where a version stands among all of its instant.
fn place(version: &Version) -> String {
    format!("{}/{}", version.id, version.number)
}

fn links(asked: &Asked, frame: &Frame<'_>, next: Option<&Cursor>) -> Vec<(&'static str, String)> {
    let Frame { base, sealer, federated, now, .. } = *frame;
    let mut links = vec![("self", asked.url(base, None))];
    if let Some(text) = next.and_then(|next| next.seal(&asked.binding, federated, sealer, now)) {
        links.push(("next", asked.url(base, Some(&text))));
    }
    links
}

/// What leaves with a version, or with that it is gone, to the record of each whom it is about.
pub(super) fn disclosures(
    version: &Version,
    kind: ResourceType,
    node: &NodeCode,
) -> Vec<Disclosure> {
    let Version { id, whose: (patient, key), ground, .. } = version;
    let own = Disclosure {
        patient: Arc::clone(patient),
        audit_key: Some(*key),
        resources: vec![(kind, Arc::clone(id))],
        labels: ground.labels,
        basis: ground.basis.to_vec(),
        source: node.clone(),
    };
    with_others(own, ground.others.clone())
}
