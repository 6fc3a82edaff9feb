//! What a reader sees today of everything that was ever held of a person: the walk of `vread`, of
//! `_history`, of exports since and as of an instant, and of a read that finds nothing.
//!
//! From `source` to `search`, as a read goes, but over every state there was: each is mapped and released
//! under today's policy. Nothing of it is kept for a second answer. Source: FHIR R4 http.html#history.

use std::{slice, sync::Arc};

use crate::{
    consent::{
        release::{Terms, former::Today},
        view::View,
    },
    domain::{id::document_of, moment::Moment},
    error::Result,
    fhir::types::ResourceType,
    mapping,
    query::page::Sealer,
    scope::Grant,
    search::{self, Hit, history::History},
    source::{Held, local::Local, past::Past},
};

/// Who looks back, and when.
pub struct Reader<'a> {
    /// What is held.
    pub local: &'a Local,
    /// What the reader may ask for.
    pub grant: &'a Grant,
    /// What decisions read beside the person's own data.
    pub terms: &'a Terms,
    /// Makes versions.
    pub sealer: &'a dyn Sealer,
    /// Today.
    pub now: Moment,
}

/// What a reader would have seen of one resource in all the states there were.
enum Trace {
    /// It was there for the reader and is no more: what was seen of it last.
    Gone(Hit),
    /// It never was.
    None,
    /// It is there.
    There,
}

impl Reader<'_> {
    /// Adds to histories of nothing yet what is seen of each state, up to an instant or to the last.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read.
    pub async fn look_back(
        &self,
        patient: &str,
        until: Option<Moment>,
        histories: &mut [History],
    ) -> Result<()> {
        let Some((past, mut today)) = self.past(patient).await? else { return Ok(()) };
        self.walk(&mut today, past, until, |today, view, at| {
            for history in &mut *histories {
                history.then(today, view, at, self.sealer);
            }
        })
        .await
    }

    /// What is seen of everything that was ever held of a person, in a history of nothing yet.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read.
    pub async fn history(&self, patient: &str, mut history: History) -> Result<History> {
        self.look_back(patient, None, slice::from_mut(&mut history)).await?;
        Ok(history)
    }

    /// The history of one resource; if nothing of it may be seen, that costs little.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read.
    pub async fn history_of(&self, patient: &str, kind: ResourceType, id: &str) -> Result<History> {
        let history = History::new(kind, Some(id));
        match self.trace(patient, kind, id).await? {
            Trace::None => Ok(history),
            Trace::Gone(_) | Trace::There => self.history(patient, history).await,
        }
    }

    /// What was seen last of what is there no more; nothing of what is there, or never was for this reader.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read.
    pub async fn gone(&self, patient: &str, kind: ResourceType, id: &str) -> Result<Option<Hit>> {
        Ok(match self.trace(patient, kind, id).await? {
            Trace::Gone(last) => Some(last),
            Trace::None | Trace::There => None,
        })
    }

    /// What the reader would have seen of one resource. It is asked by whoever asks for what is not there, so
    /// its cost is that of the versions of the one document that can hold it, whatever else the person has.
    async fn trace(&self, patient: &str, kind: ResourceType, id: &str) -> Result<Trace> {
        if kind == ResourceType::Patient {
            return self.trace_person(patient, id).await;
        }
        let looked = self.local.history_of(patient, document_of(id)).await?;
        let Some((held, past)) = looked else { return Ok(Trace::None) };
        let mut today = self.today(held);
        self.traced(&mut today, past, (kind, id)).await
    }

    /// The same of a Patient, which is seen with anything of the person that has a theme. Where nothing that
    /// there ever was would show it, no state did; else each is looked at.
    async fn trace_person(&self, patient: &str, id: &str) -> Result<Trace> {
        let Some((past, mut today)) = self.past(patient).await? else { return Ok(Trace::None) };
        let ever = today.release(mapping::to_fhir(past.at_once()?, &self.terms.directory));
        if !ever.permits(ResourceType::Patient) {
            return Ok(Trace::None);
        }
        self.traced(&mut today, past, (ResourceType::Patient, id)).await
    }

    /// Looks for it in each state.
    async fn traced(
        &self,
        today: &mut Today<'_>,
        past: Past,
        (kind, id): (ResourceType, &str),
    ) -> Result<Trace> {
        let (mut last, mut is_there) = (None, false);
        self.walk(today, past, None, |_, view, _| {
            let found = search::read(view, kind, id);
            is_there = found.is_some();
            last = found.or_else(|| last.take());
        })
        .await?;
        Ok(match last {
            Some(_) if is_there => Trace::There,
            Some(hit) => Trace::Gone(hit),
            None => Trace::None,
        })
    }

    /// Today's decisions about what is held now.
    fn today(&self, held: Held) -> Today<'_> {
        Today::new(mapping::to_fhir(held, &self.terms.directory), self.grant, self.terms, self.now)
    }

    /// Shows the view of each state and the instant of its commit, up to an instant or to the last.
    async fn walk(
        &self,
        today: &mut Today<'_>,
        mut past: Past,
        until: Option<Moment>,
        mut see: impl FnMut(&mut Today<'_>, &Arc<View>, Moment),
    ) -> Result<()> {
        while let Some((at, held)) = past.advance()? {
            if until.is_some_and(|until| at > until) {
                break;
            }
            let view = today.release(mapping::to_fhir(held, &self.terms.directory));
            see(today, &view, at);
            // Whoever has a long history must not keep others waiting.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// What is seen of what was held at an instant; `None` if nothing was.
    ///
    /// # Errors
    /// `Unavailable` if the store cannot be read.
    pub async fn then(&self, patient: &str, at: Moment) -> Result<Option<Arc<View>>> {
        let Some((past, mut today)) = self.past(patient).await? else { return Ok(None) };
        let then = past.at(at)?;
        Ok(then.map(|then| today.release(mapping::to_fhir(then, &self.terms.directory))))
    }

    /// Every state there was, and what decisions about them read today; `None` if there was none.
    async fn past(&self, patient: &str) -> Result<Option<(Past, Today<'_>)>> {
        let Some(mut past) = self.local.history(patient).await? else { return Ok(None) };
        let today = self.today(past.today()?);
        Ok(Some((past, today)))
    }
}
