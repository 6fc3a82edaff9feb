//! The gateway's own people, counted one by one as they are released.
//!
//! Part of the road of `$evaluate-measure`. To walk past many takes longer than an answer is good for, so
//! whoever was counted is looked at again at the end: who changed since, or whose decisions came to a
//! boundary in time, is counted anew. So the count is as current as any answer, however long it took.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    bundle::{Disclosure, said},
    consent::{release, view::View},
    domain::{
        moment::Moment,
        theme::{Theme, Viewpoint},
    },
    error::{Error, Result},
    fhir::types::ResourceType::{Observation, Patient},
    gateway::{Gateway, kept::Rests},
    indicator::{
        cell::{Cell, Counts},
        person,
        question::Question,
    },
    mapping::{self, survey::CODES},
    mutant::{self, Mutant},
    query::{Query, selection},
    scope::Grant,
    search::{self, Hit},
};

/// People read from the index at once.
const CHUNK: usize = 64;
/// People counted before others have their turn.
const TURN: usize = 16;
/// Of so few that changed meanwhile a last look takes no time.
const FEW: usize = 64;
/// Looks at those who changed meanwhile; the last counts, and is late if it took long.
const LOOKS: usize = 4;

/// A count under way.
pub(super) struct Census<'a> {
    gateway: &'a Gateway,
    grant: &'a Grant,
    question: Question,
    query: Query,
    people: Vec<Counted>,
}

/// Somebody who is counted, and what that rests on.
struct Counted {
    patient: Arc<str>,
    rests: Rests,
    cells: Vec<Cell>,
    disclosures: Vec<Disclosure>,
}

impl<'a> Census<'a> {
    /// Nobody is counted yet.
    ///
    /// # Errors
    /// `Internal` if the days of the year are none.
    pub(super) fn new(gateway: &'a Gateway, grant: &'a Grant, question: Question) -> Result<Self> {
        let terms = gateway.query_terms(grant, gateway.clock.now());
        let text = wanted(question)?;
        let query = selection::selection(grant, Observation, &text, terms)?;
        Ok(Self { gateway, grant, question, query, people: Vec::new() })
    }

    /// Walks past everybody.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub(super) async fn take(&mut self) -> Result<()> {
        let Some(local) = &self.gateway.reach.sources.local else { return Ok(()) };
        let mut last: Option<Arc<str>> = None;
        loop {
            let people = local.walk(last.as_deref(), CHUNK).await?;
            let Some(end) = people.last() else { return Ok(()) };
            last = Some(Arc::clone(&end.patient));
            for (number, one) in people.iter().enumerate() {
                let counted = self.count(&one.patient, self.gateway.clock.now()).await?;
                self.people.extend(counted);
                if number % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Looks again at whoever is counted; gives since when all of it is known to be current.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read, or was not heard of for too long.
    pub(super) async fn settle(&mut self) -> Result<Duration> {
        let mut known_current = self.gateway.known_current()?;
        let Some(local) = &self.gateway.reach.sources.local else { return Ok(known_current) };
        for _ in 0..LOOKS {
            known_current = self.gateway.known_current()?;
            let (now, mut again) = (self.gateway.clock.now(), 0);
            for at in 0..self.people.len() {
                let Some(one) = self.people.get(at) else { break };
                let stands = local.stands(&one.rests.ground) && one.rests.holds.contains(&now);
                if stands || mutant::on(Mutant::CountsAreNotLookedAtAgain) {
                    continue;
                }
                again += 1;
                let patient = Arc::clone(&one.patient);
                let anew = self.count(&patient, now).await?;
                if let Some(one) = self.people.get_mut(at) {
                    if let Some(anew) = anew {
                        *one = anew;
                    } else {
                        // Nothing of them counts any more.
                        (one.cells, one.disclosures) = (Vec::new(), Vec::new());
                    }
                }
            }
            if again <= FEW {
                break;
            }
        }
        Ok(known_current)
    }

    /// How many are in each cell, and what is recorded of whom.
    pub(super) fn close(self) -> (Counts, Vec<Disclosure>) {
        let (mut counts, mut disclosures) = (Counts::default(), Vec::new());
        for one in self.people {
            counts.add(&one.cells);
            disclosures.extend(one.disclosures);
        }
        (counts, disclosures)
    }

    /// What one person counts as; `None` who counts nowhere.
    async fn count(&self, patient: &Arc<str>, now: Moment) -> Result<Option<Counted>> {
        let Gateway { reach, terms, .. } = self.gateway;
        let Some(local) = &reach.sources.local else { return Ok(None) };
        let Some(held) = local.load(patient).await? else { return Ok(None) };
        let ground = held.ground();
        let mapped = mapping::to_fhir(held, &terms.directory);
        let release = || release::release(mapped, self.grant, terms, now);
        let view = mutant::careless(Mutant::CountsSkipRelease, release);
        let look = || self.found(&view, patient);
        let (cells, hits) = mutant::careless(Mutant::CountsSkipRelease, look)?;
        if cells.is_empty() {
            return Ok(None);
        }
        let rests = Rests { ground, holds: view.holds() };
        let disclosures = said::rested_on(&hits, &self.gateway.node);
        Ok(Some(Counted { patient: Arc::clone(patient), rests, cells, disclosures }))
    }

    /// In which cells a person is, and by what is seen of them.
    fn found(&self, view: &Arc<View>, patient: &str) -> Result<(Vec<Cell>, Vec<Hit>)> {
        let Some(who) = search::read(view, Patient, patient) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let mut hits = search::any(view, Observation, std::slice::from_ref(&self.query));
        if hits.is_empty() {
            return Ok((Vec::new(), hits));
        }
        let observations = hits.iter().map(|hit| self.seen(hit)).collect::<Result<Vec<_>>>()?;
        let cells = person::cells(self.question, &self.seen(&who)?, &observations);
        hits.push(who);
        Ok((cells, hits))
    }

    /// What is seen of a resource.
    fn seen(&self, hit: &Hit) -> Result<Value> {
        let written = hit.view.written(&hit.resource, &hit.sight, &*self.gateway.sealer);
        serde_json::from_slice(&written.text).map_err(Error::internal)
    }
}

/// The search that finds what is counted: satisfaction with any theme, in the year.
fn wanted(question: Question) -> Result<String> {
    let satisfaction = Viewpoint::Satisfaction.code();
    let codes: Vec<String> =
        Theme::ALL.iter().map(|theme| format!("{CODES}|{}.{satisfaction}", theme.code())).collect();
    let [from, to] = question.instants().ok_or_else(|| Error::internal("a year has no days"))?;
    let pairs = [
        ("code", codes.join(",")),
        ("status", "final,amended".to_owned()),
        ("date", format!("ge{from}")),
        ("date", format!("lt{to}")),
    ];
    Ok(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}
