//! Asks everyone the plan names and hands over what comes, piece by piece.
//!
//! Part of the step `federation`. For one person all are asked at once, each within its deadline;
//! across people the sources follow one another in order of node code and a page comes from one of
//! them. A page ends at `_count` or at fixed points of the id space, never where the work ran out.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Bound,
    sync::Arc,
};

use tokio::task::JoinSet;

use crate::{
    domain::{
        id::{NodeCode, node_of},
        identity,
    },
    error::{Error, Result},
    federation::{
        Answered, Completeness, State, Waypoint,
        ask::{Asking, Reply, Source},
        choose::{Party, Plan, Sources},
    },
    fhir::types::ResourceType,
    mutant::{self, Mutant},
    query::{Person, Query, page::Cursor},
    seal::Keys,
    source::{Held, block, local::Local},
};

/// People read from the index at once on a walk.
const CHUNK: usize = 64;

/// One thing that was gathered.
pub enum Piece {
    /// What the gateway itself holds of one person.
    Held(Held),
    /// What a peer answered.
    Answered(Answered),
    /// How complete a source's part is.
    State(Completeness),
    /// Across people: where the next page starts.
    Ends(Waypoint),
}

/// What gathering reads beside the plan.
#[derive(Clone)]
pub struct Reach {
    /// The sources.
    pub sources: Arc<Sources>,
    /// Looks up identity codes.
    pub keys: Arc<Keys>,
    /// Leading characters of the random part of a Patient id that make up one block of a walk.
    pub stride: usize,
}

/// A gathering on its way.
pub struct Gathering<'a> {
    reach: &'a Reach,
    plan: Plan,
    query: &'a Query,
    asking: Arc<Asking>,
    ready: VecDeque<Piece>,
    flights: JoinSet<(NodeCode, Reply)>,
    walk: Option<Walk>,
    started: bool,
}

/// A walk over the gateway's own people.
struct Walk {
    block: String,
    ahead: VecDeque<Arc<str>>,
    last: String,
    source: u8,
    ended: bool,
}

/// Starts to gather what the plan names.
pub fn gather<'a>(reach: &'a Reach, plan: Plan, query: &'a Query, asking: Asking) -> Gathering<'a> {
    Gathering {
        reach,
        plan,
        query,
        asking: Arc::new(asking),
        ready: VecDeque::new(),
        flights: JoinSet::new(),
        walk: None,
        started: false,
    }
}

impl Gathering<'_> {
    /// The next piece; `None` when all have come. `full` says that the page has enough.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` when the gateway's own data cannot be read; peers never fail it.
    pub async fn next(&mut self, full: bool) -> Result<Option<Piece>> {
        if !self.started {
            self.started = true;
            match &self.query.person {
                Some(person) => self.ask_all(person).await?,
                None => self.ask_one().await?,
            }
        }
        if let Some(piece) = self.ready.pop_front() {
            return Ok(Some(piece));
        }
        if let Some(piece) = self.step(full).await? {
            return Ok(Some(piece));
        }
        match self.flights.join_next().await {
            None => Ok(None),
            Some(Err(broken)) => Err(Error::internal(broken)),
            Some(Ok((node, reply))) => {
                let state = reply.state;
                let piece = Piece::State(Completeness { node, state });
                match reply.answered {
                    None => Ok(Some(piece)),
                    Some(answered) => {
                        self.ready.push_back(piece);
                        Ok(Some(Piece::Answered(answered)))
                    }
                }
            }
        }
    }

    /// One person: everyone at once.
    async fn ask_all(&mut self, person: &Person) -> Result<()> {
        let parties = self.plan.asked().to_vec();
        for party in &parties {
            match party {
                Party::Own(node) => {
                    let mut state = State::Complete;
                    if let Some(local) = &self.reach.sources.local {
                        let held = own(local, &self.reach.keys, node, person).await?;
                        if held.is_none() && mutant::on(Mutant::CompletenessNamesHolders) {
                            state = State::Partial;
                        }
                        let held = match held {
                            Some(held) if is_about_several(self.query.kind) => {
                                local.load_about(held).await?
                            }
                            held => held.into_iter().collect(),
                        };
                        self.ready.extend(held.into_iter().map(Piece::Held));
                    }
                    let state = Completeness { node: node.clone(), state };
                    self.ready.push_back(Piece::State(state));
                }
                Party::Peer(source) => {
                    let (source, asking) = (Arc::clone(source), Arc::clone(&self.asking));
                    let (query, person) = (self.query.clone(), person.clone());
                    self.flights.spawn(async move {
                        let node = source.node().clone();
                        (node, source.about_one(&asking, &query, &person).await)
                    });
                }
            }
        }
        Ok(())
    }

    /// Across people: the source whose turn it is.
    async fn ask_one(&mut self) -> Result<()> {
        let cursor = self.query.cursor.clone().unwrap_or_default();
        let Some(party) = self.plan.asked().get(usize::from(cursor.source)).cloned() else {
            self.ready.push_back(Piece::Ends(Waypoint::End));
            return Ok(());
        };
        match party {
            Party::Own(node) => {
                self.begin_walk(&node, &cursor).await?;
                let state = Completeness { node, state: State::Complete };
                self.ready.push_back(Piece::State(state));
            }
            Party::Peer(source) => self.ask_page(&source, &cursor).await,
        }
        Ok(())
    }

    async fn ask_page(&mut self, source: &Source, cursor: &Cursor) {
        let reply = source.page(&self.asking, self.query, cursor.peer.as_deref()).await;
        let here = |peer| Cursor { source: cursor.source, after: None, peer: Some(peer) };
        let next = match reply.next {
            Some(peer) => Waypoint::At(here(peer)),
            None => self.after(cursor.source),
        };
        let state = Completeness { node: source.node().clone(), state: reply.state };
        self.ready.extend(reply.answered.map(Piece::Answered));
        self.ready.push_back(Piece::State(state));
        self.ready.push_back(Piece::Ends(next));
    }

    /// The beginning of the next source.
    fn after(&self, source: u8) -> Waypoint {
        let next = source.saturating_add(1);
        if usize::from(next) < self.plan.asked().len() {
            Waypoint::At(Cursor { source: next, after: None, peer: None })
        } else {
            Waypoint::End
        }
    }

    async fn begin_walk(&mut self, node: &NodeCode, cursor: &Cursor) -> Result<()> {
        let place = cursor.after.as_ref().map(|(_, place)| place.as_str());
        let (patient, within) = place.and_then(|p| p.split_once('/')).unwrap_or(("", ""));
        let block = if self.plan.people().is_some() {
            // Of a few, all are one block: whoever asks about them is told of no other.
            format!("{node}.")
        } else if patient.is_empty() {
            block::first(node, self.reach.stride)
        } else {
            block::of(patient, node, self.reach.stride)
        };
        if let (false, Some(local)) = (within.is_empty(), &self.reach.sources.local) {
            let held = local.load(patient).await?;
            self.ready.extend(held.map(Piece::Held));
        }
        let last = patient.to_owned();
        let source = cursor.source;
        self.walk = Some(Walk { block, ahead: VecDeque::new(), last, source, ended: false });
        Ok(())
    }

    /// The next person of the walk.
    async fn step(&mut self, full: bool) -> Result<Option<Piece>> {
        let (Some(walk), Some(local)) = (&mut self.walk, &self.reach.sources.local) else {
            return Ok(None);
        };
        loop {
            if walk.ended || full {
                self.walk = None;
                return Ok(None);
            }
            let Some(patient) = walk.ahead.pop_front() else {
                let after = (!walk.last.is_empty()).then_some(walk.last.as_str());
                let people: Vec<Arc<str>> = if let Some(few) = self.plan.people() {
                    following(few, after)
                } else {
                    let walked = local.walk(after, CHUNK).await?.into_iter();
                    walked.map(|walked| walked.patient).collect()
                };
                if mutant::on(Mutant::WalkEndsWithTheWork) && !people.is_empty() {
                    if let Some(place) = worked(self.query, &walk.last) {
                        walk.ended = true;
                        let (source, after) = (walk.source, Some(place));
                        let cursor = Cursor { source, after, peer: None };
                        return Ok(Some(Piece::Ends(Waypoint::At(cursor))));
                    }
                    walk.ahead.extend(people.into_iter().take(self.query.count.max(1)));
                    continue;
                }
                if people.is_empty() {
                    walk.ended = true;
                    let piece = Piece::Ends(self.after_walk());
                    return Ok(Some(piece));
                }
                walk.ahead.extend(people);
                continue;
            };
            if !patient.starts_with(&walk.block) {
                walk.ended = true;
                return Ok(Some(Piece::Ends(self.after_walk())));
            }
            walk.last = patient.to_string();
            if let Some(held) = local.load(&patient).await? {
                return Ok(Some(Piece::Held(held)));
            }
        }
    }

    /// Where a page that reached the end of its block goes on.
    fn after_walk(&self) -> Waypoint {
        let Some(walk) = &self.walk else { return Waypoint::End };
        if self.plan.people().is_some() {
            return self.after(walk.source);
        }
        match block::next(&walk.block, self.reach.stride) {
            // The tilde is after every character of an id: the end of the block.
            Some(_) => Waypoint::At(Cursor {
                source: walk.source,
                after: Some((0, format!("{}~/", walk.block))),
                peer: None,
            }),
            None => self.after(walk.source),
        }
    }
}

/// Those of a few people who come after one.
fn following(few: &BTreeSet<Arc<str>>, after: Option<&str>) -> Vec<Arc<str>> {
    let after = after.map_or(Bound::Unbounded, Bound::Excluded);
    few.range::<str, _>((after, Bound::Unbounded)).take(CHUNK).cloned().collect()
}

/// Where a walk has come to since its page began.
fn worked(query: &Query, last: &str) -> Option<(i64, String)> {
    let began = query.cursor.as_ref().and_then(|cursor| cursor.after.as_ref());
    let place = format!("{last}/");
    (!last.is_empty() && began.is_none_or(|(_, at)| *at != place)).then_some((0, place))
}

/// Is what is about several people of this type? It is found from each of them.
pub const fn is_about_several(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Goal)
}

/// What the gateway itself holds of the person a question is about.
pub(super) async fn own(
    local: &Local,
    keys: &Keys,
    node: &NodeCode,
    person: &Person,
) -> Result<Option<Held>> {
    match person {
        Person::Id(id) if node_of(id).as_ref() == Some(node) => local.load(id).await,
        Person::Identifier(system, code) if system == identity::SYSTEM => {
            match local.find(keys.identity_mac(code)).await? {
                None => Ok(None),
                Some(patient) => local.load(&patient).await,
            }
        }
        Person::Id(_) | Person::Identifier(..) => Ok(None),
    }
}
