//! What stands between a gateway and a server, so that a test can hold or cut what passes.

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

/// It ends with the test.
pub(super) struct Proxy {
    pub(super) port: u16,
    way: watch::Sender<Way>,
    held: Arc<Held>,
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
        let noted = Arc::clone(&held);
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
                        let (behind, ways) = (behind.clone(), ways.clone());
                        tokio::spawn(pass(link, behind, ways, Arc::clone(&noted)));
                    }
                }
            });
        });
        Self { port, way, held }
    }

    /// Returns once these bytes came since the way was set, and are held.
    pub(super) async fn holds(&self, wanted: &str) {
        let wanted = wanted.as_bytes();
        let is_there = |all: &[u8]| all.windows(wanted.len()).any(|some| some == wanted);
        while !is_there(&self.held.bytes.lock().unwrap()) {
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

async fn pass(link: TcpStream, behind: Behind, ways: watch::Receiver<Way>, held: Arc<Held>) {
    drop(link.set_nodelay(true));
    let (from, to) = link.into_split();
    match behind {
        Behind::Socket(path) => {
            let Ok(server) = UnixStream::connect(path).await else { return };
            let (back, forth) = server.into_split();
            tokio::select! {
                () = pump(from, forth, ways.clone(), Some(&held)) => {}
                () = pump(back, to, ways, None) => {}
            }
        }
        Behind::Port(port) => {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            drop(server.set_nodelay(true));
            let (back, forth) = server.into_split();
            tokio::select! {
                () = pump(from, forth, ways.clone(), Some(&held)) => {}
                () = pump(back, to, ways, None) => {}
            }
        }
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut ways: watch::Receiver<Way>,
    held: Option<&Held>,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let came = tokio::select! {
            came = from.read(&mut bytes) => came,
            _ = ways.wait_for(|way| *way == Way::Cut) => return,
        };
        let Ok(count @ 1..) = came else { return };
        if let (Some(held), Way::Held) = (held, *ways.borrow()) {
            held.note(&bytes[..count]);
        }
        match ways.wait_for(|way| *way != Way::Held).await.map(|way| *way) {
            Ok(Way::Open) => {}
            Ok(Way::Held | Way::Cut) | Err(_) => return,
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
