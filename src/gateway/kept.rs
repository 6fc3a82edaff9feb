//! Answers that were given before, to be given again while all they rest on still stands.
//!
//! Beside the way of a request, between `scope` and `audit`: the same words of the same caller, about a
//! person of whom nothing has changed, while no decision has come to a boundary in time, have the same
//! answer; only its record is new. Bounded in bytes. It decides nothing, and what the decisions read
//! beside the person's data is one version as long as the gateway is open.

use std::{ops::Range, sync::Arc, time::Duration};

use ahash::RandomState;
use quick_cache::{
    Weighter,
    sync::{Cache, DefaultLifecycle},
};

use crate::{
    bundle::{Answer, Said},
    domain::moment::Moment,
    fhir::types::ResourceType,
    gateway::{request::Asked, reviews::asks_for_reviews},
    mutant::{self, Mutant},
    query::{Person, Query},
    scope::Grant,
    source::{commits::Ground, local::Local},
};

/// Bytes of an answer's place in the cache, beside its own.
const PLACE: usize = 256;
/// Bytes of an answer of middling size; only the number of places made at the start follows from it.
const MIDDLING: u64 = 4096;

/// Bytes of a caller's fingerprint.
const CALLER: usize = 16;

/// Who asks what, in which words: equal for no two questions that may have different answers.
#[derive(Eq, Hash, PartialEq)]
pub struct Words(Box<[u8]>);

/// What an answer about one person rests on.
pub struct Rests {
    /// The person's data are what they were.
    pub ground: Ground,
    /// The instants at which the decisions are what they were.
    pub holds: Range<Moment>,
}

/// An answer and what it rests on.
struct Given {
    said: Arc<Said>,
    rests: Rests,
    /// Bytes it takes; the cache counts on it that this stays the same.
    weight: u64,
}

/// The answers.
pub struct Kept {
    answers: Cache<Words, Arc<Given>, Weight, RandomState>,
}

impl Kept {
    /// `bytes` bounds what is kept.
    pub fn new(bytes: u64) -> Self {
        let places = usize::try_from(bytes / MIDDLING).unwrap_or(usize::MAX);
        let (hasher, lifecycle) = (RandomState::new(), DefaultLifecycle::default());
        let answers = Cache::with(places, bytes, Weight, hasher, lifecycle);
        Self { answers }
    }

    /// The answer to these words, if it stands at `now`. `known_current`, on the monotonic clock, must
    /// have been read before.
    pub fn again(
        &self,
        words: Option<&Words>,
        local: &Local,
        now: Moment,
        known_current: Duration,
    ) -> Option<Answer> {
        let given = self.answers.get(words?)?;
        let ground = || local.stands(&given.rests.ground);
        let stands = given.rests.holds.contains(&now)
            && (ground() || mutant::on(Mutant::KeptAnswerOutlivesChange));
        stands.then(|| Answer::again(&given.said, known_current))
    }

    /// Keeps an answer that holds nothing with an end of its own.
    pub fn keep(&self, words: Option<Words>, answer: &Answer, rests: Option<Rests>) {
        if let (Some(words), Some(rests), Some(said)) = (words, rests, answer.lasting()) {
            let weight = (PLACE + words.0.len() + said.weight()) as u64;
            self.answers.insert(words, Arc::new(Given { said: Arc::clone(said), rests, weight }));
        }
    }
}

/// The words of a read or a search. None where the same words may have another record: a reason is
/// declared, which the record says and no decision reads.
pub fn words(asked: &Asked<'_>, grant: &Grant) -> Option<Words> {
    let caller = grant.caller();
    if !caller.declared().is_empty() || caller.break_glass().is_some() {
        return None;
    }
    let (kind, id) = (grant.call().resource()?, grant.call().id().unwrap_or_default());
    let query = asked.query.unwrap_or_default();
    let (nodes, strict) = (asked.nodes().unwrap_or_default(), u8::from(asked.is_strict()));
    let texts = [id.as_bytes(), query.as_bytes(), nodes.as_bytes()];
    let texts_bytes: usize = texts.iter().map(|text| size_of::<usize>() + text.len()).sum();
    let mut words = Vec::with_capacity(CALLER + 3 + texts_bytes + asked.body.len());
    let anybodys = mutant::on(Mutant::KeptAnswerIsAnybodys);
    words.extend_from_slice(&if anybodys { [0; CALLER] } else { caller.fingerprint() });
    words.extend_from_slice(&[grant.interaction() as u8, kind as u8, strict]);
    for text in texts {
        // Their lengths keep the texts apart.
        words.extend_from_slice(&text.len().to_be_bytes());
        words.extend_from_slice(text);
    }
    words.extend_from_slice(&asked.body);
    Some(Words(words.into()))
}

/// May the same words of the same caller be asked at any time? Not with a cursor, nor with a handle,
/// by which gateways name a person: those are good for a while only. Nor about the log, which grows
/// with every answer.
pub(super) fn lasts(query: &Query, grant: &Grant) -> bool {
    let named = match &query.person {
        Some(Person::Id(_)) => true,
        Some(Person::Identifier(..)) => grant.caller().node().is_none(),
        None => false,
    };
    let of_log = query.kind == ResourceType::AuditEvent || asks_for_reviews(query);
    named && query.cursor.is_none() && !of_log
}

/// How much an answer takes: what was said when it was put in.
#[derive(Clone)]
struct Weight;

impl Weighter<Words, Arc<Given>> for Weight {
    fn weight(&self, _: &Words, given: &Arc<Given>) -> u64 {
        given.weight
    }
}
