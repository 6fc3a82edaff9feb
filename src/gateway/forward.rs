//! A Consent written at a gateway without data: on to the nodes it concerns, until each has it.
//!
//! Part of the road of writes. A grant goes to the nodes the person names, a prohibition to every
//! peer; the outbox keeps what is pending. What became of it is written down for each node before it is
//! told; sending the same Consent again tells how it stands now. Source: design 5.

use std::sync::Arc;

use http::{Response, StatusCode, header};
use serde_json::Value;

use crate::{
    audit::{
        record::{Caller, Interaction, Outcome},
        step::{self, Done, Request},
    },
    authenticate::statement::Statement,
    consent::profile,
    domain::id::NodeCode,
    error::{Error, Kind, Result},
    federation::outbox::{
        Attempt,
        letter::{Delivery, Letter},
    },
    gateway::{
        Gateway,
        request::{Asked, node_codes},
    },
    listen::{Stopping, body::Body},
    respond,
    scope::Grant,
};

impl Gateway {
    /// Passes a Consent on; done once every node has acknowledged it.
    pub(crate) async fn forward_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        uuid: &str,
        kind: profile::Kind,
        body: Value,
    ) -> Result<Response<Body>> {
        if asked.headers.contains_key(header::IF_MATCH) {
            let say = "No version is kept here; leave If-Match out, or write where the data is.";
            return Err(Error::new(Kind::PreconditionFailed, say));
        }
        let is_prohibition = kind == profile::Kind::Prohibition;
        let to = self.receivers(asked, is_prohibition)?;
        let issuer = &self.tokens.issuer;
        let caller = grant.caller();
        let named = (&asked.request_id, asked.now);
        let provenance = self.provenance(asked, grant, None)?;
        let letter = Letter::new(caller, issuer, uuid, body, is_prohibition, named)?;
        let letter = letter.with(provenance);
        let mut told: Vec<(NodeCode, Delivery)> =
            to.iter().map(|node| (node.clone(), Delivery::Pending)).collect();
        let request = asked.request_alone();
        let attempts = self.outbox.send(letter, &to).await?;
        self.nothing_told_before_starts(&attempts).await;
        for attempt in attempts {
            if let Some(one) = told.iter_mut().find(|(node, _)| *node == attempt.node) {
                one.1 = attempt.delivery;
            }
            self.conclude(attempt, &request).await?;
        }
        let issues: Vec<_> =
            std::iter::once(in_all(&told)).chain(told.iter().map(per_node)).collect();
        Ok(respond::written(status(&told), &respond::issues(&issues), &asked.request_id))
    }

    /// Sends what is owed to other gateways when it is due, until told to stop.
    pub async fn courier(self: Arc<Self>, mut stopping: Stopping) {
        loop {
            tokio::select! {
                biased;
                () = stopping.asked() => return,
                () = self.outbox.due() => self.send_due().await,
            }
        }
    }

    /// Sends once what is due now.
    pub async fn send_due(&self) {
        let attempts = self.outbox.send_due().await;
        self.nothing_told_before_starts(&attempts).await;
        for attempt in attempts {
            if attempt.delivery == Delivery::Pending {
                self.outbox.put_off(attempt).await;
                continue;
            }
            let request = Request::alone(Arc::clone(attempt.letter.request_id()), "");
            if let Err(error) = self.conclude(attempt, &request).await {
                tracing::error!(cause = ?error, "what became of a letter could not be written down");
            }
        }
    }

    /// Writes down what became of a letter, then lets the outbox know.
    async fn conclude(&self, attempt: Attempt, request: &Request) -> Result<()> {
        let statement = attempt.letter.errand().statement();
        let done = Done {
            caller: spoken_for(statement),
            purpose: statement.purpose.as_deref().map(Into::into),
            interaction: Interaction::Update,
            types: vec!["Consent".into()],
            outcome: match attempt.delivery {
                Delivery::Acknowledged => Outcome::Success,
                Delivery::Pending => Outcome::Failed("pending".into()),
                Delivery::Refused(_) => Outcome::Failed("refused-by-node".into()),
            },
            about: None,
        };
        let request = Request { sources: vec![attempt.node.as_str().into()], ..request.clone() };
        let recorded = step::record_done(&self.log, done, &request, self.clock.now()).await;
        if let Err(error) = recorded {
            self.outbox.put_off(attempt).await;
            return Err(error);
        }
        if let Delivery::Refused(status) = attempt.delivery {
            let (node, status) = (&attempt.node, status.as_u16());
            tracing::warn!(source.name = %node, status, "a node refuses a consent");
        }
        self.outbox.settle(attempt).await
    }

    /// A grant goes to the nodes the header names, a prohibition to every peer.
    fn receivers(&self, asked: &Asked<'_>, is_prohibition: bool) -> Result<Vec<NodeCode>> {
        let peers = self.reach.sources.peers.iter().map(|peer| peer.node().clone());
        if is_prohibition {
            return Ok(peers.collect());
        }
        let named = asked.nodes().ok_or_else(|| {
            let say = "Name in MyLife-Nodes the nodes whose data the grant is about.";
            Error::new(Kind::Unprocessable, say)
        })?;
        let known: Vec<NodeCode> = peers.collect();
        node_codes(named).filter(|named| named.iter().all(|code| known.contains(code))).ok_or_else(
            || Error::invalid("MyLife-Nodes names a node that this gateway does not ask."),
        )
    }
}

/// For whom this gateway speaks, as its own records name them.
pub(super) fn spoken_for(statement: &Statement) -> Caller<'_> {
    Caller {
        client: statement.client_id.as_str().into(),
        organization: Some(statement.organization.as_str().into()),
        subject: statement.subject.as_deref().map(Into::into),
        role: statement.roles.first().map(|role| role.as_str().into()),
        // The nearest of those who speak is this gateway itself.
        act: statement.actors().into_iter().skip(1).map(Into::into).collect(),
        ..Caller::default()
    }
}

type Issue = (&'static str, &'static str, String, Option<String>);

fn in_all(told: &[(NodeCode, Delivery)]) -> Issue {
    let count = |is: fn(Delivery) -> bool| told.iter().filter(|(_, one)| is(*one)).count();
    let done = count(|one| one == Delivery::Acknowledged);
    if done == told.len() {
        let say = "The consent is in force as written at every node it concerns.".to_owned();
        return ("information", "informational", say, None);
    }
    let say = format!("{done} of {} nodes have acknowledged the consent.", told.len());
    ("warning", "incomplete", say, None)
}

fn per_node((node, delivery): &(NodeCode, Delivery)) -> Issue {
    match delivery {
        Delivery::Acknowledged => {
            ("information", "informational", format!("{node}: acknowledged"), None)
        }
        Delivery::Pending => {
            let say = format!("{node}: pending; it is sent again until the node acknowledges it");
            ("warning", "transient", say, None)
        }
        Delivery::Refused(status) => {
            let say = format!("{node}: failed; the node refuses it with {}", status.as_u16());
            ("error", "processing", say, None)
        }
    }
}

/// 200 if all is done, 422 if every node refuses, else 202: there is something to come back for.
fn status(told: &[(NodeCode, Delivery)]) -> StatusCode {
    let refused = |one: &Delivery| matches!(one, Delivery::Refused(_));
    if told.iter().all(|(_, one)| *one == Delivery::Acknowledged) {
        StatusCode::OK
    } else if told.iter().all(|(_, one)| refused(one)) {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::ACCEPTED
    }
}
