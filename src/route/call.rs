//! What a call is: one of these, with what a scope must cover and how it is named in metrics.
//!
//! Part of `route`. Nothing else can be asked of a gateway.

use super::{Endpoint, Public};
use crate::{
    fhir::types::{Interaction, ResourceType},
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
    /// `PUT /fhir/{type}?...` of the one that is such, or of a new one.
    UpdateMatching(ResourceType),
    /// `DELETE /fhir/{type}/{id}` of the same.
    DeletePlanned(ResourceType, String),
    /// `DELETE /fhir/{type}?...` of the one that is such.
    DeleteMatching(ResourceType),
    /// `POST /fhir/Consent/$import`: one of another form.
    ImportConsent,
    /// `GET /fhir/Consent/{id}/$receipt`.
    Receipt(String),
    /// `PUT /fhir/Consent/{id}`.
    UpdateConsent(String),
    /// `PUT /native/{people,assessments,plans}/{id}`: a document, by its owner's id.
    Push(NativeKind, String),
    /// `POST /native/{people,assessments,plans}`: several of another form, which a filter reads.
    PushSeveral(NativeKind),
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
    /// `POST /fhir/QuestionnaireResponse/$extract`: the same of one that is sent.
    ExtractGiven,
    /// `GET` and `POST /fhir/Measure/{id}/$evaluate-measure`: how many people are in each cell.
    Evaluate(String),
    /// `GET` and `POST` of `$export`: an export begins.
    Export(Level),
    /// `GET /fhir/$export-status/{link}`: how far it is.
    ExportStatus(String),
    /// `DELETE /fhir/$export-status/{link}`: it ends.
    ExportEnd(String),
    /// `GET /fhir/$export-file/{link}`: a file of it.
    ExportFile(String),
    /// What is done with subscriptions.
    Subscribing(Subscribing),
    /// A notification about resources of a type: nobody asks for it, it is sent.
    Notification(ResourceType),
}

/// What is done with subscriptions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subscribing {
    /// `POST /fhir/Subscription`.
    Create,
    /// `DELETE /fhir/Subscription/{id}`.
    Delete(String),
    /// `GET /fhir/Subscription/{id}/$events`: what was told, once more.
    Events(String),
    /// `GET /fhir/Subscription/{id}`.
    Read(String),
    /// `GET /fhir/Subscription` or `POST /fhir/Subscription/_search`: the client's own.
    Search,
    /// `GET /fhir/Subscription/{id}/$status`: how it stands.
    Status(String),
    /// `PUT /fhir/Subscription/{id}`.
    Update(String),
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
            Self::UpdatePlanned(..) | Self::UpdateMatching(_) => "update-planned",
            Self::DeletePlanned(..) | Self::DeleteMatching(_) => "delete-planned",
            Self::ImportConsent => "import-consent",
            Self::Receipt(_) => "receipt",
            Self::UpdateConsent(_) => "update-consent",
            Self::WriteConsent => "write-consent",
            Self::Push(..) | Self::PushSeveral(_) => "push",
            Self::Handles(_) => "handles",
            Self::Explain(_) => "explain",
            Self::CircleOfResponse(_) | Self::CircleOfPatient(_) => "circle-of-life",
            Self::CollectivePlan(_) => "collective-plan",
            Self::Populate(_) => "populate",
            Self::Extract(_) | Self::ExtractGiven => "extract",
            Self::Evaluate(_) => "evaluate-measure",
            Self::Export(_) => "export",
            Self::ExportStatus(_) => "export-status",
            Self::ExportEnd(_) => "export-end",
            Self::ExportFile(_) => "export-file",
            Self::Subscribing(_) => "subscription",
            Self::Notification(_) => "notification",
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
            | Self::Notification(kind)
            | Self::UpdateMatching(kind)
            | Self::DeletePlanned(kind, _)
            | Self::DeleteMatching(kind)
            | Self::Search(kind) => Some(*kind),
            Self::Subscribing(_) => Some(ResourceType::Subscription),
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
            Self::Extract(_) | Self::ExtractGiven | Self::Evaluate(_) => {
                Some(ResourceType::Observation)
            }
            Self::CollectivePlan(_) => Some(ResourceType::CarePlan),
            Self::Public(..)
            | Self::OAuth(_)
            | Self::Push(..)
            | Self::PushSeveral(_)
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
            | Self::DeletePlanned(_, id)
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
            | Self::Extract(id)
            | Self::Evaluate(id)
            | Self::Subscribing(
                Subscribing::Delete(id)
                | Subscribing::Events(id)
                | Subscribing::Read(id)
                | Subscribing::Status(id)
                | Subscribing::Update(id),
            ) => Some(id),
            Self::Subscribing(Subscribing::Create | Subscribing::Search)
            | Self::Notification(_)
            | Self::Search(_)
            | Self::Batch
            | Self::Validate(_)
            | Self::HistoryType(_)
            | Self::ExtractGiven
            | Self::CreateConsent
            | Self::CreatePlanned(_)
            | Self::UpdateMatching(_)
            | Self::DeleteMatching(_)
            | Self::CreateResponse
            | Self::ImportConsent
            | Self::WriteConsent
            | Self::Public(..)
            | Self::OAuth(_)
            | Self::Push(..)
            | Self::PushSeveral(_)
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
            | Self::ExtractGiven
            | Self::Evaluate(_)
            | Self::Export(_)
            | Self::ExportStatus(_)
            | Self::ExportEnd(_)
            | Self::ExportFile(_)
            | Self::Subscribing(Subscribing::Events(_) | Subscribing::Status(_))
            | Self::Notification(_) => true,
            Self::Subscribing(
                Subscribing::Create
                | Subscribing::Delete(_)
                | Subscribing::Read(_)
                | Subscribing::Search
                | Subscribing::Update(_),
            )
            | Self::Public(..)
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
            | Self::UpdateMatching(_)
            | Self::DeletePlanned(..)
            | Self::DeleteMatching(_)
            | Self::WriteConsent
            | Self::Push(..)
            | Self::PushSeveral(_)
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
            | Self::Subscribing(
                Subscribing::Events(_) | Subscribing::Read(_) | Subscribing::Status(_),
            )
            | Self::CircleOfResponse(_) => Some(Interaction::Read),
            Self::Vread(..) => Some(Interaction::Vread),
            Self::HistoryInstance(..) => Some(Interaction::HistoryInstance),
            Self::HistoryType(_) => Some(Interaction::HistoryType),
            // What a file of an export has, or a notification, is what a search finds.
            Self::Search(_)
            | Self::Subscribing(Subscribing::Search)
            | Self::Notification(_)
            | Self::Compartment(..)
            | Self::Everything(_)
            | Self::CircleOfPatient(_)
            | Self::CollectivePlan(_)
            | Self::Populate(_)
            | Self::Extract(_)
            | Self::Evaluate(_)
            | Self::Export(_)
            | Self::ExportStatus(_)
            | Self::ExportEnd(_)
            | Self::ExportFile(_) => Some(Interaction::Search),
            Self::CreateConsent
            | Self::CreatePlanned(_)
            | Self::CreateResponse
            | Self::Subscribing(Subscribing::Create)
            | Self::ImportConsent => Some(Interaction::Create),
            Self::UpdateConsent(_)
            | Self::UpdatePlanned(..)
            | Self::Subscribing(Subscribing::Update(_))
            | Self::UpdateMatching(_)
            | Self::WriteConsent => Some(Interaction::Update),
            Self::DeletePlanned(..)
            | Self::DeleteMatching(_)
            | Self::Subscribing(Subscribing::Delete(_)) => Some(Interaction::Delete),
            Self::Public(..)
            | Self::OAuth(_)
            | Self::Push(..)
            | Self::PushSeveral(_)
            | Self::Batch
            | Self::ExtractGiven
            | Self::Validate(_) => None,
        }
    }
}
