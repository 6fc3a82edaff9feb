//! Which resource a write means, where it says so by a condition, or wants it gone: asked of what its writer
//! sees of the one person, and of nothing else.
//!
//! Part of `planned`. What is hidden fulfils no condition, and is gone already. Source: FHIR R4
//! http.html#ccreate, #cond-update, #3.1.0.7.1, #delete.

use std::sync::Arc;

use serde_json::Value;

use super::{
    reader,
    sent::{Deed, Sent, stands_alone},
};
use crate::{
    domain::{
        id::{document_of, node_of},
        identity,
    },
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    gateway::{
        Gateway,
        request::Asked,
        writing::{several, unknown},
    },
    mutant::{self, Mutant},
    query::{Person, Query},
    route::Call,
    scope::{self, Grant},
    search,
    source::local::Local,
};

/// What a write comes to, before anything is written.
pub(super) enum Met {
    /// It is to be done.
    Open,
    /// It is there already, by this name: `Type/id`.
    There(String),
    /// There is nothing to be gone.
    Nothing,
}

impl Gateway {
    /// Finds what a write means.
    pub(super) async fn met(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: &mut Sent,
    ) -> Result<Met> {
        let Some(condition) = one.condition.clone() else {
            if one.deed != Deed::Delete {
                return Ok(Met::Open);
            }
            let Some(patient) = self.whose_is_seen(asked, grant, local, one).await? else {
                return Ok(Met::Nothing);
            };
            stands_in_plan(one, one.id.as_deref()).map_err(|error| error.about(&patient))?;
            return Ok(Met::Open);
        };
        let by = scope::grant(Arc::clone(grant.caller()), Call::Search(one.kind))?;
        let query = self.condition(asked, &by, &condition, &one.place)?;
        if query.filters.is_empty() && query.links.is_empty() && query.person.is_none() {
            let say = format!("Say by a condition which {} is meant, or name it by id.", one.kind);
            return Err(Error::invalid(say).at(one.place.clone()));
        }
        let patient = if one.deed == Deed::Delete {
            self.person_of_condition(local, &query, &one.place).await?
        } else {
            Some(self.person_of(asked, grant, local, one).await?)
        };
        let found = match &patient {
            Some(patient) => self.seen_matching(asked, &by, local, patient, &query).await?,
            None => None,
        };
        let (view, mut ids) = found.map_or((None, Vec::new()), |(view, ids)| (Some(view), ids));
        if let Some(view) = view.as_ref().filter(|_| ids.len() > 1) {
            return Err(several(view).at(one.place.clone()));
        }
        match (ids.pop(), view, one.deed) {
            (Some(id), Some(view), Deed::Create) => {
                let name = format!("{}/{id}", one.kind);
                self.found_there(asked, grant, local, (&view, &name)).await?;
                Ok(Met::There(name))
            }
            (Some(id), Some(view), _) => {
                let stands = stands_in_plan(one, Some(&id));
                stands.map_err(|error| error.about(view.audit_key().0))?;
                if let Some(members) = one.resource.as_object_mut() {
                    members.entry("id").or_insert_with(|| (*id).into());
                }
                one.id = Some((*id).to_owned());
                Ok(Met::Open)
            }
            (_, _, Deed::Delete) => Ok(Met::Nothing),
            (..) if one.resource.get("id").is_some() && one.deed == Deed::Update => {
                let say =
                    "Nothing is as the condition says, and ids are made here: leave the id out.";
                Err(Error::new(Kind::Unprocessable, say).at(format!("{}.id", one.place)))
            }
            (..) => {
                one.deed = Deed::Create;
                Ok(Met::Open)
            }
        }
    }

    /// Whose it is that the writer wants gone, if it sees that.
    async fn whose_is_seen(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: &Sent,
    ) -> Result<Option<Arc<str>>> {
        let id = one.id.as_deref().unwrap_or_default();
        let by = reader(grant, one.kind, id)?;
        if node_of(id).as_ref() != Some(&self.node) {
            return Ok(None);
        }
        let Some(patient) = local.place(document_of(id)).await? else { return Ok(None) };
        if mutant::on(Mutant::DeletesHidden) {
            return Ok(Some(patient));
        }
        let view = self.seen_now(asked, &by, local, &patient).await?;
        let is_seen = view.is_some_and(|view| search::read(&view, one.kind, id).is_some());
        Ok(Some(patient).filter(|_| is_seen))
    }

    /// The person here whom a resource is about, if the writer sees them.
    pub(super) async fn person_of(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: &Sent,
    ) -> Result<Arc<str>> {
        let member = ["subject", "for"].into_iter().find(|name| one.resource.get(name).is_some());
        let member = member.unwrap_or("subject");
        let place = format!("{}.{member}", one.kind);
        let subject = one.resource.get(member).unwrap_or(&Value::Null);
        let named = self.named(subject, &place)?;
        let meant = self.meant(asked, grant, local, &named, &place).await?;
        let whose = self.resolved(local, meant).await?.ok_or_else(|| unknown(&place))?;
        let careless = mutant::on(Mutant::PlansOfHidden);
        if careless || self.sees_person(asked, grant, local, &whose).await? {
            Ok(whose)
        } else {
            Err(unknown(&place))
        }
    }

    /// The person whom a condition names; who is not here is nobody.
    async fn person_of_condition(
        &self,
        local: &Local,
        query: &Query,
        place: &str,
    ) -> Result<Option<Arc<str>>> {
        match &query.person {
            Some(Person::Id(id)) => Ok(Some(id.as_str().into())),
            Some(Person::Identifier(system, code)) if *system == identity::SYSTEM => {
                local.find(self.keys.identity_mac(code)).await
            }
            Some(Person::Identifier(..)) | None => {
                let say = "Name in the condition whose it is: patient=Patient/id.";
                Err(Error::new(Kind::Unprocessable, say).at(place.to_owned()))
            }
        }
    }
}

/// A proposal stands beside a plan: it is written by itself, and stays.
fn stands_in_plan(one: &Sent, id: Option<&str>) -> Result<()> {
    if one.kind != ResourceType::Task || !id.is_some_and(stands_alone) {
        return Ok(());
    }
    let say = "This is a proposal: write it by its id, alone; it is not deleted but cancelled.";
    Err(Error::new(Kind::Conflict, say).at(one.place.clone()))
}
