//! What the manifest of an export lists: fixed files, and how complete each holder's part is.
//!
//! Beside the roads of `export`. Which files there are follows from what was asked for, from configuration
//! and from what peers list; never from who is held.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Gateway;
use crate::{
    error::Result,
    export::{
        GONE,
        link::{self, Link},
        manifest::{Manifest, Output},
        order::Order,
    },
    federation::{
        State,
        export::{Done, Progress},
    },
    fhir::types::ResourceType,
    mutant::{self, Mutant},
    scope::Grant,
    source::block,
};

impl Gateway {
    /// The finished manifest; `parts` are those of peers.
    pub(super) async fn manifest(
        &self,
        id: &str,
        order: &Order,
        grant: &Grant,
        parts: BTreeMap<String, Progress>,
    ) -> Result<Value> {
        let client = grant.caller().client_id();
        let listing = Listing { gateway: self, job: id, client };
        let (mut output, mut gone) = (Vec::new(), Vec::new());
        let (mut at, mut lost) = (order.at, Vec::new());
        let mut sources = Vec::new();
        for kind in order.kinds().filter(|kind| !kind.is_personal()) {
            output.push(listing.file(kind.name(), link::Part::Directory)?);
        }
        if order.parts.iter().any(|part| part.node == self.node.as_str()) {
            let blocks = self.blocks().await?;
            for kind in order.kinds().filter(|kind| kind.is_personal()) {
                for block in &blocks {
                    output.push(listing.file(kind.name(), link::Part::Block(block.clone()))?);
                }
            }
            if order.kinds().any(ResourceType::is_personal) {
                for block in blocks {
                    gone.push(listing.file(GONE, link::Part::Block(block))?);
                }
            }
            sources.push((self.node.to_string(), State::Complete));
        }
        for (node, progress) in parts {
            let Progress::Done(Done { at: then, files, gone: theirs }) = progress else {
                sources.push((node.clone(), State::NotReached));
                lost.push(node);
                continue;
            };
            // Who asks for what changed since must miss nothing of any holder.
            at = at.min(then);
            for (kind, link) in files.into_iter().filter(|(kind, _)| order.has(*kind)) {
                output.push(listing.file(kind.name(), link::Part::Peer(node.clone(), link))?);
            }
            for link in theirs {
                gone.push(listing.file(GONE, link::Part::Peer(node.clone(), link))?);
            }
            sources.push((node, State::Complete));
        }
        sources.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut error = Vec::new();
        if !lost.is_empty() {
            error.push(listing.file("OperationOutcome", link::Part::Lost(lost))?);
        }
        // Whoever did not say since when has nothing that could be gone.
        let deleted = order.since.map(|_| gone);
        Ok(Manifest { at, request: &order.request, output, deleted, error, sources }.json())
    }

    /// Where a file is.
    pub(super) fn file_url(
        &self,
        (job, kind, part): (&str, &str, link::Part),
        client: &str,
    ) -> Result<String> {
        let file = link::File { job: job.to_owned(), kind: kind.to_owned(), part };
        let link = Link::File(file).seal(client, &self.keys)?;
        Ok(format!("{}/$export-file/{link}", self.base))
    }

    /// The fixed blocks of the id space that files are of: each has 32 of the blocks that a search across
    /// people is cut into.
    async fn blocks(&self) -> Result<Vec<String>> {
        if let (true, Some(local)) =
            (mutant::on(Mutant::ExportFilesFollowPeople), &self.reach.sources.local)
        {
            let people = local.walk(None, 1000).await?;
            return Ok(people.iter().map(|one| one.patient.to_string()).collect());
        }
        Ok(block::all(&self.node, self.reach.stride.saturating_sub(1)))
    }
}

/// Whose the files are that are listed.
struct Listing<'a> {
    gateway: &'a Gateway,
    job: &'a str,
    client: &'a str,
}

impl Listing<'_> {
    fn file(&self, kind: &str, part: link::Part) -> Result<Output> {
        let url = self.gateway.file_url((self.job, kind, part), self.client)?;
        Ok(Output { kind: kind.to_owned(), url })
    }
}

/// The line that says which nodes were not reached.
pub(super) fn lost(nodes: &[String]) -> Vec<u8> {
    let issues: Vec<Value> = nodes.iter().map(|node| State::NotReached.issue_of(node)).collect();
    format!("{}\n", json!({ "resourceType": "OperationOutcome", "issue": issues })).into_bytes()
}
