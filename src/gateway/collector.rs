//! Tells a collector of the spans of sampled requests (OTLP over HTTP).
//!
//! Part of `gateway`; one of its errands, beside the way of every request. It waits for the collector and no
//! request does: what the collector does not take in time is lost and counted. Asked through the client of
//! peers, so a collector that keeps failing is left in peace for a while.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode, header};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    chance::Chance,
    clock::Clock,
    domain::id::NodeCode,
    error::Result,
    federation::{
        client::{Limits, PeerClient, Question},
        outcome::Outcome,
        tls::PeerTls,
    },
    gateway::Gateway,
    listen::Stopping,
    telemetry::{
        otlp,
        span::{Fate, Span, Spans},
    },
    transport::{Authority, Transport},
};

/// How often it is told, unless many spans wait before.
const EVERY: Duration = Duration::from_secs(1);
/// The largest answer that is read of it.
const ANSWER_BYTES: usize = 64 * 1024;

/// Which collector, and of how much it is told.
pub struct Settings {
    /// Where it is.
    pub to: Authority,
    /// How it is reached; none is in cleartext.
    pub tls: Option<Arc<PeerTls>>,
    /// Of traces that begin here one in so many is sampled.
    pub one_in: u64,
    /// Spans that may wait.
    pub queue: usize,
    /// How long it may take to answer.
    pub deadline: Duration,
}

/// A collector, and what it is still to be told.
pub struct Collector {
    /// Spans that end and wait.
    pub spans: Arc<Spans>,
    client: PeerClient,
    node: NodeCode,
}

impl Collector {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid` if its address makes no header.
    pub fn new(
        settings: Settings,
        node: NodeCode,
        transport: Arc<dyn Transport>,
        (clock, chance): (Arc<dyn Clock>, Arc<dyn Chance>),
    ) -> Result<Self> {
        let Settings { to, tls, one_in, queue, deadline } = settings;
        let limits = Limits { deadline, body_bytes: ANSWER_BYTES, ..Limits::default() };
        let client = PeerClient::new(to, transport, tls, limits, Arc::clone(&clock))?;
        let spans = Arc::new(Spans::new(clock, chance, one_in, queue));
        Ok(Self { spans, client, node })
    }

    /// Tells of everything that waits, some at a time; ends early where that is not taken.
    pub async fn tell(&self) {
        loop {
            let batch = self.spans.take();
            if batch.is_empty() || !self.tell_of(&batch).await {
                return;
            }
        }
    }

    async fn tell_of(&self, batch: &[Span]) -> bool {
        let body = otlp::request(self.node.as_str(), batch).to_string();
        let request = Request::post(otlp::PATH)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.into());
        let outcome = match request {
            // Spans have ids, so to tell of one twice does no harm.
            Ok(request) => self.client.ask(Question::new(request).repeatable()).await,
            Err(_) => return false,
        };
        let rejected = match &outcome {
            Outcome::Answered(answer) if answer.status() == StatusCode::OK => {
                otlp::rejected(answer.body()).min(batch.len())
            }
            Outcome::Answered(_) | Outcome::Failed(_) | Outcome::Refused(_) | Outcome::TimedOut => {
                batch.len()
            }
        };
        self.spans.became(Fate::Exported, batch.len() - rejected);
        self.spans.became(Fate::Lost, rejected);
        if rejected > 0 {
            tracing::debug!(rejected, "the collector did not take spans");
        }
        rejected < batch.len()
    }
}

impl Gateway {
    /// Keeps its collector told until it is to stop, and then tells what is left. One that hangs holds up a
    /// stop for no longer than it may take twice to answer.
    pub(super) async fn tell_collector(&self, mut stopping: Stopping) {
        let Some(collector) = &self.collector else { return };
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.asked() => break,
                _ = ticks.tick() => {}
                () = collector.spans.many() => {}
            }
            collector.tell().await;
        }
        collector.tell().await;
    }
}
