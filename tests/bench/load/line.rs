//! One connection to a gateway, over TLS, and what comes on it.
//!
//! Beside the way; of the load driver.

use std::{rc::Rc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::rounds::client::read;

/// Longer than any answer takes that is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub(crate) struct Line {
    link: TlsStream<TcpStream>,
    /// The same connection, to see whether anything has come.
    pub(crate) wire: Rc<std::net::TcpStream>,
    answer: Vec<u8>,
    /// Has anything been answered on it, and nothing said that it was the last?
    kept: bool,
}

/// An answer.
pub(crate) struct Reply<'a> {
    /// The status.
    pub(crate) status: u16,
    /// Does it say when to come again?
    pub(crate) again: bool,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Line {
    /// A new one; none if nobody takes it.
    pub(crate) async fn reach(tls: &TlsConnector, port: u16) -> Option<Self> {
        let reached = async {
            let link = TcpStream::connect(("127.0.0.1", port)).await.ok()?.into_std().ok()?;
            let wire = Rc::new(link.try_clone().ok()?);
            let link = TcpStream::from_std(link).ok()?;
            link.set_nodelay(true).ok()?;
            let name = ServerName::try_from("127.0.0.1").ok()?;
            let link = tls.connect(name, link).await.ok()?;
            Some(Self { link, wire, answer: Vec::new(), kept: false })
        };
        timeout(PATIENCE, reached).await.ok()?
    }

    /// May it be asked on again? Not if its end has said anything since its last answer: that is that it
    /// ends.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept && self.wire.peek(&mut [0]).is_err()
    }

    /// Asks; none if no whole answer comes.
    pub(crate) async fn ask(&mut self, question: &[u8]) -> Option<Reply<'_>> {
        self.kept = false;
        let asked = async {
            self.link.write_all(question).await.ok()?;
            read(&mut self.link, &mut self.answer).await
        };
        let head = timeout(PATIENCE, asked).await.ok()??;
        let (head, body) = self.answer.split_at(head);
        let head = str::from_utf8(head).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        self.kept = !head.contains("\r\nconnection: close\r\n");
        Some(Reply { status, again: head.contains("\r\nretry-after: "), body })
    }
}
