//! A gateway with data behind a portal without: both real, a plain wire of this process between them.

use std::{sync::Arc, time::Duration};

use http::Response;
use mylife::{
    authenticate::peer::PeerLimits,
    domain::id::NodeCode,
    error::Kind,
    federation::client,
    gateway::{
        Gateway,
        open::{PeerSetup, Setup, handle_key, jwks},
    },
    listen::{Answer, Answering, Door, Incoming, Limits, Stop, body::Body, guard::Hosts, serve},
    shared::pace::Rates,
    transport::{Authority, Transport},
};
use tokio::sync::{RwLock, RwLockWriteGuard};

use super::{ISSUER, KEYS, SIGNER};
use crate::{
    property::world::{CITY, OTHER, READER, YOUTH},
    step::wires::Wires,
};

const PORTAL: &str = "https://portal.example";
/// Of the portal's certificate: the wire has none, so it is said where requests arrive.
const CERTIFICATE: [u8; 32] = [9; 32];
const HOST: &str = "kuopio.example";
const PORT: u16 = 297;

/// The gateway that holds the data.
pub(super) struct Far {
    gateway: RwLock<Gateway>,
    _stop: Stop,
}

/// What answers for it.
struct Mouth(std::sync::Weak<Far>);

impl Far {
    pub(super) async fn serve(gateway: Gateway, wires: &Wires) -> Arc<Self> {
        let (stop, stopping) = Stop::new();
        let far = Arc::new(Self { gateway: RwLock::new(gateway), _stop: stop });
        let port = wires.bind(([127, 0, 0, 1], PORT).into()).await.unwrap();
        let door = Arc::new(Door::new(Limits::default(), Hosts::new([HOST]), None));
        tokio::spawn(serve(door, port, Arc::new(Mouth(Arc::downgrade(&far))), stopping));
        far
    }

    pub(super) async fn change(&self) -> RwLockWriteGuard<'_, Gateway> {
        self.gateway.write().await
    }
}

impl Answer for Mouth {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            let far = self.0.upgrade().expect("it is asked while it is there");
            let request = Incoming { peer_certificate: Some(CERTIFICATE), ..request };
            far.gateway.read().await.answer(request).await
        })
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        let far = self.0.upgrade().expect("it is asked while it is there");
        far.gateway.try_read().unwrap().refuse(kind, say)
    }
}

fn calmly(setup: &mut Setup, wires: &Wires) {
    setup.transport = Arc::new(wires.clone());
    let deadline = Duration::from_mins(1);
    setup.peer_limits = client::Limits { deadline, ..client::Limits::default() };
    let most = 1_000_000;
    setup.rates = Rates { client: most, client_tokens: most, address_tokens: most };
}

fn peer(code: &str, url: &str, certificate: [u8; 32]) -> PeerSetup {
    PeerSetup {
        code: NodeCode::parse(code).unwrap(),
        issuer: url.to_owned(),
        organization: format!("urn:oid:1.2.246.10.{code}"),
        address: Authority::new(HOST, PORT),
        jwks: jwks(&SIGNER),
        certificate,
        handle: handle_key(&KEYS).unwrap().public(),
        limits: PeerLimits {
            organizations: [READER, OTHER, CITY, YOUTH].map(str::to_owned).into(),
            roles: vec!["officer".to_owned()],
            purposes: ["TREAT", "HRESCH"].map(str::to_owned).into(),
            registers: vec!["youth-services".to_owned()],
            ..PeerLimits::default()
        },
        asked: code == "297",
    }
}

/// The one that holds data, and believes the portal.
pub(super) fn holder(setup: &mut Setup, wires: &Wires) {
    calmly(setup, wires);
    setup.peers = vec![peer("900", PORTAL, CERTIFICATE)];
}

/// The one that asks it.
pub(super) fn portal(setup: &mut Setup, wires: &Wires) {
    calmly(setup, wires);
    setup.node = NodeCode::parse("900").unwrap();
    "urn:oid:1.2.246.10.900".clone_into(&mut setup.organization);
    PORTAL.clone_into(&mut setup.url);
    setup.holds_data = false;
    setup.peers = vec![peer("297", ISSUER, [1; 32])];
}
