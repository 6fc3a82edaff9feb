//! The two servers that are compared, each a process of its own: the gateway, and hyper alone.
//!
//! Beside the way. Both speak TLS with the same certificate on one single-threaded runtime; the bare
//! one has the gateway's answers in memory, and sends the one that is asked for. A server ends when
//! its standard input does, so none is left behind.

use std::{convert::Infallible, fs, io, net::SocketAddr, sync::Arc, thread};

use http::{Request, Response, StatusCode, uri::PathAndQuery};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use mylife::{
    clock::SystemClock,
    gateway::notify::notify,
    listen::{
        Answer, Door, Limits, Stop,
        cores::{Binding, Entrance, serve_per_core},
        guard::Hosts,
        tls::{Pem, Tls},
    },
    pki,
    transport::{Tcp, Transport},
};
use rustls::ServerConfig;
use tokio::{net::TcpListener, runtime::Builder};
use tokio_rustls::TlsAcceptor;

#[path = "answers.rs"]
pub(crate) mod answers;

use self::answers::Answers;
use super::world::{HOST, World};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Serves the gateway of a world on one core, with what it does beside.
pub(crate) fn gateway(world: &World) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let opened = Arc::new(runtime.block_on(world.open()));
    let gateway: Arc<dyn Answer> = Arc::clone(&opened) as _;
    let read = |name: &str| fs::read_to_string(world.dir.join(name)).unwrap();
    let (certificate, key) = (read("server.pem"), read("server.key"));
    let pem = Pem { certificate: &certificate, key: &key, clients: None };
    let tls = Tls::new(pem, Arc::new(SystemClock::default())).unwrap();
    let door = Door::new(Limits::default(), Hosts::new([HOST]), Some(Arc::new(tls)));
    let door = Arc::new(door);
    let (stop, stopping) = Stop::new();
    // What it does beside, as `serve` has it.
    let until = stopping.clone();
    thread::spawn(move || {
        let errands = Arc::clone(&opened).errands(until.clone());
        let told = notify(move || Arc::clone(&opened), until);
        runtime.block_on(async { tokio::join!(errands, told) })
    });
    thread::spawn(move || {
        io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
        stop.now();
    });
    let bind = |_: usize| -> Binding<'_> {
        let (door, answer) = (Arc::clone(&door), Arc::clone(&gateway));
        Box::pin(async move {
            let port = Tcp.bind(ANY).await?;
            println!("{}", port.at()?);
            Ok(vec![Entrance { door, port, answer }])
        })
    };
    serve_per_core(1, &bind, &stopping).unwrap();
}

/// Serves the answers that were kept, and nothing else.
pub(crate) fn bare(world: &World) {
    thread::spawn(|| {
        io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
        std::process::abort();
    });
    let read = |name: &str| fs::read_to_string(world.dir.join(name)).unwrap();
    let provider = pki::provider();
    let mut settings = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            pki::certificates(&read("server.pem")).unwrap(),
            pki::private_key(&read("server.key")).unwrap(),
        )
        .unwrap();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(settings));
    let answers = Arc::new(Answers::kept(&world.dir));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let port = TcpListener::bind(ANY).await.unwrap();
        println!("{}", port.local_addr().unwrap());
        loop {
            let (stream, _) = port.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (acceptor, answers) = (acceptor.clone(), Arc::clone(&answers));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request: Request<Incoming>| {
                    let asked = request.uri().path_and_query().map(PathAndQuery::as_str);
                    let body = asked.and_then(|path| answers.bodies.get(path)).cloned();
                    let mut response = Response::new(Full::new(body.clone().unwrap_or_default()));
                    response.headers_mut().extend(answers.head.iter().cloned());
                    if body.is_none() {
                        *response.status_mut() = StatusCode::NOT_FOUND;
                    }
                    async move { Ok::<_, Infallible>(response) }
                });
                drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
}
