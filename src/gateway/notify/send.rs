//! The last steps of a notification: to its place, signed, and whether anything of it was let go.
//!
//! Part of `notify`. What is not known to have arrived is sent again; what was never let go has told nobody
//! anything, not even its number. Source: Subscriptions R5 Backport 1.1.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Full;

use crate::{
    authenticate::{jose::address::KeyAddress, registry::Client},
    gateway::Gateway,
    notify::{
        sign::{self, Key, SIGNATURE},
        wanted::Wanted,
    },
    oauth::place,
    respond::flight::InFlight,
};

impl Gateway {
    /// Hands a recorded notification over; `Ok` if it was acknowledged.
    pub(super) async fn send_to(
        &self,
        client: &Client,
        wanted: &Wanted,
        leaving: Leaving,
    ) -> Result<(), Unsent> {
        let left = Arc::new(AtomicBool::new(false));
        let sent = self.try_to_send(client, wanted, leaving, Arc::clone(&left)).await;
        sent.map_err(|reason| Unsent { reason, may_have_left: left.load(Ordering::SeqCst) })
    }

    /// The same; `left` is set once it is let go.
    async fn try_to_send(
        &self,
        client: &Client,
        wanted: &Wanted,
        leaving: Leaving,
        left: Arc<AtomicBool>,
    ) -> Result<(), &'static str> {
        let Leaving { body, deadline, in_flight, patience } = leaving;
        let at = KeyAddress::parse(&wanted.endpoint).ok_or("its address is none")?;
        let (entry, now) = (&client.entry().notify, self.clock.now());
        let signer = &self.tokens.signer;
        let authorization =
            place::authorization(entry, &self.fetcher, signer, &*self.chance, now).await?;
        let key = match &entry.secret {
            Some(secret) => Key::Shared(secret),
            None => Key::Own(signer),
        };
        let signature = sign::signature(&key, &wanted.endpoint, &body, now);
        let signature = signature.map_err(|_| "it could not be signed")?;
        let mut request = Request::post(at.target())
            .body(Full::new(body))
            .map_err(|_| "its address makes no request")?;
        let kind = HeaderValue::from_static("application/fhir+json; charset=utf-8");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        request.headers_mut().insert(SIGNATURE, signature);
        request.headers_mut().extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        let clock = Arc::clone(&self.clock);
        let may_leave = move || {
            let in_time = clock.elapsed() < deadline;
            drop(in_flight);
            left.store(in_time, Ordering::SeqCst);
            in_time
        };
        let status = self.fetcher.deliver(&at, request, patience, may_leave).await?;
        if status.is_success() { Ok(()) } else { Err(refused(status)) }
    }
}

/// Why it is not known to have arrived.
pub(super) struct Unsent {
    pub(super) reason: &'static str,
    /// Else not a byte of it was let go.
    pub(super) may_have_left: bool,
}

/// What is about to leave.
pub(super) struct Leaving {
    pub(super) body: Bytes,
    pub(super) deadline: Duration,
    pub(super) in_flight: InFlight,
    pub(super) patience: Duration,
}

fn refused(status: StatusCode) -> &'static str {
    if status.is_redirection() {
        "its host sends it elsewhere, and it goes nowhere else"
    } else {
        "its host answers with another status than 200 to 299"
    }
}
