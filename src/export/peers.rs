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
    export::{Of, file::Made, leave::Leave},
    federation::ask::{Asking, Source},
    query::page::Sealer,
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
    /// Its lines.
    pub of: Of,
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
            let mut lines = Lines::new(&self.node, &*self.sealer);
            let (next, asked_at) = match &self.of {
                Of::Seen(kind, shape) => {
                    let piece = self.source.export_piece(&self.asking, &link, *kind).await?;
                    for entry in &piece.lines {
                        lines.pass(entry, shape)?;
                    }
                    (piece.next, piece.asked_at)
                }
                Of::Gone(kinds) => {
                    let piece = self.source.export_gone(&self.asking, &link, kinds).await?;
                    piece.lines.iter().for_each(|gone| lines.pass_gone(gone));
                    (piece.next, piece.asked_at)
                }
            };
            self.next = next.filter(|next| *next != link);
            if lines.is_empty() && (self.begun || self.next.is_some()) {
                continue;
            }
            self.begun = true;
            let answer = lines.close(asked_at);
            let receipt =
                audit::record(&self.log, &answer, &self.grant, &self.request, now).await?;
            let leaf = *receipt.leaf();
            let recorded = stream::piece(answer, &receipt, Arc::clone(&self.clock), in_flight)?;
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
