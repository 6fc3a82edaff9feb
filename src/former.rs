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
    error::{Error, Result},
    fhir::types::ResourceType,
    mapping,
    mutant::{self, Mutant},
    query::page::Sealer,
    scope::Grant,
    search::{self, history::History},
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
#[derive(Clone, Copy)]
enum Trace {
    /// It was there for the reader and is no more.
    Gone,
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
            Trace::Gone | Trace::There => self.history(patient, history).await,
        }
    }

    /// Why there is nothing to read: it was there for this reader, or never was.
    pub async fn nothing(&self, patient: &str, kind: ResourceType, id: &str) -> Error {
        match self.trace(patient, kind, id).await {
            Ok(Trace::Gone) => Error::gone(),
            Ok(Trace::None) if mutant::on(Mutant::GoneIsToldOfHidden) => Error::gone(),
            Ok(Trace::None | Trace::There) => Error::not_found(),
            Err(error) => error,
        }
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
        let mut trace = Trace::None;
        self.walk(&mut today, past, None, |_, view, _| {
            trace = trace.then(search::read(view, kind, id).is_some());
        })
        .await?;
        Ok(trace)
    }

    /// The same of a Patient, which is seen with anything of the person that has a theme. Where nothing that
    /// there ever was would show it, no state did; else each is looked at.
    async fn trace_person(&self, patient: &str, id: &str) -> Result<Trace> {
        let Some((past, mut today)) = self.past(patient).await? else { return Ok(Trace::None) };
        let ever = today.release(mapping::to_fhir(past.at_once()?, &self.terms.directory));
        let mut trace = Trace::None;
        if ever.permits(ResourceType::Patient) {
            self.walk(&mut today, past, None, |_, view, _| {
                trace = trace.then(search::read(view, ResourceType::Patient, id).is_some());
            })
            .await?;
        }
        Ok(trace)
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

impl Trace {
    /// After a further state, in which it is there or not.
    const fn then(self, is_there: bool) -> Self {
        match self {
            _ if is_there => Self::There,
            Self::None => Self::None,
            Self::Gone | Self::There => Self::Gone,
        }
    }
}
