//! `[listen]`: ports, certificates and what a listener bears.
//!
//! Part of `config`. The public listener speaks TLS; the management listener is cleartext and so
//! stays on the loopback interface.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    config::section::Section,
    error::{Error, Result},
    federation::tls::{self as towards_peers, PeerTls},
    listen::{
        Limits,
        tls::{Pem, Tls},
    },
    pki,
};

/// Ports, certificates and bounds.
pub struct Listening {
    /// FHIR, OAuth and what is pushed.
    pub public: SocketAddr,
    /// What operators ask.
    pub management: SocketAddr,
    /// Further names under which the gateway is addressed.
    pub names: Vec<String>,
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

/// From where certificates are read again.
struct Files {
    certificate: PathBuf,
    key_file: Option<PathBuf>,
    key: Zeroizing<String>,
    authorities: Option<PathBuf>,
}

impl Listening {
    /// Reads certificates and key again, for connections from now on.
    ///
    /// # Errors
    /// `Unavailable` if a file cannot be read, `Invalid` if they are unusable; then the old ones stay.
    pub fn reload(&self) -> Result<()> {
        let certificate =
            fs::read_to_string(&self.files.certificate).map_err(Error::unavailable)?;
        let key = match &self.files.key_file {
            Some(path) => Zeroizing::new(fs::read_to_string(path).map_err(Error::unavailable)?),
            None => self.files.key.clone(),
        };
        let authorities = self.files.authorities.as_ref().map(fs::read_to_string);
        let authorities = authorities.transpose().map_err(Error::unavailable)?;
        let client_authorities = authorities.as_deref();
        self.tls.reload(Pem { certificate: &certificate, key: &key, client_authorities })?;
        if let (Some(tls), Some(authorities)) = (&self.peer_tls, &authorities) {
            let certificate = &certificate;
            tls.reload(towards_peers::Pem { authorities, certificate, key: &key })?;
        }
        Ok(())
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
    let certificate = match section.required_text("certificate") {
        None => None,
        Some(_) => section.file("certificate"),
    };
    let key = section.secret("key");
    let is_authorised = section.node("authorities").is_some();
    let authorities = section.file("authorities");
    let read = (certificate, key, authorities);
    let (Some((path, certificate)), Some((key_file, key)), authorities) = read else {
        section.finish();
        return None;
    };
    let texts = authorities.as_ref().map(|(_, text)| text.as_str());
    let tls = made(
        &section,
        Tls::new(
            Pem { certificate: &certificate, key: &key, client_authorities: texts },
            Arc::clone(clock),
        ),
    );
    let peer_tls = match texts {
        None => None,
        Some(authorities) => {
            let certificate = certificate.as_str();
            let pem = towards_peers::Pem { authorities, certificate, key: &key };
            // What is wrong with these texts has been told above.
            PeerTls::new(pem, Arc::clone(clock)).ok()
        }
    };
    section.finish();
    if is_authorised && authorities.is_none() {
        return None;
    }
    let authorities = authorities.map(|(path, _)| path);
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
        tls: Arc::new(tls?),
        peer_tls: peer_tls.map(Arc::new),
        files: Files { certificate: path, key_file, key, authorities },
    })
}

fn made(section: &Section<'_>, tls: Result<Tls>) -> Option<Tls> {
    tls.inspect_err(|error| section.fault("certificate", format!("cannot be used: {error}"))).ok()
}

/// Cleartext leaves no other machine a way in.
fn loopback(section: &mut Section<'_>) -> Option<SocketAddr> {
    if section.node("management").is_none() {
        return Some(SocketAddr::from(([127, 0, 0, 1], 9443)));
    }
    section.parsed("management", "an address of the loopback interface, 127.0.0.1:9443", |text| {
        text.parse::<SocketAddr>().ok().filter(|at| at.ip().is_loopback())
    })
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
