//! Asks everyone the plan names for several types of one person at once.
//!
//! Part of the step `federation`, for operations that put together what one person has. The gateway's
//! own data are loaded once, so that all types are of one moment; each peer is asked each type as in a
//! search. A source is as complete as the least complete of its answers.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::{
    domain::id::{NodeCode, node_of},
    error::{Error, Result},
    federation::{
        Answered, Completeness, State,
        ask::{Asking, Reply},
        choose::{Party, Plan},
        gather::{Reach, own},
    },
    fhir::types::ResourceType,
    query::{Person, Query},
    source::Held,
};

/// What came of it.
pub struct Several {
    /// What the gateway itself holds of the person.
    pub held: Option<Held>,
    /// What peers answered, in no order.
    pub answered: Vec<Answered>,
    /// How complete each source's part is, in order of node code.
    pub statements: Vec<Completeness>,
}

/// Asks for these types of the person with this id.
///
/// # Errors
/// `Unavailable` or `Internal` when the gateway's own data cannot be read; peers never fail it.
pub async fn gather(
    reach: &Reach,
    plan: &Plan,
    patient: &str,
    kinds: &[ResourceType],
    asking: &Asking,
) -> Result<Several> {
    let person = Person::Id(patient.to_owned());
    let mut flights: JoinSet<(NodeCode, Reply)> = JoinSet::new();
    let mut several = Several { held: None, answered: Vec::new(), statements: Vec::new() };
    for party in plan.asked() {
        let state = State::Complete;
        several.statements.push(Completeness { node: party.node().clone(), state });
        let Party::Peer(source) = party else { continue };
        // One Patient is at one node alone.
        let is_there = node_of(patient).as_ref() == Some(party.node());
        for kind in kinds.iter().filter(|kind| is_there || **kind != ResourceType::Patient) {
            let (source, person) = (Arc::clone(source), person.clone());
            let asking = Arc::new(asking.about(*kind));
            let query = Query::everything(*kind, patient);
            flights.spawn(async move {
                let reply = source.about_one(&asking, &query, &person).await;
                (source.node().clone(), reply)
            });
        }
    }
    for party in plan.asked() {
        if let (Party::Own(node), Some(local)) = (party, &reach.sources.local) {
            several.held = own(local, &reach.keys, node, &person).await?;
        }
    }
    while let Some(landed) = flights.join_next().await {
        let (node, reply) = landed.map_err(Error::internal)?;
        several.answered.extend(reply.answered);
        let of_node = several.statements.iter_mut().find(|statement| statement.node == node);
        if let Some(statement) = of_node.filter(|_| reply.state != State::Complete) {
            let is_worse = statement.state != State::NotReached;
            statement.state = if is_worse { reply.state } else { statement.state };
        }
    }
    Ok(several)
}
