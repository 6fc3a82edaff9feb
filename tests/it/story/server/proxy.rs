//! What stands between a gateway and a server, so that a test can hold or cut what passes, or break a
//! connection in the middle of what is said on it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    runtime::Builder,
    sync::{Notify, watch},
};

/// Where it leads.
#[derive(Clone)]
pub(super) enum Behind {
    Socket(PathBuf),
    Port(u16),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Open,
    /// Nothing passes, and nobody is told.
    Held,
    /// Every connection ends, and so does each that is made.
    Cut,
}

/// Who says what passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Gateway,
    Server,
}

/// It ends with the test.
pub(super) struct Proxy {
    pub(super) port: u16,
    way: watch::Sender<Way>,
    held: Arc<Held>,
    breaking: Arc<Mutex<Option<Breaking>>>,
}

/// A connection is to end in the middle of what is said on it.
struct Breaking {
    /// From where on is counted, whichever connection the gateway says it on.
    from: Vec<u8>,
    /// Whose bytes count.
    side: Side,
    /// So many of them pass yet.
    left: usize,
    said: bool,
    broken: bool,
}

impl Breaking {
    /// How much of this passes before its connection ends; none if it does not end here.
    fn ends(&mut self, side: Side, bytes: &[u8]) -> Option<usize> {
        let mut begin = 0;
        if !self.said {
            let at = find(bytes, &self.from).filter(|_| side == Side::Gateway)?;
            (self.said, begin) = (true, at + self.from.len());
        }
        if self.broken || side != self.side {
            return None;
        }
        let rest = bytes.len() - begin;
        if rest < self.left {
            self.left -= rest;
            return None;
        }
        self.broken = true;
        Some(begin + self.left)
    }
}

fn find(all: &[u8], wanted: &[u8]) -> Option<usize> {
    all.windows(wanted.len()).position(|some| some == wanted)
}

/// What came from a gateway and was not let through.
#[derive(Default)]
struct Held {
    bytes: Mutex<Vec<u8>>,
    more: Notify,
}

impl Held {
    fn note(&self, bytes: &[u8]) {
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        self.more.notify_one();
    }
}

impl Proxy {
    pub(super) fn start(behind: Behind) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = SocketAddr::port(&listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let (way, mut ways) = watch::channel(Way::Open);
        let held = Arc::new(Held::default());
        let breaking = Arc::default();
        let (noted, breaks) = (Arc::clone(&held), Arc::clone(&breaking));
        // A thread of its own: what the test does meanwhile delays nothing here.
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let come = tokio::select! {
                        come = listener.accept() => come,
                        () = closed(&mut ways) => return,
                    };
                    if let Ok((link, _)) = come {
                        let passing = Passing {
                            ways: ways.clone(),
                            held: Arc::clone(&noted),
                            breaking: Arc::clone(&breaks),
                        };
                        tokio::spawn(pass(link, behind.clone(), passing));
                    }
                }
            });
        });
        Self { port, way, held, breaking }
    }

    /// Once the gateway has said this, so many bytes of one side pass, whatever the connection, and then
    /// the connection that carries the next of them ends.
    pub(super) fn breaks(&self, from: &str, side: Side, after: usize) {
        let from = from.as_bytes().to_vec();
        let breaking = Breaking { from, side, left: after, said: false, broken: false };
        *self.breaking.lock().unwrap() = Some(breaking);
    }

    /// No connection is to be broken any more; was one?
    pub(super) fn has_broken(&self) -> bool {
        self.breaking.lock().unwrap().take().is_some_and(|breaking| breaking.broken)
    }

    /// Returns once these bytes came since the way was set, and are held.
    pub(super) async fn holds(&self, wanted: &str) {
        let wanted = wanted.as_bytes();
        while find(&self.held.bytes.lock().unwrap(), wanted).is_none() {
            self.held.more.notified().await;
        }
    }

    pub(super) fn set(&self, way: Way) {
        self.held.bytes.lock().unwrap().clear();
        self.way.send_replace(way);
    }
}

async fn closed(ways: &mut watch::Receiver<Way>) {
    while ways.changed().await.is_ok() {}
}

/// What one connection has to do with the others.
#[derive(Clone)]
struct Passing {
    ways: watch::Receiver<Way>,
    held: Arc<Held>,
    breaking: Arc<Mutex<Option<Breaking>>>,
}

async fn pass(link: TcpStream, behind: Behind, passing: Passing) {
    drop(link.set_nodelay(true));
    let (from, to) = link.into_split();
    match behind {
        Behind::Socket(path) => {
            let Ok(server) = UnixStream::connect(path).await else { return };
            let (back, forth) = server.into_split();
            tokio::select! {
                () = pump(from, forth, Side::Gateway, passing.clone()) => {}
                () = pump(back, to, Side::Server, passing) => {}
            }
        }
        Behind::Port(port) => {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            drop(server.set_nodelay(true));
            let (back, forth) = server.into_split();
            tokio::select! {
                () = pump(from, forth, Side::Gateway, passing.clone()) => {}
                () = pump(back, to, Side::Server, passing) => {}
            }
        }
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    side: Side,
    Passing { mut ways, held, breaking }: Passing,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let came = tokio::select! {
            came = from.read(&mut bytes) => came,
            _ = ways.wait_for(|way| *way == Way::Cut) => return,
        };
        let Ok(count @ 1..) = came else { return };
        if let (Side::Gateway, Way::Held) = (side, *ways.borrow()) {
            held.note(&bytes[..count]);
        }
        match ways.wait_for(|way| *way != Way::Held).await.map(|way| *way) {
            Ok(Way::Open) => {}
            Ok(Way::Held | Way::Cut) | Err(_) => return,
        }
        let ends = breaking.lock().unwrap().as_mut().and_then(|b| b.ends(side, &bytes[..count]));
        if to.write_all(&bytes[..ends.unwrap_or(count)]).await.is_err() || ends.is_some() {
            return;
        }
    }
}
