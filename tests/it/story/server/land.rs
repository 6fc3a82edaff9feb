//! A portal and two holders as operators run them: real processes, and what stands between them.
//!
//! Each has the settings that the program prints for a new member of a federation. Who asks does so at
//! the portal, over real TLS on the loopback interface; the way from the portal to a holder can be held
//! or cut.

use std::{collections::BTreeMap, fs, path::PathBuf, rc::Rc};

use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use mylife::chance::{SystemChance, base32};
use serde_json::Value;
use tokio::{sync::watch, time::timeout};

use super::{
    desk::{Desk, Line, PATIENCE, said, until},
    members,
    process::Process,
    proxy::{Behind, Proxy, Way},
    town::{free_port, operator},
};

/// Codes of the gateways; the last one is the portal.
pub(super) const CODES: [&str; 3] = ["205", "297", "900"];
/// The portal among them.
pub(super) const HERE: usize = 2;
struct Member {
    port: u16,
    management: u16,
    /// What others pass to reach it; none before the portal.
    way: Option<Proxy>,
    /// Where others find it.
    host: String,
    process: Process,
}

pub(super) struct Land {
    dir: PathBuf,
    members: Vec<Member>,
    desk: Desk,
    /// Something was seen.
    pub(super) news: Rc<watch::Sender<()>>,
}

impl Land {
    pub(super) async fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("mylife-land-{}", base32(&SystemChance, 8)));
        fs::create_dir_all(&dir).unwrap();
        let member = |code: &&str| {
            let port = free_port();
            let way = (*code != CODES[HERE]).then(|| Proxy::start(Behind::Port(port)));
            let host = format!("127.0.0.1:{}", way.as_ref().map_or(port, |way| way.port));
            Member { port, management: free_port(), way, host, process: Process::default() }
        };
        let members: Vec<Member> = CODES.iter().map(member).collect();
        let told = CODES.iter().zip(&members).enumerate().map(|(number, (code, member))| {
            members::Member { code, host: &member.host, holds: number != HERE }
        });
        members::settings(&dir, &told.collect::<Vec<_>>());
        let desk = Desk::new(&dir, &members[HERE].host);
        let news = Rc::new(watch::Sender::new(()));
        let land = Self { dir, members, desk, news };
        for number in 0..CODES.len() {
            land.start(number).await;
        }
        land.desk.has_first_tokens();
        land
    }

    /// Asks for new tokens of the portal when those there are have become old.
    pub(super) fn renew(&self) {
        self.desk.renew();
    }

    /// Starts a gateway that does not run, and waits until it serves.
    pub(super) async fn start(&self, number: usize) {
        let member = &self.members[number];
        let data = self.dir.join(format!("data-{number}"));
        let config = self.dir.join(format!("{}.toml", CODES[number]));
        let said = said(&config, &data, [member.port, member.management], &[]);
        member.process.start(said, &self.dir.join(format!("log-{number}"))).await;
        self.news.send_replace(());
    }

    /// Kills it: nothing is written, told or closed any more.
    pub(super) fn kill(&self, number: usize) {
        self.members[number].process.kill();
    }

    /// Stops it between any two steps, or lets it go on.
    pub(super) fn signal(&self, number: usize, signal: &str) {
        self.members[number].process.signal(signal);
    }

    /// Opens, holds or cuts the way to a holder.
    pub(super) fn way(&self, number: usize, way: Way) {
        self.members[number].way.as_ref().expect("it is a holder").set(way);
    }

    /// Waits until something holds of what was seen; `false` if it takes too long.
    pub(super) async fn until(&self, holds: impl Fn() -> bool) -> bool {
        until(&self.news, holds).await
    }

    /// A connection to one gateway; none if it cannot be reached.
    pub(super) async fn line(&self, number: usize) -> Option<Line> {
        let Member { port, host, .. } = &self.members[number];
        self.desk.line(*port, host).await
    }

    /// How the portal's peers are doing, by their codes.
    pub(super) async fn peers(&self) -> BTreeMap<String, Value> {
        let said = operator(self.members[HERE].management, "/peers").await;
        let (_, body) = said.split_once("\r\n\r\n").unwrap();
        let peers = serde_json::from_str::<Value>(body).unwrap()["peers"].take();
        let rows = peers.as_array().unwrap().iter();
        rows.map(|row| (row["node"].as_str().unwrap().to_owned(), row.clone())).collect()
    }

    /// Pushes a document to a holder, by its source.
    pub(super) async fn push(&self, number: usize, path: &str, body: &Value) -> Value {
        let host = &self.members[number].host;
        let token = self.desk.token_at(host, 0).expect("nothing hinders it");
        let mut line = self.line(number).await.unwrap();
        let ask = (Method::PUT, path, "application/json", body.to_string());
        let (status, said) = self.ask(&mut line, &token, ask).await.unwrap();
        assert_eq!(status, 201, "{said}");
        said
    }

    /// Asks the portal as the n-th client about both holders; none if no whole answer comes.
    pub(super) async fn asks(
        &self,
        line: &mut Line,
        client: usize,
        ask: (Method, &str, &str, String),
    ) -> Option<(u16, Value)> {
        let token = self.desk.token(client).clone();
        self.ask(line, &token, ask).await
    }

    async fn ask(
        &self,
        line: &mut Line,
        token: &str,
        (method, path, kind, body): (Method, &str, &str, String),
    ) -> Option<(u16, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &line.host)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind);
        let to_both = path.starts_with("/fhir");
        let request = if to_both { request.header("mylife-nodes", "205,297") } else { request };
        let request = request.body(Full::new(body.into())).unwrap();
        let exchange = async {
            let (head, body) = line.sender.send_request(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            Some((head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default()))
        };
        timeout(PATIENCE, exchange).await.ok()?
    }
}

impl Drop for Land {
    fn drop(&mut self) {
        self.members.clear();
        drop(fs::remove_dir_all(&self.dir));
    }
}
