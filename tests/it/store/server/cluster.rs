//! A `PostgreSQL` server of the tests' own: made once, and gone with the process however that ends.
//!
//! A shell starts it and waits at a pipe whose other end is ours; when that closes it stops the server
//! and removes its directory. As root it runs as `postgres`, since the server refuses root. Two poolers
//! stand in front, one for each mode. Everything listens on Unix sockets in the directory, the server
//! also with TLS on the loopback interface.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
    thread,
};

use mylife::{
    chance::{SystemChance, base32},
    clock::{Clock, SystemClock},
    pki::Ca,
};
use tokio::runtime::Builder;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The one user that needs no password.
pub(crate) const USER: &str = "mylife";

const SCRIPT: &str = r#"
set -e
trap '' HUP INT TERM
stop() {
  pg_ctl -D data -m immediate stop >/dev/null 2>&1 || true
  for pooler in session transaction; do
    [ ! -e "$pooler/pid" ] || kill -9 "$(cat "$pooler/pid")" || true
  done
  cd / && rm -rf "$1"
}
initdb -D data -A trust -U mylife --no-sync --no-instructions -E UTF8 --locale=C.UTF-8 >/dev/null
cat settings >>data/postgresql.conf
cp access data/pg_hba.conf
pg_ctl -w -D data -l log start >/dev/null
for pooler in session transaction; do pgbouncer -q -d "$pooler/settings"; done
echo ready
cat >/dev/null
stop "$1"
"#;

/// A running server.
pub(crate) struct Cluster {
    /// Where its sockets are.
    pub(crate) directory: PathBuf,
    /// Its port, on every socket.
    pub(crate) port: u16,
    /// The authority of its certificate, PEM.
    pub(crate) authority: String,
    _pipe: ChildStdin,
    _shell: Child,
}

/// The server that tests share.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start("off"))
}

/// Runs what follows it with the server's programs in the path, where Debian does not put them.
const WITH_PATH: &str = r#"
for bin in /usr/lib/postgresql/*/bin /usr/sbin; do PATH="$bin:$PATH"; done
exec "$@"
"#;

/// `program` with the server's programs in its path, as a user that may run them.
fn command(program: &str) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    let mut command = if id.trim_ascii() == b"0" {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", WITH_PATH, "sh", program]).env("LC_ALL", "C.UTF-8");
    command
}

impl Cluster {
    /// A server of its own; `fsync` as the server's setting.
    pub(crate) fn start(fsync: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("mylife-pg-{}", base32(&SystemChance, 8)));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let now = SystemClock::default().now();
        let authority = Ca::new("Test", now).unwrap();
        let server = authority.server(&["localhost"], now);
        let server = server.unwrap();
        let place = directory.display().to_string();
        for pooler in ["session", "transaction"] {
            let own = directory.join(pooler);
            fs::create_dir_all(&own).unwrap();
            let settings = format!(
                "[databases]\n* = host={place} port={port} user={USER}\n[pgbouncer]\n\
                 pool_mode = {pooler}\nauth_type = any\nlisten_addr =\nlisten_port = {port}\n\
                 unix_socket_dir = {0}\npidfile = {0}/pid\nlogfile = {0}/log\n\
                 max_client_conn = 1000\ndefault_pool_size = 20\n",
                own.display()
            );
            fs::write(own.join("settings"), settings).unwrap();
        }
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{place}'\n\
             max_connections = 300\nshared_buffers = 32MB\nfsync = {fsync}\n\
             full_page_writes = {fsync}\nssl = on\nssl_cert_file = '{place}/cert.pem'\n\
             ssl_key_file = '{place}/key.pem'\nmax_prepared_transactions = 4\n"
        );
        let access = "local all guarded scram-sha-256\nlocal all all trust\n\
                      hostssl all all 127.0.0.1/32 trust\n";
        let key = server.key.as_str();
        for (name, text) in [
            ("settings", settings.as_str()),
            ("access", access),
            ("cert.pem", &server.certificate),
            ("key.pem", key),
        ] {
            fs::write(directory.join(name), text).unwrap();
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(directory.join(name), mode).unwrap();
        }
        // Everybody may reach the sockets; as root the rest becomes the server's.
        let owner = command("id").arg("-un").output().unwrap().stdout;
        let owner = String::from_utf8(owner).unwrap();
        let owned = Command::new("chown").args(["-R", owner.trim()]).arg(&directory).status();
        assert!(owned.unwrap().success());
        let mut shell = command("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(&directory)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
        assert_eq!(said.trim(), "ready", "PostgreSQL or PgBouncer does not start: {log}");
        let mut pipe = shell.stdin.take().unwrap();
        pipe.flush().unwrap();
        let authority = authority.issued().certificate.clone();
        Self { directory, port, authority, _pipe: pipe, _shell: shell }
    }

    /// The address of a database over a socket of this server or of one of its poolers.
    pub(crate) fn url(&self, socket: &str, user: &str, database: &str) -> String {
        let at = self.directory.join(socket);
        let at = at.display().to_string();
        let at = at.trim_end_matches('/').replace('/', "%2F");
        format!("postgresql://{user}@/{database}?host={at}&port={}", self.port)
    }

    /// The socket itself, for who passes on what comes.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Runs statements as the owner of everything; gives the first column of the last rows.
    pub(crate) fn run(&self, database: &str, sql: &str) -> Vec<String> {
        let url = self.url("", USER, database);
        let asked = async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            let driven = tokio::spawn(connection);
            let mut rows = Vec::new();
            for message in client.simple_query(sql).await.unwrap() {
                if let SimpleQueryMessage::Row(row) = message {
                    rows.push(row.get(0).unwrap_or_default().to_owned());
                }
            }
            drop(client);
            driven.await.unwrap().unwrap();
            rows
        };
        // On a thread of its own: who asks may stand on a runtime.
        let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
        thread::scope(|scope| scope.spawn(|| runtime().block_on(asked)).join().unwrap())
    }

    /// A new database of a test's own.
    pub(crate) fn database(&self) -> String {
        let name = format!("t{}", base32(&SystemChance, 12));
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Keeps what it has now, for [`Cluster::falls_back`].
    pub(crate) fn keeps(&self) {
        self.stop();
        self.shell("rm -rf kept && cp -a data kept");
        self.begin();
    }

    /// A standby that lagged takes its place: it has what was kept, and no more.
    pub(crate) fn falls_back(&self) {
        self.stop();
        self.shell("rm -rf data && cp -a kept data");
        self.begin();
    }

    fn shell(&self, line: &str) {
        let done = command("sh").args(["-c", line]).current_dir(&self.directory).status();
        assert!(done.unwrap().success(), "{line}");
    }

    fn stop(&self) {
        self.shell("pg_ctl -D data -m fast stop >/dev/null");
    }

    fn begin(&self) {
        // The rest of its processes end when they find it gone; until then starting is refused.
        self.shell("until pg_ctl -w -D data -l log start >/dev/null 2>&1; do :; done");
    }

    /// Kills every process of the server at once, and starts it again.
    pub(crate) fn crash(&self) {
        let pid = self.pid().to_string();
        assert!(command("kill").args(["-9", &pid]).status().unwrap().success());
        self.begin();
    }

    /// Starts it again after it has given up, or while it is about to.
    pub(crate) fn comes_back(&self) {
        self.shell("pg_ctl -D data -m immediate stop >/dev/null 2>&1 || true");
        self.begin();
    }

    /// The process that all others of the server are children of.
    pub(crate) fn pid(&self) -> u32 {
        let text = command("cat").arg(self.data().join("postmaster.pid")).output().unwrap().stdout;
        String::from_utf8(text).unwrap().lines().next().unwrap().trim().parse().unwrap()
    }

    fn data(&self) -> PathBuf {
        Path::join(&self.directory, "data")
    }
}
