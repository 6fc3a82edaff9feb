//! The road of `$collective-plan`: everything that is planned with one person, as one plan, from every
//! gateway that holds a part of it.
//!
//! Of the same shape as the others: gather, release, put together, record, tell. It is put together of
//! released resources alone, of the types the caller's scopes reach.

use http::Response;
use serde_json::Value;

use super::circle::latest;
use crate::{
    audit::record::Query,
    bundle::gathered::{Gathered, Piece},
    collective::{
        Sort, Table,
        bundle::{Terms, made},
        findings::{Cause, findings},
        page,
    },
    consent::release,
    domain::{id::document_of, theme::ThemeSet},
    error::{Error, Result},
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    mapping,
    mutant::{self, Mutant},
    respond::form::{self, Form},
    scope::Grant,
};

/// The forms there are; the first is for whoever takes anything.
const FORMS: [Form; 2] = [Form::Fhir, Form::Page];
/// What a collective plan is put together of.
const KINDS: [ResourceType; 8] = [
    ResourceType::CarePlan,
    ResourceType::CareTeam,
    ResourceType::Goal,
    ResourceType::Patient,
    ResourceType::Provenance,
    ResourceType::QuestionnaireResponse,
    ResourceType::ServiceRequest,
    ResourceType::Task,
];

impl Gateway {
    /// `GET /fhir/Patient/{id}/$collective-plan`.
    pub(crate) async fn collective_plan(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        let form = form::form(asked.query, asked.headers, &FORMS)?;
        asked.parameters_of(&[])?;
        let language = asked.language();
        let in_flight = self.flights.take();
        let kinds: Vec<ResourceType> =
            KINDS.into_iter().filter(|kind| grant.reaches(*kind)).collect();
        let (mut gathered, plan) = self.gathered(asked, grant, id, &kinds).await?;
        let table = put_together(&mut gathered);
        if gathered.pieces().is_empty() && gathered.is_complete() {
            return Err(Error::not_found());
        }
        let terms = Terms { patient: id, base: &self.base, now: asked.now, language };
        let mut found = findings(&table, grant.reaches(ResourceType::Goal));
        if mutant::on(Mutant::GapKnowsHiddenGoals) {
            let aimed = self.aimed_at(asked, grant, id).await?;
            found.retain(|one| {
                one.cause != Cause::Gap || !one.theme.is_some_and(|t| aimed.contains(t))
            });
        }
        let body = match form {
            Form::Page => page::html(&table, &found, &gathered.asked(), &terms),
            Form::Fhir | Form::Picture => {
                let made = made(&table, &found, &gathered.issues(), &terms);
                gathered.collection(&self.base, &asked.now.to_string(), &made)
            }
        };
        let answer = gathered.close(body);
        let form = (form, language);
        self.told_in_form((asked, grant, &plan), answer, Query::of([]), form, in_flight).await
    }
}

impl Gateway {
    /// Themes of all goals that are held of a person.
    async fn aimed_at(&self, asked: &Asked<'_>, grant: &Grant, id: &str) -> Result<ThemeSet> {
        let local = self.reach.sources.local.as_ref().ok_or_else(Error::not_found)?;
        let held = local.load(id).await?.ok_or_else(Error::not_found)?;
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let release = || release::release(mapped, grant, &self.terms, asked.now);
        let view = mutant::careless(Mutant::GapKnowsHiddenGoals, release);
        let mut gathered = Gathered::new(Vec::new(), self.known_current()?);
        gathered.found(&view, &[ResourceType::Goal], (&self.node, &*self.sealer))?;
        let table = put_together(&mut gathered);
        Ok(table.current(Sort::Goal).flat_map(|goal| goal.themes.iter()).collect())
    }
}

/// The plan; of the person's assessments the latest is kept, of what says where things come from that
/// of what is kept.
fn put_together(gathered: &mut Gathered) -> Table {
    let circle = latest(gathered.of(ResourceType::QuestionnaireResponse), None);
    let response = circle.as_ref().map(|circle| circle.response.clone());
    let is_latest = |id: &str| response.as_deref() == Some(id);
    let answered: Vec<String> = gathered
        .of(ResourceType::QuestionnaireResponse)
        .map(|piece| piece.id.clone())
        .filter(|id| !is_latest(id))
        .collect();
    // Both lists are in order of id.
    let is_past = |id: &str| answered.binary_search_by(|known| known.as_str().cmp(id)).is_ok();
    let of_consent = |piece: &Piece| {
        let target = piece.resource.pointer("/target/0/reference").and_then(Value::as_str);
        piece.kind == ResourceType::Provenance
            && target.is_some_and(|to| to.starts_with("Consent/"))
    };
    gathered.keep(|piece| {
        if of_consent(piece) {
            return false;
        }
        let is_told = piece.kind != ResourceType::QuestionnaireResponse || is_latest(&piece.id);
        is_told && (piece.kind != ResourceType::Provenance || !is_past(document_of(&piece.id)))
    });
    let all = gathered.pieces().iter().map(|piece: &Piece| (piece.kind, &piece.resource));
    Table { circle, ..Table::of(all) }
}
