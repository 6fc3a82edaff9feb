//! turmoil's network as a gateway has it, and when answers begin to leave on it.
//!
//! A connection is known by where it comes from: the gateway is told an address that is made of the host and
//! port of whoever opened it, so that whoever asks and whoever answers name the same one.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use mylife::transport::{Authority, Later, Link, Port, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

use crate::load::history::At;

/// The network of one simulation, and what is seen on it.
#[derive(Clone, Default)]
pub(super) struct Network(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// Counts all that is seen, so that it has an order.
    order: u64,
    /// Connections on which an answer is ready of which nothing was written.
    ready: BTreeSet<IpAddr>,
    /// When the last answer on a connection began to be written.
    started: BTreeMap<IpAddr, At>,
    /// Connections whose other side waits no longer.
    given_up: BTreeSet<IpAddr>,
    notes: Vec<String>,
    /// A gateway is being killed, and what it leaves open.
    is_dying: bool,
    left: BTreeMap<IpAddr, TcpStream>,
}

/// The host that gateways at a port are on.
pub(super) fn host(port: u16) -> String {
    format!("gateway-{port}")
}

/// Time since the simulation began, on one of its hosts.
pub(super) fn passed() -> Duration {
    turmoil::sim_elapsed().expect("a host of a simulation asks")
}

/// The connection that comes from there.
pub(super) fn line(from: SocketAddr) -> IpAddr {
    let IpAddr::V4(host) = from.ip() else { panic!("a host of turmoil has IPv4") };
    let [high, low] = from.port().to_be_bytes();
    Ipv4Addr::new(10, host.octets()[3], high, low).into()
}

impl Network {
    /// Now, after everything that was seen before.
    pub(super) fn now(&self) -> At {
        self.seen().next()
    }

    /// Notes something that happens.
    pub(super) fn note(&self, at: Duration, what: &str) {
        self.seen().notes.push(format!("{:>7} {what}", at.as_millis()));
    }

    /// All that happened.
    pub(super) fn notes(&self) -> Vec<String> {
        self.seen().notes.clone()
    }

    /// The answer to what came on a connection is ready: what is written next is its beginning.
    pub(super) fn is_answered(&self, line: IpAddr) {
        self.seen().ready.insert(line);
    }

    /// When the last answer on a connection began to be written.
    pub(super) fn started(&self, line: IpAddr) -> At {
        self.seen().started[&line]
    }

    /// Whoever opened a connection waits no longer: what was not read of it by now never is.
    pub(super) fn give_up(&self, line: IpAddr) {
        self.seen().given_up.insert(line);
    }

    /// From now on what a gateway leaves open is kept: its tasks end in an order of their own.
    pub(super) fn begins_to_die(&self) {
        self.seen().is_dying = true;
    }

    /// What it left is closed in the order of its connections. Must be called on its host.
    pub(super) fn is_dead(&self) {
        let left = {
            let mut seen = self.seen();
            seen.is_dying = false;
            std::mem::take(&mut seen.left)
        };
        drop(left);
    }

    fn end(&self, stream: TcpStream, line: IpAddr) -> Link {
        Box::new(End { stream: Some(stream), line, network: self.clone() })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

impl Seen {
    fn next(&mut self) -> At {
        self.order += 1;
        (self.order, passed())
    }

    /// Something is written on a connection.
    fn begins(&mut self, line: IpAddr) {
        if self.ready.remove(&line) {
            let now = self.next();
            self.started.insert(line, now);
        }
    }
}

impl Transport for Network {
    fn bind(&self, at: SocketAddr) -> Later<'_, Box<dyn Port>> {
        Box::pin(async move {
            let port = TcpListener::bind((Ipv4Addr::UNSPECIFIED, at.port())).await?;
            Ok(Box::new(Open { port, network: self.clone() }) as Box<dyn Port>)
        })
    }

    fn resolve<'a>(&'a self, to: &'a Authority) -> Later<'a, Vec<SocketAddr>> {
        Box::pin(async move { Ok(vec![(turmoil::lookup(host(to.port())), to.port()).into()]) })
    }

    fn connect<'a>(&'a self, to: &'a Authority) -> Later<'a, Link> {
        Box::pin(async move {
            let stream = TcpStream::connect((host(to.port()), to.port())).await?;
            let line = line(stream.local_addr()?);
            Ok(self.end(stream, line))
        })
    }
}

/// A port of a host.
struct Open {
    port: TcpListener,
    network: Network,
}

impl Port for Open {
    fn accept(&mut self) -> Later<'_, (Link, SocketAddr)> {
        Box::pin(async move {
            let (stream, from) = self.port.accept().await?;
            let line = line(from);
            Ok((self.network.end(stream, line), (line, from.port()).into()))
        })
    }

    fn at(&self) -> io::Result<SocketAddr> {
        self.port.local_addr()
    }
}

/// A gateway's end of a connection.
struct End {
    /// As long as there is one.
    stream: Option<TcpStream>,
    line: IpAddr,
    network: Network,
}

impl End {
    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("it is taken at the end alone"))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut seen = self.network.seen();
        if seen.is_dying {
            seen.left.extend(self.stream.take().map(|stream| (self.line, stream)));
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.network.seen().given_up.contains(&self.line) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        self.stream().poll_read(cx, into)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.network.seen().begins(self.line);
        self.stream().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
