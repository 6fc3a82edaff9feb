//! Somebody who is notified: a place behind TLS that keeps what it is sent and answers as a story wants.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use mylife::{
    error::Kind,
    listen::{Answer, Answering, Incoming, body::Body},
    transport::Authority,
};
use serde_json::{Value, json};

use super::{World, provider};

/// Its port.
pub(crate) const PORT: u16 = 8021;
/// Where it is notified; the places that are registered for who watches.
pub(crate) const PLACE: &str = "https://login.test:8021/hook";
/// Where the gateway gets a token for it, for one of its clients.
pub(crate) const TOKENS: &str = "https://login.test:8021/token";
/// The token.
pub(crate) const TOKEN: &str = "one-for-the-hook";
/// Registered too: nobody listens, nobody on the public internet, and somebody who speaks no TLS.
pub(crate) const NOBODY: &str = "https://login.test:8022/hook";
pub(crate) const INSIDE: &str = "https://inside.test/hook";
pub(crate) const GARBAGE: &str = "https://login.test:8023/hook";

/// Hosts that gateways of the world may reach.
pub(crate) fn inside() -> Vec<Authority> {
    [PORT, 8022, 8023].map(|port| Authority::new(provider::HOST, port)).to_vec()
}

/// How it answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mood {
    Says(u16),
    Hangs,
}

/// One notification as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A parameter of the status, by its name.
    pub(crate) fn says(&self, name: &str) -> Value {
        parameter(&self.json(), name)
    }

    /// Numbers of its events.
    pub(crate) fn numbers(&self) -> Vec<String> {
        let whole = self.json();
        let all = whole["entry"][0]["resource"]["parameter"].as_array().unwrap();
        let events = all.iter().filter(|one| one["name"] == "notification-event");
        let number = |event: &Value| event["part"][0]["valueString"].as_str().unwrap().to_owned();
        events.map(number).collect()
    }

    /// What it is about, by address.
    pub(crate) fn focuses(&self) -> Vec<String> {
        let whole = self.json();
        let entries = whole["entry"].as_array().unwrap().iter().skip(1);
        entries.map(|entry| entry["fullUrl"].as_str().unwrap().to_owned()).collect()
    }
}

/// A parameter of the status in a notification, or in an answer about one.
pub(crate) fn parameter(bundle: &Value, name: &str) -> Value {
    let all = bundle["entry"][0]["resource"]["parameter"].as_array().unwrap();
    let one = all.iter().find(|one| one["name"] == name);
    let values = one.and_then(Value::as_object).into_iter().flatten();
    let mut values = values.filter(|(name, _)| name.starts_with("value"));
    values.next().map(|(_, value)| value.clone()).unwrap_or_default()
}

pub(crate) struct Receiver(Arc<Says>);

struct Says {
    mood: Mutex<Mood>,
    got: Mutex<Vec<Got>>,
}

impl Receiver {
    /// It is there from now on, and takes everything.
    pub(crate) fn stand(world: &World) -> Self {
        let says = Says { mood: Mutex::new(Mood::Says(200)), got: Mutex::default() };
        let says = Arc::new(says);
        provider::listen(world, PORT, Arc::new(Desk(Arc::clone(&says))));
        Self(says)
    }

    /// From now on it answers so.
    pub(crate) fn is(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    /// What came since this was last asked.
    pub(crate) fn got(&self) -> Vec<Got> {
        std::mem::take(&mut *self.0.got.lock().unwrap())
    }
}

struct Desk(Arc<Says>);

impl Answer for Desk {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            let headers = request.parts.headers.clone();
            let body = request.body.whole().await.unwrap_or_default();
            if request.parts.uri.path() == "/token" {
                let form = String::from_utf8(body.to_vec()).unwrap();
                let knows = form.contains("grant_type=client_credentials")
                    && form.contains("client_id=gateway-at-watcher")
                    && form.contains("client_assertion=");
                let token = json!({ "access_token": TOKEN, "token_type": "Bearer" });
                let status = if knows { StatusCode::OK } else { StatusCode::BAD_REQUEST };
                return provider::json_of(status, &token);
            }
            self.0.got.lock().unwrap().push(Got { headers, body });
            let mood = *self.0.mood.lock().unwrap();
            match mood {
                Mood::Says(status) => says(status),
                Mood::Hangs => std::future::pending().await,
            }
        })
    }

    fn refuse(&self, kind: Kind, _: &'static str) -> Response<Body> {
        says(kind.shape().status)
    }
}

fn says(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::free(Bytes::new()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if (300..400).contains(&status) {
        let elsewhere = HeaderValue::from_static("https://login.test:8021/elsewhere");
        response.headers_mut().insert(header::LOCATION, elsewhere);
    }
    response
}
