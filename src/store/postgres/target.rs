//! Which database, and how it is reached.
//!
//! Belongs to `store::postgres`; read by `config`. The address never holds a password, so that it can
//! be printed. Cleartext goes through a Unix socket or the loopback interface alone.

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

/// A database as the settings name it.
#[derive(Clone)]
pub struct Database {
    /// Server, port, name and user.
    pub address: Address,
    /// The user's password, where the server asks for one.
    pub password: Option<zeroize::Zeroizing<String>>,
    /// Authorities of the server's certificate; none for an address that [`Address::is_local`].
    pub tls: Option<Arc<ClientConfig>>,
    /// Most connections at once, beside three of their own for the change sequence and the audit log.
    pub connections: NonZeroUsize,
    /// May statements be prepared? Not through a pooler that gives each transaction another
    /// connection: then every statement is parsed anew, within a transaction with bounds of its own.
    pub prepared: bool,
    /// How long is waited.
    pub patience: Patience,
}

/// How long is waited for what; what takes longer is `Unavailable`.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection to be made.
    pub connect: Duration,
    /// For one statement (`statement_timeout`).
    pub statement: Duration,
    /// For a row that another transaction holds (`lock_timeout`).
    pub lock: Duration,
    /// For the whole of a question: a free connection and every statement.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            statement: Duration::from_secs(2),
            lock: Duration::from_secs(1),
            answer: Duration::from_secs(5),
        }
    }
}

/// Server, port, name and user of a database.
#[derive(Clone, Eq, PartialEq)]
pub struct Address(Config);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

impl Address {
    /// Reads `postgresql://user@host:port/name`; several hosts are separated by commas, a Unix socket
    /// is `postgresql://user@/name?host=/directory`.
    ///
    /// # Errors
    /// What is wrong with it, to be read after the setting's name.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let form = "must be postgresql://USER@HOST:PORT/DATABASE";
        if !(url.starts_with("postgresql://") || url.starts_with("postgres://")) {
            return Err(form);
        }
        let config: Config = url.parse().map_err(|_| form)?;
        if config.get_password().is_some() {
            return Err("holds a password: name a file of it in password_file instead");
        }
        if config.get_user().is_none() || config.get_dbname().is_none() {
            return Err(form);
        }
        if config.get_hosts().is_empty() {
            return Err(form);
        }
        if url.contains("sslmode") || config.get_options().is_some() {
            return Err("must not hold sslmode or options: TLS follows from ca_file");
        }
        Ok(Self(config))
    }

    /// Another database of the same server and user.
    pub(super) fn beside(&self, name: &str) -> Self {
        let mut config = self.0.clone();
        config.dbname(name);
        Self(config)
    }

    /// Do all hosts stand for this machine, so that nobody listens in between?
    pub fn is_local(&self) -> bool {
        let named = self.0.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => {
                name == "localhost"
                    || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
            Host::Unix(_) => true,
        });
        named && self.0.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
    }
}

impl Database {
    /// What the driver is told.
    pub(super) fn driver(&self) -> Config {
        let mut config = self.address.0.clone();
        if let Some(password) = &self.password {
            config.password(password.as_bytes());
        }
        let mode = if self.tls.is_some() { SslMode::Require } else { SslMode::Disable };
        config
            .ssl_mode(mode)
            .application_name("mylife")
            .connect_timeout(self.patience.connect)
            // A cable that is pulled is noticed as fast as a statement that hangs.
            .tcp_user_timeout(self.patience.statement)
            // Of several hosts the one that is written; after a failover that is another.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        config
    }

    /// Sets the bounds of a session, or of the transaction under way.
    pub(super) fn bounds(&self, transaction: bool) -> String {
        let Patience { statement, lock, answer, .. } = self.patience;
        let [statement, lock, answer] = [statement, lock, answer].map(|d| d.as_millis());
        // What a server acknowledges is on its disk; one that is set to more than that keeps it. A plan is
        // kept that was made while a table was empty, where reading all of it looks cheapest: every
        // question has its index, and one that has none is not worth compiling either.
        format!(
            "SELECT set_config('statement_timeout', '{statement}', {transaction}), \
             set_config('lock_timeout', '{lock}', {transaction}), \
             set_config('idle_in_transaction_session_timeout', '{answer}', {transaction}), \
             set_config('synchronous_commit', \
             CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' \
             ELSE current_setting('synchronous_commit') END, {transaction}), \
             set_config('enable_seqscan', 'off', {transaction}), \
             set_config('jit', 'off', {transaction})"
        )
    }
}
