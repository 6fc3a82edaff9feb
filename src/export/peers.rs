//! A file of what a peer holds, passed on piece by piece while it is taken.
//!
//! Part of `export`. Each piece is asked for when the one before has left, was released where it is held,
//! is checked, recorded here too, and leaves as soon as any answer of a peer's must.

use std::sync::Arc;

use crate::{
    audit::{self, log::Log, step::Request},
    bundle::export::Lines,
    clock::Clock,
    domain::id::NodeCode,
    error::Result,
    export::{file::Made, leave::Leave},
    federation::ask::{Asking, Source},
    fhir::types::ResourceType,
    query::{page::Sealer, shape::Shape},
    respond::{
        flight::Flights,
        stream::{self, Maker, Making},
    },
    scope::Grant,
};

/// A file of a peer's.
pub struct PeersFile {
    /// The peer.
    pub source: Arc<Source>,
    /// On whose behalf.
    pub asking: Arc<Asking>,
    /// Link of the next piece; `None` after the last.
    pub next: Option<String>,
    /// The type of its resources.
    pub kind: ResourceType,
    /// In which form each resource is wanted.
    pub shape: Shape,
    /// May it go on?
    pub leave: Leave,
    /// Where every disclosure is written down.
    pub log: Arc<Log>,
    /// Answers under way.
    pub flights: Arc<Flights>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Makes versions.
    pub sealer: Arc<dyn Sealer>,
    /// This gateway.
    pub node: NodeCode,
    /// Who asks.
    pub grant: Grant,
    /// What the record says of the request.
    pub request: Request,
    /// Has a piece been made?
    pub begun: bool,
}

impl PeersFile {
    /// The next piece; `None` after the last. The first is there even if nobody is in it.
    ///
    /// # Errors
    /// `SourceFailed` or `SourceTimeout` when the peer cannot be asked; else as
    /// [`crate::export::file::File::next`].
    pub async fn next(&mut self) -> Result<Option<Made>> {
        while let Some(link) = self.next.take() {
            let in_flight = self.flights.take();
            let now = self.clock.now();
            self.leave.still(&self.grant, now).await?;
            let piece = self.source.export_piece(&self.asking, &link, self.kind).await?;
            self.next = piece.next.filter(|next| *next != link);
            let mut lines = Lines::new(&self.node, &*self.sealer, &self.shape);
            for entry in &piece.entries {
                lines.pass(entry)?;
            }
            if lines.is_empty() && (self.begun || self.next.is_some()) {
                continue;
            }
            self.begun = true;
            let answer = lines.close(piece.asked_at);
            let receipt =
                audit::record(&self.log, &answer, &self.grant, &self.request, now).await?;
            let leaf = *receipt.leaf();
            let recorded = stream::piece(answer, &receipt, Arc::clone(&self.clock), in_flight);
            return Ok(Some(Made { recorded, leaf }));
        }
        Ok(None)
    }
}

impl Maker for PeersFile {
    fn make(mut self) -> Making<Self> {
        Box::pin(async move {
            let made = self.next().await;
            (self, made.map(|made| made.map(|made| made.recorded)))
        })
    }
}
