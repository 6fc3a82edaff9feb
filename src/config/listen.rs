//! `[listen]`: ports, certificates and what a listener bears.
//!
//! Part of `config`. The public listener speaks TLS; the management listener is cleartext and so
//! stays on the loopback interface.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    clock::Clock,
    config::section::Section,
    error::Result,
    federation::tls::{self as towards_peers, PeerTls},
    listen::{
        Limits,
        tls::{Pem, Tls},
    },
    pki::{self, trust::Trust},
};

/// Ports, certificates and bounds.
pub struct Listening {
    /// FHIR, OAuth and what is pushed.
    pub public: SocketAddr,
    /// What operators ask.
    pub management: SocketAddr,
    /// Further names under which the gateway is addressed.
    pub names: Vec<String>,
    /// How long connections are still taken once it has said that it is not ready.
    pub goodbye: Duration,
    /// Threads that serve, one per core.
    pub cores: usize,
    /// What the public listener bears.
    pub limits: Limits,
    /// Server's side of TLS.
    pub tls: Arc<Tls>,
    /// Client's side of TLS; none where no authority vouches for peers.
    pub peer_tls: Option<Arc<PeerTls>>,
    /// Is the certificate one of the demo's throw-away authority, whose key lies about?
    pub is_throw_away: bool,
    files: Files,
}

/// Where the certificates are.
struct Files {
    certificate: PathBuf,
    authorities: Option<PathBuf>,
    revoked: Option<PathBuf>,
}

/// The PEM texts of certificates as they are on disk now.
pub struct Texts {
    /// The listener's.
    pub certificate: String,
    /// The authorities'.
    pub authorities: Option<String>,
    /// The lists of what these have revoked.
    pub revoked: Option<String>,
}

impl Listening {
    /// What is on disk now; none if something cannot be read.
    pub fn texts(&self) -> Option<Texts> {
        let Files { certificate, authorities, revoked } = &self.files;
        let text = |path: &Option<PathBuf>| path.as_ref().map(fs::read_to_string).transpose().ok();
        Some(Texts {
            certificate: fs::read_to_string(certificate).ok()?,
            authorities: text(authorities)?,
            revoked: text(revoked)?,
        })
    }

    /// The files of certificates and of revoked ones, by what each is for.
    pub fn certificates(&self) -> Vec<(&'static str, PathBuf)> {
        let Files { certificate, authorities, revoked } = &self.files;
        let authorities = authorities.iter().map(|path| ("authorities", path.clone()));
        let revoked = revoked.iter().map(|path| ("revoked", path.clone()));
        [("listener", certificate.clone())].into_iter().chain(authorities).chain(revoked).collect()
    }

    /// The file of the certificate.
    pub fn certificate_path(&self) -> &Path {
        &self.files.certificate
    }

    /// Takes the certificates, keys and authorities of newer settings, for connections from now on.
    pub fn adopt(&self, newer: &Self) {
        self.tls.adopt(&newer.tls);
    }
}

/// Reads the section.
pub fn read(mut section: Section<'_>, clock: &Arc<dyn Clock>) -> Option<Listening> {
    let address = |text: &str| text.parse::<SocketAddr>().ok();
    let want = "an address and a port, 0.0.0.0:8443 or [::]:8443";
    let public = section.required("public", want, address);
    let management = loopback(&mut section);
    let names = section.texts("names");
    let cores = section.number("cores", 0..=1024, 0);
    let limits = limits(&mut section);
    let goodbye = section.number("goodbye_seconds", 0..=300, 0);
    let certificate = section.required_file("certificate");
    let key = section.secret("key");
    let is_authorised = section.node("authorities").is_some();
    let authorities = section.file("authorities");
    let is_revoked = section.node("revoked").is_some();
    let revoked = section.file("revoked");
    if is_revoked && !is_authorised {
        section
            .fault("revoked", "is what authorities revoked, and there are none: give authorities");
    }
    let read = (certificate, key, authorities);
    let (Some((path, certificate)), Some((_, key)), authorities) = read else {
        section.finish();
        return None;
    };
    let trust = authorities.as_ref().map(|(_, authorities)| Trust {
        authorities,
        revoked: revoked.as_ref().map(|(_, text)| text.as_str()),
    });
    let pem = Pem { certificate: &certificate, key: &key, clients: trust };
    let tls = made(&section, Tls::new(pem, Arc::clone(clock)));
    let peer_tls = match trust {
        None => None,
        Some(peers) => {
            let certificate = certificate.as_str();
            let pem = towards_peers::Pem { peers, certificate, key: &key };
            // What is wrong with these texts has been told above.
            PeerTls::new(pem, Arc::clone(clock)).ok()
        }
    };
    section.finish();
    if is_authorised && authorities.is_none() || is_revoked && revoked.is_none() {
        return None;
    }
    let [authorities, revoked] = [authorities, revoked].map(|file| file.map(|(path, _)| path));
    let name = pki::THROW_AWAY.as_bytes();
    let of_demo = |der: &[u8]| der.windows(name.len()).any(|part| part == name);
    let shown = pki::certificates(&certificate);
    let is_throw_away = shown.is_ok_and(|all| all.iter().any(|der| of_demo(der)));
    Some(Listening {
        is_throw_away,
        public: public?,
        management: management?,
        names,
        cores: if cores == 0 { own_cores() } else { usize::try_from(cores).ok()? },
        limits,
        goodbye: Duration::from_secs(goodbye),
        tls: Arc::new(tls?),
        peer_tls: peer_tls.map(Arc::new),
        files: Files { certificate: path, authorities, revoked },
    })
}

fn made(section: &Section<'_>, tls: Result<Tls>) -> Option<Tls> {
    tls.inspect_err(|error| section.fault("certificate", format!("cannot be used: {error}"))).ok()
}

/// Cleartext leaves no other machine a way in, unless somebody says so.
fn loopback(section: &mut Section<'_>) -> Option<SocketAddr> {
    let exposed = section.flag("management_exposed", false);
    let want = "an address of the loopback interface, 127.0.0.1:9443 (the default); another only with \
                management_exposed = true, on a network of its own";
    let written = section.has("management");
    let read = section.parsed("management", want, |text| {
        text.parse::<SocketAddr>().ok().filter(|at| exposed || at.ip().is_loopback())
    });
    if written { read } else { Some(SocketAddr::from(([127, 0, 0, 1], 9443))) }
}

fn limits(section: &mut Section<'_>) -> Limits {
    let built_in = Limits::default();
    let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let connections = section.number("connections", 1..=1_000_000, size(built_in.connections));
    let idle = section.number("idle_seconds", 1..=3600, built_in.idle.as_secs());
    let drain = section.number("drain_seconds", 0..=600, built_in.drain.as_secs());
    let body = section.number("body_bytes", 1024..=1 << 30, size(built_in.body_bytes));
    Limits {
        connections: count(connections),
        idle: Duration::from_secs(idle),
        drain: Duration::from_secs(drain),
        body_bytes: count(body),
        ..built_in
    }
}

fn own_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}
