//! What exactly is asked: parameters to a [`Query`].
//!
//! Step of the way after `scope`. Reads names and values only; what exists is not in scope here,
//! so a parameter can be refused but never answered. Source: FHIR R4 search.html.

pub mod everything;
pub mod history;
pub mod param;
pub mod selection;
pub mod test;
pub mod lens;
pub mod linked;
pub mod order;
pub mod page;
pub mod private;
pub mod shape;
mod text;

use crate::{
    domain::{identity, moment::Moment},
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    handle::{self, HandleKey, Route},
    mutant::{self, Mutant},
    query::{
        linked::{Condition, Include},
        page::{Cursor, Sealer},
        shape::Shape,
        test::Test,
        text::{bad, base_of, count, of_type, pairs, printable, single, too_many},
    },
    route::Call,
    scope::Grant,
};

/// System of sealed handles that stand for an identity code in links.
pub const HANDLE: &str = "https://mylife.example/fhir/sid/handle";

const DEFAULT_COUNT: usize = 50;
/// Entries of one type that an operation about one person gathers from one source.
const MOST: usize = 1000;
/// Longest list of alternatives or parameters; more is too costly.
const MANY: usize = 100;

/// The one person a question is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Person {
    /// By the id of a Patient at some node.
    Id(String),
    /// By `system|value`, from a body alone.
    Identifier(String, String),
}

/// One parameter: the alternatives of its value, any of which may hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filter {
    /// FHIR name.
    pub param: &'static str,
    /// What must hold of the values.
    pub how: How,
    /// The alternatives.
    pub any: Vec<Test>,
}

/// What must hold of the values of a parameter that exist for the reader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum How {
    /// One of them is as one of the alternatives.
    Any,
    /// None of them is (`:not`).
    None,
    /// There is none, or there is one (`:missing`).
    Missing(bool),
}

/// A sort key and its direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sort {
    /// FHIR name of the parameter.
    pub param: &'static str,
    /// Newest or last first.
    pub descending: bool,
}

/// What a search asks.
#[derive(Clone, Debug)]
pub struct Query {
    /// The type searched.
    pub kind: ResourceType,
    /// The one person, or nobody in particular.
    pub person: Option<Person>,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// All must hold of neighbours.
    pub links: Vec<Condition>,
    /// Neighbours of the matches that are added.
    pub includes: Vec<Include>,
    /// The form of the resources.
    pub shape: Shape,
    /// In order; empty means newest first.
    pub sort: Vec<Sort>,
    /// Entries of a page; 0 asks for the count alone.
    pub count: usize,
    /// `_total=none` leaves the total out.
    pub total: bool,
    /// Where an earlier page ended.
    pub cursor: Option<Cursor>,
    /// The query as understood, for the self link; an identity code is not among it.
    pub understood: Vec<(String, String)>,
    /// What peers are asked of it, beside who is meant and how much of a page is wanted.
    pub sent: Vec<(String, String)>,
    /// What a cursor is bound to: this query by this caller.
    pub binding: [u8; 16],
    /// Where it is asked below the base, if that is not the address of the type.
    pub path: Option<Box<str>>,
}

/// The raw parameters of a search, from the URL and from a form body.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// After `?`, not decoded.
    pub url: Option<&'a str>,
    /// The form body of `POST _search`, not decoded.
    pub body: Option<&'a [u8]>,
    /// `Prefer: handling=strict`.
    pub strict: bool,
}

/// Where a parameter stands, and how strictly it is read.
#[derive(Clone, Copy)]
struct From {
    in_url: bool,
    strict: bool,
}

/// What of the gateway the parser reads.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Own FHIR base, without a slash at the end.
    pub base: &'a str,
    /// Most entries of a page.
    pub most: usize,
    /// Opens cursors and links.
    pub sealer: &'a dyn Sealer,
    /// Opens what another gateway sealed for this one.
    pub handle: &'a HandleKey,
    /// This gateway.
    pub node: &'a str,
    /// The gateway that asks; `None` for a client.
    pub from: Option<&'a str>,
    /// Instant of the request.
    pub now: Moment,
}

/// Reads the parameters of a search.
///
/// # Errors
/// `Invalid` with the parameter's name for what cannot be read, `TooCostly` for what costs more than
/// a request may. Unknown parameters are ignored, or refused if the caller asked to be strict.
pub fn parse(grant: &Grant, raw: Raw<'_>, terms: Terms<'_>) -> Result<Query> {
    if let Call::Search(kind) = grant.call() {
        query(grant, *kind, None, raw, terms)
    } else if let Call::Compartment(id, kind) = grant.call() {
        query(grant, *kind, Some(id), raw, terms)
    } else {
        Err(Error::internal("only a search has a query"))
    }
}

/// Reads the condition of a conditional write: a search among what one person has.
///
/// # Errors
/// As [`parse`].
pub fn condition(grant: &Grant, raw: Raw<'_>, terms: Terms<'_>) -> Result<Query> {
    let kind = grant.call().resource().ok_or_else(|| Error::internal("nothing is created"))?;
    query(grant, kind, None, raw, terms)
}

fn query(
    grant: &Grant,
    kind: ResourceType,
    whose: Option<&str>,
    raw: Raw<'_>,
    terms: Terms<'_>,
) -> Result<Query> {
    let mut query = Query::new(kind);
    query.count = DEFAULT_COUNT.min(terms.most);
    if let Some(id) = whose {
        // A search of somebody's compartment is that of the type with the person named.
        let from = From { in_url: true, strict: raw.strict };
        query.take("patient", &format!("Patient/{id}"), from, terms)?;
    }
    let mut cursor = None;
    let in_url = pairs(raw.url.unwrap_or("").as_bytes()).map(|pair| (pair, true));
    let in_body = pairs(raw.body.unwrap_or(&[])).map(|pair| (pair, false));
    for (given, (pair, in_url)) in in_url.chain(in_body).enumerate() {
        if given >= MANY {
            return Err(too_many());
        }
        let (name, value) = pair?;
        if name == "_cursor" {
            cursor = Some(value);
        } else {
            query.take(&name, &value, From { in_url, strict: raw.strict }, terms)?;
        }
    }
    query.settle()?;
    query.binding = bind(grant, &query, terms.sealer);
    if let Some(text) = cursor {
        query.cursor = Some(Cursor::open(&text, &query.binding, terms.sealer, terms.now)?);
    }
    let across = kind.is_personal() && query.person.is_none();
    if across && query.sort.iter().any(|s| s.param != "_id" || s.descending) {
        let say = "Across people the order is that of Patient ids; sort one person's data only.";
        return Err(Error::new(Kind::TooCostly, say).at("_sort"));
    }
    if query.person.is_none() && query.kind == ResourceType::AuditEvent {
        let say = "Name whose records are asked for: patient, or patient.identifier in a body.";
        return Err(Error::new(Kind::TooCostly, say).at("patient"));
    }
    Ok(query)
}

impl Query {
    /// Everything of a type that one person has, as an operation about the person gathers it.
    pub fn everything(kind: ResourceType, patient: &str) -> Self {
        let person = Some(Person::Id(patient.to_owned()));
        Self { person, count: MOST, total: false, ..Self::new(kind) }
    }

    /// Everything of a type.
    pub const fn new(kind: ResourceType) -> Self {
        Self {
            kind,
            person: None,
            filters: Vec::new(),
            links: Vec::new(),
            includes: Vec::new(),
            shape: Shape::Whole,
            sort: Vec::new(),
            count: DEFAULT_COUNT,
            total: true,
            cursor: None,
            understood: Vec::new(),
            sent: Vec::new(),
            binding: [0; 16],
            path: None,
        }
    }

    fn take(&mut self, name: &str, value: &str, from: From, terms: Terms<'_>) -> Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        match name {
            "_count" => self.count = single("_count", count(value))?.min(terms.most),
            "_format" | "_pretty" => return Ok(()),
            "_summary" if value == "count" => self.count = 0,
            "_summary" | "_elements" => {
                self.shape.take(self.kind, name, value)?;
            }
            "patient" | "subject" | "patient:Patient" | "subject:Patient"
                if param::find(self.kind, base_of(name)).is_some() =>
            {
                self.name(Person::Id(patient(name, value, terms.base)?))?;
            }
            "patient.identifier"
            | "subject.identifier"
            | "patient:Patient.identifier"
            | "subject:Patient.identifier"
                if param::find(self.kind, base_of(name)).is_some() =>
            {
                return self.identifier(name, value, from.in_url, terms);
            }
            "_id" if self.kind == ResourceType::Patient && !value.contains(',') => {
                self.name(Person::Id(value.to_owned()))?;
            }
            "identifier" if self.kind == ResourceType::Patient => {
                return self.identifier(name, value, from.in_url, terms);
            }
            "identifier:of-type" if self.kind == ResourceType::Patient => {
                return self.identifier(name, &of_type(name, value)?, from.in_url, terms);
            }
            "_total" => {
                self.total = match value {
                    "none" => false,
                    "accurate" | "estimate" => true,
                    _ => return Err(bad("_total", "It is none, estimate or accurate.")),
                };
                self.sent.push((name.to_owned(), value.to_owned()));
            }
            "_sort" => {
                self.sort = sort(self.kind, value)?;
                self.sent.push((name.to_owned(), value.to_owned()));
            }
            _ => return self.take_condition(name, value, from, terms),
        }
        self.understood.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Takes a parameter that selects resources, or neighbours of them.
    fn take_condition(
        &mut self,
        name: &str,
        value: &str,
        from: From,
        terms: Terms<'_>,
    ) -> Result<()> {
        let mut shown = value.to_owned();
        let mut sent = value.to_owned();
        if matches!(name.split(':').next(), Some("_include" | "_revinclude")) {
            self.includes.push(linked::include(self.kind, name, value)?);
        } else {
            match linked::condition(self.kind, name, value, from, terms)? {
                Some((condition, is_private)) => {
                    if is_private {
                        shown = private::sealed(value, terms);
                        sent = private::opened(value, terms)?;
                    }
                    match condition {
                        Condition::Is(filter) => self.filters.push(filter),
                        Condition::RefersTo(..) | Condition::IsReferredToBy(..) => {
                            self.links.push(condition);
                        }
                    }
                }
                None if from.strict => {
                    let say = "This parameter is not known here; see /fhir/metadata.";
                    return Err(Error::new(Kind::NotSupported, say).at(printable(name)));
                }
                None => return Ok(()),
            }
        }
        if self.links.len().max(self.includes.len()) > linked::LINKS {
            let say = "Too many conditions on neighbours, or includes; ask in steps.";
            return Err(Error::new(Kind::TooCostly, say).at(printable(name)));
        }
        self.sent.push((name.to_owned(), sent));
        self.understood.push((name.to_owned(), shown));
        Ok(())
    }

    /// Is what was asked for of one piece?
    fn settle(&self) -> Result<()> {
        if self.shape == Shape::Text && !self.includes.is_empty() {
            let say = "Nothing is included where only the narrative is asked for (FHIR R4).";
            return Err(Error::invalid(say).at("_summary"));
        }
        Ok(())
    }

    fn identifier(
        &mut self,
        name: &str,
        value: &str,
        in_url: bool,
        terms: Terms<'_>,
    ) -> Result<()> {
        let sealer = terms.sealer;
        let Some((system, code)) = value.split_once('|').filter(|(_, c)| !c.contains(',')) else {
            return Err(bad(name, "It is system|value, one value."));
        };
        let sealed = system == HANDLE || system == handle::SYSTEM;
        let code = if system == HANDLE {
            sealer
                .open_link(code)
                .ok_or_else(|| bad(name, "This handle is not of this gateway."))?
        } else if system == handle::SYSTEM {
            let from = terms.from.ok_or_else(|| bad(name, "Handles are for gateways."))?;
            let route = Route { from, to: terms.node };
            terms.handle.open(code, route, terms.now)?.to_string()
        } else if in_url && system == identity::SYSTEM {
            let say = "An identity code must not stand in a URL; use POST _search.";
            return Err(Error::invalid(say).at(name.to_owned()));
        } else {
            code.to_owned()
        };
        let system = if sealed { identity::SYSTEM } else { system };
        let shown = if system == identity::SYSTEM {
            format!("{HANDLE}|{}", sealer.seal_link(&code))
        } else {
            value.to_owned()
        };
        self.understood.push((name.to_owned(), shown));
        self.name(Person::Identifier(system.to_owned(), code))
    }

    fn name(&mut self, person: Person) -> Result<()> {
        match &self.person {
            Some(other) if *other != person => {
                Err(Error::invalid("Name one person once: these parameters name two."))
            }
            Some(_) | None => {
                self.person = Some(person);
                Ok(())
            }
        }
    }

    /// Where it is asked, on a gateway with this FHIR base; with a cursor, where it goes on.
    pub fn url(&self, base: &str, cursor: Option<&str>) -> String {
        let link = self.link(cursor);
        let mark = if link.is_empty() { "" } else { "?" };
        let path = self.path.as_deref().unwrap_or(self.kind.name());
        format!("{base}/{path}{mark}{link}")
    }

    /// The parameters as understood, encoded for a link.
    pub fn link(&self, cursor: Option<&str>) -> String {
        let mut link = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.understood {
            link.append_pair(name, value);
        }
        if let Some(cursor) = cursor {
            link.append_pair("_cursor", cursor);
        }
        link.finish()
    }
}

/// Everything a later page must not change: who asks, and for what.
fn bind(grant: &Grant, query: &Query, sealer: &dyn Sealer) -> [u8; 16] {
    let text = format!("{}?{}", query.kind.name(), query.link(None));
    let anybodys = mutant::on(Mutant::CursorIsAnybodys);
    let who = if anybodys { [0; 16] } else { grant.caller().fingerprint() };
    sealer.digest(&[who.as_slice(), text.as_bytes()])
}

fn patient(name: &str, value: &str, base: &str) -> Result<String> {
    if value.contains(',') {
        return Err(bad(name, "Name one person, or nobody to search across people."));
    }
    let parsed = Test::parse(param::Type::Reference, value, base);
    match parsed.map_err(|e| e.at(printable(name)))? {
        Test::Reference(kind, id) if kind.as_deref().is_none_or(|k| k == "Patient") => Ok(id),
        Test::Reference(..)
        | Test::Date(..)
        | Test::Token(..)
        | Test::Uri(_)
        | Test::Text(..)
        | Test::Within(_) => Err(bad(name, "It is Patient/id.")),
    }
}

fn sort(kind: ResourceType, value: &str) -> Result<Vec<Sort>> {
    value
        .split(',')
        .map(|key| {
            let (name, descending) = key.strip_prefix('-').map_or((key, false), |n| (n, true));
            match param::find(kind, name) {
                Some((param, _)) if !matches!(param, "_profile" | "_security") => {
                    Ok(Sort { param, descending })
                }
                Some(_) | None => {
                    Err(bad("_sort", "Sort by _id, _lastUpdated or a parameter of the type."))
                }
            }
        })
        .collect()
}
