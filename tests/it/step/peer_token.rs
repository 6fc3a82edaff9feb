//! How a gateway comes by a peer's token, and how seldom it has to ask.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Response, header};
use mylife::{
    clock::FixedClock,
    domain::moment::Moment,
    error::{Error, Kind, Result},
    federation::{
        client::{Limits, PeerClient},
        token::{Context, PeerTokens, SignAssertion, Signed},
    },
    listen::{
        Answer, Answering, Door, Incoming, Limits as DoorLimits, Stop, body::Body, guard::Hosts,
        serve,
    },
};

use serde_json::json;

use super::{
    asking::{Desk, assertion, body, credentials},
    wires::{Wires, clock},
};

const GRANTED: &str = r#"{"access_token":"s3cret","token_type":"Bearer","expires_in":60}"#;

/// A token endpoint that says one thing and remembers what it was asked.
struct Endpoint {
    says: (u16, &'static str),
    pause: Duration,
    asked: Mutex<Vec<String>>,
}

impl Answer for Endpoint {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            assert_eq!(request.parts.uri, "/oauth/token");
            let form = request.body.whole().await.unwrap();
            self.asked.lock().unwrap().push(String::from_utf8(form.to_vec()).unwrap());
            tokio::time::sleep(self.pause).await;
            let mut response = Response::new(Body::free(self.says.1));
            *response.status_mut() = self.says.0.try_into().unwrap();
            let json = header::HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        })
    }

    fn refuse(&self, _: Kind, say: &'static str) -> Response<Body> {
        Response::new(Body::free(say))
    }
}

struct World {
    endpoint: Arc<Endpoint>,
    tokens: PeerTokens,
    clock: Arc<FixedClock>,
    _stop: Stop,
}

fn world(status: u16, says: &'static str, pause: Duration) -> World {
    let asked = Mutex::default();
    let endpoint = Arc::new(Endpoint { says: (status, says), pause, asked });
    let (wires, clock) = (Wires::default(), clock());
    let door = Arc::new(Door::new(DoorLimits::default(), Hosts::new(["peer.test"]), None));
    let (stop, stopping) = Stop::new();
    tokio::spawn(serve(door, Box::new(wires.listen(1)), endpoint.clone(), stopping));
    let to = "peer.test:1".parse().unwrap();
    let limits = Limits::default();
    let peer = PeerClient::new(to, Arc::new(wires), None, limits, clock.clone()).unwrap();
    let tokens = PeerTokens::new(
        Arc::new(peer),
        "/oauth/token",
        "https://peer",
        "portal",
        100,
        clock.clone(),
    );
    World { endpoint, tokens: tokens.unwrap(), clock, _stop: stop }
}

impl World {
    fn times(&self) -> usize {
        self.endpoint.asked.lock().unwrap().len()
    }
}

const ONE: Context = Context([1; 32]);
const TWO: Context = Context([2; 32]);

#[expect(clippy::unnecessary_wraps, reason = "the shape of a signer")]
fn sign(audience: &str, _: Moment) -> Result<Signed> {
    Ok(Signed { grant: format!("grant for {audience}").into(), client: None })
}

#[tokio::test(start_paused = true)]
async fn a_signed_statement_is_exchanged_for_a_token() {
    let world = world(200, GRANTED, Duration::ZERO);
    let signed = |audience: &str, now: Moment| {
        let client = Some(format!("client&at={now}").into());
        Ok(Signed { client, ..sign(audience, now)? })
    };
    let token =
        world.tokens.token(ONE, "system/*.rs a+b".to_owned(), Arc::new(signed)).await.unwrap();
    assert_eq!(token.authorization(), "Bearer s3cret");
    assert!(token.authorization().is_sensitive());
    assert!(!format!("{token:?}").contains("s3cret"));
    let asked = world.endpoint.asked.lock().unwrap()[0].clone();
    let form: Vec<_> = form_urlencoded::parse(asked.as_bytes()).into_owned().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        form,
        [
            pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            pair("scope", "system/*.rs a+b"),
            pair("client_id", "portal"),
            pair("assertion", "grant for https://peer"),
            pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            pair("client_assertion", "client&at=2026-05-28T20:26:40.000Z"),
        ]
    );
}

#[tokio::test]
async fn a_reason_that_one_gives_stands_for_no_other() {
    let desk = Desk::new();
    let declared = |jti: &str, reason: &str| {
        let one = json!({ "id": "child-welfare-act", "reason": reason });
        assertion(jti, &json!({ "extensions": { "mylife": { "declared": [one] } } }))
    };
    let mut contexts = Vec::new();
    for (jti, reason) in [("a", "section 25"), ("b", "section 25"), ("c", "section 26")] {
        let (response, _) = desk.post(&credentials(&declared(jti, reason), "system/Goal.rs")).await;
        let token = body(&response)["access_token"].as_str().unwrap().to_owned();
        contexts.push(Context::of(&desk.caller(&token, None).unwrap(), "system/Goal.rs"));
    }
    assert_eq!(contexts[0], contexts[1], "one token is enough");
    assert_ne!(contexts[0], contexts[2]);
}

#[tokio::test(start_paused = true)]
async fn those_who_want_the_same_token_wait_for_one_flight() {
    let world = world(200, GRANTED, Duration::from_millis(500));
    let signed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&signed);
    let sign: Arc<dyn SignAssertion> = Arc::new(move |audience: &str, now: Moment| {
        count.fetch_add(1, Ordering::SeqCst);
        sign(audience, now)
    });
    let ask = |context| world.tokens.token(context, String::new(), Arc::clone(&sign));
    let (a, b, c) = tokio::join!(ask(ONE), ask(ONE), ask(TWO));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!((world.times(), signed.load(Ordering::SeqCst)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_ten_seconds_before_its_end_and_five_minutes_at_most() {
    let long = r#"{"access_token":"s","token_type":"bearer","expires_in":86400}"#;
    let unsaid = r#"{"access_token":"s","token_type":"Bearer"}"#;
    for (says, life) in [(GRANTED, 60), (long, 300), (unsaid, 60)] {
        let world = world(200, says, Duration::ZERO);
        for (wait, times) in [(0, 1), (life - 11, 1), (1, 2), (life - 11, 2), (1, 3)] {
            world.clock.advance(Duration::from_secs(wait));
            world.tokens.token(ONE, String::new(), Arc::new(sign)).await.unwrap();
            assert_eq!(world.times(), times, "{says} after {wait}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_gives_no_token_is_told_without_its_words_and_asked_anew() {
    let refused = r#"{"error":"invalid_grant","error_description":"010190-900X"}"#;
    let mac = r#"{"access_token":"010190-900X","token_type":"N_A"}"#;
    let control = r#"{"access_token":"010190\n900X","token_type":"Bearer"}"#;
    for (status, says, pause, kind) in [
        (400, refused, 0, Kind::SourceFailed),
        (401, r#"{"error":"invalid_client"}"#, 0, Kind::SourceFailed),
        (400, r#"{"error":"010190-900X"}"#, 0, Kind::SourceFailed),
        (200, r#"{"token":"010190-900X"}"#, 0, Kind::SourceFailed),
        (200, "010190-900X", 0, Kind::SourceFailed),
        (200, "", 0, Kind::SourceFailed),
        (200, mac, 0, Kind::SourceFailed),
        (200, control, 0, Kind::SourceFailed),
        (302, "", 0, Kind::SourceFailed),
        (200, GRANTED, 2000, Kind::SourceTimeout),
    ] {
        let world = world(status, says, Duration::from_millis(pause));
        for times in [1, 2] {
            let error = world.tokens.token(ONE, String::new(), Arc::new(sign)).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{says}");
            assert!(!format!("{error:?}").contains("010190"), "{error:?}");
            assert_eq!(world.times(), times, "{says}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_signed_is_not_sent() {
    let world = world(200, GRANTED, Duration::ZERO);
    let sign = |_: &str, _: Moment| Err(Error::internal("no key"));
    let error = world.tokens.token(ONE, String::new(), Arc::new(sign)).await.unwrap_err();
    assert_eq!((error.kind(), world.times()), (Kind::SourceFailed, 0));
}
