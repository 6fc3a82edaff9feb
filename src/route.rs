//! What is asked: path and method to [`Call`], one exhaustive list.
//!
//! First step of the way. FHIR's grammar of URLs is small, so it is matched by hand on raw path
//! segments: nothing is normalised, a segment that needs decoding is no id of ours. The
//! `CapabilityStatement` is derived from the same list. Source: FHIR R4 http.html.

mod allow;
pub mod beside;
pub mod call;
pub mod paths;

use http::Method;

pub use self::{
    allow::allow,
    beside::{Endpoint, Public},
    call::{Call, Level, Subscribing},
};
use crate::{
    domain::id,
    error::{Error, Kind, Result},
    fhir::{guide, param, types::ResourceType},
    native::NativeKind,
};

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
    let delete = *method == Method::DELETE;
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
        ["schemas", "examples", name] => (read, Call::Public(Public::Example, (*name).to_owned())),
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
        ["native", "people"] => (post, Call::PushSeveral(NativeKind::Person)),
        ["native", "assessments"] => (post, Call::PushSeveral(NativeKind::Assessment)),
        ["native", "plans"] => (post, Call::PushSeveral(NativeKind::Plan)),
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
        ["fhir", "QuestionnaireResponse", "$extract"] => (post, Call::ExtractGiven),
        ["fhir", "Questionnaire", id, "$populate"] => (get || post, Call::Populate(ours(id)?)),
        ["fhir", "Measure", id, "$evaluate-measure"] => (get || post, Call::Evaluate(ours(id)?)),
        ["fhir", "$export"] => (get || post, Call::Export(Level::System)),
        ["fhir", "Patient", "$export"] => (get || post, Call::Export(Level::Patient)),
        ["fhir", "Group", id, "$export"] => (get || post, Call::Export(Level::Group(ours(id)?))),
        ["fhir", "$export-status", link] if delete => (true, Call::ExportEnd(sealed(link)?)),
        ["fhir", "$export-status", link] => (get, Call::ExportStatus(sealed(link)?)),
        ["fhir", "$export-file", link] => (get, Call::ExportFile(sealed(link)?)),
        ["fhir", "Subscription", id, "$events"] => {
            (read, Call::Subscribing(Subscribing::Events(ours(id)?)))
        }
        ["fhir", "Subscription", id, "$status"] => {
            (read, Call::Subscribing(Subscribing::Status(ours(id)?)))
        }
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
        ["fhir", kind, "_search"] => (post, search(kind)?),
        ["fhir", "Subscription"] if post => (true, Call::Subscribing(Subscribing::Create)),
        ["fhir", "Subscription", id] if put => {
            (true, Call::Subscribing(Subscribing::Update(ours(id)?)))
        }
        ["fhir", "Subscription", id] if *method == Method::DELETE => {
            (true, Call::Subscribing(Subscribing::Delete(ours(id)?)))
        }
        ["fhir", "Consent"] if put => (true, Call::WriteConsent),
        ["fhir", "Consent"] if post => (true, Call::CreateConsent),
        ["fhir", "QuestionnaireResponse"] if post => (true, Call::CreateResponse),
        ["fhir", "Consent", "$import"] => (post, Call::ImportConsent),
        ["fhir", "Consent", id] if put => (true, Call::UpdateConsent(ours(id)?)),
        ["fhir", "Consent", _] if delete => return Err(never_deleted()),
        ["fhir", "CarePlan"] | ["fhir", "CarePlan", _] if delete => return Err(plan_stays()),
        ["fhir", kind, id] if guide::TYPES.contains(kind) => {
            (read, Call::Public(Public::Guide, format!("{kind}/{}", ours(id)?)))
        }
        ["fhir", kind] if post && planned(kind).is_some() => {
            (true, Call::CreatePlanned(resource(kind)?))
        }
        ["fhir", kind, id] if put && planned(kind).is_some() => {
            (true, Call::UpdatePlanned(resource(kind)?, ours(id)?))
        }
        ["fhir", kind] if put && planned(kind).is_some() => {
            (true, Call::UpdateMatching(resource(kind)?))
        }
        ["fhir", kind, id] if delete && planned(kind).is_some() => {
            (true, Call::DeletePlanned(resource(kind)?, ours(id)?))
        }
        ["fhir", kind] if delete && planned(kind).is_some() => {
            (true, Call::DeleteMatching(resource(kind)?))
        }
        ["fhir", kind] => (read, search(kind)?),
        ["fhir", kind, id] => (read, one(resource(kind)?, ours(id)?)),
        _ => return Err(unknown()),
    };
    if allowed { Ok(call) } else { Err(method_not_allowed()) }
}

fn resource(name: &str) -> Result<ResourceType> {
    ResourceType::parse(name).ok_or_else(|| {
        Error::new(Kind::NotFound, "This gateway serves no such resource type; see /fhir/metadata.")
    })
}

/// Of a client's own subscriptions, or of a type of resources.
fn search(name: &str) -> Result<Call> {
    let kind = resource(name)?;
    let own = kind == ResourceType::Subscription;
    Ok(if own { Call::Subscribing(Subscribing::Search) } else { Call::Search(kind) })
}

/// One of them, or a resource.
fn one(kind: ResourceType, id: String) -> Call {
    let own = kind == ResourceType::Subscription;
    if own { Call::Subscribing(Subscribing::Read(id)) } else { Call::Read(kind, id) }
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

/// A plan was made with somebody and decided upon, so it comes to an end and does not go.
fn plan_stays() -> Error {
    let say = "A CarePlan is not deleted: write it again with status revoked or completed. What it \
               consists of can be deleted.";
    Error::new(Kind::MethodNotAllowed, say)
}
