//! One peer as a source: its token, its question, its page.
//!
//! Part of the step `federation`. The gateway asks as itself on behalf of its caller, for no more than
//! the caller's scopes. An identity code travels only sealed to the one peer, bound to this gateway.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};

use crate::{
    authenticate::{Caller, jose::sign::Signer},
    chance::Chance,
    clock::Clock,
    domain::{
        id::{NodeCode, node_of},
        identity,
    },
    error::{Error, Result},
    federation::{
        Answered, Gone, State,
        age::known,
        client::PeerClient,
        history::Left,
        outbox::letter::{Delivery, Letter, Sender},
        outcome::Outcome,
        page,
        token::PeerTokens,
    },
    fhir::types::ResourceType,
    handle::{self, PublicKey, Route},
    query::{Person, Query, history},
    telemetry::{
        span::Within,
        trace::{Trace, span_id},
    },
};

/// Most entries of one page that a peer is asked for.
const MOST: usize = 1000;
/// Most pages of one person's data that are fetched from one peer.
const PAGES: usize = 8;

/// A peer that can be asked.
pub struct Source {
    /// Its node code.
    pub code: NodeCode,
    /// How it is reached.
    pub client: Arc<PeerClient>,
    /// Its tokens.
    pub tokens: PeerTokens,
    /// To which handles are sealed.
    pub handle: PublicKey,
    /// Is it asked when the caller names no nodes?
    pub asked: bool,
}

/// What every question of one request says.
pub struct Asking {
    /// This gateway.
    pub node: NodeCode,
    /// Its issuer.
    pub issuer: String,
    /// On whose behalf.
    pub caller: Arc<Caller>,
    /// The type asked for.
    pub kind: ResourceType,
    /// Signs on whose behalf.
    pub signer: Arc<Signer>,
    /// Single use of what is signed.
    pub chance: Arc<dyn Chance>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// `X-Request-Id`, the same at every gateway.
    pub request_id: Arc<str>,
    /// The trace it belongs to.
    pub trace: Trace,
    /// Where in it, if somebody wants to see that.
    pub within: Within,
    /// Handles for a person known by the id at another node, fetched once for all.
    pub handles: Arc<tokio::sync::OnceCell<Option<Handles>>>,
    /// The peer that can give them.
    pub holder: Option<Arc<Source>>,
    /// The person's identity code, where this gateway holds the Patient that the question names.
    pub known: Option<zeroize::Zeroizing<String>>,
}

impl Asking {
    /// The same of another type.
    #[must_use]
    pub fn about(&self, kind: ResourceType) -> Self {
        Self {
            node: self.node.clone(),
            issuer: self.issuer.clone(),
            caller: Arc::clone(&self.caller),
            kind,
            signer: Arc::clone(&self.signer),
            chance: Arc::clone(&self.chance),
            clock: Arc::clone(&self.clock),
            request_id: Arc::clone(&self.request_id),
            trace: self.trace,
            within: self.within.clone(),
            handles: Arc::clone(&self.handles),
            holder: self.holder.clone(),
            known: self.known.clone(),
        }
    }
}

/// Handles of one person.
pub struct Handles {
    /// By node code.
    sealed: BTreeMap<String, String>,
    /// From when what is found by them counts: they are given for a Patient that the caller sees.
    since: Duration,
}

/// How a person is named to a peer.
struct Selector {
    pair: (String, String),
    /// From when it counts, where another gateway gave it.
    since: Option<Duration>,
}

/// What came of asking one peer.
pub struct Reply {
    /// How complete it is.
    pub state: State,
    /// What it released.
    pub answered: Option<Answered>,
    /// Its cursor for the next page.
    pub next: Option<String>,
}

impl Reply {
    fn nothing(state: State) -> Self {
        Self { state, answered: None, next: None }
    }
}

/// Says when a Consent that another gateway passes on was written.
pub const WRITTEN: &str = "mylife-written";
/// Says that the gateway that passes a Consent on waits itself, once it hears of the acknowledgement,
/// until nothing that it was told before still starts there.
pub const WAITS: &str = "mylife-waits";
/// How the Consent came to be, as FHIR R4 has it.
pub const PROVENANCE: &str = "x-provenance";

impl Source {
    /// Its node code.
    pub fn node(&self) -> &NodeCode {
        &self.code
    }

    /// Everything it releases of one person.
    pub async fn about_one(&self, asking: &Arc<Asking>, query: &Query, person: &Person) -> Reply {
        let Some(Selector { pair, since }) = self.selector(asking, person).await else {
            return Reply::nothing(State::NotReached);
        };
        let mut reply = self.about_named(asking, query, pair).await;
        if let (Some(answered), Some(since)) = (&mut reply.answered, since) {
            answered.asked_at = answered.asked_at.min(since);
        }
        reply
    }

    async fn about_named(
        &self,
        asking: &Arc<Asking>,
        query: &Query,
        named: (String, String),
    ) -> Reply {
        let mut pairs = query.sent.clone();
        pairs.push(named);
        pairs.push(("_count".to_owned(), MOST.to_string()));
        let mut whole: Option<Answered> = None;
        let mut cursor = None;
        let mut state = State::Complete;
        for _ in 0..PAGES {
            let reply = self.search(asking, query, &pairs, cursor.as_deref()).await;
            let Some(answered) = reply.answered else {
                let state = if whole.is_some() { State::Partial } else { reply.state };
                return Reply { state, answered: whole, next: None };
            };
            match &mut whole {
                None => whole = Some(answered),
                Some(all) => {
                    if all.total != answered.total {
                        // What it releases changed between the pages: together they are of no one state.
                        state = State::Partial;
                    }
                    // Another process may have answered, which knew less.
                    all.asked_at = all.asked_at.min(answered.asked_at);
                    all.entries.extend(answered.entries);
                    all.included.extend(answered.included);
                }
            }
            cursor = reply.next;
            if cursor.is_none() {
                return Reply { state, answered: whole, next: None };
            }
        }
        Reply { state: State::Partial, answered: whole, next: None }
    }

    /// One page across people.
    pub async fn page(&self, asking: &Arc<Asking>, query: &Query, cursor: Option<&str>) -> Reply {
        let mut pairs = query.sent.clone();
        pairs.push(("_count".to_owned(), query.count.to_string()));
        self.search(asking, query, &pairs, cursor).await
    }

    /// One resource it holds, or one version of it, as it released it, or that there was one; `None` if it
    /// does not exist for the caller. That one is gone which does not say whose it was is as if it had never
    /// been: nobody's record could say that it was told.
    ///
    /// # Errors
    /// `SourceFailed` or `SourceTimeout` when the peer cannot be asked.
    pub async fn read(
        &self,
        asking: &Arc<Asking>,
        id: &str,
        version: Option<&str>,
    ) -> Result<Option<(Left, Duration)>> {
        let asked_at = asking.clock.elapsed();
        let of = version.map(|version| format!("/_history/{version}")).unwrap_or_default();
        let path = format!("/fhir/{}/{id}{of}", asking.kind.name());
        let request = Request::builder().method(Method::GET).uri(path);
        match self.send(asking, request, Bytes::new()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::NOT_FOUND => Ok(None),
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                let entry = page::resource(reply.body(), &self.code, asking.kind, &[])?;
                let is_it =
                    entry.id == id && (version.is_none() || entry.version.as_deref() == version);
                let known = known(&reply, asked_at);
                if is_it { Ok(Some((Left::Entry(entry), known))) } else { Err(page::lying()) }
            }
            Outcome::Answered(reply) if reply.status() == StatusCode::GONE && version.is_none() => {
                let whose = page::told_of(&reply, &self.code);
                let gone = whose.map(|patient| {
                    let resources = vec![(asking.kind, id.into())];
                    Left::Nothing(Gone { node: self.code.clone(), patient, resources })
                });
                Ok(gone.map(|gone| (gone, known(&reply, asked_at))))
            }
            Outcome::Answered(reply) if reply.status().is_client_error() => Ok(None),
            other @ (Outcome::Answered(_)
            | Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::TimedOut) => Err(trouble(&other)),
        }
    }

    /// One page of a history; `None` if there is none for the caller.
    ///
    /// # Errors
    /// `SourceFailed` or `SourceTimeout` when the peer cannot be asked.
    pub async fn history(
        &self,
        asking: &Arc<Asking>,
        asked: &history::Asked,
    ) -> Result<Option<(super::history::Page, Duration)>> {
        let asked_at = asking.clock.elapsed();
        let cursor = asked.cursor.as_ref().and_then(|cursor| cursor.peer.as_deref());
        // Whoever is counted is to be known here, so that it can be written down of whom a count tells.
        let whole = (asked.count == 0).then(|| asked.counting(MOST));
        let path = whole.as_ref().unwrap_or(asked).url("/fhir", cursor);
        let request = Request::builder().method(Method::GET).uri(path);
        match self.send(asking, request, Bytes::new()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                let page = super::history::read(reply.body(), &self.code, asked)?;
                Ok(Some((page, known(&reply, asked_at))))
            }
            Outcome::Answered(reply) if reply.status().is_client_error() => Ok(None),
            other @ (Outcome::Answered(_)
            | Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::TimedOut) => Err(trouble(&other)),
        }
    }

    /// Takes a letter to the node it is for. `waits`: this gateway waits itself for what it was told.
    pub async fn deliver(&self, letter: &Letter, sender: &Sender, waits: bool) -> Delivery {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("identifier", &format!("urn:ietf:rfc:3986|{}", letter.uuid()))
            .finish();
        let request = Request::builder()
            .method(Method::PUT)
            .uri(format!("/fhir/Consent?{query}"))
            .header(header::CONTENT_TYPE, "application/fhir+json")
            .header(WRITTEN, letter.written().to_string());
        let request = if waits { request.header(WAITS, "own") } else { request };
        let request = match letter.provenance() {
            Some(text) => request.header(PROVENANCE, text.as_bytes()),
            None => request,
        };
        let Ok(body) = letter.body(&self.code, &self.handle, sender) else {
            return Delivery::Pending;
        };
        let signed = sender.token(letter, self).await;
        let id = letter.request_id();
        let trace = Trace::of_request(id).header(span_id(&*sender.chance));
        match self.put_question(signed, (id, &trace), request, body.into()).await {
            Outcome::Answered(reply) => Delivery::of(reply.status()),
            Outcome::Failed(_) | Outcome::Refused(_) | Outcome::TimedOut => Delivery::Pending,
        }
    }

    /// How the person is named to this peer.
    async fn selector(&self, asking: &Arc<Asking>, person: &Person) -> Option<Selector> {
        let of_patient = asking.kind == ResourceType::Patient;
        let name = if of_patient { "identifier" } else { "patient.identifier" };
        let named =
            |name: &str, value, since| Some(Selector { pair: (name.to_owned(), value), since });
        match person {
            Person::Identifier(system, code) if system == identity::SYSTEM => {
                named(name, self.seal(asking, code)?, None)
            }
            Person::Identifier(system, code) => named(name, format!("{system}|{code}"), None),
            Person::Id(id) if node_of(id).as_ref() == Some(&self.code) => {
                named(if of_patient { "_id" } else { "patient" }, id.clone(), None)
            }
            Person::Id(id) => match (&asking.known, &asking.holder) {
                (Some(code), _) => named(name, self.seal(asking, code)?, None),
                (None, Some(holder)) => {
                    let (holder, by, id) = (Arc::clone(holder), Arc::clone(asking), id.clone());
                    let fetch = async move { holder.handles(&by, &id).await.ok().flatten() };
                    let handles = asking.handles.get_or_init(|| fetch).await.as_ref()?;
                    let sealed = handles.sealed.get(self.code.as_str())?;
                    named(name, format!("{}|{sealed}", handle::SYSTEM), Some(handles.since))
                }
                (None, None) => None,
            },
        }
    }

    /// An identity code for the eyes of this peer alone.
    fn seal(&self, asking: &Arc<Asking>, code: &str) -> Option<String> {
        let route = Route { from: asking.node.as_str(), to: self.code.as_str() };
        let sealed = self.handle.seal(code, route, asking.clock.now(), &*asking.chance);
        sealed.ok().map(|sealed| format!("{}|{sealed}", handle::SYSTEM))
    }

    /// Asks the holder of a Patient for handles that name the person to other peers.
    async fn handles(&self, asking: &Arc<Asking>, id: &str) -> Result<Option<Handles>> {
        let asked_at = asking.clock.elapsed();
        let path = format!("/fhir/Patient/{id}/$handles");
        let request = Request::builder().method(Method::POST).uri(path);
        match self.send(asking, request, Bytes::new()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                let sealed = page::handles(reply.body())?;
                Ok(Some(Handles { sealed, since: known(&reply, asked_at) }))
            }
            Outcome::Answered(_) => Ok(None),
            other @ (Outcome::Failed(_) | Outcome::Refused(_) | Outcome::TimedOut) => {
                Err(trouble(&other))
            }
        }
    }

    async fn search(
        &self,
        asking: &Arc<Asking>,
        query: &Query,
        pairs: &[(String, String)],
        cursor: Option<&str>,
    ) -> Reply {
        let asked_at = asking.clock.elapsed();
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .extend_pairs(cursor.map(|cursor| ("_cursor", cursor)))
            .finish();
        let path = format!("/fhir/{}/_search", asking.kind.name());
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match self.send(asking, request, form.into()).await {
            Outcome::Answered(reply) if reply.status() == StatusCode::OK => {
                match page::read(reply.body(), &self.code, query) {
                    Ok(page) => Reply {
                        state: State::Complete,
                        next: page.next,
                        answered: Some(Answered {
                            entries: page.entries,
                            included: page.included,
                            total: page.total,
                            asked_at: known(&reply, asked_at),
                        }),
                    },
                    Err(error) => {
                        tracing::warn!(source.name = %self.code, reason = %error, "source lied");
                        Reply::nothing(State::NotReached)
                    }
                }
            }
            other @ (Outcome::Answered(_)
            | Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::TimedOut) => {
                tracing::warn!(source.name = %self.code, reason = %other, "source failed");
                Reply::nothing(State::NotReached)
            }
        }
    }
}

pub(super) fn trouble(outcome: &Outcome) -> Error {
    match outcome {
        Outcome::TimedOut => Error::new(
            crate::error::Kind::SourceTimeout,
            "The gateway that holds this did not answer in time; try again later.",
        ),
        Outcome::Answered(_) | Outcome::Failed(_) | Outcome::Refused(_) => Error::new(
            crate::error::Kind::SourceFailed,
            "The gateway that holds this could not be asked; try again later.",
        ),
    }
}
