//! Spans: which part of a request took how long, of requests whose trace is sampled.
//!
//! Part of `telemetry`, around the way of a request. A span is noted when it ends and waits until a collector
//! is told of it; where there is no room it is dropped and counted, so nothing ever waits for a collector.
//! It consists of words of this program, numbers and node codes, and has no member that could hold anything
//! of a person or a caller. Only a build with the feature `otlp` makes any. Sources: W3C Trace Context for
//! whose trace it is; OpenTelemetry's semantic conventions for names, where they have some.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    Stage,
    text::Text,
    trace::{SpanId, Trace, span_id},
};
use crate::{chance::Chance, clock::Clock, domain::id::NodeCode};

/// Does this build make spans?
pub const MADE: bool = cfg!(feature = "otlp");

/// Spans that a collector is told of at once.
const BATCH: usize = 512;

/// What a span says beside its name and times.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fact {
    /// A word of this program.
    Word(&'static str),
    /// A number, as that of a status.
    Number(u16),
    /// Another gateway.
    Node(NodeCode),
}

/// A fact under its name.
pub type Named = (&'static str, Fact);

/// On which side of a question a span is, numbered as OpenTelemetry's `SpanKind`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// On neither: a stage.
    Inside = 1,
    /// It answers.
    Server = 2,
    /// It asks.
    Client = 3,
}

/// Something that took time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Span {
    /// Its trace, as headers have it.
    pub trace: String,
    /// Its id.
    pub id: SpanId,
    /// The span it is part of; all zeros for none.
    pub parent: SpanId,
    /// A road, a stage, or `ask`.
    pub name: &'static str,
    /// Its side.
    pub side: Side,
    /// Nanoseconds of 1970-01-01T00:00:00Z at its beginning.
    pub begun: u64,
    /// The same at its end.
    pub ended: u64,
    /// Did it fail?
    pub failed: bool,
    /// What else is said of it.
    pub facts: Vec<Named>,
}

/// What became of a span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The collector took it.
    Exported,
    /// There was no room for it.
    Dropped,
    /// The collector did not take it.
    Lost,
}

impl Fate {
    const ALL: [Self; 3] = [Self::Exported, Self::Dropped, Self::Lost];

    const fn name(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::Dropped => "dropped",
            Self::Lost => "lost",
        }
    }
}

/// Spans that wait for a collector to be told of them.
pub struct Spans {
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    one_in: u64,
    room: usize,
    waiting: Mutex<Vec<Span>>,
    many: Notify,
    fates: [AtomicU64; Fate::ALL.len()],
}

impl Spans {
    /// Nobody waits. Of traces that begin here one in so many is sampled; `room` spans may wait.
    pub fn new(clock: Arc<dyn Clock>, chance: Arc<dyn Chance>, one_in: u64, room: usize) -> Self {
        let (waiting, many, fates) = Default::default();
        Self { clock, chance, one_in, room, waiting, many, fates }
    }

    /// What is done for a request of this trace; of a trace of its own, by its id, if it has none. Whoever
    /// asks says whether a trace is sampled that began there.
    pub fn begin(self: &Arc<Self>, given: Option<Trace>, request_id: &str) -> Within {
        let own = || Trace::of_request(request_id).sampled_one_in(self.one_in);
        let trace = given.unwrap_or_else(own);
        if !MADE || !trace.is_sampled() {
            return Within::default();
        }
        let wall = u64::try_from(self.clock.now().millis()).unwrap_or_default() * 1_000_000;
        let (spans, id) = (Arc::clone(self), span_id(&*self.chance));
        let answer = span_id(&*self.chance);
        let origin = wall.saturating_sub(nanoseconds(self.clock.elapsed()));
        Within(Some(Arc::new(Place { spans, trace, id, answer, origin })))
    }

    /// Some of those that wait, oldest first; none if nobody does.
    pub fn take(&self) -> Vec<Span> {
        let mut waiting = self.waiting();
        if waiting.len() <= BATCH {
            return mem::take(&mut *waiting);
        }
        waiting.drain(..BATCH).collect()
    }

    /// Returns when so many wait that they should be taken at once.
    pub async fn many(&self) {
        self.many.notified().await;
    }

    /// Notes what became of so many.
    pub fn became(&self, fate: Fate, number: usize) {
        let place = Fate::ALL.iter().position(|known| *known == fate);
        if let Some(count) = place.and_then(|place| self.fates.get(place)) {
            count.fetch_add(number as u64, Ordering::Relaxed);
        }
    }

    /// What became of spans so far, as metrics; the name alone where there is no collector.
    pub fn write(spans: Option<&Self>, text: &mut Text) {
        let name = "mylife_spans_total";
        text.head(name, "counter", "Spans of sampled requests, by what became of them.");
        for (fate, number) in spans.iter().flat_map(|spans| Fate::ALL.iter().zip(&spans.fates)) {
            text.row(name, &[("outcome", fate.name())], number.load(Ordering::Relaxed));
        }
    }

    fn ended(&self, span: Span) {
        let mut waiting = self.waiting();
        if waiting.len() >= self.room {
            drop(waiting);
            return self.became(Fate::Dropped, 1);
        }
        waiting.push(span);
        if waiting.len() == BATCH {
            self.many.notify_one();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Span>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where in a trace the work for one request stands; nowhere if the trace is not sampled, and then nothing
/// is noted and no clock is read.
#[derive(Clone, Default)]
pub struct Within(Option<Arc<Place>>);

struct Place {
    spans: Arc<Spans>,
    trace: Trace,
    /// The span of the request.
    id: SpanId,
    /// The span of [`Stage::Answer`], in which peers are asked.
    answer: SpanId,
    /// Nanoseconds of 1970-01-01T00:00:00Z when the clock's arbitrary start was, as of this request.
    origin: u64,
}

impl Within {
    /// The trace, if it is sampled.
    pub fn trace(&self) -> Option<Trace> {
        self.0.as_ref().map(|place| place.trace)
    }

    /// The header of what is asked of this gateway itself for the request.
    pub fn header(&self) -> Option<String> {
        self.0.as_ref().map(|place| place.trace.header(place.id))
    }

    /// Begins the span of the request.
    pub fn serve(&self) -> Open {
        self.open("none", Side::Server, |place| (place.id, place.trace.asker()))
    }

    /// Begins the span of the stage in which the answer is made.
    pub fn answer(&self) -> Open {
        let name = Stage::Answer.name();
        self.open(name, Side::Inside, |place| (place.answer, place.id))
    }

    /// Begins the span of a question to a peer.
    pub fn ask(&self) -> Open {
        let place = |place: &Place| (span_id(&*place.spans.chance), place.answer);
        self.open("ask", Side::Client, place)
    }

    /// Notes a stage that is over.
    pub fn took(&self, stage: Stage, begun: Duration, ended: Duration) {
        let Some(place) = &self.0 else { return };
        let parent = if stage == Stage::Record { place.answer } else { place.id };
        let id = span_id(&*place.spans.chance);
        let span = place.span((id, parent), stage.name(), Side::Inside, begun);
        place.spans.ended(Span { ended: place.instant(ended), ..span });
    }

    fn open(
        &self,
        name: &'static str,
        side: Side,
        ids: impl FnOnce(&Place) -> (SpanId, SpanId),
    ) -> Open {
        let going = |place: &Arc<Place>| {
            let span = place.span(ids(place), name, side, place.spans.clock.elapsed());
            Box::new((Arc::clone(place), span))
        };
        Open(self.0.as_ref().map(going))
    }
}

impl Place {
    /// A span that begins then.
    fn span(
        &self,
        (id, parent): (SpanId, SpanId),
        name: &'static str,
        side: Side,
        begun: Duration,
    ) -> Span {
        let begun = self.instant(begun);
        let (trace, facts) = (self.trace.id(), Vec::new());
        Span { trace, id, parent, name, side, begun, ended: begun, failed: false, facts }
    }

    fn instant(&self, at: Duration) -> u64 {
        self.origin.saturating_add(nanoseconds(at))
    }
}

/// A span that goes on. One that is let go of without an end was given up, as when a client goes away.
pub struct Open(Option<Box<(Arc<Place>, Span)>>);

/// How a span ended.
pub struct End {
    /// The name it has after all.
    pub name: &'static str,
    /// Did it fail?
    pub failed: bool,
    /// What is said of it.
    pub facts: Vec<Named>,
}

impl Open {
    /// Its id, if it is noted.
    pub fn id(&self) -> Option<SpanId> {
        self.0.as_ref().map(|going| going.1.id)
    }

    /// It ends, under the name it began with, and there is nothing to say.
    pub fn end(self) {
        self.end_as(|name| End { name, failed: false, facts: Vec::new() });
    }

    /// It ends; `how` is asked, with its name, only where it is noted.
    pub fn end_as(mut self, how: impl FnOnce(&'static str) -> End) {
        if let Some(going) = self.0.take() {
            let (place, span) = *going;
            let how = how(span.name);
            close(&place, span, how);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(going) = self.0.take() {
            let (place, span) = *going;
            let facts = vec![("error.type", Fact::Word("given-up"))];
            let name = span.name;
            close(&place, span, End { name, failed: true, facts });
        }
    }
}

fn close(place: &Place, span: Span, End { name, failed, facts }: End) {
    let ended = place.instant(place.spans.clock.elapsed());
    place.spans.ended(Span { name, ended, failed, facts, ..span });
}

fn nanoseconds(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap_or(u64::MAX)
}
