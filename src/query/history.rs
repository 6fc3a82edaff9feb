//! What is asked of a history: since when, as of when, how many, and which page.
//!
//! Part of the step `query`, after `scope`. Reads names and values only. Source: FHIR R4
//! http.html#history.

use super::{DEFAULT_COUNT, Raw, Terms, bad, count, page::Cursor, pairs, patient, single};
use crate::{
    domain::moment::Moment,
    error::{Error, Kind, Result},
    fhir::{date, types::ResourceType},
    query::{page::Sealer, printable},
    route::Call,
    scope::Grant,
};

/// What of a history is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The type.
    pub kind: ResourceType,
    /// The one resource, or all of a person.
    pub id: Option<String>,
    /// Id of the person's Patient, where all are asked for.
    pub patient: Option<String>,
    /// Versions that came to be then or later.
    pub since: Option<Moment>,
    /// Versions that were current at some instant from the first to the second.
    pub at: Option<(Moment, Moment)>,
    /// Entries of a page; 0 asks for the count alone.
    pub count: usize,
    /// Where an earlier page ended.
    pub cursor: Option<Cursor>,
    /// As understood, for links.
    pub understood: Vec<(String, String)>,
    /// What a cursor is bound to: this question by this caller.
    pub binding: [u8; 16],
}

/// Reads the parameters of a history.
///
/// # Errors
/// `Invalid` with the parameter's name for what cannot be read; `TooCostly` for the history of a type
/// across people. Unknown parameters are ignored, or refused if the caller asked to be strict.
pub fn parse(grant: &Grant, raw: Raw<'_>, terms: Terms<'_>) -> Result<Asked> {
    let (kind, id) = if let Call::HistoryInstance(kind, id) = grant.call() {
        (*kind, Some(id.clone()))
    } else if let Call::HistoryType(kind) = grant.call() {
        (*kind, None)
    } else {
        return Err(Error::internal("this call has no history"));
    };
    let count = DEFAULT_COUNT.min(terms.most);
    let mut asked = Asked { kind, id, count, ..Asked::everything() };
    let mut cursor = None;
    for pair in pairs(raw.url.unwrap_or("").as_bytes()) {
        let (name, value) = pair?;
        if name == "_cursor" {
            cursor = Some(value);
        } else if !value.is_empty() {
            asked.take(name, value, raw.strict, terms)?;
        }
    }
    if asked.id.is_none() && asked.patient.is_none() {
        let say = "Name the person: patient=Patient/id. The history of all people is not answered.";
        return Err(Error::new(Kind::TooCostly, say).at("patient"));
    }
    asked.binding = bind(grant, &asked, terms.sealer);
    if let Some(text) = cursor {
        asked.cursor = Some(Cursor::open(&text, &asked.binding, terms.sealer, terms.now)?);
    }
    Ok(asked)
}

impl Asked {
    /// Every version there is.
    pub const fn everything() -> Self {
        Self {
            kind: ResourceType::Consent,
            id: None,
            patient: None,
            since: None,
            at: None,
            count: usize::MAX,
            cursor: None,
            understood: Vec::new(),
            binding: [0; 16],
        }
    }

    fn take(&mut self, name: String, value: String, strict: bool, terms: Terms<'_>) -> Result<()> {
        match name.as_str() {
            "_count" => self.count = single("_count", count(&value))?.min(terms.most),
            "_since" => {
                let since = date::range(&value).filter(|_| value.contains('T'));
                let say = "It is an instant with a zone; write '+' as %2B.";
                self.since = Some(since.ok_or_else(|| bad("_since", say))?.0);
            }
            "_at" => {
                let (lo, hi) = period(&value).ok_or_else(|| {
                    bad(
                        "_at",
                        "It is a date or a time with a zone, with an optional prefix ge or le.",
                    )
                })?;
                let (from, to) = self.at.unwrap_or((Moment::MIN, Moment::MAX));
                self.at = Some((from.max(lo), to.min(hi)));
            }
            "_format" => return Ok(()),
            "patient" if self.id.is_none() && self.patient.is_none() => {
                self.patient = Some(patient("patient", &value, terms.base)?);
            }
            "patient" if self.id.is_none() => {
                return Err(bad("patient", "Name one person once."));
            }
            _ if strict => {
                let say = "This parameter is not known here; see /fhir/metadata.";
                return Err(Error::new(Kind::NotSupported, say).at(printable(&name)));
            }
            _ => return Ok(()),
        }
        self.understood.push((name, value));
        Ok(())
    }

    /// The same with so many entries a page.
    #[must_use]
    pub fn counting(&self, count: usize) -> Self {
        let mut other = Self { count, ..self.clone() };
        other.understood.retain(|(name, _)| name != "_count");
        other.understood.push(("_count".to_owned(), count.to_string()));
        other
    }

    /// Is a version asked for that came to be at `at` and was current until before `until`?
    pub fn takes(&self, at: Moment, until: Moment) -> bool {
        let since = self.since.is_none_or(|since| since <= at);
        since && self.at.is_none_or(|(first, last)| at <= last && until > first && first <= last)
    }

    /// Where it is asked, on a gateway with this FHIR base; with a cursor, where it goes on.
    pub fn url(&self, base: &str, cursor: Option<&str>) -> String {
        let link = self.link(cursor);
        let mark = if link.is_empty() { "" } else { "?" };
        format!("{base}{}{mark}{link}", self.path())
    }

    /// The path below a FHIR base.
    pub fn path(&self) -> String {
        match &self.id {
            Some(id) => format!("/{}/{id}/_history", self.kind.name()),
            None => format!("/{}/_history", self.kind.name()),
        }
    }

    /// The parameters as understood, encoded for a link.
    pub fn link(&self, cursor: Option<&str>) -> String {
        let mut link = form_urlencoded::Serializer::new(String::new());
        link.extend_pairs(&self.understood);
        if let Some(cursor) = cursor {
            link.append_pair("_cursor", cursor);
        }
        link.finish()
    }
}

/// The instants that a value of `_at` names.
fn period(value: &str) -> Option<(Moment, Moment)> {
    if let Some(rest) = value.strip_prefix("ge") {
        return Some((date::range(rest)?.0, Moment::MAX));
    }
    if let Some(rest) = value.strip_prefix("le") {
        return Some((Moment::MIN, date::range(rest)?.1));
    }
    date::range(value)
}

fn bind(grant: &Grant, asked: &Asked, sealer: &dyn Sealer) -> [u8; 16] {
    let text = asked.url("", None);
    sealer.digest(&[grant.caller().fingerprint().as_slice(), text.as_bytes()])
}
