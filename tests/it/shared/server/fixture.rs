//! A redis-server on a free port, without persistence, that ends with the test process however that
//! ends: a shell holds it, and lets go of it once nobody holds the shell's input.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use mylife::{
    clock::{Clock, SystemClock},
    domain::moment::Moment,
    pki::Ca,
};
use zeroize::Zeroizing;

/// Longer than the slowest machine takes to come to a state.
const LONGEST: Duration = Duration::from_mins(3);

pub(super) const PASSWORD: &str = "an-open-secret";

/// What the gateway's user may do; the configuration's comment says the same.
const MAY: &str = "~mylife:297:* &mylife:297:* +get +set +getdel +eval +evalsha +publish +subscribe \
                   +ping";

const HOLD: &str = "redis-server \"$@\" 2>&1 & server=$!; exec >/dev/null 2>&1; cat; \
                    kill -9 $server; wait";

pub(crate) struct Server {
    pub(crate) port: u16,
    options: Vec<String>,
    dir: PathBuf,
    running: Option<Running>,
}

struct Running {
    shell: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// One more option overrides those before it.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::with(options, |dir, port| {
            let port = port.to_string();
            let dir = dir.display().to_string();
            let fixed = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir", &dir];
            let tls = options.contains(&"--tls-cert-file");
            let ports =
                if tls { ["--port", "0", "--tls-port"] } else { ["--tls-port", "0", "--port"] };
            fixed.into_iter().chain(ports).chain([&*port]).map(str::to_owned).collect()
        })
    }

    /// A sentinel that watches the server at a port under the name `main`. However busy the machine is,
    /// it takes nobody for gone.
    pub(super) fn sentinel(of: u16) -> Self {
        Self::with(&["--sentinel"], |dir, port| {
            let file = dir.join("sentinel.conf");
            let text = format!(
                "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {of} 1\n\
                 sentinel down-after-milliseconds main 3600000\n",
                dir.display()
            );
            fs::write(&file, text).unwrap();
            vec![file.display().to_string()]
        })
    }

    fn with(options: &[&str], first: impl Fn(&PathBuf, u16) -> Vec<String>) -> Self {
        // Somebody else may take the port in between; then it is another.
        for _ in 0..20 {
            let dir = directory();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let all = first(&dir, port).into_iter().chain(options.iter().map(|&o| o.to_owned()));
            let mut server = Self { port, options: all.collect(), dir, running: None };
            if server.begin() {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    /// Starts it (again) at its port; `false` if it could not.
    fn begin(&mut self) -> bool {
        let mut shell = Command::new("sh")
            .args(["-c", HOLD, "redis"])
            .args(&self.options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
        let (mut output, mut line) = (BufReader::new(output), String::new());
        while output.read_line(&mut line).is_ok_and(|read| read > 0) {
            if line.contains("eady to accept connections") || line.contains("Sentinel ID is") {
                self.running = Some(Running { shell, input, output });
                return true;
            }
            line.clear();
        }
        drop(input);
        shell.wait().unwrap();
        false
    }

    /// Kills it, at once and without a word.
    pub(crate) fn kill(&mut self) {
        if let Some(Running { mut shell, input, output: _output }) = self.running.take() {
            drop(input);
            shell.wait().unwrap();
        }
    }

    /// Starts it again, empty.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.begin(), "the server starts again at its port");
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What `redis-cli` says, over the same port without TLS.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let port = self.port.to_string();
        let mut cli = Command::new("redis-cli");
        let said = cli.args(["-h", "127.0.0.1", "-p", &port]).args(command).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    }

    /// Asks until the answer holds a word.
    pub(super) fn until(&self, command: &[&str], word: &str) {
        let clock = SystemClock::default();
        loop {
            let said = self.cli(command);
            if said.contains(word) {
                return;
            }
            assert!(clock.elapsed() < LONGEST, "{command:?} never says {word}: {said}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        drop(fs::remove_dir_all(&self.dir));
    }
}

fn directory() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let dir = std::env::temp_dir().join(format!("mylife-redis-{}-{count}", std::process::id()));
    drop(fs::remove_dir_all(&dir));
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Certificates, on disk for the server.
pub(super) struct Pki {
    authority: Ca,
    dir: PathBuf,
}

impl Pki {
    /// Good today.
    pub(super) fn new() -> Self {
        Self::of(SystemClock::default().now())
    }

    /// The authority is good; the server's certificate was, at that time.
    pub(super) fn of(server: Moment) -> Self {
        let authority = Ca::new("redis", server).unwrap();
        let dir = directory();
        authority.issued().write(&dir, "authority").unwrap();
        authority.server(&["127.0.0.1"], server).unwrap().write(&dir, "server").unwrap();
        Self { authority, dir }
    }

    pub(super) fn authorities(&self) -> String {
        self.authority.issued().certificate.clone()
    }

    /// Certificate and key of a client.
    pub(super) fn client(&self) -> (String, Zeroizing<String>) {
        let issued = self.authority.client("mylife", SystemClock::default().now()).unwrap();
        (issued.certificate, issued.key)
    }

    fn file(&self, name: &str) -> &'static str {
        Box::leak(self.dir.join(name).display().to_string().into_boxed_str())
    }

    pub(super) fn server_options(&self) -> [&'static str; 6] {
        [
            "--tls-cert-file",
            self.file("server.pem"),
            "--tls-key-file",
            self.file("server.key"),
            "--tls-ca-cert-file",
            self.file("authority.pem"),
        ]
    }

    /// A list that lets in one user, with what the gateway needs and no more.
    pub(super) fn access_list(&self) -> String {
        let path = self.dir.join("users.acl");
        let text = format!("user default off\nuser mylife on >{PASSWORD} {MAY}\n");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.dir));
    }
}
