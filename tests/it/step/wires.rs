//! A network inside the process, so that time can stand still while bytes move.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use mylife::{
    clock::FixedClock,
    domain::moment::Moment,
    transport::{Authority, Later, Link, Port, Transport},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
    time::Instant,
};

pub(crate) const NOW: Moment = Moment::from_millis(1_780_000_000_000);

pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::new(NOW))
}

type Arrivals = mpsc::UnboundedSender<Link>;

/// Who listens at which port.
#[derive(Clone, Default)]
pub(crate) struct Wires(Arc<Mutex<Net>>);

#[derive(Default)]
struct Net {
    ports: BTreeMap<u16, Arrivals>,
    /// Names that nobody knows the address of.
    lost: BTreeSet<String>,
}

pub(crate) struct Arriving(mpsc::UnboundedReceiver<Link>);

impl Wires {
    pub(crate) fn listen(&self, port: u16) -> Arriving {
        let (to, from) = mpsc::unbounded_channel();
        self.0.lock().unwrap().ports.insert(port, to);
        Arriving(from)
    }

    /// Is a name not to be found any more, or found again?
    pub(crate) fn lose(&self, name: &str, lost: bool) {
        let mut net = self.0.lock().unwrap();
        if lost {
            net.lost.insert(name.to_owned());
        } else {
            net.lost.remove(name);
        }
    }

    fn find(&self, name: &str) -> io::Result<()> {
        let lost = self.0.lock().unwrap().lost.contains(name);
        // As the machine's own resolver says it.
        if lost { Err(io::Error::other("failed to lookup address information")) } else { Ok(()) }
    }

    pub(crate) fn open(&self, port: u16) -> io::Result<DuplexStream> {
        let (ours, theirs) = duplex(64 * 1024);
        let net = self.0.lock().unwrap();
        let to = net.ports.get(&port).ok_or(io::ErrorKind::ConnectionRefused)?;
        to.send(Box::new(theirs)).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }
}

impl Arriving {
    pub(crate) async fn next(&mut self) -> Link {
        match self.0.recv().await {
            Some(link) => link,
            None => std::future::pending().await,
        }
    }
}

impl Transport for Wires {
    fn bind(&self, at: SocketAddr) -> Later<'_, Box<dyn Port>> {
        let port = self.listen(at.port());
        Box::pin(async move { Ok(Box::new(port) as Box<dyn Port>) })
    }

    fn resolve<'a>(&'a self, to: &'a Authority) -> Later<'a, Vec<SocketAddr>> {
        Box::pin(async move {
            self.find(to.host())?;
            Ok(vec![([127, 0, 0, 1], to.port()).into()])
        })
    }

    fn connect<'a>(&'a self, to: &'a Authority) -> Later<'a, Link> {
        Box::pin(async move {
            self.find(to.host())?;
            Ok(Box::new(self.open(to.port())?) as Link)
        })
    }
}

impl Port for Arriving {
    fn accept(&mut self) -> Later<'_, (Link, SocketAddr)> {
        Box::pin(async move { Ok((self.next().await, ([127, 0, 0, 1], 1).into())) })
    }

    fn at(&self) -> io::Result<SocketAddr> {
        Ok(([127, 0, 0, 1], 0).into())
    }
}

/// All that came until the other side closed, and when it did.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) after: Duration,
}

impl Heard {
    /// The statuses of all answers in order.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let answers = self.text.split("HTTP/1.").skip(1);
        answers.map(|answer| answer.split(' ').nth(1).unwrap().parse().unwrap()).collect()
    }
}

/// Says something and listens until the other side closes.
pub(crate) async fn say(mut link: impl AsyncRead + AsyncWrite + Unpin, text: &[u8]) -> Heard {
    let start = Instant::now();
    // The other side may close before it has heard everything.
    drop(link.write_all(text).await);
    hear(&mut link, start).await
}

pub(crate) async fn hear(link: &mut (impl AsyncRead + Unpin), start: Instant) -> Heard {
    let mut bytes = Vec::new();
    drop(link.read_to_end(&mut bytes).await);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Heard { text, after: start.elapsed() }
}
