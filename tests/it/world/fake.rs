//! A gateway that is not what it should be: slow, broken, or telling what is not its own.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use http::{HeaderValue, Response, StatusCode, header};
use mylife::{
    error::Kind,
    listen::{
        Answer, Answering, Door, Incoming, Limits, Stop,
        body::{Body, Piece},
        guard::Hosts,
        serve,
        tls::{Pem, Tls},
    },
    pki::trust::Trust,
    transport::Transport,
};
use tokio::sync::{Notify, mpsc};

use super::World;

/// What it does when it is asked for data.
#[derive(Clone, Debug)]
pub(crate) enum Lie {
    /// Answers nothing, ever.
    Silence,
    /// Answers with these bytes.
    Says(String),
    /// Answers with each of these in turn, and then with nothing.
    InTurn(Arc<Mutex<VecDeque<String>>>),
    /// Answers with a status and an outcome.
    Fails(u16),
    /// Answers with each of these statuses and their bytes in turn, and then with nothing.
    Refuses(Arc<Mutex<VecDeque<(u16, String)>>>),
    /// Says that it was asked, and answers with these bytes once it is let.
    Waits(Arc<Gate>, String),
    /// Begins to answer, and then sends this piece again and again.
    Drips(&'static [u8]),
}

/// What an impostor waits at.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) asked: Notify,
    pub(crate) goes: Notify,
}

struct Impostor(Lie);

impl Answer for Impostor {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            if request.parts.uri.path() == "/oauth/token" {
                let token = r#"{"access_token":"x","token_type":"bearer","expires_in":60}"#;
                return json(StatusCode::OK, token.to_owned());
            }
            match &self.0 {
                Lie::Silence => std::future::pending().await,
                Lie::Says(text) => json(StatusCode::OK, text.clone()),
                Lie::InTurn(all) => {
                    let next = all.lock().unwrap().pop_front();
                    json(StatusCode::OK, next.unwrap_or_default())
                }
                Lie::Waits(gate, text) => {
                    gate.asked.notify_one();
                    gate.goes.notified().await;
                    json(StatusCode::OK, text.clone())
                }
                Lie::Drips(piece) => drip(piece),
                Lie::Fails(status) => json(StatusCode::from_u16(*status).unwrap(), "{}".to_owned()),
                Lie::Refuses(all) => {
                    let (status, text) = all.lock().unwrap().pop_front().unwrap_or_default();
                    json(StatusCode::from_u16(status).unwrap_or_default(), text)
                }
            }
        })
    }

    fn refuse(&self, _: Kind, _: &'static str) -> Response<Body> {
        json(StatusCode::BAD_REQUEST, "{}".to_owned())
    }
}

/// An answer that has no end; each piece is sent once the one before it has left.
fn drip(piece: &'static [u8]) -> Response<Body> {
    let (to, rest) = mpsc::channel(1);
    tokio::spawn(async move {
        let begins = b"{\"resourceType\":\"Bundle\",";
        let pieces = std::iter::once(&begins[..]).chain(std::iter::repeat(piece));
        for bytes in pieces {
            let sent = to.send(Ok(Piece { bytes: bytes.into(), check: None })).await;
            if sent.is_err() {
                return;
            }
        }
    });
    of_type(Response::new(Body::pieces(rest)))
}

fn json(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::free(text));
    *response.status_mut() = status;
    of_type(response)
}

fn of_type(mut response: Response<Body>) -> Response<Body> {
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn serve_at(world: &World, code: &'static str, answer: Arc<dyn Answer>) {
    let identity = &world.identities[code];
    let pem = Pem {
        certificate: &identity.issued.certificate,
        key: &identity.issued.key,
        clients: Some(Trust::of(&world.authority.issued().certificate)),
    };
    let tls = Tls::new(pem, world.clock.clone()).unwrap();
    let hosts = Hosts::new([&*identity.host]);
    let door = Arc::new(Door::new(Limits::default(), hosts, Some(Arc::new(tls))));
    world.runtime.block_on(async {
        let port = world.wires.bind(([127, 0, 0, 1], identity.port).into()).await.unwrap();
        // The impostor goes when the runtime does.
        let (stop, stopping) = Stop::new();
        std::mem::forget(stop);
        tokio::spawn(serve(door, port, answer, stopping));
    });
}

pub(super) fn stand(world: &World, code: &'static str, lie: Lie) {
    serve_at(world, code, Arc::new(Impostor(lie)));
}
