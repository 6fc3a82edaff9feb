//! The wire as the rest of the gateway sees it: listen somewhere, connect somewhere, get bytes.
//!
//! Floor of the house, named by `listen` and `federation`. One boxed trait holds both ends, so that
//! a simulated network can take the place of TCP and a whole federation runs in one test. It knows
//! neither TLS nor HTTP, and must not read what passes.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    str::FromStr,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, lookup_host},
};

use crate::error::{Error, Result};

/// Both directions of one connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One connection, of whatever network.
pub type Link = Box<dyn Duplex>;

/// A boxed future of an I/O step.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// A network: both of its ends.
pub trait Transport: Send + Sync + 'static {
    /// Listens at an address; port 0 takes a free one. Several may listen at the same address, and
    /// the network spreads connections over them.
    fn bind(&self, at: SocketAddr) -> Later<'_, Box<dyn Port>>;
    /// The addresses of a name, to be looked at before one of them is connected to.
    fn resolve<'a>(&'a self, to: &'a Authority) -> Later<'a, Vec<SocketAddr>>;
    /// Opens a connection. One to an address, `SocketAddr` made an [`Authority`], looks up nothing.
    fn connect<'a>(&'a self, to: &'a Authority) -> Later<'a, Link>;
}

/// A place where connections arrive.
pub trait Port: Send {
    /// The next connection, and who opened it. Dropping the future loses no connection.
    fn accept(&mut self) -> Later<'_, (Link, SocketAddr)>;
    /// Where it listens.
    fn at(&self) -> io::Result<SocketAddr>;
}

/// Host and port of a URL: `gateway.example:8443`, `[::1]:8443`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Authority {
    host: String,
    port: u16,
}

impl Authority {
    /// `host` is a name in lower case or an address without brackets.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into().to_ascii_lowercase(), port }
    }

    /// The name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Authority {
    type Err = Error;

    /// Reads `host:port`; both are required.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("An authority is written host:port.");
        let authority: http::uri::Authority = text.parse().map_err(|_| wrong())?;
        let port = authority.port_u16().ok_or_else(wrong)?;
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() || text.contains('@') {
            return Err(wrong());
        }
        Ok(Self::new(bare, port))
    }
}

impl From<SocketAddr> for Authority {
    fn from(at: SocketAddr) -> Self {
        Self::new(at.ip().to_string(), at.port())
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            Ok(IpAddr::V4(_)) | Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// TCP of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

/// Connections the kernel may hold for us until we take them.
const BACKLOG: i32 = 1024;

impl Tcp {
    fn open(at: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        // One listener per core: the kernel spreads connections over them.
        socket.set_reuse_port(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    }
}

impl Transport for Tcp {
    fn bind(&self, at: SocketAddr) -> Later<'_, Box<dyn Port>> {
        Box::pin(async move { Ok(Box::new(Self::open(at)?) as Box<dyn Port>) })
    }

    fn resolve<'a>(&'a self, to: &'a Authority) -> Later<'a, Vec<SocketAddr>> {
        Box::pin(async move { Ok(lookup_host((to.host(), to.port())).await?.collect()) })
    }

    fn connect<'a>(&'a self, to: &'a Authority) -> Later<'a, Link> {
        Box::pin(async move {
            let stream = TcpStream::connect((to.host(), to.port())).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Link)
        })
    }
}

impl Port for TcpListener {
    fn accept(&mut self) -> Later<'_, (Link, SocketAddr)> {
        Box::pin(async move {
            let (stream, from) = Self::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Link, from))
        })
    }

    fn at(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}
