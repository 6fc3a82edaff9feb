//! The road of an export's file: of what is held here, of what a peer holds, of the directory.
//!
//! Beside the roads of `export`. A link opens for its own client while its job is there; which types it
//! may have is asked of the token that is shown now.

use std::sync::Arc;

use http::Response;

use super::{Asked, Gateway, listed::lost, recorded_export};
use crate::{
    error::{Error, Result},
    export::{
        GONE, Of,
        file::{File, Page, Tools, Wanted},
        leave::Leave,
        link::{self, Link},
        order::{self, Order},
        peers::PeersFile,
        since::Span,
    },
    fhir::types::ResourceType,
    listen::body::Body,
    respond,
    scope::Grant,
    smart,
};

impl Gateway {
    /// A file, made while it is taken.
    pub(crate) async fn export_file(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        link: &str,
    ) -> Result<Response<Body>> {
        let client = grant.caller().client_id();
        let Link::File(link::File { job, kind, part }) = Link::open(link, client, &self.keys)?
        else {
            return Err(Error::not_found());
        };
        let (_, order) = self.job(&job, grant, asked.now).await?;
        if let link::Part::Lost(nodes) = part {
            return Ok(respond::directory_lines(lost(&nodes), &asked.request_id));
        }
        let of = lines_of(&order, grant, &kind)?;
        let (block, place) = match part {
            link::Part::Block(block) => (block, None),
            link::Part::Page(block, place) => (block, Some(place)),
            link::Part::Peer(node, link) => {
                let wanted = (&*job, of, &*node, link);
                return self.peers_file(asked, grant, &order, wanted).await;
            }
            link::Part::Directory => {
                let kind = of.kind().ok_or_else(Error::not_found)?;
                let queries = order.queries(kind, grant, self.query_terms(grant, asked.now))?;
                let lines = self.directory_lines(kind, &queries, &order)?;
                return Ok(respond::directory_lines(lines, &asked.request_id));
            }
            link::Part::Lost(_) => return Err(Error::not_found()),
        };
        let name = of.name();
        let mut file = self.own_file(asked, grant, &order, (&*job, of, &*block))?;
        if grant.caller().node().is_some() {
            let url = |place: String| {
                let part = link::Part::Page(block.clone(), place);
                self.file_url((&*job, name, part), client)
            };
            let Page { answer, receipt, in_flight } = file.page(place, url).await?;
            let sending = self.sending(asked, &receipt, in_flight)?;
            return Ok(respond::bundle(answer, &receipt, sending));
        }
        let made = file.next().await?.ok_or_else(|| Error::internal("a file has a first piece"))?;
        let mac = self.log.receipt_mac(&made.leaf);
        let first = Some(made.recorded);
        Ok(respond::stream::lines(first, file, mac, &asked.request_id, asked.headers))
    }

    /// A file of what the gateway itself holds.
    fn own_file(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        order: &Order,
        (job, of, block): (&str, Of, &str),
    ) -> Result<File> {
        let local = self.reach.sources.local.as_ref().ok_or_else(Error::not_found)?;
        let request = recorded_export(asked, order, of.kind());
        let queries = match of.kind() {
            Some(kind) => order.queries(kind, grant, self.query_terms(grant, asked.now))?,
            None => Vec::new(),
        };
        let wanted = Wanted {
            of,
            queries,
            span: Span { since: order.since, until: order.until },
            at: order.at,
            block: block.to_owned(),
            patients: order.patients.clone(),
        };
        let tools = Tools {
            local: Arc::clone(local),
            terms: Arc::clone(&self.terms),
            log: Arc::clone(&self.log),
            flights: Arc::clone(&self.flights),
            leave: self.leave(asked, grant, job),
            sealer: Arc::clone(&self.sealer),
            clock: Arc::clone(&self.clock),
            node: self.node.clone(),
            stride: self.reach.stride,
        };
        Ok(File::new(tools, wanted, grant.clone(), request))
    }

    /// A file of what a peer holds.
    async fn peers_file(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        order: &Order,
        (job, of, node, link): (&str, Of, &str, String),
    ) -> Result<Response<Body>> {
        let source = self.peer(node).ok_or_else(Error::not_found)?;
        let asking = self.on_behalf(asked, grant).await?;
        let request = recorded_export(asked, order, of.kind());
        let mut file = PeersFile {
            source,
            asking,
            next: Some(link),
            of,
            leave: self.leave(asked, grant, job),
            log: Arc::clone(&self.log),
            flights: Arc::clone(&self.flights),
            clock: Arc::clone(&self.clock),
            sealer: Arc::clone(&self.sealer),
            node: self.node.clone(),
            grant: grant.clone(),
            request,
            begun: false,
        };
        let made = file.next().await?.ok_or_else(|| Error::internal("a file has a first piece"))?;
        let mac = self.log.receipt_mac(&made.leaf);
        let first = Some(made.recorded);
        Ok(respond::stream::lines(first, file, mac, &asked.request_id, asked.headers))
    }

    fn leave(&self, asked: &Asked<'_>, grant: &Grant, job: &str) -> Leave {
        Leave {
            authenticator: Arc::clone(&self.authenticator),
            again: self.again(asked, grant),
            store: Arc::clone(&self.tokens.store),
            clock: Arc::clone(&self.clock),
            job: job.into(),
            over: self.terms.over.clone(),
        }
    }
}

/// What the lines of a file are, as far as the token that is shown now reaches.
fn lines_of(order: &Order, grant: &Grant, kind: &str) -> Result<Of> {
    let reached = |kind: &ResourceType| order::reaches(grant, *kind);
    if kind == GONE {
        let kinds = order.kinds().filter(|kind| kind.is_personal()).filter(reached);
        let kinds: Vec<ResourceType> = kinds.collect();
        return if kinds.is_empty() {
            Err(smart::decide::insufficient())
        } else {
            Ok(Of::Gone(kinds))
        };
    }
    let kind = ResourceType::parse(kind).ok_or_else(Error::not_found)?;
    let reached = Some(kind).filter(reached).ok_or_else(smart::decide::insufficient)?;
    Ok(Of::Seen(reached, order.shape_of(reached)))
}
