//! Whom to ask: from the request and the configuration alone.
//!
//! Part of the step `federation`. A question that came from another gateway is answered from the
//! gateway's own data, so nothing goes round in circles.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::id::{NodeCode, node_of},
    error::{Error, Result},
    federation::ask::Source,
    fhir::types::ResourceType,
    query::{Person, Query},
    scope::Grant,
    source::local::Local,
};

/// The sources this gateway may ask: itself, if it holds data, and its peers.
pub struct Sources {
    /// This gateway.
    pub node: NodeCode,
    /// Its own data; a portal has none.
    pub local: Option<Arc<Local>>,
    /// Its peers, in order of node code.
    pub peers: Vec<Arc<Source>>,
}

/// Whom one question goes to, in order of node code.
pub struct Plan {
    asked: Vec<Party>,
    /// Whom alone a walk over the gateway's own people looks at.
    among: Option<Arc<BTreeSet<Arc<str>>>>,
}

/// One whom a question goes to.
#[derive(Clone)]
pub enum Party {
    /// The gateway itself.
    Own(NodeCode),
    /// A peer.
    Peer(Arc<Source>),
}

impl Party {
    /// Its node code.
    pub fn node(&self) -> &NodeCode {
        match self {
            Self::Own(node) => node,
            Self::Peer(source) => source.node(),
        }
    }
}

impl Plan {
    /// Whom it goes to.
    pub fn asked(&self) -> &[Party] {
        &self.asked
    }

    /// The same where the question names one Patient: only the node in its id can hold that.
    #[must_use]
    pub fn about(mut self, query: &Query) -> Self {
        if let (ResourceType::Patient, Some(Person::Id(id))) = (query.kind, &query.person) {
            let node = node_of(id);
            self.asked.retain(|party| Some(party.node()) == node.as_ref());
        }
        self
    }

    /// The same where the gateway alone is asked, across people about these and nobody else.
    #[must_use]
    pub fn among(mut self, people: BTreeSet<Arc<str>>) -> Self {
        self.asked.retain(|party| matches!(party, Party::Own(_)));
        self.among = Some(Arc::new(people));
        self
    }

    /// Whom alone a walk over the gateway's own people looks at; none if at everybody.
    pub fn people(&self) -> Option<&BTreeSet<Arc<str>>> {
        self.among.as_deref()
    }

    /// The peer among them that holds what has this id.
    pub fn peer_of(&self, id: &str) -> Option<Arc<Source>> {
        let node = node_of(id)?;
        self.asked.iter().find_map(|party| match party {
            Party::Peer(source) if *source.node() == node => Some(Arc::clone(source)),
            Party::Peer(_) | Party::Own(_) => None,
        })
    }

    /// Is anybody but the gateway itself asked?
    pub fn is_federated(&self) -> bool {
        self.asked.iter().any(|party| matches!(party, Party::Peer(_)))
    }
}

/// Whom to ask. `named` is the value of the header `MyLife-Nodes`.
///
/// # Errors
/// `Invalid` when a named node is none this gateway asks.
pub fn choose(sources: &Sources, grant: &Grant, named: Option<&str>) -> Result<Plan> {
    let own = sources.local.is_some().then(|| Party::Own(sources.node.clone()));
    let from_peer = grant.caller().node().is_some();
    let peers = sources.peers.iter().filter(|_| !from_peer);
    let mut all: Vec<Party> = own.into_iter().chain(peers.cloned().map(Party::Peer)).collect();
    all.sort_by(|a, b| a.node().cmp(b.node()));
    let Some(named) = named else {
        all.retain(|party| match party {
            Party::Own(_) => true,
            Party::Peer(source) => source.asked,
        });
        return Ok(Plan { asked: all, among: None });
    };
    let mut codes = Vec::new();
    for code in named.split(',').map(str::trim) {
        let known = all.iter().find(|party| party.node().as_str() == code);
        let known = known.ok_or_else(|| {
            Error::invalid("MyLife-Nodes names a node that this gateway does not ask.")
        })?;
        codes.push(known.node().clone());
    }
    all.retain(|party| codes.contains(party.node()));
    Ok(Plan { asked: all, among: None })
}
