//! The management listener of the demo's nodes: alive, started, ready.
//!
//! Beside the way of a request, on loopback and without TLS. A node answers here only once its
//! gateway is open, so the three questions have one answer. Tells nothing of anybody.

use http::{Method, Response, StatusCode, header};
use serde_json::json;

use crate::{
    error::Kind,
    listen::{Answer, Answering, Incoming, body::Body},
};

/// Answers for one node.
pub struct Management {
    /// Its node code.
    pub code: String,
}

impl Answer for Management {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        let known =
            matches!(request.parts.uri.path(), "/livez" | "/readyz" | "/startupz" | "/health");
        let read = [Method::GET, Method::HEAD].contains(&request.parts.method);
        let status = match (known, read) {
            (true, true) => StatusCode::OK,
            (true, false) => StatusCode::METHOD_NOT_ALLOWED,
            (false, _) => StatusCode::NOT_FOUND,
        };
        let word = if status == StatusCode::OK { "ok" } else { "refused" };
        Box::pin(async move { json_answer(status, &json!({ "status": word, "node": self.code })) })
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        let status = StatusCode::from_u16(kind.shape().status);
        json_answer(status.unwrap_or(StatusCode::BAD_REQUEST), &json!({ "status": say }))
    }
}

fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::free(body.to_string()));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
