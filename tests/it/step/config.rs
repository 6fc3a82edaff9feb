//! Settings: each mistake has its line and says what was meant, and the last to speak wins.

mod certified;
mod filters;
mod issuers;
mod limits;
mod telemetry;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use mylife::{
    authenticate::jose::{key::Algorithm, sign},
    chance::{Chance, SystemChance},
    cli::{self, Surroundings, exit::Exit},
    clock::{Clock, FixedClock},
    config::{self, Config, Said},
    domain::{
        day::Day,
        identity::{IdentityCode, TestRange, WrongCheck},
        moment::Moment,
    },
    gateway::open::jwks,
    handle::HandleKey,
    oauth::launch::login::{Invented, Sandbox, Who},
    seal::master,
};

pub(super) const NOW: Moment = Moment::from_millis(1_795_000_000_000);

/// A directory that goes when the test does.
pub(super) struct Dir(PathBuf);

impl Dir {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mylife-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

pub(crate) fn around() -> Surroundings {
    Surroundings {
        clock: Arc::new(FixedClock::new(NOW)),
        chance: Arc::new(SystemChance),
        environment: runs_filters(),
    }
}

/// Nothing but the program that filters are run by, as this one is not.
pub(super) fn runs_filters() -> Said {
    Said { program: Some(env!("CARGO_BIN_EXE_mylife").into()), ..Said::default() }
}

/// Runs a command as the shell does; gives its end, what it said, and what it complained of.
pub(crate) fn run(around: &Surroundings, line: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let line = ["mylife"].iter().chain(line).map(Into::into);
    let exit = cli::run(line, around, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// The sections that `mylife pki` prints for a gateway of its own, with keys beside them.
pub(super) fn gateway(dir: &Dir, port: u16) -> String {
    let keys = dir.path().join("keys").display().to_string();
    let around = around();
    assert_eq!(run(&around, &["pki", "init", &keys]).0, Exit::Fine);
    let url = format!("https://127.0.0.1:{port}");
    let made = ["pki", "gateway", "--dir", &keys, "--code", "297", "--url", &url];
    let (exit, said, complaint) =
        run(&around, &[&made[..], &["--organization", "urn:oid:1.2.246.10.0"]].concat());
    assert_eq!(exit, Exit::Fine, "{complaint}");
    let own = said.split("# --- into the configurations of its peers").next().unwrap();
    own.split_once('\n').unwrap().1.to_owned()
}

pub(super) fn read(path: &Path, said: &Said) -> Result<Config, Vec<String>> {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::new(NOW));
    let chance: Arc<dyn Chance> = Arc::new(SystemChance);
    let told = |all: Vec<config::Mistake>| all.iter().map(ToString::to_string).collect();
    config::read(path, said, &clock, &chance).map_err(told)
}

pub(super) fn said(environment: &[(&str, &str)], set: &[&str]) -> Said {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Said {
        environment: environment.iter().map(pair).collect(),
        set: set.iter().map(|&set| set.to_owned()).collect(),
        ..Said::default()
    }
}

#[test]
fn what_pki_prints_is_a_configuration() {
    let dir = Dir::new("config-pki");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443));
    let config = read(&path, &Said::default()).map_err(|all| all.join("\n")).unwrap();
    assert_eq!(config.setup.node.as_str(), "297");
    assert_eq!(config.listening.public.port(), 8443);
    assert!(config.setup.peer_tls.is_some());
}

#[test]
fn every_mistake_is_told_in_one_run_with_its_line_and_what_was_meant() {
    let dir = Dir::new("config-mistakes");
    let good = gateway(&dir, 8443);
    let rows: &[(&str, &str, &[&str])] = &[
        (
            "code = \"297\"",
            "cod = \"297\"",
            &[
                "1: node.code is missing: 1 to 8 small letters and digits",
                "2: node.cod is not known; did you mean \"code\"?",
            ],
        ),
        (
            "code = \"297\"",
            "code = \"Kuopio!\"",
            &["2: node.code must be 1 to 8 small letters and digits"],
        ),
        ("code = \"297\"", "code = 297", &["2: node.code must be a text, not a number"]),
        (
            "[node]\n",
            "[node]\nholds_data = \"yes\"\ntest_range = \"never\"\n",
            &[
                "2: node.holds_data must be true or false",
                "3: node.test_range must be one of refuse, allow, warn",
            ],
        ),
        (
            "[tokens]",
            "[limits]\npage = 0\n[token]\n",
            &[
                "18: limits.page must be a whole number from 1 to 1000",
                "19: token is not known; did you mean \"tokens\"?",
                "1: tokens.key_file is missing (or key); `mylife pki` makes one",
            ],
        ),
        (
            "[listen]",
            "[listen]\nmanagement = \"0.0.0.0:9443\"",
            &["8: listen.management must be an address of the loopback interface, 127.0.0.1:9443"],
        ),
        (
            "[tokens]",
            "[[clients]]\nclient_id = \"A b\"\nname = \"\"\nscope = []\norganization = \"x\"\njwks = {}\n[tokens]",
            &[
                "17: clients[0].scopes it may be granted nothing",
                "18: clients[0].client_id 1 to 64 small letters, digits, `.`, `_`, `-`",
                "19: clients[0].name is empty",
                "20: clients[0].scope is not known; did you mean \"scopes\"?",
                "21: clients[0].organization must be urn:oid: and an OID",
                "22: clients[0].jwks is not a JWK Set: it has no array `keys`",
            ],
        ),
        (
            "[tokens]",
            "[[clients]]\nclient_id = \"a\"\nname = \"A\"\nscopes = [\"system/Goal.r\"]\norganization = \"urn:oid:1.2\"\njwks_uri = \"https://a.example/k\"\nmay_act = \"b\"\n[tokens]",
            &["23: clients[0].may_act is no client with exchanges = true"],
        ),
        (
            "[tokens]",
            "[[law.grounds]]\nid = \"g\"\npurpose = [\"TREAT\"]\nrole = [\"nurse\"]\n[tokens]",
            &[
                "19: grounds[0].purpose is not known; did you mean \"purposes\"?",
                "20: grounds[0].role is not known; did you mean \"roles\"?",
                "17: grounds[0].reference is missing: { fi = \"...\", sv = \"...\", en = \"...\" }, which law and where in it",
            ],
        ),
        (
            "[tokens]",
            "[[directory.organizations]]\nid = \"297.org.a\"\nname = { fi = \"A\", sv = \"A\", en = \"A\" }\noid = \"urn:oid:1.2\"\npart_of = \"297.org.b\"\n[tokens]",
            &["17: directory: 297.org.a is part of 297.org.b, which is not listed"],
        ),
        (
            "[tokens]",
            "[shared]\nurl = \"redis://redis:6379\"\nawa = \"limit\"\n[tokens]",
            &[
                "18: shared.url goes with kind = \"redis\"",
                "19: shared.awa is not known; did you mean \"away\"?",
            ],
        ),
        (
            "[tokens]",
            "[shared]\nkind = \"redis\"\nurl = \"https://redis\"\naway = \"ignore\"\nuser = \"mylife\"\n[tokens]",
            &[
                "19: shared.url must be rediss://host:port, or redis://host:port for one without TLS",
                "20: shared.away must be one of limit, refuse",
                "21: shared.user needs password_file",
            ],
        ),
        (
            "[tokens]",
            "[shared]\nkind = \"redis\"\nurl = \"rediss://redis:6379\"\nnodes = [\"redis://a:1\", \"rediss://b:1\"]\n[tokens]",
            &[
                "20: shared.nodes must all be rediss:// or all redis://",
                "17: shared names its servers twice: keep one of url, nodes, sentinel",
            ],
        ),
        (
            "[tokens]",
            "[shared]\nkind = \"redis\"\nurl = \"rediss://redis:6379\"\npassword_file = \"no-such-file\"\n[tokens]",
            &[
                "17: shared.authorities is missing: a PEM file of those that vouch for it",
                "20: shared.password_file",
            ],
        ),
    ];
    for (old, new, expected) in rows {
        assert!(good.contains(old), "{old}");
        let path = dir.write("gateway.toml", &good.replacen(old, new, 1));
        let told = read(&path, &Said::default()).err().unwrap_or_default().join("\n");
        for line in *expected {
            assert!(told.contains(&format!("gateway.toml:{line}")), "{new}: {line}\n{told}");
        }
    }
}

#[test]
fn a_redis_is_written_in_each_of_its_forms() {
    let dir = Dir::new("config-shared");
    let good = gateway(&dir, 8443);
    dir.write("password", "an-open-secret\n");
    let authorities = "authorities = \"keys/297/peers-ca.pem\"\n";
    let forms = [
        "url = \"redis://redis:6379\"\n".to_owned(),
        format!(
            "url = \"rediss://[::1]:6379/\"\nuser = \"mylife\"\npassword_file = \"password\"\n{authorities}"
        ),
        "nodes = [\"redis://a:1\", \"redis://b:1\"]\ncluster = true\n".to_owned(),
        format!(
            "away = \"refuse\"\n{authorities}[shared.sentinel]\nmaster = \"main\"\nnodes = [\"rediss://a:1\"]\n"
        ),
    ];
    for form in forms {
        let text =
            good.replacen("[tokens]", &format!("[shared]\nkind = \"redis\"\n{form}[tokens]"), 1);
        let path = dir.write("gateway.toml", &text);
        let config = read(&path, &Said::default()).map_err(|all| all.join("\n")).unwrap();
        assert!(matches!(config.setup.shared, mylife::shared::Choice::Redis { .. }), "{form}");
    }
}

#[test]
fn several_replicas_need_a_database_and_a_redis() {
    let dir = Dir::new("config-replicas");
    let good = gateway(&dir, 8443);
    let file = "[store]\n";
    let database = "[store]\nkind = \"postgres\"\nurl = \"postgresql://m@127.0.0.1/m\"\n";
    let redis = "kind = \"redis\"\nurl = \"redis://redis:6379\"\n";
    for (store, shared, replicas, keys) in [
        (file, "", 1, &[][..]),
        (file, redis, 1, &[]),
        (database, "", 1, &[]),
        (database, redis, 3, &[]),
        (database, "", 3, &["shared.replicas needs kind"]),
        (file, redis, 3, &["store is a file"]),
        (file, "", 3, &["store is a file", "shared.replicas needs kind"]),
    ] {
        let shared = format!("[shared]\n{shared}replicas = {replicas}\n[tokens]");
        let text = good.replacen("[store]\n", store, 1).replacen("[tokens]", &shared, 1);
        let path = dir.write("gateway.toml", &text);
        let told = read(&path, &Said::default()).err().unwrap_or_default();
        assert_eq!(told.len(), keys.len(), "{store}{shared}: {told:?}");
        for (told, key) in told.iter().zip(keys) {
            assert!(told.contains(key), "{store}{shared}: {told}");
        }
    }
    let shared = format!("[shared]\n{redis}replicas = 2\n[tokens]");
    let text = good.replacen("[store]\n", database, 1).replacen("[tokens]", &shared, 1);
    let path = dir.write("gateway.toml", &text);
    let portal = said(&[], &["node.holds_data=false"]);
    assert_eq!(read(&path, &portal).err(), None, "a portal too may be several");
}

#[test]
fn the_demos_keys_are_for_a_sandbox_alone() {
    let dir = Dir::new("config-demo");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443));
    let demo = mylife::pki::Ca::new(mylife::pki::THROW_AWAY, NOW).unwrap();
    demo.gateway(&["127.0.0.1"], NOW).unwrap().write(dir.path(), "demo").unwrap();
    let file = |end: &str| dir.path().join(format!("demo{end}")).display().to_string();
    let (certificate, key) = (file(".pem"), file(".key"));
    let (certificate, key) =
        (format!("listen.certificate={certificate}"), format!("listen.key_file={key}"));
    let mut set = vec![certificate.as_str(), key.as_str()];
    let told = read(&path, &said(&[], &set)).err().unwrap_or_default();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("demo's throw-away authority: make keys of your own"), "{told:?}");
    let signs = dir.path().join("token.jwk").display().to_string();
    let made = sign::throw_away(Algorithm::Es256).unwrap();
    dir.write("token.jwk", &made);
    let signs = format!("tokens.key_file={signs}");
    set.push(&signs);
    let set_of = jwks(&sign::Signer::from_jwk(&made).unwrap());
    let (x, y, kid) = (&set_of["keys"][0]["x"], &set_of["keys"][0]["y"], &set_of["keys"][0]["kid"]);
    let client = format!(
        "\n[[clients]]\nclient_id = \"c\"\nname = \"c\"\norganization = \"urn:oid:1.2.3\"\nscopes = \
         [\"system/Goal.rs\"]\npurposes = [\"TREAT\"]\njwks = {{ keys = [{{ kty = \"EC\", crv = \"P-256\", \
         x = {x}, y = {y}, kid = {kid} }}] }}\n"
    );
    let text = fs::read_to_string(&path).unwrap();
    let path = dir.write("gateway.toml", &(text + &client));
    let told = read(&path, &said(&[], &set)).err().unwrap_or_default();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().any(|one| one.contains("signs with a key of the demo")), "{told:?}");
    assert!(told.iter().any(|one| one.contains("\"c\" has a key of the demo")), "{told:?}");
    set.push("node.test_range=allow");
    assert_eq!(read(&path, &said(&[], &set)).err(), None);
}

#[test]
fn a_fault_of_grammar_has_its_line() {
    let dir = Dir::new("config-grammar");
    let path = dir.write("gateway.toml", "[node]\ncode = \"297\"\nurl = = 3\n");
    let told = read(&path, &Said::default()).err().unwrap();
    assert!(told[0].contains("gateway.toml:3: "), "{told:?}");
}

#[test]
fn the_command_line_outranks_the_environment_and_that_the_file() {
    let dir = Dir::new("config-order");
    let path = dir.write("gateway.toml", &format!("{}[limits]\npage = 7\n", gateway(&dir, 8443)));
    let page = |environment: &[(&str, &str)], set: &[&str]| {
        let read = read(&path, &said(environment, set)).map_err(|all| all.join("\n"));
        read.unwrap().setup.limits.page
    };
    let environment = [("MYLIFE__LIMITS__PAGE", "8")];
    assert_eq!(page(&[], &[]), 7);
    assert_eq!(page(&environment, &[]), 8);
    assert_eq!(page(&environment, &["limits.page=9"]), 9);
    let wrong = said(&[("MYLIFE__LIMITS__PAGES", "8")], &["limits.page=many", "limits"]);
    let told = read(&path, &wrong).err().unwrap();
    assert_eq!(
        told,
        [
            "--set limits: must be written section.key=value",
            "--set limits.page: limits.page must be a whole number from 1 to 1000",
            "MYLIFE__LIMITS__PAGES: limits.pages is not known; did you mean \"page\"?",
        ]
    );
}

#[test]
fn a_secret_comes_by_file_or_as_text_but_not_both_and_is_never_repeated() {
    let dir = Dir::new("config-secret");
    let good = gateway(&dir, 8443);
    let path = dir.write("gateway.toml", &good);
    let key = fs::read_to_string(dir.path().join("keys/297/master.key")).unwrap();
    let both = read(&path, &said(&[("MYLIFE__STORE__MASTER_KEY", &key)], &[])).err().unwrap();
    assert!(both[0].contains("stands beside master_key: keep one of them"), "{both:?}");
    let line = good.lines().find(|line| line.starts_with("master_key_file")).unwrap();
    let path = dir.write("gateway.toml", &good.replace(line, ""));
    assert!(read(&path, &said(&[("MYLIFE__STORE__MASTER_KEY", &key)], &[])).is_ok());
    let told = read(&path, &said(&[("MYLIFE__STORE__MASTER_KEY", "hunter2")], &[])).err().unwrap();
    assert!(told[0].starts_with("MYLIFE__STORE__MASTER_KEY: "), "{told:?}");
    assert!(!told.join("").contains("hunter2"));
}

#[test]
fn every_example_in_config_loads() {
    let dir = Dir::new("config-examples");
    let around = around();
    let keys = dir.path().join("keys").display().to_string();
    run(&around, &["pki", "init", &keys]);
    for (code, url) in [
        ("297", "https://gateway.kuopio.example:8443"),
        ("portal", "https://portal.mylife.example:8443"),
    ] {
        let made = ["pki", "gateway", "--dir", &keys, "--code", code, "--url", url];
        let made = [&made[..], &["--organization", "urn:oid:1.2.246.10.0"]].concat();
        assert_eq!(run(&around, &made).0, Exit::Fine);
    }
    for name in ["kuopio-source", "north-savo", "national-portal", "297", "portal"] {
        let key = sign::generate(Algorithm::Es384).unwrap();
        let set = jwks(&sign::Signer::from_jwk(&key).unwrap()).to_string();
        dir.write(&format!("keys/{name}.jwks"), &set);
    }
    let handle = HandleKey::generate(&SystemChance).unwrap().0.public().to_string();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut files: Vec<PathBuf> =
        fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let text =
            text.replace("HANDLE_KEY_OF_PORTAL", &handle).replace("HANDLE_KEY_OF_297", &handle);
        dir.write(file.file_name().unwrap().to_str().unwrap(), &text);
    }
    assert_eq!(files.len(), 4);
    for name in ["municipality.toml", "portal.toml"] {
        let told = read(&dir.path().join(name), &Said::default()).err().unwrap_or_default();
        assert_eq!(told, Vec::<String>::new(), "{name}");
    }
    let town = read(&dir.path().join("municipality.toml"), &Said::default()).ok().unwrap();
    assert_eq!(town.setup.law.grounds.len(), 1);
    assert_eq!(town.setup.directory.organizations.len(), 3);
    assert_eq!(town.setup.peers[0].limits.purposes, ["PATRQT", "HSYSADMIN"]);
    assert!(master::read(&dir.path().join("keys/297/master.key"), Arc::new(SystemChance)).is_ok());
}

#[test]
fn a_gateway_without_settings_is_told_politely_where_to_begin() {
    let (exit, _, complaint) = run(&around(), &["serve"]);
    assert_eq!(exit, Exit::Usage);
    assert!(complaint.contains("mylife demo") && complaint.contains("mylife pki"), "{complaint}");
    let (exit, _, complaint) = run(&around(), &["check", "no-such.toml"]);
    assert_eq!((exit, complaint.as_str()), (Exit::Usage, ""));
}

#[test]
fn no_setting_lets_anybody_log_in_without_proof() {
    let dir = Dir::new("config-login");
    let good = gateway(&dir, 8443);
    let path = dir.write("gateway.toml", &good);
    let tries = [
        "sandbox=true",
        "node.sandbox=true",
        "tokens.sandbox=true",
        "launch.sandbox=aino",
        "login.sandbox=true",
        "limits.sandbox=true",
    ];
    for one in tries {
        let told = read(&path, &said(&[], &[one])).err().expect(one);
        assert!(!told.is_empty(), "{one}");
    }
    for more in ["", "[node]\ntest_range = \"allow\"\n"] {
        let text = good.replacen("[node]\n", if more.is_empty() { "[node]\n" } else { more }, 1);
        let path = dir.write("gateway.toml", &text);
        let setup = read(&path, &Said::default()).map_err(|all| all.join("\n")).unwrap().setup;
        assert!(setup.sandbox.is_empty() && setup.providers.is_empty());
    }
    // Nor does code, for somebody who could be real.
    let who = |code: &str| Invented {
        name: "Somebody".to_owned(),
        who: Who::Person(
            IdentityCode::parse(code, TestRange::Allow(WrongCheck::Refuse)).unwrap().0,
        ),
    };
    let invented = IdentityCode::invent(Day::new(1952, 10, 13).unwrap(), 900).unwrap();
    assert!(Sandbox::of(vec![who(invented.reveal())]).is_ok());
    assert!(Sandbox::of(vec![who(invented.reveal()), who("131052-308T")]).is_err());
}

#[test]
fn a_login_provider_is_checked_before_anything_is_opened() {
    let dir = Dir::new("config-provider");
    let good = gateway(&dir, 8443);
    let login = |text: &str| {
        let head = "[[login]]\nid = \"one\"\nname_fi = \"a\"\nname_sv = \"a\"\nname_en = \"a\"\n\
                    client_id = \"g\"\n";
        let path = dir.write("gateway.toml", &format!("{good}{head}{text}"));
        read(&path, &Said::default()).err().unwrap_or_default().join("\n")
    };
    let person = "person = \"urn:oid:1.2.246.21\"\n";
    let at = "issuer = \"https://login.example\"\n";
    assert_eq!(login(&format!("{at}{person}")), "");
    let rows = [
        (format!("issuer = \"http://login.example\"\n{person}"), "an https URL"),
        (format!("issuer = \"https://login.example:8443\"\n{person}"), "[client_keys]"),
        (at.to_owned(), "name the claim of the identity code"),
        (format!("{at}{person}scope = \"profile\"\n"), "must have openid in it"),
        (format!("{at}professional = \"id\"\n"), "needs organization and role"),
        (format!("{at}{person}persons = \"x\"\n"), "did you mean \"person\"?"),
    ];
    for (text, word) in rows {
        let told = login(&text);
        assert!(told.contains(word), "{text}: {told}");
    }
}
