//! Counts what passes between a listener and whoever answers.
//!
//! Part of `serve`. It reads the road, the status and whether there is a receipt, and nothing else.

use std::sync::Arc;

use http::Response;

use crate::{
    error::Kind,
    listen::{Answer, Answering, Incoming, body::Body},
    respond, route,
    telemetry::Telemetry,
};

/// Whoever answers, counted.
pub struct Counted<A> {
    /// Who answers.
    pub inner: Arc<A>,
    /// Where it is counted.
    pub telemetry: Arc<Telemetry>,
}

impl<A> Counted<A> {
    fn count(&self, road: &str, response: &Response<Body>) {
        let disclosed = response.headers().contains_key(respond::RECEIPT);
        self.telemetry.count(road, response.status().as_u16(), disclosed);
    }
}

impl<A: Answer> Answer for Counted<A> {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        let road = route::recognise(&request.parts.method, request.parts.uri.path());
        let road = road.map_or("none", |call| call.name());
        Box::pin(async move {
            let response = self.inner.answer(request).await;
            self.count(road, &response);
            response
        })
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        let response = self.inner.refuse(kind, say);
        self.count("none", &response);
        response
    }
}
