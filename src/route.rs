//! What is asked: path and method to [`Call`], one exhaustive list.
//!
//! First step of the way. FHIR's grammar of URLs is small, so it is matched by hand on raw path
//! segments: nothing is normalised, a segment that needs decoding is no id of ours. The
//! `CapabilityStatement` is derived from the same list. Source: FHIR R4 http.html.

pub mod beside;
pub mod paths;

use http::Method;

pub use self::beside::{Endpoint, Public};
use crate::{
    domain::id,
    error::{Error, Kind, Result},
    fhir::{
        guide, param,
        types::{Interaction, ResourceType},
    },
    native::NativeKind,
};

/// Of whom an export is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Level {
    /// `/fhir/$export`: of everybody, and of the directory.
    System,
    /// `/fhir/Patient/$export`: of everybody, or of those named.
    Patient,
    /// `/fhir/Group/{id}/$export`: of everybody held at the node of this code.
    Group(String),
}

impl Level {
    /// Where it begins, under the FHIR base.
    pub fn path(&self) -> String {
        match self {
            Self::System => "$export".to_owned(),
            Self::Patient => "Patient/$export".to_owned(),
            Self::Group(id) => format!("Group/{id}/$export"),
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Call {
    /// A document that needs no token; the name is that of a schema.
    Public(Public, String),
    /// `/oauth/...`.
    OAuth(Endpoint),
    /// `GET /fhir/{type}/{id}`.
    Read(ResourceType, String),
    /// `GET /fhir/{type}/{id}/_history/{version}`.
    Vread(ResourceType, String, String),
    /// `GET /fhir/{type}/{id}/_history`.
    HistoryInstance(ResourceType, String),
    /// `GET /fhir/{type}/_history`, of one person.
    HistoryType(ResourceType),
    /// `GET /fhir/{type}` or `POST /fhir/{type}/_search`.
    Search(ResourceType),
    /// `GET /fhir/Patient/{id}/{type}`, or `POST` with `/_search`: a search of what one person has.
    Compartment(String, ResourceType),
    /// `GET /fhir/Patient/{id}/$everything`: all of one person.
    Everything(String),
    /// `POST /fhir`: several requests in one, each of its own.
    Batch,
    /// `POST /fhir/{type}/$validate`: is a resource as it must be?
    Validate(ResourceType),
    /// `PUT /fhir/Consent?identifier=`.
    WriteConsent,
    /// `POST /fhir/Consent`.
    CreateConsent,
    /// `POST /fhir/QuestionnaireResponse`: answers are handed in.
    CreateResponse,
    /// `POST /fhir/{type}` of what a welfare plan consists of.
    CreatePlanned(ResourceType),
    /// `PUT /fhir/{type}/{id}` of the same.
    UpdatePlanned(ResourceType, String),
    /// `POST /fhir/Consent/$import`: one of another form.
    ImportConsent,
    /// `GET /fhir/Consent/{id}/$receipt`.
    Receipt(String),
    /// `PUT /fhir/Consent/{id}`.
    UpdateConsent(String),
    /// `PUT /native/{people,assessments,plans}/{id}`: a document, by its owner's id.
    Push(NativeKind, String),
    /// `POST /fhir/Patient/{id}/$handles`: a peer asks to widen a question about a person.
    Handles(String),
    /// `POST /fhir/Patient/{id}/$explain`: what somebody would be permitted to see, and by what.
    Explain(String),
    /// `GET /fhir/QuestionnaireResponse/{id}/$circle-of-life`: one assessment as a picture.
    CircleOfResponse(String),
    /// `GET /fhir/Patient/{id}/$circle-of-life`: the latest one.
    CircleOfPatient(String),
    /// `GET /fhir/Patient/{id}/$collective-plan`: all plans of a person as one.
    CollectivePlan(String),
    /// `GET` and `POST /fhir/Questionnaire/{id}/$populate`: a form, filled with what was answered last.
    Populate(String),
    /// `GET` and `POST /fhir/QuestionnaireResponse/{id}/$extract`: the Observations of an assessment.
    Extract(String),
    /// `GET` and `POST` of `$export`: an export begins.
    Export(Level),
    /// `GET /fhir/$export-status/{link}`: how far it is.
    ExportStatus(String),
    /// `DELETE /fhir/$export-status/{link}`: it ends.
    ExportEnd(String),
    /// `GET /fhir/$export-file/{link}`: a file of it.
    ExportFile(String),
}

/// The road a call takes, for metrics and the request log: bounded, never an id.
impl Call {
    /// Stable name of the road.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Public(..) => "public",
            Self::OAuth(endpoint) => endpoint.name(),
            Self::Read(..) => "read",
            Self::Vread(..) => "vread",
            Self::HistoryInstance(..) => "history-instance",
            Self::HistoryType(_) => "history-type",
            Self::Search(_) => "search",
            Self::Compartment(..) => "compartment",
            Self::Everything(_) => "everything",
            Self::Batch => "batch",
            Self::Validate(_) => "validate",
            Self::CreateConsent => "create-consent",
            Self::CreateResponse => "create-response",
            Self::CreatePlanned(_) => "create-planned",
            Self::UpdatePlanned(..) => "update-planned",
            Self::ImportConsent => "import-consent",
            Self::Receipt(_) => "receipt",
            Self::UpdateConsent(_) => "update-consent",
            Self::WriteConsent => "write-consent",
            Self::Push(..) => "push",
            Self::Handles(_) => "handles",
            Self::Explain(_) => "explain",
            Self::CircleOfResponse(_) | Self::CircleOfPatient(_) => "circle-of-life",
            Self::CollectivePlan(_) => "collective-plan",
            Self::Populate(_) => "populate",
            Self::Extract(_) => "extract",
            Self::Export(_) => "export",
            Self::ExportStatus(_) => "export-status",
            Self::ExportEnd(_) => "export-end",
            Self::ExportFile(_) => "export-file",
        }
    }

    /// The resource type, where the call has one.
    pub const fn resource(&self) -> Option<ResourceType> {
        match self {
            Self::Read(kind, _)
            | Self::Vread(kind, ..)
            | Self::HistoryInstance(kind, _)
            | Self::HistoryType(kind)
            | Self::Compartment(_, kind)
            | Self::Validate(kind)
            | Self::CreatePlanned(kind)
            | Self::UpdatePlanned(kind, _)
            | Self::Search(kind) => Some(*kind),
            // An explanation names Consents, so it takes the right to read them.
            Self::CreateConsent
            | Self::ImportConsent
            | Self::Receipt(_)
            | Self::UpdateConsent(_)
            | Self::WriteConsent
            | Self::Explain(_) => Some(ResourceType::Consent),
            Self::Handles(_) | Self::Everything(_) => Some(ResourceType::Patient),
            Self::CircleOfResponse(_)
            | Self::CircleOfPatient(_)
            | Self::CreateResponse
            | Self::Populate(_) => Some(ResourceType::QuestionnaireResponse),
            Self::Extract(_) => Some(ResourceType::Observation),
            Self::CollectivePlan(_) => Some(ResourceType::CarePlan),
            Self::Public(..)
            | Self::OAuth(_)
            | Self::Push(..)
            | Self::Batch
            | Self::Export(_)
            | Self::ExportStatus(_)
            | Self::ExportEnd(_)
            | Self::ExportFile(_) => None,
        }
    }

    /// The id of what is read.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Read(_, id)
            | Self::Vread(_, id, _)
            | Self::HistoryInstance(_, id)
            | Self::UpdatePlanned(_, id)
            | Self::Receipt(id)
            | Self::UpdateConsent(id)
            | Self::Handles(id)
            | Self::Compartment(id, _)
            | Self::Everything(id)
            | Self::Explain(id)
            | Self::CircleOfResponse(id)
            | Self::CircleOfPatient(id)
            | Self::CollectivePlan(id)
            | Self::Populate(id)
            | Self::Extract(id) => Some(id),
            Self::Search(_)
            | Self::Batch
            | Self::Validate(_)
            | Self::HistoryType(_)
            | Self::CreateConsent
            | Self::CreatePlanned(_)
            | Self::CreateResponse
            | Self::ImportConsent
            | Self::WriteConsent
            | Self::Public(..)
            | Self::OAuth(_)
            | Self::Push(..)
            | Self::Export(_)
            | Self::ExportStatus(_)
            | Self::ExportEnd(_)
            | Self::ExportFile(_) => None,
        }
    }

    /// Is it recorded as an operation, whatever a scope must cover?
    pub const fn is_operation(&self) -> bool {
        match self {
            Self::Explain(_)
            | Self::Everything(_)
            | Self::Receipt(_)
            | Self::Validate(_)
            | Self::CircleOfResponse(_)
            | Self::CircleOfPatient(_)
            | Self::CollectivePlan(_)
            | Self::Populate(_)
            | Self::Extract(_)
            | Self::Export(_)
            | Self::ExportStatus(_)
            | Self::ExportEnd(_)
            | Self::ExportFile(_) => true,
            Self::Public(..)
            | Self::OAuth(_)
            | Self::Read(..)
            | Self::Vread(..)
            | Self::HistoryInstance(..)
            | Self::HistoryType(_)
            | Self::Search(_)
            | Self::Compartment(..)
            | Self::Batch
            | Self::CreateConsent
            | Self::CreatePlanned(_)
            | Self::CreateResponse
            | Self::ImportConsent
            | Self::UpdateConsent(_)
            | Self::UpdatePlanned(..)
            | Self::WriteConsent
            | Self::Push(..)
            | Self::Handles(_) => false,
        }
    }

    /// Is it answered in forms for people too?
    pub const fn is_shown(&self) -> bool {
        matches!(
            self,
            Self::CircleOfResponse(_) | Self::CircleOfPatient(_) | Self::CollectivePlan(_)
        )
    }

    /// The FHIR interaction a scope must cover, where the call is one.
    pub const fn interaction(&self) -> Option<Interaction> {
        match self {
            Self::Read(..)
            | Self::Receipt(_)
            | Self::Handles(_)
            | Self::Explain(_)
            | Self::CircleOfResponse(_) => Some(Interaction::Read),
            Self::Vread(..) => Some(Interaction::Vread),
            Self::HistoryInstance(..) => Some(Interaction::HistoryInstance),
            Self::HistoryType(_) => Some(Interaction::HistoryType),
            // What a file of an export has is what a search of everybody finds.
            Self::Search(_)
            | Self::Compartment(..)
            | Self::Everything(_)
            | Self::CircleOfPatient(_)
            | Self::CollectivePlan(_)
            | Self::Populate(_)
            | Self::Extract(_)
            | Self::Export(_)
            | Self::ExportStatus(_)
            | Self::ExportEnd(_)
            | Self::ExportFile(_) => Some(Interaction::Search),
            Self::CreateConsent
            | Self::CreatePlanned(_)
            | Self::CreateResponse
            | Self::ImportConsent => Some(Interaction::Create),
            Self::UpdateConsent(_) | Self::UpdatePlanned(..) | Self::WriteConsent => {
                Some(Interaction::Update)
            }
            Self::Public(..)
            | Self::OAuth(_)
            | Self::Push(..)
            | Self::Batch
            | Self::Validate(_) => None,
        }
    }
}

/// What the request asks. `HEAD` is `GET`; the answer's body is left out where it is written.
///
/// # Errors
/// `NotFound` for a path that is none of ours, `MethodNotAllowed` for one that is.
#[expect(clippy::too_many_lines, reason = "it is one list")]
pub fn recognise(method: &Method, path: &str) -> Result<Call> {
    let mut segments = [""; 6];
    let mut count = 0;
    let mut rest = path.strip_prefix('/');
    while let Some(text) = rest {
        let end = memchr::memchr(b'/', text.as_bytes());
        let segment = end.map_or(text, |end| text.get(..end).unwrap_or_default());
        rest = end.and_then(|end| text.get(end + 1..));
        *segments.get_mut(count).ok_or_else(unknown)? = segment;
        count += 1;
    }
    let read = *method == Method::GET || *method == Method::HEAD;
    let post = *method == Method::POST;
    let put = *method == Method::PUT;
    let get = *method == Method::GET;
    let (allowed, call) = match segments.get(..count).unwrap_or(&[]) {
        ["fhir"] | ["fhir", ""] => (post, Call::Batch),
        ["fhir", "metadata"] => (read, Call::Public(Public::Capability, String::new())),
        ["fhir", ".well-known", "smart-configuration"] => {
            (read, Call::Public(Public::SmartConfiguration, String::new()))
        }
        [".well-known", "jwks.json"] => (read, Call::Public(Public::Keys, String::new())),
        [".well-known", "oauth-authorization-server"] => {
            (read, Call::Public(Public::AuthorizationServer, String::new()))
        }
        [".well-known", "oauth-protected-resource", "fhir"] => {
            (read, Call::Public(Public::ProtectedResource, String::new()))
        }
        [".well-known", "openid-configuration"] => {
            (read, Call::Public(Public::OpenIdConfiguration, String::new()))
        }
        ["openapi.json"] => (read, Call::Public(Public::OpenApi, String::new())),
        ["schemas", "native", name] => {
            (read, Call::Public(Public::Schema, format!("native/{name}")))
        }
        ["schemas", name] => (read, Call::Public(Public::Schema, (*name).to_owned())),
        ["oauth", "authorize"] => (read || post, Call::OAuth(Endpoint::Authorize)),
        ["oauth", "consent"] => (post, Call::OAuth(Endpoint::Consent)),
        ["oauth", "introspect"] => (post, Call::OAuth(Endpoint::Introspect)),
        ["oauth", "launch"] => (post, Call::OAuth(Endpoint::Launch)),
        ["oauth", "login"] => (post, Call::OAuth(Endpoint::Login)),
        ["oauth", "permissions"] => (read || post, Call::OAuth(Endpoint::Permissions)),
        ["oauth", "return", _] => (read, Call::OAuth(Endpoint::Return)),
        ["oauth", "revoke"] => (post, Call::OAuth(Endpoint::Revoke)),
        ["oauth", "token"] => (post, Call::OAuth(Endpoint::Token)),
        ["native", "people", id] => (put, Call::Push(NativeKind::Person, local(id)?)),
        ["native", "assessments", id] => (put, Call::Push(NativeKind::Assessment, local(id)?)),
        ["native", "plans", id] => (put, Call::Push(NativeKind::Plan, local(id)?)),
        ["fhir", "Consent", id, "$receipt"] => (read, Call::Receipt(ours(id)?)),
        ["fhir", "Patient", id, "$everything"] => (read, Call::Everything(ours(id)?)),
        ["fhir", "Patient", id, "$handles"] => (post, Call::Handles(ours(id)?)),
        ["fhir", "Patient", id, "$explain"] => (post, Call::Explain(ours(id)?)),
        ["fhir", "Patient", id, "$circle-of-life"] => (read, Call::CircleOfPatient(ours(id)?)),
        ["fhir", "Patient", id, "$collective-plan"] => (read, Call::CollectivePlan(ours(id)?)),
        ["fhir", "QuestionnaireResponse", id, "$circle-of-life"] => {
            (read, Call::CircleOfResponse(ours(id)?))
        }
        ["fhir", "QuestionnaireResponse", id, "$extract"] => {
            (get || post, Call::Extract(ours(id)?))
        }
        ["fhir", "Questionnaire", id, "$populate"] => (get || post, Call::Populate(ours(id)?)),
        ["fhir", "$export"] => (get || post, Call::Export(Level::System)),
        ["fhir", "Patient", "$export"] => (get || post, Call::Export(Level::Patient)),
        ["fhir", "Group", id, "$export"] => (get || post, Call::Export(Level::Group(ours(id)?))),
        ["fhir", "$export-status", link] if *method == Method::DELETE => {
            (true, Call::ExportEnd(sealed(link)?))
        }
        ["fhir", "$export-status", link] => (get, Call::ExportStatus(sealed(link)?)),
        ["fhir", "$export-file", link] => (get, Call::ExportFile(sealed(link)?)),
        ["fhir", kind, "$validate"] => (post, Call::Validate(resource(kind)?)),
        ["fhir", "Patient", id, kind, "_search"] => {
            (post, Call::Compartment(ours(id)?, compartment(kind)?))
        }
        ["fhir", kind, id, "_history", version] => {
            (read, Call::Vread(history(kind)?, ours(id)?, ours(version)?))
        }
        ["fhir", kind, "_history"] => (read, Call::HistoryType(history(kind)?)),
        ["fhir", kind, id, "_history"] => (read, Call::HistoryInstance(history(kind)?, ours(id)?)),
        ["fhir", "Patient", id, kind] if !kind.starts_with('_') && !kind.starts_with('$') => {
            (read, Call::Compartment(ours(id)?, compartment(kind)?))
        }
        ["fhir", kind, "_search"] => (post, Call::Search(resource(kind)?)),
        ["fhir", "Consent"] if put => (true, Call::WriteConsent),
        ["fhir", "Consent"] if post => (true, Call::CreateConsent),
        ["fhir", "QuestionnaireResponse"] if post => (true, Call::CreateResponse),
        ["fhir", "Consent", "$import"] => (post, Call::ImportConsent),
        ["fhir", "Consent", id] if put => (true, Call::UpdateConsent(ours(id)?)),
        ["fhir", "Consent", _] if *method == Method::DELETE => return Err(never_deleted()),
        ["fhir", kind, id] if guide::TYPES.contains(kind) => {
            (read, Call::Public(Public::Guide, format!("{kind}/{}", ours(id)?)))
        }
        ["fhir", kind] if post && planned(kind).is_some() => {
            (true, Call::CreatePlanned(resource(kind)?))
        }
        ["fhir", kind, id] if put && planned(kind).is_some() => {
            (true, Call::UpdatePlanned(resource(kind)?, ours(id)?))
        }
        ["fhir", kind] => (read, Call::Search(resource(kind)?)),
        ["fhir", kind, id] => (read, Call::Read(resource(kind)?, ours(id)?)),
        _ => return Err(unknown()),
    };
    if allowed { Ok(call) } else { Err(method_not_allowed()) }
}

/// The methods of a path, for `Allow`.
pub fn allow(path: &str) -> &'static str {
    let is = |method: Method| recognise(&method, path).is_ok();
    if is(Method::GET) && !is(Method::HEAD) {
        return match (is(Method::POST), is(Method::DELETE)) {
            (true, _) => "GET, POST",
            (false, true) => "DELETE, GET",
            (false, false) => "GET",
        };
    }
    match (is(Method::GET), is(Method::POST), is(Method::PUT)) {
        (true, true, true) => "GET, HEAD, POST, PUT",
        (true, true, false) => "GET, HEAD, POST",
        (true, false, true) => "GET, HEAD, PUT",
        (true, false, false) => "GET, HEAD",
        (false, true, _) => "POST",
        (false, false, _) => "PUT",
    }
}

fn resource(name: &str) -> Result<ResourceType> {
    ResourceType::parse(name).ok_or_else(|| {
        Error::new(Kind::NotFound, "This gateway serves no such resource type; see /fhir/metadata.")
    })
}

/// A type of which a welfare plan consists.
fn planned(name: &str) -> Option<ResourceType> {
    resource(name).ok().filter(|kind| kind.is_planned())
}

/// A type of which a person has resources.
fn compartment(name: &str) -> Result<ResourceType> {
    let has = |kind: &ResourceType| param::find(*kind, "patient").is_some();
    resource(name).ok().filter(has).ok_or_else(unknown)
}

/// Of the directory nothing but what is there now is kept.
fn history(name: &str) -> Result<ResourceType> {
    resource(name).ok().filter(|kind| kind.has_history()).ok_or_else(unknown)
}

/// An id that no resource can have is absent like any other.
fn ours(text: &str) -> Result<String> {
    let fits = text.len() <= id::MAX_ID && id::may_be_id(text);
    if fits { Ok(text.to_owned()) } else { Err(Error::not_found()) }
}

/// A link of ours: base64url.
fn sealed(text: &str) -> Result<String> {
    let fits = (1..=4096).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if fits { Ok(text.to_owned()) } else { Err(Error::not_found()) }
}

/// The sender's local id: 1 to 64 characters of those a [`crate::domain::words::LocalId`] has.
fn local(text: &str) -> Result<String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Error::invalid("A local id is 1 to 64 letters, digits, '-', '.', ':' or '_'."))
    }
}

fn unknown() -> Error {
    Error::new(Kind::NotFound, "There is nothing at this address; see /fhir/metadata.")
}

fn method_not_allowed() -> Error {
    Error::new(Kind::MethodNotAllowed, "This address does not take this method; see Allow.")
}

/// What was permitted, and by whom, must be seen later; so it ends and does not go.
fn never_deleted() -> Error {
    let say = "A Consent is not deleted: write it again with status inactive, which revokes it.";
    Error::new(Kind::MethodNotAllowed, say)
}
