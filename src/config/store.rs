//! `[store]`: where the data is, and the key that seals it.
//!
//! Part of `config`. A store is a file of one process, or a database that several share. A database on
//! another machine is reached by TLS alone, and no address holds a password.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use rustls::ClientConfig;
use zeroize::Zeroizing;

use crate::{
    chance::Chance,
    clock::Clock,
    config::section::Section,
    error::Result,
    pki::{self, CertificateTime},
    seal::{Keys, master},
    store::postgres::{Address, Database, Patience},
};

/// What is said of a database alone.
const DATABASE: [&str; 10] = [
    "url",
    "password",
    "password_file",
    "ca_file",
    "connections",
    "prepared",
    "connect_ms",
    "statement_ms",
    "lock_ms",
    "answer_ms",
];

/// Where the data is, and the key that seals it.
pub struct Storing {
    /// Where log and store are, unless a database is named.
    pub directory: PathBuf,
    /// Keys of stored values.
    pub keys: Arc<Keys>,
    /// Bytes of the cache of compartments and answers.
    pub cache_bytes: u64,
    /// Threads that read.
    pub readers: NonZeroUsize,
    /// The database that several processes share.
    pub database: Option<Database>,
}

/// Reads the section.
pub fn read(
    mut section: Section<'_>,
    clock: &Arc<dyn Clock>,
    chance: &Arc<dyn Chance>,
) -> Option<Storing> {
    if section.node("directory").is_none() {
        section.fault("directory", "is missing: this process's own directory, of store and audit log unless a database has them");
    }
    let directory = section.path("directory");
    let keys = keys(&mut section, chance);
    let cache = section.number("cache_megabytes", 1..=1 << 20, 64);
    let shared = section.one_of("kind", &[("sqlite", false), ("postgres", true)], false);
    let readers = section.number("readers", 1..=64, 2);
    let database = if shared {
        if section.node("readers").is_some() {
            section.fault("readers", "goes with kind = \"sqlite\": say connections");
        }
        Some(database(&mut section, clock))
    } else {
        for key in DATABASE {
            if section.node(key).is_some() {
                section.fault(key, "goes with kind = \"postgres\"");
            }
        }
        None
    };
    section.finish();
    let database = match database {
        None => None,
        Some(read) => Some(read?),
    };
    Some(Storing {
        directory: directory?,
        keys: Arc::new(keys?),
        cache_bytes: cache << 20,
        readers: NonZeroUsize::new(usize::try_from(readers).ok()?)?,
        database,
    })
}

fn keys(section: &mut Section<'_>, chance: &Arc<dyn Chance>) -> Option<Keys> {
    section.note_secret("master_key");
    let beside = section.node("master_key").is_some();
    let read = match section.node("master_key_file") {
        Some(_) if !beside => master::read(&section.path("master_key_file")?, Arc::clone(chance)),
        Some(_) | None => {
            let (_, text) = section.secret("master_key")?;
            master::parse(&text, Arc::clone(chance))
        }
    };
    let key = if beside { "master_key" } else { "master_key_file" };
    read.inspect_err(|error| section.fault(key, format!("cannot be used: {error}"))).ok()
}

fn database(section: &mut Section<'_>, clock: &Arc<dyn Clock>) -> Option<Database> {
    let address = section
        .required_text("url")
        .and_then(|url| Address::parse(&url).inspect_err(|say| section.fault("url", *say)).ok());
    let protected = section.node("password").is_some() | section.node("password_file").is_some();
    let password = protected.then(|| {
        let (_, text) = section.secret("password")?;
        Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    });
    let encrypted = section.node("ca_file").is_some();
    let tls = encrypted.then(|| {
        let (_, text) = section.file("ca_file")?;
        let made = tls(&text, clock);
        made.inspect_err(|e| section.fault("ca_file", format!("cannot be used: {e}"))).ok()
    });
    if !encrypted && address.as_ref().is_some_and(|address| !address.is_local()) {
        let say = "is missing: a database on another machine is reached by TLS alone; name a PEM \
                   file of the authorities of its certificate";
        section.fault("ca_file", say);
    }
    let connections = section.number("connections", 1..=1000, 8);
    let prepared = section.flag("prepared", true);
    let patience = patience(section);
    Some(Database {
        address: address?,
        password: match password {
            None => None,
            Some(read) => Some(read?),
        },
        tls: match tls {
            None => None,
            Some(made) => Some(made?),
        },
        connections: NonZeroUsize::new(usize::try_from(connections).ok()?)?,
        prepared,
        patience,
    })
}

fn patience(section: &mut Section<'_>) -> Patience {
    let built_in = Patience::default();
    let mut wait = |key, default: Duration| {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(section.number(key, 10..=600_000, default))
    };
    let patience = Patience {
        connect: wait("connect_ms", built_in.connect),
        statement: wait("statement_ms", built_in.statement),
        lock: wait("lock_ms", built_in.lock),
        answer: wait("answer_ms", built_in.answer),
    };
    if patience.answer < patience.statement {
        section.fault("answer_ms", "must not be less than statement_ms");
    }
    patience
}

/// The client's side of TLS: the server shows a certificate of these authorities for its host.
fn tls(authorities: &str, clock: &Arc<dyn Clock>) -> Result<Arc<ClientConfig>> {
    let time = Arc::new(CertificateTime(Arc::clone(clock)));
    let mut settings = pki::nameless(pki::anchors(authorities)?, time)?;
    settings.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Arc::new(settings))
}
