//! START HERE: the whole way of one request on one screen; [`Gateway`] holds the parts.
//!
//! Every road has the same shape and the same order of steps; a step takes the proof that only the
//! step before it can make, so unreleased data cannot leave and nothing leaves unrecorded. Decides
//! nothing itself.

pub mod request;
pub mod accept;
pub mod batch;
pub mod validate;
pub mod everything;
pub mod consent;
pub mod collector;
mod counting;
pub mod history;
pub mod import;
pub mod receipt;
pub mod write;
mod writing;
pub mod answered;
pub mod planned;
pub mod forward;
pub mod follow;
pub mod public;
pub mod directory;
pub mod explain;
mod explained;
mod gathered;
pub mod circle;
pub mod collective;
pub mod populate;
pub mod extract;
pub mod indicator;
pub mod export;
pub mod open;
mod beside;
pub mod assemble;
pub mod capability;
pub mod openapi;
pub mod origin;
mod possession;
mod reviews;
pub mod kept;
pub mod launch;
pub mod scribe;
mod elsewhere;
mod asking;
pub mod errands;
pub mod told;
mod passed_on;
pub mod numbered;
pub mod subscription;
pub mod notify;

use std::sync::Arc;

use http::Response;
use tokio::sync::Semaphore;

use crate::{
    audit::{self, log::Log},
    authenticate::{Authenticator, jose::key::PublicKey},
    bundle::{self, Answer, Frame, Page, said},
    chance::Chance,
    clock::Clock,
    consent::release::{self, Terms},
    domain::id::{NodeCode, node_of},
    error::{Error, Result},
    federation::{
        self,
        choose::Plan,
        gather::{Piece, Reach},
        history::Left,
        outbox::Outbox,
    },
    fhir::types::ResourceType,
    gateway::{
        kept::{Kept, Rests, Words},
        public::Documents,
        request::Asked,
    },
    handle::HandleKey,
    listen::body::Body,
    mapping,
    mutant::{self, Mutant},
    native::schemas::Schemas,
    oauth::{keys::fetch::Fetcher, token::TokenEndpoint},
    query::{self, Query, page::Sealer, shape::Shape},
    respond::{self, Sending, condition, flight::Flights},
    route::Call,
    scope::{self, Grant},
    seal::Keys,
    search,
    shared::{Shared, pace::Pace},
    telemetry::Inside,
};

/// The parts of one gateway; nothing of it is global, so several live in one process.
pub struct Gateway {
    /// Its node code.
    pub node: NodeCode,
    /// Own FHIR base, without a slash at the end.
    pub base: String,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
    /// Who asks.
    pub authenticator: Arc<Authenticator>,
    /// Gives tokens, ends them, tells what they say.
    pub tokens: TokenEndpoint,
    /// Reaches hosts of clients: their keys, and where they are notified.
    pub fetcher: Arc<Fetcher>,
    /// Whom to ask.
    pub reach: Reach,
    /// What is owed to other gateways.
    pub outbox: Arc<Outbox>,
    /// Opens what peers sealed for this gateway.
    pub handle: HandleKey,
    /// What decisions read beside a person's own data.
    pub terms: Arc<Terms>,
    /// Answers that may be given again.
    pub kept: Kept,
    /// Where every disclosure is written down.
    pub log: Arc<Log>,
    /// Answers under way.
    pub flights: Arc<Flights>,
    /// Seals cursors and links, makes versions.
    pub sealer: Arc<dyn Sealer>,
    /// Keys of stored values and look-ups.
    pub keys: Arc<Keys>,
    /// Makes native documents of those of another form.
    pub conversions: write::conversion::Conversions,
    /// Whose own people are counted at a time.
    pub censuses: Semaphore,
    /// Schemas of native documents.
    pub schemas: Arc<Schemas>,
    /// Schema of FHIR resources.
    pub fhir: Arc<crate::fhir::schema::Validator>,
    /// What anybody may read.
    pub documents: Documents,
    /// Which pages in browsers may read what answers.
    pub origins: origin::Origins,
    /// How often somebody may ask.
    pub pace: Arc<Pace>,
    /// What replicas share and may lose.
    pub shared: Arc<dyn Shared>,
    /// Bounds and switches of configuration.
    pub limits: Limits,
    /// Keys that signed tokens before; their tokens are still believed.
    pub former_keys: Vec<PublicKey>,
    /// What is counted on the way.
    pub inside: Arc<Inside>,
    /// Who is told what took how long.
    pub collector: Option<Arc<collector::Collector>>,
}

/// Bounds and switches of configuration.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Most entries of a page.
    pub page: usize,
    /// What becomes of identity codes that are issued to nobody.
    pub test_range: crate::domain::identity::TestRange,
    /// What one document may cost.
    pub document: crate::json::Limits,
    /// Most documents of a kind that a writer may have of one person.
    pub documents: usize,
}

impl Gateway {
    /// The way of a search.
    pub(crate) async fn search(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        let in_flight = self.flights.take();
        let words = kept::words(asked, grant);
        let (answer, request, rests) = match self.answer_again(words.as_ref(), asked) {
            Some(answer) => (answer, asked.request_alone(), None),
            None => Box::pin(self.search_anew(asked, grant)).await?,
        };
        let begun = self.clock.elapsed();
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        self.counted(asked, &answer, begun);
        // Once it is recorded: its first record says what was asked, and later ones repeat it.
        self.kept.keep(words, &answer, rests);
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }

    /// The part of the way that need not be walked again for an answer that stands.
    async fn search_anew(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
    ) -> Result<(Answer, audit::step::Request, Option<Rests>)> {
        let terms = self.query_terms(grant, asked.now);
        let query = query::parse(grant, asked.parameters(), terms)?;
        let (page, request, rests) = self.page(asked, grant, &query).await?;
        Ok((page.close()?, request, rests))
    }

    /// What is found by a search, here and elsewhere.
    async fn page<'q>(
        &'q self,
        asked: &Asked<'_>,
        grant: &Grant,
        query: &'q Query,
    ) -> Result<(Page<'q>, audit::step::Request, Option<Rests>)> {
        let now = asked.now;
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let plan = self.narrowed(plan.about(query), grant, query).await?;
        let mut page = Page::new(query, self.frame(&plan, asked), self.known_current()?);
        // Only peers are told who is meant, so alone nobody need be looked up.
        let person = query.person.as_ref().filter(|_| plan.is_federated());
        let asking = self.asking(asked, grant, person).await?;
        let request = asked.request(Some(query), &plan);
        let lasts = kept::lasts(query, grant) && !plan.is_federated();
        let (mut rests, mut is_alone) = (None, true);
        let mut gathering = federation::gather::gather(&self.reach, plan, query, asking);
        while let Some(piece) = gathering.next(page.is_full()).await? {
            match piece {
                Piece::Answered(answered) => page.answered(answered),
                Piece::Ends(waypoint) => page.ends_at(waypoint),
                Piece::State(statement) => page.state(statement),
                Piece::Held(held) => {
                    let (ground, about) = (held.ground(), held.about().cloned());
                    let mapped = mapping::to_fhir(held, &self.terms.directory);
                    let release = || release::release(mapped, grant, &self.terms, now);
                    let view = if *asked.method == http::Method::POST {
                        mutant::careless(Mutant::PostSkipsRelease, release)
                    } else if about.is_some() {
                        mutant::careless(Mutant::MembersFindHidden, release)
                    } else {
                        release()
                    };
                    // What rests on several people lasts no longer than the first who changes.
                    is_alone = rests.is_none() && about.is_none();
                    rests = Some(Rests { ground, holds: view.holds() });
                    let view = self.with_told(view, query, grant).await?;
                    page.found(search::find(&view, query).about(about.as_deref()));
                }
            }
        }
        Ok((page, request, rests.filter(|_| lasts && is_alone)))
    }

    /// The way of a read.
    pub(crate) async fn read(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        let Call::Read(kind, id) = grant.call() else {
            return Err(Error::internal("only a read has an id"));
        };
        let in_flight = self.flights.take();
        let shape = if asked.query.is_some() {
            Shape::of_read(*kind, asked.parameters())?
        } else {
            Shape::Whole
        };
        if !kind.is_personal() {
            return self.directory_read(asked, *kind, id, &shape);
        }
        let words = kept::words(asked, grant);
        let again = self.answer_again(words.as_ref(), asked);
        let (answer, request, rests) = if let Some(answer) = again {
            (answer, asked.request_alone(), None)
        } else {
            let (answer, request, rests) =
                Box::pin(self.read_anew(asked, grant, *kind, id)).await?;
            (answer.shaped(*kind, &shape), request, rests)
        };
        let begun = self.clock.elapsed();
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        self.counted(asked, &answer, begun);
        self.kept.keep(words, &answer, rests);
        let unchanged = match condition::modified_since(asked.headers) {
            // Asked seldom, so it has a box of its own.
            Some(since) => Box::pin(self.unchanged(asked, grant, &answer, since)).await?,
            None => false,
        };
        let sending = self.sending(asked, &receipt, in_flight)?;
        let response = respond::resource(answer, &receipt, asked.headers, unchanged, sending);
        Ok(passed_on::naming(response, &receipt))
    }

    /// The part of the way that need not be walked again for an answer that stands.
    async fn read_anew(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: ResourceType,
        id: &str,
    ) -> Result<(Answer, audit::step::Request, Option<Rests>)> {
        let plan = federation::choose::choose(&self.reach.sources, grant, asked.nodes())?;
        let request = asked.request(None, &plan);
        let held = node_of(id).filter(|node| *node == self.node);
        let (Some(node), Some(local)) = (held, &self.reach.sources.local) else {
            return Ok((self.peers_read(asked, grant, &plan, id, None).await?, request, None));
        };
        let known_current = self.known_current()?;
        let patient = local.person_of(id).await?;
        let held = local.load(&patient).await?.ok_or_else(Error::not_found)?;
        let ground = held.ground();
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let release = || release::release(mapped, grant, &self.terms, asked.now);
        let view = if asked.is_head {
            mutant::careless(Mutant::HeadSkipsRelease, release)
        } else {
            release()
        };
        let rests = Rests { ground, holds: view.holds() };
        let view = self.with_told_of(view, (kind, id), grant).await?;
        let Some(hit) = search::read(&view, kind, id) else {
            let gone = self.looking_back(asked, grant, local).gone(&patient, kind, id).await?;
            return Ok((self.nothing(gone, known_current)?, request, None));
        };
        let answer = bundle::one(&hit, &node, &*self.sealer, known_current);
        Ok((answer, request, Some(rests).filter(|_| !reviews::is_review(id))))
    }

    /// The answer given to the same words before, if it stands.
    fn answer_again(&self, words: Option<&Words>, asked: &Asked<'_>) -> Option<Answer> {
        let local = self.reach.sources.local.as_ref()?;
        let known_current = self.known_current().ok()?;
        self.kept.again(words, local, asked.now, known_current)
    }

    /// A resource of another node, as that node released it.
    async fn peers_read(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        plan: &Plan,
        id: &str,
        version: Option<&str>,
    ) -> Result<Answer> {
        let source = plan.peer_of(id).ok_or_else(Error::not_found)?;
        let asking = Arc::new(self.asking(asked, grant, None).await?);
        let (left, asked_at) =
            source.read(&asking, id, version).await?.ok_or_else(Error::not_found)?;
        Ok(match left {
            Left::Entry(entry) => bundle::peers(&entry, asked_at),
            Left::Nothing(gone) => said::peers_say_gone(&history::is_gone(), &gone, asked_at),
        })
    }

    pub(crate) fn query_terms<'a>(
        &'a self,
        grant: &'a Grant,
        now: crate::domain::moment::Moment,
    ) -> query::Terms<'a> {
        query::Terms {
            base: &self.base,
            most: self.limits.page,
            sealer: &*self.sealer,
            handle: &self.handle,
            node: self.node.as_str(),
            from: grant.caller().node().map(NodeCode::as_str),
            now,
        }
    }

    fn frame<'a>(&'a self, plan: &Plan, asked: &Asked<'_>) -> Frame<'a> {
        Frame {
            node: &self.node,
            base: &self.base,
            sealer: &*self.sealer,
            directory: &self.documents.directory,
            federated: plan.is_federated(),
            now: asked.now,
        }
    }

    /// What a response needs beside its answer. One that waited too long, as for a slow disk, is refused
    /// while that can still be said; whether it may start is looked at again at its first byte.
    pub(crate) fn sending<'a>(
        &self,
        asked: &'a Asked<'_>,
        receipt: &audit::Receipt,
        in_flight: respond::flight::InFlight,
    ) -> Result<Sending<'a>> {
        receipt.in_time(self.clock.elapsed())?;
        Ok(Sending {
            request_id: &asked.request_id,
            mac: self.log.receipt_mac(receipt.leaf()),
            head: asked.is_head,
            clock: Arc::clone(&self.clock),
            in_flight,
        })
    }

    /// Who asks, and may they?
    pub(crate) async fn grant(&self, asked: &Asked<'_>, call: Call) -> Result<Grant> {
        let certificate = asked.peer_certificate.as_ref();
        self.authenticator.revoked().current(self.clock.elapsed())?;
        let looked_at = self.looked_at(asked).await?;
        let caller = self.authenticator.verify_looked_at(
            looked_at,
            asked.headers,
            certificate,
            asked.query,
            asked.now,
        )?;
        scope::grant(caller, call)
    }
}
