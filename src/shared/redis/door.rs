//! How a Redis is reached: one server, a cluster, or a master that sentinels know.
//!
//! Part of `shared`; the only file that makes connections. Settings are checked when they are read,
//! before any server is asked. Certificates are checked against the system's clock, since the client
//! library takes no other. No password reaches a log or an error text.

use std::time::Duration;

use ::redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisResult,
    TlsCertificates, TlsMode, Value,
    aio::{ConnectionLike, MultiplexedConnection, SendError},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use zeroize::Zeroizing;

use super::fault::Fault;
use crate::{
    error::{Error, Result},
    transport::Authority,
};

/// Commands under way on one connection.
pub(super) const UNDER_WAY: usize = 1024;

/// Which servers.
pub enum Reach {
    /// One.
    One(Authority),
    /// A cluster, by some of its nodes.
    Cluster(Vec<Authority>),
    /// The master that sentinels name.
    Sentinel {
        /// Its name there.
        master: String,
        /// The sentinels.
        nodes: Vec<Authority>,
        /// Who we are to them, where they ask.
        login: Login,
    },
}

/// Who we are to a server.
#[derive(Default)]
pub struct Login {
    /// User of its access list; none is its default user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Zeroizing<String>>,
}

/// PEM texts.
pub struct Tls {
    /// Those that vouch for the servers.
    pub authorities: String,
    /// Certificate and key that we show.
    pub identity: Option<(String, Zeroizing<String>)>,
}

/// Where, how and for how long.
pub struct Settings {
    /// Which servers.
    pub reach: Reach,
    /// With it servers are reached over TLS alone.
    pub tls: Option<Tls>,
    /// Who we are.
    pub login: Login,
    /// Most time to connect.
    pub connect: Duration,
    /// Most time to wait for an answer.
    pub response: Duration,
}

/// How a Redis is reached; checked.
pub struct Door {
    settings: Settings,
}

/// An open connection, to share.
#[derive(Clone)]
pub(super) enum Wire {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Wire {
    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(wire) => wire.req_packed_command(command).await,
            Self::Cluster(wire) => wire.req_packed_command(command).await,
        }?
        .extract_error()
    }
}

impl Door {
    /// Checks the settings; connects to nothing.
    ///
    /// # Errors
    /// `Invalid` if certificates or keys cannot be used, or no server is named.
    pub fn new(settings: Settings) -> Result<Self> {
        let door = Self { settings };
        let unusable = |e| {
            let say = "The certificates or addresses of the Redis cannot be used.";
            Error::invalid(say).because(e)
        };
        match &door.settings.reach {
            Reach::One(at) => door.client(at).map(drop),
            Reach::Cluster(nodes) => door.cluster(nodes).map(drop),
            Reach::Sentinel { master, nodes, login } => {
                door.sentinel(master, nodes, login).map(drop)
            }
        }
        .map_err(unusable)?;
        Ok(door)
    }

    /// What the server says of itself, `name:value` a line; of a cluster what all nodes say.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be reached or refuses.
    pub async fn about(&self) -> Result<String> {
        let asked = async {
            let mut wire = self.open().await?;
            wire.send(&::redis::cmd("INFO")).await
        };
        let most = self.longest_opening() + self.longest_question();
        let said = tokio::time::timeout(most, asked).await.map_err(Error::unavailable)?;
        let mut text = String::new();
        match said {
            Ok(said) => flatten(&said, &mut text),
            // It answers, but this user may not ask that.
            Err(error) if error.code() == Some("NOPERM") => {}
            Err(error) => return Err(Fault(error).into()),
        }
        Ok(text)
    }

    /// Most time one question may take.
    pub(super) fn longest_question(&self) -> Duration {
        // A cluster may have to be asked twice.
        self.settings.response * 2
    }

    /// Most time it may take to open.
    pub(super) fn longest_opening(&self) -> Duration {
        match self.settings.reach {
            Reach::One(_) => self.settings.connect,
            // A node to ask who to ask, and then that one.
            Reach::Cluster(_) | Reach::Sentinel { .. } => self.settings.connect * 4,
        }
    }

    /// Opens a connection for commands.
    pub(super) async fn open(&self) -> RedisResult<Wire> {
        Ok(match &self.settings.reach {
            Reach::One(at) => {
                let client = self.client(at)?;
                Wire::One(
                    client.get_multiplexed_async_connection_with_config(&self.bounds()).await?,
                )
            }
            Reach::Cluster(nodes) => {
                Wire::Cluster(self.cluster(nodes)?.get_async_connection().await?)
            }
            Reach::Sentinel { master, nodes, login } => {
                let mut sentinel = self.sentinel(master, nodes, login)?;
                Wire::One(sentinel.get_async_connection_with_config(&self.bounds()).await?)
            }
        })
    }

    /// Opens a connection that listens. A cluster's nodes tell each other what is published, so any
    /// of them does; the `attempt` says which is tried.
    pub(super) async fn listen(
        &self,
        attempt: usize,
        hear: impl Fn(PushInfo) -> std::result::Result<(), SendError> + Send + Sync + 'static,
    ) -> RedisResult<MultiplexedConnection> {
        let bounds = self.bounds().set_push_sender(hear);
        let client = match &self.settings.reach {
            Reach::One(at) => self.client(at)?,
            Reach::Cluster(nodes) => {
                let none = || ::redis::ErrorKind::ClusterConnectionNotFound;
                let at = nodes.iter().cycle().nth(attempt % nodes.len().max(1));
                self.client(at.ok_or_else(|| (none(), "no node is named"))?)?
            }
            Reach::Sentinel { master, nodes, login } => {
                self.sentinel(master, nodes, login)?.async_get_client().await?
            }
        };
        client.get_multiplexed_async_connection_with_config(&bounds).await
    }

    fn bounds(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect))
            .set_response_timeout(Some(self.settings.response))
            .set_pipeline_buffer_size(UNDER_WAY)
            .set_concurrency_limit(UNDER_WAY)
    }

    fn client(&self, at: &Authority) -> RedisResult<Client> {
        let info = self.info(at)?;
        match self.certificates() {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        }
    }

    fn cluster(&self, nodes: &[Authority]) -> RedisResult<ClusterClient> {
        let infos: Vec<ConnectionInfo> =
            nodes.iter().map(|at| self.info(at)).collect::<RedisResult<_>>()?;
        let builder = ClusterClientBuilder::new(infos)
            .retries(1)
            .min_retry_wait(1)
            .max_retry_wait(20)
            .connection_timeout(self.settings.connect)
            .response_timeout(self.settings.response)
            .connection_concurrency_limit(UNDER_WAY)
            .tcp_settings(tcp());
        match self.certificates() {
            Some(certificates) => builder.tls(TlsMode::Secure).certs(certificates),
            None => builder,
        }
        .build()
    }

    fn sentinel(
        &self,
        master: &str,
        nodes: &[Authority],
        login: &Login,
    ) -> RedisResult<SentinelClient> {
        let nodes: Vec<_> = nodes.iter().map(|at| self.address(at)).collect();
        let builder = SentinelClientBuilder::new(nodes, master, SentinelServerType::Master)?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_tcp_settings(tcp())
            .set_client_to_sentinel_tcp_settings(tcp());
        let builder = match &self.settings.login.user {
            Some(user) => builder.set_client_to_redis_username(user),
            None => builder,
        };
        let builder = match &self.settings.login.password {
            Some(password) => builder.set_client_to_redis_password(password.as_str()),
            None => builder,
        };
        let builder = match &login.user {
            Some(user) => builder.set_client_to_sentinel_username(user),
            None => builder,
        };
        let builder = match &login.password {
            Some(password) => builder.set_client_to_sentinel_password(password.as_str()),
            None => builder,
        };
        match self.certificates() {
            Some(certificates) => builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates),
            None => builder,
        }
        .build()
    }

    fn info(&self, at: &Authority) -> RedisResult<ConnectionInfo> {
        let login = &self.settings.login;
        let mut who = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name();
        if let Some(user) = &login.user {
            who = who.set_username(user);
        }
        if let Some(password) = &login.password {
            who = who.set_password(password.as_str());
        }
        let info = self.address(at).into_connection_info()?;
        Ok(info.set_redis_settings(who).set_tcp_settings(tcp()))
    }

    fn address(&self, at: &Authority) -> ConnectionAddr {
        let (host, port) = (at.host().to_owned(), at.port());
        match self.settings.tls {
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        }
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        self.settings.tls.as_ref().map(|tls| TlsCertificates {
            client_tls: tls.identity.as_ref().map(|(certificate, key)| ClientTlsConfig {
                client_cert: certificate.clone().into_bytes(),
                client_key: key.as_bytes().to_vec(),
            }),
            root_cert: Some(tls.authorities.clone().into_bytes()),
        })
    }
}

/// Every text of an answer.
fn flatten(value: &Value, text: &mut String) {
    if let Value::BulkString(bytes) = value {
        text.push_str(&String::from_utf8_lossy(bytes));
    } else if let Value::SimpleString(said) | Value::VerbatimString { text: said, .. } = value {
        text.push_str(said);
    } else if let Value::Array(all) | Value::Set(all) = value {
        all.iter().for_each(|one| flatten(one, text));
    } else if let Value::Map(all) = value {
        all.iter().for_each(|(_, one)| flatten(one, text));
    }
    text.push('\n');
}

/// Small messages leave at once; the library's default is to wait for more.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
