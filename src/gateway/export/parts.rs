//! The peers' parts of an export through this gateway: begun, watched, ended.
//!
//! Beside the roads of `export`. Every peer is asked at once and on the caller's behalf; one that fails
//! costs its own part, which the manifest says. What each part is made of is kept there, not here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    bundle::Disclosure,
    domain::id::{NodeCode, node_of},
    error::{Error, Result},
    export::order::{Order, Part},
    federation::{
        ask::{Asking, Source},
        choose::{Party, Plan},
        export::{Begun, Progress},
    },
    fhir::types::ResourceType,
    gateway::{Gateway, request::Asked},
    scope::Grant,
};

impl Gateway {
    /// Begins every part; those of peers that were not reached say so. With it, since when it is known
    /// that whoever is named is there.
    pub(super) async fn begin_parts(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        plan: &Plan,
        order: &Order,
    ) -> Result<(Vec<Part>, Duration)> {
        let mut parts = BTreeMap::new();
        let mut asking = None;
        let mut begun = JoinSet::new();
        for party in plan.asked() {
            let node = party.node();
            let Some(parameters) = parameters(order, node.as_str()) else { continue };
            parts.insert(node.to_string(), Part::of(node));
            let Party::Peer(source) = party else { continue };
            if asking.is_none() {
                asking = Some(self.on_behalf(asked, grant).await?);
            }
            let (Some(asking), source) = (asking.clone(), Arc::clone(source)) else { continue };
            begun.spawn(async move {
                (source.node().to_string(), source.begin_export(&asking, &parameters).await)
            });
        }
        let (mut nobody, mut since) = (false, self.known_current()?);
        while let Some(joined) = begun.join_next().await {
            let (node, begun) = joined.map_err(Error::internal)?;
            match begun {
                Begun::There(link, known) => {
                    since = since.min(known);
                    parts.insert(node.clone(), Part { node, status: Some(link) });
                }
                Begun::Nobody => nobody = true,
                Begun::Lost => {}
            }
        }
        let parts: Vec<Part> = parts.into_values().collect();
        if nobody {
            self.end_parts(asked, grant, &parts).await?;
            return Err(Error::not_found().at("Parameters.parameter"));
        }
        Ok((parts, since))
    }

    /// How far each peer's part is.
    pub(super) async fn progress(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        parts: &[Part],
    ) -> Result<BTreeMap<String, Progress>> {
        let asking = self.on_behalf(asked, grant).await?;
        let mut all = BTreeMap::new();
        let mut watched = JoinSet::new();
        for part in parts.iter().filter(|part| part.node != self.node.as_str()) {
            let Some((source, link)) = self.peers_part(part) else {
                all.insert(part.node.clone(), Progress::Lost);
                continue;
            };
            let asking = Arc::clone(&asking);
            watched.spawn(async move {
                (source.node().to_string(), source.export_progress(&asking, &link).await)
            });
        }
        while let Some(joined) = watched.join_next().await {
            let (node, progress) = joined.map_err(Error::internal)?;
            all.insert(node, progress);
        }
        Ok(all)
    }

    /// Ends every part that was begun.
    pub(super) async fn end_parts(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        parts: &[Part],
    ) -> Result<()> {
        let asking = self.on_behalf(asked, grant).await?;
        let mut ended = JoinSet::new();
        for (source, link) in parts.iter().filter_map(|part| self.peers_part(part)) {
            let asking = Arc::clone(&asking);
            ended.spawn(async move { source.end_export(&asking, &link).await });
        }
        ended.join_all().await;
        Ok(())
    }

    /// The peer of this code, if it is still one.
    pub(super) fn peer(&self, node: &str) -> Option<Arc<Source>> {
        let mut peers = self.reach.sources.peers.iter();
        peers.find(|source| source.node().as_str() == node).cloned()
    }

    /// What every question to a peer says.
    pub(super) async fn on_behalf(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Arc<Asking>> {
        self.asking_for(asked, grant, ResourceType::Patient, None).await.map(Arc::new)
    }

    fn peers_part(&self, part: &Part) -> Option<(Arc<Source>, String)> {
        Some((self.peer(&part.node)?, part.status.clone()?))
    }
}

/// Of whom it is told that they are there at a peer: of whoever is named, where that began its part. Where none
/// was begun nothing is told of anybody.
pub(super) fn known_at_peers(order: &Order) -> Vec<Disclosure> {
    let has_begun = |node: &NodeCode| {
        let part = order.parts.iter().find(|part| part.node == node.as_str());
        part.is_some_and(|part| part.status.is_some())
    };
    let told = |id: &String| {
        let (node, id) = (node_of(id).filter(has_begun)?, Arc::from(id.as_str()));
        let named = vec![(ResourceType::Patient, Arc::clone(&id))];
        Some(Disclosure::naming((id, None), named, node))
    };
    order.patients.iter().flatten().filter_map(told).collect()
}

/// What a holder is asked for; `None` if nobody who is named is held there.
fn parameters(order: &Order, node: &str) -> Option<Value> {
    let of = |name: &str, value: &str| json!({ "name": name, "valueString": value });
    let kinds = order.kinds().filter(|kind| kind.is_personal()).map(ResourceType::name);
    let kinds: Vec<&str> = kinds.collect();
    if kinds.is_empty() {
        return None;
    }
    let mut all = vec![of("_type", &kinds.join(","))];
    let times = [("_since", order.since), ("_until", order.until)];
    all.extend(times.into_iter().filter_map(|(name, at)| Some(of(name, &at?.to_string()))));
    let filters = order.filters.iter().filter(|(kind, _)| kinds.contains(&kind.as_str()));
    all.extend(filters.map(|(kind, text)| of("_typeFilter", &format!("{kind}?{text}"))));
    if let Some(patients) = &order.patients {
        let start = format!("{node}.");
        let here = patients.iter().filter(|id| id.starts_with(&start)).map(|id| {
            json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{id}") } })
        });
        let here: Vec<Value> = here.collect();
        if here.is_empty() {
            return None;
        }
        all.extend(here);
    }
    Some(json!({ "resourceType": "Parameters", "parameter": all }))
}
