//! The road by which a portal or an app hands in a life assessment: parse, map, check, commit, record,
//! respond.
//!
//! `POST /fhir/QuestionnaireResponse` for a Questionnaire published here. It is kept as a native document
//! of the person, where the person's data is, and owned by the client that sent it; of an identifier there
//! is one. Who may: the person, a representative as far as the representation reaches, and an officer or a
//! system for whom they can see; nobody through another gateway. Sources: FHIR R4 http.html#create,
//! #cond-create; design 4 and 5.

use std::sync::Arc;

use http::Response;
use serde_json::Value;

use crate::{
    chance::base32,
    commit,
    consent::profile::authority,
    domain::assessment::AnsweredBy,
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
        write,
        writing::{elsewhere, faulty, several, unknown},
    },
    json,
    listen::body::Body,
    mapping::answered::{self, Received},
    mutant::{self, Mutant},
    native::{self, Native},
    route::Call,
    scope::{self, Grant},
    source::local::Local,
    store::DocumentKind,
};

/// Where the person is named.
const SUBJECT: &str = "QuestionnaireResponse.subject";
const SAY: &str = "The answers are kept as they were sent.";

impl Gateway {
    /// `POST /fhir/QuestionnaireResponse`.
    pub(crate) async fn take_answers(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
    ) -> Result<Response<Body>> {
        content_type(asked.headers, FHIR_JSON)?;
        if grant.caller().node().is_some() {
            let say = "Answers are handed in by clients of this gateway, through no other gateway.";
            return Err(Error::new(Kind::Forbidden, say));
        }
        let received = self.received(asked)?;
        let Some(local) = &self.reach.sources.local else { return Err(elsewhere(SUBJECT)) };
        let patient = self.answers_of(asked, grant, local, &received).await?;
        if let Some(condition) = asked.headers.get("if-none-exist") {
            let search = Call::Search(ResourceType::QuestionnaireResponse);
            let search = scope::grant(Arc::clone(grant.caller()), search)?;
            let found = self.seen_like(asked, &search, local, &patient, condition).await?;
            match found.as_ref().map(|(view, ids)| (view, &**ids)) {
                None | Some((_, [])) => {}
                Some((view, [one])) => {
                    let name = format!("{}/{one}", ResourceType::QuestionnaireResponse);
                    self.found_there(asked, grant, local, (view, &name)).await?;
                    return Ok(self.answered(asked, grant, one, false).await);
                }
                Some((view, _)) => return Err(several(view)),
            }
        }
        let document = self.native(asked, grant, local, received, &patient).await?;
        let request = asked.request_alone();
        let desk = self.desk(local, grant, &request, asked);
        let written = commit::created(&desk, &document, patient).await?;
        Ok(self.answered(asked, grant, &written.id, written.created).await)
    }

    /// What was sent, if all of it can be kept.
    fn received(&self, asked: &Asked<'_>) -> Result<Received> {
        let body = json::parse(&asked.body, &self.limits.document)?;
        let kind = ResourceType::QuestionnaireResponse;
        if body.get("resourceType").and_then(Value::as_str) != Some(kind.name()) {
            let say = "Send one QuestionnaireResponse.";
            return Err(Error::new(Kind::Unprocessable, say).at("QuestionnaireResponse"));
        }
        let faults = self.fhir.faults(&body);
        if !faults.is_empty() {
            return Err(faulty(&faults));
        }
        answered::response(&body, &self.documents.forms).map_err(|faults| faulty(&faults))
    }

    /// Whose answers they are, if it is for this caller to hand them in. Whom a caller cannot see is not
    /// here; but of themselves people know.
    async fn answers_of(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        received: &Received,
    ) -> Result<Arc<str>> {
        let named = self.named(&received.subject, SUBJECT)?;
        let caller = grant.caller();
        let meant = self.meant(asked, grant, local, &named, SUBJECT).await;
        let whose = match meant {
            Ok(meant) => self.resolved(local, meant).await?,
            Err(error) if error.kind() == Kind::Unprocessable => None,
            Err(error) => return Err(error),
        };
        let confined = caller.confined_to();
        if confined.is_some_and(|one| one.is_none() || one != whose.as_deref()) {
            return Err(authority::forbidden());
        }
        let Some(subject) = caller.subject().filter(|_| !self.is_officer(grant)) else {
            let whose = whose.ok_or_else(|| unknown(SUBJECT))?;
            let careless = mutant::on(Mutant::AnswersForHidden);
            if !careless && !self.sees_person(asked, grant, local, &whose).await? {
                return Err(unknown(SUBJECT));
            }
            return Ok(whose);
        };
        let held = match &whose {
            Some(whose) => local.load_now(whose).await?,
            None => None,
        };
        let (Some(whose), Some(held)) = (whose, held) else { return Err(authority::forbidden()) };
        let about = (received.themes, received.classes);
        let by = authority::answers(subject, &held.into_compartment(), about, asked.now);
        if by != Some(received.answered_by) {
            let say = match by {
                None => return Err(authority::forbidden()),
                Some(AnsweredBy::Representative) => {
                    "You represent the person: say so, representative in the extension answered-by."
                }
                Some(_) => "You answer for yourself: leave the extension answered-by out.",
            };
            let place = "QuestionnaireResponse.extension";
            return Err(Error::new(Kind::Unprocessable, say).at(place).about(&whose));
        }
        Ok(whose)
    }

    /// The native document, judged as one that was pushed.
    async fn native(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        received: Received,
        patient: &str,
    ) -> Result<Native> {
        let Received { mut document, identifier, .. } = received;
        let owner = grant.caller().client_id();
        let id = match &identifier {
            Some(one) => format!("fhir:{}", self.made_name("answers handed in", &(owner, one))?),
            None => format!("fhir:{}", base32(&*self.chance, 26)),
        };
        let held = local.store().local(owner, DocumentKind::Assessment, &id).await?;
        if let Some(held) = held.filter(|held| *held.patient != *patient) {
            return Err(commit::taken().about(&held.patient));
        }
        document.insert("id".to_owned(), id.into());
        document.insert("person".to_owned(), patient.into());
        let bytes = serde_json::to_vec(&document).map_err(Error::internal)?;
        native::validate(&bytes, &self.rules(asked)).map_err(|faults| write::refused(&faults))
    }

    async fn answered(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
        created: bool,
    ) -> Response<Body> {
        let kind = ResourceType::QuestionnaireResponse;
        let acknowledged = self.written(asked, created, &format!("{kind}/{id}"), SAY);
        self.shown_back(asked, grant, (kind, id), acknowledged).await
    }
}
