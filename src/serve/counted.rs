//! Counts and bounds what passes between a listener and the gateway.
//!
//! Part of `serve`. It reads the road, the status and whether there is a receipt, and nothing else. Where
//! too many requests are under way it refuses at once, before anything is read: a client that is told to
//! come back in a second costs less than one that waits. What ends a permission is refused last.

use std::sync::{Arc, atomic::Ordering};

use http::{HeaderValue, Method, Response, header};

use super::{current::Current, management::Phase};
use crate::{
    clock::Clock,
    error::Kind,
    listen::{Answer, Answering, Incoming, body::Body},
    respond, route,
    telemetry::Telemetry,
};

/// What refuses for lack of room.
const FULL: &str = "Too many requests are under way; ask again in a second.";
/// What ends a permission has so many times the room.
const URGENT: usize = 4;
/// Roads by which a permission ends.
const ENDING: [&str; 6] = [
    "create-consent",
    "import-consent",
    "permissions",
    "revoke",
    "update-consent",
    "write-consent",
];

/// The gateway, counted and bounded.
pub struct Counted {
    /// Who answers.
    pub current: Arc<Current>,
    /// Where it is counted.
    pub telemetry: Arc<Telemetry>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Requests that may be under way.
    pub room: usize,
    /// Where the gateway stands: when it is to stop, each answer is the last of its connection.
    pub phase: Arc<Phase>,
}

/// A request under way; it counts until it is answered or given up.
struct UnderWay<'a>(&'a Telemetry);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Answer for Counted {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        let road = road(&request.parts.method, request.parts.uri.path());
        let (begun, telemetry) = (self.clock.elapsed(), &*self.telemetry);
        let (number, under_way) = (telemetry.begin(), UnderWay(telemetry));
        let urgent = ENDING.contains(&road);
        let room = if urgent { self.room.saturating_mul(URGENT) } else { self.room };
        let current = self.current.gateway();
        Box::pin(async move {
            let mut response = if number > room {
                telemetry.shed();
                current.refuse(Kind::Unavailable, FULL)
            } else {
                current.answer(request).await
            };
            let disclosed = response.headers().contains_key(respond::RECEIPT);
            let took = self.clock.elapsed().saturating_sub(begun);
            telemetry.count(road, response.status().as_u16(), took, disclosed);
            drop(under_way);
            if self.phase.draining.load(Ordering::Relaxed) {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            response
        })
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        let response = self.current.gateway().refuse(kind, say);
        self.telemetry.count("none", response.status().as_u16(), std::time::Duration::ZERO, false);
        response
    }
}

fn road(method: &Method, path: &str) -> &'static str {
    route::recognise(method, path).map_or("none", |call| call.name())
}
