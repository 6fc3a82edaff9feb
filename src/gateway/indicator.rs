//! The road of `$evaluate-measure`: how many people are in each cell of an outcome indicator.
//!
//! Of the same shape as the others: gather, release, count, record, tell. Each person is counted by what is
//! released of them to this caller for its purpose, and has a record of it. Another gateway that is trusted
//! with them is told the counts as they are; it adds up those of all sources, and only what is made of the
//! sums by one rule ([`table`](crate::indicator::table)) is told to a client.

mod census;

use std::sync::Arc;

use http::{Method, Response};
use tokio::task::JoinSet;

use self::census::Census;
use crate::{
    audit::{self, record::Query, step},
    bundle,
    error::{Error, Kind, Result},
    export::order,
    federation::{self, State, choose::Party, indicator::Part},
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked},
    indicator::{
        question::Question,
        report::{self, report},
        table::{Source, Table},
    },
    listen::body::Body,
    query::selection,
    respond,
    scope::Grant,
};

/// The one purpose for which people are counted, a code of v3-ActReason: health outcome measure. One alone,
/// as who permits one purpose and not another could else be counted by subtraction.
const PURPOSE: &str = "HOUTCOMS";

/// For how many requests the own people are counted at a time: each looks at everybody, and holds who was
/// counted until that is written down.
pub(super) const AT_A_TIME: usize = 2;

impl Gateway {
    /// `GET` and `POST /fhir/Measure/{id}/$evaluate-measure`.
    pub(crate) async fn evaluate_measure(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        self.may_count(grant)?;
        let question = Question::read(id, &self.pairs(asked)?, asked.now)?;
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let mut census = Census::new(self, grant, question)?;
        let is_own = plan.asked().iter().any(|party| matches!(party, Party::Own(_)));
        let turn = is_own.then(|| self.censuses.try_acquire());
        let _turn = turn.transpose().map_err(|_| busy())?;
        if is_own {
            census.take().await?;
        }
        let asking = self.asking_for(asked, grant, ResourceType::Observation, None).await?;
        let asking = Arc::new(asking);
        let mut flights: JoinSet<Part> = JoinSet::new();
        for party in plan.asked() {
            let Party::Peer(source) = party else { continue };
            let (source, asking) = (Arc::clone(source), Arc::clone(&asking));
            flights.spawn(async move { source.counts(&asking, question).await });
        }
        let parts = flights.join_all().await;
        // What was counted is looked at again last, so no withdrawal need wait for what went before.
        let in_flight = self.flights.take();
        let mut known_current = census.settle().await?;
        let (counts, disclosures) = census.close();
        let days = question.days();
        let pairs = [("measure", id), ("period", &*days[0]), ("period", &*days[1])];
        let request = step::Request { query: Some(Query::of(pairs)), ..asked.request(None, &plan) };
        let said = if grant.caller().node().is_some() {
            counts.parameters(question)
        } else {
            let mut sources = Vec::new();
            for party in plan.asked().iter().filter(|party| matches!(party, Party::Own(_))) {
                let (node, counts) = (party.node().clone(), Some(counts.clone()));
                sources.push((Source { node, counts }, State::Complete));
            }
            for Part { node, state, counts, asked_at } in parts {
                known_current = known_current.min(asked_at);
                sources.push((Source { node, counts }, state));
            }
            sources.sort_by(|(a, _), (b, _)| a.node.cmp(&b.node));
            let issues = sources.iter().map(|(one, state)| state.issue_of(one.node.as_str()));
            let issues = issues.collect();
            let table = Table::new(sources.into_iter().map(|(source, _)| source).collect());
            let terms = report::Terms {
                question,
                directory: &self.terms.directory,
                sources: issues,
                now: asked.now,
            };
            report(&table, &terms)
        };
        let answer = bundle::said::of_people(&said, disclosures, known_current);
        let begun = self.clock.elapsed();
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        self.counted(asked, &answer, begun);
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }

    /// May this caller have people counted? It follows from who asks alone. Whatever a client could choose
    /// in its token would choose among people, so that two answers could be subtracted.
    fn may_count(&self, grant: &Grant) -> Result<()> {
        let caller = grant.caller();
        let refuse = |say: &'static str| Err(Error::new(Kind::Forbidden, say));
        if caller.purpose() != Some(PURPOSE) {
            return refuse("People are counted for the purpose HOUTCOMS alone; state that one.");
        }
        if caller.subject().is_some() || caller.confined_to().is_some() {
            return refuse(
                "People are counted for systems alone: ask without a user or a patient.",
            );
        }
        if !caller.roles().is_empty() {
            return refuse("People are not counted for a role; state none.");
        }
        if !caller.declared().is_empty() || caller.break_glass().is_some() {
            return refuse("People are not counted by declared grounds; declare none.");
        }
        let is_trusted = |node| self.authenticator.trusts_with_counts(node);
        if !caller.node().is_none_or(is_trusted) {
            return refuse("This gateway is not told numbers that are not rounded.");
        }
        Ok(())
    }

    /// The parameters of the URL, and of the body.
    fn pairs(&self, asked: &Asked<'_>) -> Result<Vec<(String, String)>> {
        let mut pairs = selection::pairs(asked.query.unwrap_or_default())?;
        if *asked.method == Method::POST {
            pairs.extend(order::pairs(&self.resource(asked, Kind::Invalid)?)?);
        }
        Ok(pairs)
    }
}

/// Nobody waits for a turn that takes long: whoever asks does.
fn busy() -> Error {
    let say = "People are being counted for others as often as may be at a time; ask again later.";
    Error::new(Kind::Unavailable, say)
}
