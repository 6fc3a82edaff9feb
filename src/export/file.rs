//! One file of an export, made piece by piece while it is taken.
//!
//! Part of `export`. Each person walks the whole way anew: loaded, mapped, released to this caller at this
//! moment, searched, recorded, and only then handed over; the next piece is made when the one before has
//! left. So memory is that of one piece, and a withdrawal holds for whoever has not left yet. Another
//! gateway is given a file page by page, each a question of its own; where one ends follows from what is
//! released and from configuration, never from who else is held.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    Of,
    since::{self, Span},
};
use crate::{
    audit::{self, Receipt, log::Log, step::Request},
    bundle::{Answer, export::Lines},
    clock::Clock,
    consent::{
        release::{self, Terms},
        view::View,
    },
    domain::{id::NodeCode, moment::Moment},
    error::Result,
    export::leave::Leave,
    fhir::types::ResourceType,
    former::Reader,
    mapping,
    mutant::{self, Mutant},
    query::{Query, page::Sealer, shape::Shape},
    respond::{
        flight::{Flights, InFlight},
        stream::{self, Maker, Making, Recorded},
    },
    scope::Grant,
    search::{self, Hit, history::Version},
    source::{block, local::Local},
};

/// A piece ends with the person who fills it.
const PIECE: usize = 128 * 1024;
/// People of a piece at most, seen or not.
const PEOPLE: usize = 256;
/// People read from the index at once.
const CHUNK: usize = 64;
/// A piece that takes longer to make leaves as it is: it must not be old when it leaves.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a file is made with.
pub struct Tools {
    /// The gateway's own data.
    pub local: Arc<Local>,
    /// What decisions read beside it.
    pub terms: Arc<Terms>,
    /// Where every disclosure is written down.
    pub log: Arc<Log>,
    /// Answers under way.
    pub flights: Arc<Flights>,
    /// May it go on?
    pub leave: Leave,
    /// Makes versions.
    pub sealer: Arc<dyn Sealer>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// This gateway.
    pub node: NodeCode,
    /// Leading characters of an id that make up one block of a walk.
    pub stride: usize,
}

/// What is to be in it.
pub struct Wanted {
    /// Its lines.
    pub of: Of,
    /// Of resources, any of these; everything without one.
    pub queries: Vec<Query>,
    /// Only what changed then.
    pub span: Span,
    /// What was held then.
    pub at: Moment,
    /// What the ids of its people begin with.
    pub block: String,
    /// These people alone, in order.
    pub patients: Option<Vec<String>>,
}

/// A file in the making.
pub struct File {
    tools: Tools,
    wanted: Wanted,
    grant: Grant,
    request: Request,
    ahead: VecDeque<Arc<str>>,
    /// After whom the walk goes on; `None` where nobody is left to walk to.
    last: Option<String>,
    begun: bool,
}

/// What is asked for of one person.
enum Found<'a> {
    Hits(Vec<Hit>, &'a Shape),
    Gone(Vec<(ResourceType, Version)>),
}

impl Found<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Hits(hits, _) => hits.is_empty(),
            Self::Gone(gone) => gone.is_empty(),
        }
    }

    fn write(&self, lines: &mut Lines<'_>) {
        match self {
            Self::Hits(hits, shape) => hits.iter().for_each(|hit| lines.add(hit, shape)),
            Self::Gone(gone) => lines.gone(gone),
        }
    }
}

/// A piece that is written down.
pub struct Made {
    /// To hand over.
    pub recorded: Recorded,
    /// Leaf of its record.
    pub leaf: [u8; 32],
}

/// A page for another gateway, written down.
pub struct Page {
    /// What leaves.
    pub answer: Answer,
    /// That it is written down.
    pub receipt: Receipt,
    /// Its place among the answers under way.
    pub in_flight: InFlight,
}

impl File {
    /// A file of which nothing is made yet.
    pub fn new(tools: Tools, wanted: Wanted, grant: Grant, request: Request) -> Self {
        let block = wanted.block.clone();
        Self { tools, wanted, grant, request, ahead: VecDeque::new(), last: None, begun: false }
            .starting(block)
    }

    /// The same from a place on: after somebody, or from the start of a block.
    fn starting(mut self, place: String) -> Self {
        match &self.wanted.patients {
            None => self.last = Some(place),
            Some(named) => {
                let block = &self.wanted.block;
                let is_ahead = |id: &&String| id.starts_with(block) && **id > place;
                self.ahead = named.iter().filter(is_ahead).map(|id| id.as_str().into()).collect();
            }
        }
        self
    }

    /// The next piece; `None` after the last. The first is there even if nobody is in it, so that it is
    /// recorded that the file was asked for.
    ///
    /// # Errors
    /// `Unavailable` if store or log cannot be reached; else as [`Leave::still`].
    pub async fn next(&mut self) -> Result<Option<Made>> {
        while !self.is_over() || !self.begun {
            let clock = Arc::clone(&self.tools.clock);
            let in_flight = self.tools.flights.take();
            let known_current = self.tools.local.known_current(clock.elapsed())?;
            let now = clock.now();
            self.tools.leave.still(&self.grant, now).await?;
            let (node, sealer) = (self.tools.node.clone(), Arc::clone(&self.tools.sealer));
            let mut lines = Lines::new(&node, &*sealer);
            self.fill(&mut lines, now).await?;
            if lines.is_empty() && self.begun {
                continue;
            }
            self.begun = true;
            let answer = lines.close(known_current);
            let receipt = self.record(&answer, now).await?;
            let leaf = *receipt.leaf();
            let recorded = stream::piece(answer, &receipt, clock, in_flight)?;
            return Ok(Some(Made { recorded, leaf }));
        }
        Ok(None)
    }

    /// One page from a place on; `link` makes the URL of what comes after a place.
    ///
    /// # Errors
    /// As [`File::next`].
    pub async fn page(
        mut self,
        place: Option<String>,
        link: impl Fn(String) -> Result<String>,
    ) -> Result<Page> {
        let file = self.wanted.block.clone();
        let Tools { clock, flights, local, node, stride, sealer, .. } = &self.tools;
        let (in_flight, now) = (flights.take(), clock.now());
        let known_current = local.known_current(clock.elapsed())?;
        let (node, stride, sealer) = (node.clone(), *stride, Arc::clone(sealer));
        self.tools.leave.still(&self.grant, now).await?;
        let is_walk = self.wanted.patients.is_none();
        let place = place
            .unwrap_or_else(|| if is_walk { padded(&file, &node, stride) } else { file.clone() });
        if is_walk {
            self.wanted.block = block::of(&place, &node, stride);
        }
        self = self.starting(place);
        let mut lines = Lines::new(&node, &*sealer);
        let ends = self.fill_page(&mut lines, now).await?;
        let after = match ends {
            Some(person) => Some(person),
            None if is_walk => {
                block::next(&self.wanted.block, stride).filter(|next| next.starts_with(&file))
            }
            None => None,
        };
        let next = after.map(link).transpose()?;
        let answer = lines.close_page(next.as_deref(), known_current);
        let receipt = self.record(&answer, now).await?;
        Ok(Page { answer, receipt, in_flight })
    }

    fn is_over(&self) -> bool {
        self.last.is_none() && self.ahead.is_empty()
    }

    async fn record(&self, answer: &Answer, now: Moment) -> Result<Receipt> {
        audit::record(&self.tools.log, answer, &self.grant, &self.request, now).await
    }

    /// Adds people until the piece is full.
    async fn fill(&mut self, lines: &mut Lines<'_>, now: Moment) -> Result<()> {
        let clock = Arc::clone(&self.tools.clock);
        let began = clock.elapsed();
        for walked in 0..PEOPLE {
            let is_late = walked > 0 && clock.elapsed().saturating_sub(began) > PATIENCE;
            if lines.len() >= PIECE || is_late {
                break;
            }
            let Some(patient) = self.person().await? else { break };
            let found = self.found(&patient, now).await?;
            found.write(lines);
        }
        // Whoever walks past many must not keep others waiting.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Adds people until the page is full and another is seen; then gives after whom it goes on.
    async fn fill_page(&mut self, lines: &mut Lines<'_>, now: Moment) -> Result<Option<String>> {
        let mut last = None;
        while let Some(patient) = self.person().await? {
            let found = self.found(&patient, now).await?;
            if found.is_empty() {
                continue;
            }
            if lines.len() >= PIECE {
                return Ok(last);
            }
            found.write(lines);
            last = Some(patient.to_string());
        }
        Ok(None)
    }

    /// The next person of the block.
    async fn person(&mut self) -> Result<Option<Arc<str>>> {
        if let Some(next) = self.ahead.pop_front() {
            return Ok(Some(next));
        }
        let Some(last) = self.last.take() else { return Ok(None) };
        let people = self.tools.local.walk(Some(&last), CHUNK).await?;
        let is_whole = people.len() == CHUNK;
        let block = &self.wanted.block;
        let inside = people.into_iter().map(|one| one.patient);
        self.ahead = inside.take_while(|id| id.starts_with(block)).collect();
        if is_whole && self.ahead.len() == CHUNK {
            self.last = self.ahead.back().map(ToString::to_string);
        }
        Ok(self.ahead.pop_front())
    }

    /// What is asked for of one person.
    async fn found(&self, patient: &str, now: Moment) -> Result<Found<'_>> {
        let Wanted { of, queries, span, at, .. } = &self.wanted;
        match of {
            Of::Seen(kind, shape) => {
                let view = self.view(patient, now).await?;
                let mut hits =
                    view.map_or_else(Vec::new, |view| search::any(&view, *kind, queries));
                if !span.is_whole() && !hits.is_empty() {
                    let (reader, span) = (self.reader(now), (*span, *at));
                    let changed = since::changed(&reader, patient, *kind, span).await?;
                    hits.retain(|hit| changed.contains(&hit.resource.id));
                }
                Ok(Found::Hits(hits, shape))
            }
            Of::Gone(kinds) => {
                let gone = since::gone(&self.reader(now), patient, kinds, (*span, *at)).await?;
                Ok(Found::Gone(gone))
            }
        }
    }

    fn reader(&self, now: Moment) -> Reader<'_> {
        let Tools { local, terms, sealer, .. } = &self.tools;
        Reader { local, grant: &self.grant, terms, sealer: &**sealer, now }
    }

    /// What this caller may see now of what was held of a person at the instant of the export.
    async fn view(&self, patient: &str, now: Moment) -> Result<Option<Arc<View>>> {
        let Tools { local, terms, .. } = &self.tools;
        let Some(held) = local.load(patient).await? else { return Ok(None) };
        if held.changed() <= self.wanted.at {
            let mapped = mapping::to_fhir(held, &terms.directory);
            let release = || release::release(mapped, &self.grant, terms, now);
            return Ok(Some(mutant::careless(Mutant::ExportSkipsRelease, release)));
        }
        if mutant::on(Mutant::ExportPassesOverChanged) {
            return Ok(None);
        }
        self.reader(now).then(patient, self.wanted.at).await
    }
}

/// The first block of a walk within the block of a file.
fn padded(file: &str, node: &NodeCode, stride: usize) -> String {
    let first = block::first(node, stride);
    let rest = first.get(file.len()..).unwrap_or_default();
    format!("{file}{rest}")
}

impl Maker for File {
    fn make(mut self) -> Making<Self> {
        Box::pin(async move {
            let made = self.next().await;
            (self, made.map(|made| made.map(|made| made.recorded)))
        })
    }
}
