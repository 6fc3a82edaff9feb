//! What exactly is asked: parameters to a [`Query`].
//!
//! Step of the way after `scope`. Reads names and values only; what exists is not in scope here,
//! so a parameter can be refused but never answered. Source: FHIR R4 search.html.

pub mod history;
pub mod param;
pub mod selection;
pub mod test;
pub mod lens;
pub mod page;

use crate::{
    domain::{identity, moment::Moment},
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    handle::{self, HandleKey, Route},
    mutant::{self, Mutant},
    query::{
        page::{Cursor, Sealer},
        test::Test,
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
    /// The alternatives.
    pub any: Vec<Test>,
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
    /// What a cursor is bound to: this query by this caller.
    pub binding: [u8; 16],
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
    let Call::Search(kind) = *grant.call() else {
        return Err(Error::internal("only a search has a query"));
    };
    query(grant, kind, raw, terms)
}

/// Reads the condition of a conditional create: a search among what one person has.
///
/// # Errors
/// As [`parse`].
pub fn condition(grant: &Grant, raw: Raw<'_>, terms: Terms<'_>) -> Result<Query> {
    let kind = grant.call().resource().ok_or_else(|| Error::internal("nothing is created"))?;
    query(grant, kind, raw, terms)
}

fn query(grant: &Grant, kind: ResourceType, raw: Raw<'_>, terms: Terms<'_>) -> Result<Query> {
    let mut query = Query {
        kind,
        person: None,
        filters: Vec::new(),
        sort: Vec::new(),
        count: DEFAULT_COUNT.min(terms.most),
        total: true,
        cursor: None,
        understood: Vec::new(),
        binding: [0; 16],
    };
    let mut cursor = None;
    let mut given = 0;
    let sources = [(raw.url.unwrap_or("").as_bytes(), true), (raw.body.unwrap_or(&[]), false)];
    for (text, in_url) in sources {
        for pair in text.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            given += 1;
            if given > MANY {
                return Err(Error::new(Kind::TooCostly, "Too many parameters; ask less at once."));
            }
            let (name, value) = decode(pair)?;
            if name == "_cursor" {
                cursor = Some(value);
            } else {
                query.take(&name, &value, From { in_url, strict: raw.strict }, terms)?;
            }
        }
    }
    query.binding = bind(grant, &query, terms.sealer);
    if let Some(text) = cursor {
        query.cursor = Some(Cursor::open(&text, &query.binding, terms.sealer, terms.now)?);
    }
    if query.person.is_none() && query.sort.iter().any(|s| s.param != "_id" || s.descending) {
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
        Self {
            kind,
            person: Some(Person::Id(patient.to_owned())),
            filters: Vec::new(),
            sort: Vec::new(),
            count: MOST,
            total: false,
            cursor: None,
            understood: Vec::new(),
            binding: [0; 16],
        }
    }

    fn take(&mut self, name: &str, value: &str, from: From, terms: Terms<'_>) -> Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        match name {
            "_count" => self.count = single("_count", count(value))?.min(terms.most),
            "_total" => {
                self.total = match value {
                    "none" => false,
                    "accurate" | "estimate" => true,
                    _ => return Err(bad("_total", "It is none, estimate or accurate.")),
                }
            }
            "_sort" => self.sort = sort(self.kind, value)?,
            "_format" => return Ok(()),
            "patient" | "subject" if param::find(self.kind, name).is_some() => {
                self.name(Person::Id(patient(name, value, terms.base)?))?;
            }
            "patient.identifier" | "subject.identifier"
                if param::find(self.kind, "patient").is_some() =>
            {
                return self.identifier(name, value, from.in_url, terms);
            }
            "_id" if self.kind == ResourceType::Patient && !value.contains(',') => {
                self.name(Person::Id(value.to_owned()))?;
            }
            "identifier" if self.kind == ResourceType::Patient => {
                return self.identifier(name, value, from.in_url, terms);
            }
            _ => match param::find(self.kind, name) {
                Some((param, kind)) => self.filter(param, kind, value, terms.base)?,
                // FHIR R4 search.html#modifiers: what would be asked more narrowly is not ignored.
                None if is_modified(self.kind, name) => {
                    let say = "This gateway takes no modifier here; leave it out.";
                    return Err(Error::new(Kind::NotSupported, say).at(printable(name)));
                }
                None if from.strict => {
                    let say = "This parameter is not known here; see /fhir/metadata.";
                    return Err(Error::new(Kind::NotSupported, say).at(printable(name)));
                }
                None => return Ok(()),
            },
        }
        self.understood.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn filter(
        &mut self,
        param: &'static str,
        kind: param::Type,
        value: &str,
        base: &str,
    ) -> Result<()> {
        let any = test::split(value, ',')
            .map(|text| Test::parse(kind, text, base))
            .collect::<Result<Vec<_>>>()
            .map_err(|e| e.at(param))?;
        if any.len() > MANY {
            return Err(Error::new(Kind::TooCostly, "Too many alternatives.").at(param));
        }
        self.filters.push(Filter { param, any });
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
        format!("{base}/{}{mark}{link}", self.kind.name())
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
        Test::Reference(..) | Test::Date(..) | Test::Token(..) | Test::Uri(_) => {
            Err(bad(name, "It is Patient/id."))
        }
    }
}

/// Is it a parameter of the type with a modifier, `status:not`?
fn is_modified(kind: ResourceType, name: &str) -> bool {
    name.split_once(':').is_some_and(|(param, _)| param::find(kind, param).is_some())
}

fn count(value: &str) -> Option<usize> {
    // A number too large to hold is a number above the most a page may have.
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(usize::MAX))
}

fn single<T>(name: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| bad(name, "It is a whole number, 0 or more."))
}

fn sort(kind: ResourceType, value: &str) -> Result<Vec<Sort>> {
    value
        .split(',')
        .map(|key| {
            let (name, descending) = key.strip_prefix('-').map_or((key, false), |n| (n, true));
            match param::find(kind, name) {
                Some((param @ "_id", _) | (param, param::Type::Date)) => {
                    Ok(Sort { param, descending })
                }
                Some(_) | None => Err(bad("_sort", "Sort by _id, _lastUpdated or a date.")),
            }
        })
        .collect()
}

fn decode(pair: &[u8]) -> Result<(String, String)> {
    let mut halves = pair.splitn(2, |b| *b == b'=');
    let name = percent(halves.next().unwrap_or(&[]))?;
    let value = percent(halves.next().unwrap_or(&[])).map_err(|e| e.at(printable(&name)))?;
    Ok((name, value))
}

/// Decodes strictly: what is not UTF-8 or not an escape is refused, not replaced.
fn percent(text: &[u8]) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let escaped = high.zip(low).and_then(|(h, l)| u8::try_from(h * 16 + l).ok());
                escaped.filter(|b| *b != 0).ok_or_else(malformed)?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

fn malformed() -> Error {
    Error::invalid("The parameters are not well-formed percent-encoded UTF-8.")
}

fn bad(name: &str, say: &'static str) -> Error {
    Error::invalid(say).at(printable(name))
}

/// A caller's own parameter name, cut to what cannot carry anything else.
fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.:".contains(*c)).take(40).collect()
}
