//! What is asked of `$everything`: of which types, since when, how many, and which page.
//!
//! Part of the step `query`. It is a row of searches, type by type, so what it finds is what they would
//! find, and its pages go through the types in one fixed order. Source: FHIR R4 patient-operation-everything.

use super::{
    DEFAULT_COUNT, Filter, How, Person, Query, Raw, Terms, bad, count, pairs, param, printable,
    single,
};
use crate::{
    error::{Error, Kind, Result},
    fhir::{date, types::ResourceType},
    query::{page::Cursor, test::Test},
    scope::Grant,
};

/// The order of the types. What the log says grows with every answer, so it is asked for by itself.
const TYPES: [ResourceType; 11] = [
    ResourceType::Patient,
    ResourceType::QuestionnaireResponse,
    ResourceType::Observation,
    ResourceType::CarePlan,
    ResourceType::Goal,
    ResourceType::ServiceRequest,
    ResourceType::Task,
    ResourceType::CareTeam,
    ResourceType::Consent,
    ResourceType::RelatedPerson,
    ResourceType::Provenance,
];

/// One question about everything of a person.
pub struct Everything {
    /// A search for each type, in order; the count is that of a page.
    pub searches: Vec<Query>,
    /// The search that the page starts with.
    pub first: usize,
    /// The question as a whole, for its links.
    pub whole: Query,
}

/// Reads the parameters.
///
/// # Errors
/// `Invalid` with the parameter's name for what cannot be read, `NotSupported` for `start` and `end`, and
/// for what is not known if the caller is strict.
pub fn parse(grant: &Grant, id: &str, raw: Raw<'_>, terms: Terms<'_>) -> Result<Everything> {
    let mut types = Vec::new();
    let mut since = None;
    let mut cursor = None;
    let mut whole = Query::new(ResourceType::Patient);
    whole.path = Some(format!("Patient/{id}/$everything").into());
    whole.count = DEFAULT_COUNT.min(terms.most);
    for pair in pairs(raw.url.unwrap_or("").as_bytes()) {
        let (name, value) = pair?;
        match name.as_str() {
            "_cursor" => {
                cursor = Some(value);
                continue;
            }
            "_format" | "_pretty" => continue,
            "_count" => {
                whole.count = single("_count", count(&value))?.clamp(1, terms.most);
            }
            "_type" => types.extend(value.split(',').map(kind).collect::<Result<Vec<_>>>()?),
            "_since" => {
                let at = date::range(&value).filter(|_| value.contains('T'));
                let say = "It is an instant with a zone; write '+' as %2B.";
                at.ok_or_else(|| bad("_since", say))?;
                since = Some(format!("ge{value}"));
            }
            "start" | "end" => {
                let say = "Ask for the type itself, by its own date; or by _since.";
                return Err(Error::new(Kind::NotSupported, say).at(name));
            }
            _ if raw.strict => {
                let say = "This parameter is not known here: it is _count, _since or _type.";
                return Err(Error::new(Kind::NotSupported, say).at(printable(&name)));
            }
            _ => continue,
        }
        whole.understood.push((name, value));
    }
    let is_asked = |kind: &ResourceType| types.is_empty() || types.contains(kind);
    let kinds = TYPES.into_iter().filter(is_asked);
    let searches = kinds.map(|kind| search(kind, id, whole.count, since.as_deref()));
    let mut searches = searches.collect::<Result<Vec<_>>>()?;
    let url = whole.url("", None);
    whole.binding = terms.sealer.digest(&[grant.caller().fingerprint().as_slice(), url.as_bytes()]);
    let mut first = 0;
    if let Some(text) = cursor {
        let cursor = Cursor::open(&text, &whole.binding, terms.sealer, terms.now)?;
        first = usize::from(cursor.source);
        if let Some(search) = searches.get_mut(first) {
            search.cursor =
                cursor.after.map(|after| Cursor { after: Some(after), ..Cursor::default() });
        }
    }
    Ok(Everything { searches, first, whole })
}

/// One type of `_type`.
fn kind(name: &str) -> Result<ResourceType> {
    let known = ResourceType::parse(name).filter(|kind| TYPES.contains(kind));
    known.ok_or_else(|| bad("_type", "Name types of which a person has resources: Goal,CarePlan."))
}

/// The search for one type.
fn search(kind: ResourceType, id: &str, count: usize, since: Option<&str>) -> Result<Query> {
    let mut query = Query::new(kind);
    query.person = Some(Person::Id(id.to_owned()));
    query.count = count;
    if let Some(since) = since {
        let any = vec![Test::parse(param::Type::Date, since, "")?];
        query.filters.push(Filter { param: "_lastUpdated", how: How::Any, any });
        query.sent.push(("_lastUpdated".to_owned(), since.to_owned()));
    }
    Ok(query)
}
