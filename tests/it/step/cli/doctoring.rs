//! An operator asks about certificates, names, files and the clock: each that would not do is told, with what
//! mends it.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, chown},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use mylife::{
    cli::exit::Exit,
    config::Said,
    pki::{self, Ca, Issued, validity},
};
use serde_json::Value;

use super::super::config::{Dir, NOW, around, gateway, read, run};

const DAY: Duration = Duration::from_hours(24);

/// A gateway's settings, and authorities.
struct Desk {
    dir: Dir,
    good: String,
    ca: Ca,
    other: Ca,
}

impl Desk {
    /// Each test has one of its own.
    fn new(name: &str) -> Self {
        let dir = Dir::new(&format!("cli-doctoring-{name}"));
        let good = gateway(&dir, 8443);
        let (ca, other) = (Ca::new("one", NOW).unwrap(), Ca::new("other", NOW).unwrap());
        dir.write("ca.pem", &ca.issued().certificate);
        dir.write("shown.pem", &ca.gateway(&["desk.example"], NOW).unwrap().certificate);
        Self { dir, good, ca, other }
    }

    /// The settings with our authority in place of that of the keys, and with more.
    fn write(&self, listen: &str, more: &str) -> PathBuf {
        let lines = self.good.lines().filter(|line| !line.starts_with("authorities"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let text = text.replacen("[listen]\n", &format!("[listen]\n{listen}\n"), 1);
        self.dir.write("gateway.toml", &format!("{text}\n{more}"))
    }

    /// What is found of what others show.
    fn finds(&self, listen: &str, more: &str) -> Vec<Found> {
        let path = self.write(listen, more).display().to_string();
        let file = self.dir.path().join("shown.pem").display().to_string();
        let others = ["client certificate", "peer 900", "settings"];
        of(&others, &doctor(&["doctor", &path, "--json", "--offline", "--certificate", &file]))
    }

    /// What is found of what the gateway itself shows and has.
    fn finds_own(&self, listen: &str, more: &str, said: &[&str], parts: &[&str]) -> Vec<Found> {
        let path = self.write(listen, more).display().to_string();
        of(parts, &doctor(&[&["doctor", &path, "--json"], said].concat()))
    }

    /// The section of a peer.
    fn peer(&self) -> String {
        let (keys, own) = (self.dir.path().join("other"), self.dir.path().join("keys"));
        fs::create_dir_all(&keys).unwrap();
        let (keys, own) = (keys.display().to_string(), own.display().to_string());
        let made = ["pki", "gateway", "--dir", &keys, "--ca", &own, "--code", "900"];
        let rest = ["--url", "https://127.0.0.1:1", "--organization", "urn:oid:1.2.246.10.0"];
        let (exit, said, complaint) = run(&around(), &[&made[..], &rest[..]].concat());
        assert_eq!(exit, Exit::Fine, "{complaint}");
        let entry = said.split("its peers\n").nth(1).unwrap().split("# ---").next().unwrap();
        entry.to_owned()
    }

    fn shows(&self, certificate: &str) {
        self.dir.write("shown.pem", certificate);
    }
}

/// Level, what, and what mends it.
type Found = (String, String, String);

/// What is said, in lines of JSON.
fn doctor(ask: &[&str]) -> String {
    let (exit, said, complaint) = run(&around(), ask);
    assert!([Exit::Fine, Exit::Findings].contains(&exit), "{complaint}");
    said
}

/// Of that what is about these parts.
fn of(parts: &[&str], said: &str) -> Vec<Found> {
    let rows = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.filter(|row| parts.iter().any(|part| text(row, "part").starts_with(part)))
        .map(|row| (text(&row, "level"), text(&row, "say"), text(&row, "mend")))
        .collect()
}

fn client(id: &str, name: &str) -> String {
    format!(
        "[[clients]]\nclient_id = \"{id}\"\nname = \"{id}\"\norganization = \"urn:oid:1.2.3\"\nscopes = \
         [\"system/Goal.rs\"]\ntls_client_auth.{name}\n"
    )
}

/// Is there a finding like this?
fn has(found: &[Found], level: &str, say: &str, mend: &str) {
    let is = |one: &Found| one.0 == level && one.1.contains(say) && one.2.contains(mend);
    assert!(found.iter().any(is), "{level} {say:?} -> {mend:?}: {found:#?}");
}

#[test]
fn each_certificate_that_would_not_do_is_told_with_what_mends_it() {
    let desk = Desk::new("refused");
    let authorities = "authorities = \"ca.pem\"";
    let known = client("desk", "san_dns = \"desk.example\"");
    let found = desk.finds(authorities, &known);
    has(&found, "ok", "it would be believed", "");
    has(&found, "ok", "it is that of client desk", "");
    assert!(found.iter().all(|one| one.0 == "ok"), "{found:#?}");

    let names = ["desk.example"];
    let issued = |at| desk.ca.gateway(&names, at).unwrap().certificate;
    let renew = "have its owner renew it";
    let only_server = desk.ca.server(&names, NOW).unwrap().certificate;
    let strange = desk.other.gateway(&names, NOW).unwrap().certificate;
    let rows = [
        (issued(NOW.minus(400 * DAY)), "error", "it ended at ", renew),
        (issued(NOW.minus(380 * DAY)), "warning", "it lasts 16 days", renew),
        (issued(NOW.plus(10 * DAY)), "error", "which is yet to come", "set this machine's clock"),
        (only_server, "error", "it is not for clients", "clientAuth among its uses"),
        (strange, "error", "none of listen.authorities vouches for it", "add its authority there"),
        ("nothing".to_owned(), "error", "no readable PEM certificate", "not its key"),
    ];
    for (certificate, level, say, mend) in rows {
        desk.shows(&certificate);
        has(&desk.finds(authorities, &known), level, say, mend);
    }
}

#[test]
fn whose_a_certificate_is_follows_from_its_names_alone() {
    let desk = Desk::new("whose");
    let authorities = "authorities = \"ca.pem\"";
    let (desk_itself, twin) = (
        client("desk", "san_dns = \"desk.example\""),
        client("twin", "san_dns = \"DESK.example\""),
    );
    let of_subject = client("named", "subject_dn = \"CN=desk.example\"");
    let stranger = client("stranger", "san_dns = \"other.example\"");
    let both = "whoever has it can be any of the clients desk, twin";
    let rows = [
        (
            stranger.clone(),
            "error",
            "no client is known by a name of it",
            "san_dns = \"desk.example\"",
        ),
        (desk_itself.clone() + &twin, "warning", both, "register each by a name"),
        (of_subject, "ok", "it is that of client named", ""),
        (desk_itself + &stranger, "ok", "it is that of client desk", ""),
    ];
    for (clients, level, say, mend) in rows {
        has(&desk.finds(authorities, &clients), level, say, mend);
    }
    desk.shows(&desk.ca.client("desk", NOW).unwrap().certificate);
    has(
        &desk.finds(authorities, &stranger),
        "error",
        "no client is known",
        "tls_client_auth.subject_dn",
    );
}

#[test]
fn what_an_authority_revoked_or_nobody_vouches_for_is_told() {
    let desk = Desk::new("revoked");
    let known = client("desk", "san_dns = \"desk.example\"");
    let shown = fs::read_to_string(desk.dir.path().join("shown.pem")).unwrap();
    let leaf = pki::certificates(&shown).unwrap().remove(0);
    let serial = validity::serial(&leaf).unwrap().to_vec();
    let authorities = "authorities = \"ca.pem\"\nrevoked = \"revoked.pem\"";
    let fresh = |ca: &Ca| ca.revoked(&[], NOW, 30).unwrap();
    let rows = [
        (fresh(&desk.ca), "ok", "it would be believed", ""),
        (
            desk.ca.revoked(&[(serial, NOW)], NOW, 30).unwrap(),
            "error",
            "has revoked it",
            "take a new one",
        ),
        (
            fresh(&desk.other),
            "error",
            "has no list of its authority",
            "add the list of that authority",
        ),
        (
            desk.ca.revoked(&[], NOW.minus(60 * DAY), 30).unwrap(),
            "error",
            "the list of its authority in listen.revoked has ended",
            "fetch the new list",
        ),
    ];
    for (list, level, say, mend) in rows {
        desk.dir.write("revoked.pem", &list);
        has(&desk.finds(authorities, &known), level, say, mend);
    }
    has(&desk.finds("", ""), "error", "no certificate of anybody counts", "listen.authorities");
    // Where a client needs them that is a mistake of the settings.
    has(&desk.finds("", &known), "error", "listen needs authorities", "mend it");
}

#[test]
fn a_peers_certificate_is_looked_at_and_watched_where_its_file_is_named() {
    let desk = Desk::new("peer");
    let entry = desk.peer();
    let file = |line: &str| line.starts_with("certificate = ");
    let line = entry.lines().find(|line| file(line)).unwrap();
    let named = entry.replacen(line, "certificate = \"peer.pem\"", 1);
    let authorities = "authorities = \"ca.pem\"";
    let good = desk.ca.gateway(&["900.example"], NOW).unwrap().certificate;
    desk.dir.write("peer.pem", &good);
    desk.shows(&good);
    let found = desk.finds(authorities, &named);
    has(&found, "ok", "its certificate would be believed", "");
    has(&found, "ok", "it is that of peer 900", "");
    let rows = [
        (
            desk.ca.gateway(&["900.example"], NOW.minus(380 * DAY)),
            "warning",
            "its certificate lasts 16 days",
        ),
        (
            desk.ca.gateway(&["900.example"], NOW.minus(400 * DAY)),
            "error",
            "its certificate ended at ",
        ),
        (
            desk.other.gateway(&["900.example"], NOW),
            "error",
            "none of listen.authorities vouches for it",
        ),
    ];
    for (issued, level, say) in rows {
        desk.dir.write("peer.pem", &issued.unwrap().certificate);
        has(&desk.finds(authorities, &named), level, say, "");
    }
    // A gateway that runs takes another certificate of a peer as soon as it lies there.
    let config = read(&desk.write(authorities, &named), &Said::default()).ok().unwrap();
    assert_eq!(&config.origin.state(), config.origin.as_read());
    desk.dir.write("peer.pem", &format!("{good}\n"));
    assert_ne!(&config.origin.state(), config.origin.as_read());
}

#[test]
fn what_the_gateway_shows_is_for_servers_and_where_it_asks_peers_for_clients() {
    let desk = Desk::new("own");
    let (authorities, peer) = ("authorities = \"ca.pem\"", desk.peer());
    let shows = |issued: Issued| {
        for (name, text) in
            [("gateway.pem", issued.certificate), ("gateway.key", issued.key.to_string())]
        {
            fs::write(desk.dir.path().join("keys/297").join(name), text).unwrap();
        }
    };
    let finds = |more: &str| desk.finds_own(authorities, more, &["--offline"], &["certificate"]);
    shows(desk.ca.gateway(&["127.0.0.1"], NOW).unwrap());
    assert!(finds(&peer).iter().all(|one| one.0 == "ok"), "{:#?}", finds(&peer));
    shows(desk.ca.server(&["127.0.0.1"], NOW).unwrap());
    assert!(finds("").iter().all(|one| one.0 == "ok"), "{:#?}", finds(""));
    has(&finds(&peer), "error", "peers are asked with it", "clientAuth among its uses");
    shows(desk.ca.client("127.0.0.1", NOW).unwrap());
    has(&finds(""), "error", "nobody believes it", "for servers and clients");
    let of_other = desk.ca.gateway(&["127.0.0.1"], NOW).unwrap();
    fs::write(desk.dir.path().join("keys/297/gateway.pem"), of_other.certificate).unwrap();
    let found = desk.finds_own(authorities, "", &["--offline"], &["settings"]);
    has(&found, "error", "Certificate and key do not go together: name the key", "mend it");
}

#[test]
fn a_name_that_dns_does_not_know_is_told() {
    let desk = Desk::new("dns");
    let finds = |url: &str| {
        desk.finds_own(
            "authorities = \"ca.pem\"",
            "",
            &["--set", &format!("node.url={url}")],
            &["dns"],
        )
    };
    has(&finds("https://127.0.0.1:8443"), "ok", "127.0.0.1 is a name known here", "");
    // RFC 6761 section 6.4: there is none.
    let unknown = "gateway.invalid is not known to this machine's DNS";
    has(&finds("https://gateway.invalid:8443"), "warning", unknown, "mend node.url");
}

#[test]
fn what_the_owner_of_the_data_may_not_read_is_told_to_who_may() {
    const NOBODY: u32 = 65_534;
    let desk = Desk::new("owner");
    let [data, key] = ["keys/297/data", "keys/297/gateway.key"].map(|at| desk.dir.path().join(at));
    let finds =
        || desk.finds_own("authorities = \"ca.pem\"", "", &["--offline"], &["files", "data"]);
    fs::create_dir_all(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(finds().iter().all(|one| one.0 == "ok"), "{:#?}", finds());
    // Where tests do not run as root nobody can be given anything.
    if chown(&data, Some(NOBODY), Some(NOBODY)).is_ok() {
        let told = "user 65534, whose ";
        has(&finds(), "warning", told, "chown 65534 ");
        let is_told = || finds().iter().any(|one| one.1.contains("gateway.key"));
        assert!(is_told());
        chown(&key, Some(NOBODY), None).unwrap();
        assert!(!is_told());
        fs::set_permissions(&key, fs::Permissions::from_mode(0o200)).unwrap();
        assert!(is_told());
    }
}

#[test]
fn a_clock_that_follows_no_other_is_told() {
    let desk = Desk::new("clock");
    let path = desk.write("authorities = \"ca.pem\"", "").display().to_string();
    let tool = desk.dir.path().join("timedatectl");
    let own = env::var_os("PATH").unwrap_or_default();
    let first = env::split_paths(&own);
    let paths = env::join_paths(std::iter::once(desk.dir.path().to_owned()).chain(first)).unwrap();
    for (says, level, say, mend) in [
        ("yes", "ok", "it follows NTP", ""),
        ("no", "warning", "it follows no other", "timedatectl set-ntp true"),
    ] {
        fs::write(&tool, format!("#!/bin/sh\necho {says}\n")).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        let ask = ["doctor", &path, "--json", "--offline"];
        let program =
            Command::new(env!("CARGO_BIN_EXE_mylife")).args(ask).env("PATH", &paths).output();
        has(
            &of(&["clock"], &String::from_utf8(program.unwrap().stdout).unwrap()),
            level,
            say,
            mend,
        );
    }
}
