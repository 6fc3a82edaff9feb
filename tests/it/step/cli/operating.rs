//! What an operator finds out: of the settings, of what keeps a gateway from working, of its peers.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
};

use mylife::{
    cli::exit::Exit,
    config::{self, asked::nameless, meaning},
    pki::{self, validity},
};
use serde_json::Value;

use super::super::config::{Dir, NOW, around, gateway, run};

/// A user and a group that no test runs as.
const NOBODY: u32 = 65_534;

#[test]
fn every_key_that_is_read_has_a_meaning_and_no_other() {
    let around = around();
    let keys = config::keys(&around.clock, &around.chance);
    let read: BTreeSet<String> = keys.iter().map(|one| one.key.clone()).collect();
    let without: Vec<&String> = read.iter().filter(|key| meaning::of(key).is_none()).collect();
    assert!(without.is_empty(), "without a meaning: {without:?}");
    let unread: Vec<&str> = meaning::known().filter(|key| !read.contains(*key)).collect();
    assert!(unread.is_empty(), "no key: {unread:?}");
}

#[test]
fn what_the_commented_settings_name_can_be_explained() {
    for file in ["municipality", "portal"] {
        let path = format!("{}/config/{file}.toml", env!("CARGO_MANIFEST_DIR"));
        let mut section = String::new();
        for line in fs::read_to_string(path).unwrap().lines() {
            let line = line.strip_prefix("# ").unwrap_or(line);
            if let Some(head) = line.strip_prefix('[') {
                head.trim_start_matches('[').split(']').next().unwrap().clone_into(&mut section);
            } else if let Some((key, _)) = line.split_once(" = ")
                && !line.starts_with(['#', ' ', '{', '"', '\t'])
                && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                && !section.starts_with("law.")
                && !section.starts_with("directory.")
            {
                let key = format!("{section}.{key}");
                assert!(meaning::of(&key).is_some(), "{file}: {key}");
            }
        }
    }
}

#[test]
fn explain_tells_meaning_form_default_and_place() {
    let dir = Dir::new("cli-explain");
    let text = gateway(&dir, 8443).replacen("[listen]\n", "[listen]\ndrain_seconds = 20\n", 1);
    let path = dir.write("gateway.toml", &text).display().to_string();
    let ask = ["config", "explain", "listen.drain_seconds", "--config", &path];
    let (exit, said, complaint) = run(&around(), &ask);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    assert!(said.contains("whole number from 0 to 600; default 10"), "{said}");
    assert!(said.contains(&format!("set in {path}:")) && said.contains("= 20"), "{said}");
    assert!(said.contains("MYLIFE__LISTEN__DRAIN_SECONDS"), "{said}");
    let (_, said, _) =
        run(&around(), &["config", "explain", "listen.idle_seconds", "--config", &path]);
    assert!(said.contains("not set"), "{said}");
    let (_, said, _) = run(&around(), &["config", "explain", "--config", &path, "--json"]);
    let rows: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() > 100, "{}", rows.len());
    assert!(!said.contains("master.key\"}]") || !said.contains("BEGIN"), "{said}");
    let (exit, _, complaint) = run(&around(), &["config", "explain", "listen.drain_second"]);
    assert_eq!(exit, Exit::Usage);
    assert!(complaint.contains("did you mean listen.drain_seconds?"), "{complaint}");
    assert_eq!(nameless("clients[12].limits[0].name"), "clients.limits.name");
}

#[test]
fn the_doctor_tells_each_fault_with_its_mend() {
    let dir = Dir::new("cli-doctor");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443)).display().to_string();
    let ask = ["doctor", &path, "--json", "--set", "listen.management=127.0.0.1:1"];
    let look = || {
        let (exit, said, complaint) = run(&around(), &ask);
        let rows: Vec<Value> =
            said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(rows.iter().all(|row| row["level"] == "ok" || row["mend"].is_string()), "{said}");
        (exit, said, complaint)
    };
    let (_, said, complaint) = look();
    // How full the disk is, and what the clock follows, is not this test's.
    let machine = ["\"part\":\"disk\"", "\"part\":\"clock\""];
    let mut others = said.lines().filter(|line| !machine.iter().any(|part| line.contains(part)));
    assert!(others.all(|line| line.contains("\"level\":\"ok\"")), "{said}{complaint}");
    assert!(said.contains("it is good for 127.0.0.1"), "{said}");
    let key = dir.path().join("keys/297/gateway.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (exit, said, _) = look();
    assert_eq!(exit, Exit::Findings, "{said}");
    assert!(said.contains("chmod 600"), "{said}");
    // As an orchestrator hands it out: another's, and this user's by a group.
    if chown(&key, Some(NOBODY), None).is_ok() {
        let own = fs::metadata(&key).unwrap().gid();
        let seen =
            [(own, 0o440), (own, 0o460), (own, 0o444), (NOBODY, 0o440)].map(|(group, mode)| {
                chown(&key, Some(NOBODY), Some(group)).unwrap();
                fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
                look().1.contains("chmod 600")
            });
        assert_eq!(seen, [false, true, true, true]);
        chown(&key, Some(0), Some(own)).unwrap();
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let data = dir.path().join("keys/297/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("grants-suspended"), "").unwrap();
    let (_, said, _) = look();
    assert!(said.contains("--reconciled"), "{said}");
    let broken = ["doctor", &path, "--set", "listen.public=nowhere", "--json"];
    let (exit, said, _) = run(&around(), &broken);
    assert_eq!(exit, Exit::Findings);
    assert!(said.contains("listen.public must be an address"), "{said}");
    let named = ["doctor", &path, "--json", "--set", "listen.names=other.example"];
    let (_, said, _) = run(&around(), &named);
    assert!(said.contains("it is not for the name other.example"), "{said}");
}

#[test]
fn what_an_authority_revoked_is_listed_for_its_gateways_and_renewed_in_time() {
    let dir = Dir::new("cli-revoke");
    let text = gateway(&dir, 8443);
    let keys = dir.path().join("keys");
    let list = keys.join("revoked.pem");
    let text =
        text.replacen("[listen]\n", &format!("[listen]\nrevoked = \"{}\"\n", list.display()), 1);
    let path = dir.write("gateway.toml", &text).display().to_string();
    let (keys, lost) = (keys.display().to_string(), dir.path().join("keys/297/gateway.pem"));
    let (lost, missing) = (lost.display().to_string(), "nowhere.pem");
    let check = || run(&around(), &["check", &path]);
    let (exit, said, complaint) = check();
    assert_eq!(exit, Exit::Usage, "{said}{complaint}");
    assert!(format!("{said}{complaint}").contains("revoked.pem cannot be read"));
    let revoke =
        |more: &[&str]| run(&around(), &[&["pki", "revoke", "--dir", &keys][..], more].concat());
    let (exit, said, complaint) = revoke(&[]);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    assert!(said.contains("names 0 and is good for 30 days"), "{said}");
    assert_eq!(check().0, Exit::Fine);
    // Of one that cannot be read nothing is revoked.
    assert_eq!(revoke(&[&lost, missing]).0, Exit::Usage);
    for _ in 0..2 {
        let (_, said, _) = revoke(&["--days", "5", &lost]);
        assert!(said.contains("names 1 and is good for 5 days"), "{said}");
    }
    let ask = ["doctor", &path, "--json", "--set", "listen.management=127.0.0.1:1"];
    let (_, said, _) = run(&around(), &ask);
    assert!(said.contains("listen.revoked lasts 4 days"), "{said}");
    let alone = format!("listen.authorities={missing}");
    let (exit, said, complaint) = run(&around(), &["check", &path, "--set", &alone]);
    assert_eq!(exit, Exit::Usage, "{said}{complaint}");
}

#[test]
fn a_certificates_dates_are_read_as_they_were_made() {
    let ca = pki::Ca::new("days", NOW).unwrap();
    let issued = ca.server(&["a.example"], NOW).unwrap();
    let pem = pki::certificates(&issued.certificate).unwrap();
    let (from, until) = validity::of(&pem[0]).unwrap();
    let days = (until.seconds() - from.seconds()) / 86_400;
    assert!(from < NOW && days == 398, "{from} {until}");
    for cut in 0..pem[0].len() {
        // However it is cut, nothing breaks.
        let _dates = validity::of(&pem[0][..cut]);
    }
}

#[test]
fn a_peer_is_added_only_if_the_whole_is_right_then() {
    let (dir, other) = (Dir::new("cli-peer"), Dir::new("cli-peer-other"));
    let path = dir.write("gateway.toml", &gateway(&dir, 8443)).display().to_string();
    let keys = dir.path().join("keys").display().to_string();
    let made = [
        "pki",
        "gateway",
        "--dir",
        &other.path().display().to_string(),
        "--ca",
        &keys,
        "--code",
        "900",
        "--url",
        "https://127.0.0.1:1",
        "--organization",
        "urn:oid:1.2.246.10.0",
    ];
    let (exit, said, complaint) = run(&around(), &made);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    let entry = said.split("its peers\n").nth(1).unwrap().split("# ---").next().unwrap();
    let entry = other.write("entry.toml", entry).display().to_string();
    // Where tests run as root the settings are another's, as those of a gateway are.
    chown(&path, Some(NOBODY), Some(NOBODY)).ok();
    let whose = || fs::metadata(&path).map(|kept| (kept.uid(), kept.gid(), kept.mode())).unwrap();
    let owner = whose();
    let (exit, said, complaint) = run(&around(), &["peer", "add", &path, "--entry", &entry]);
    assert_eq!(exit, Exit::Findings, "nothing answers there: {said}{complaint}");
    assert!(
        said.contains("peer 900 added") && said.contains("127.0.0.1:1 cannot be reached"),
        "{said}"
    );
    assert_eq!(whose(), owner, "the gateway still reads them");
    let before = fs::read_to_string(&path).unwrap();
    let (exit, _, complaint) =
        run(&around(), &["peer", "add", &path, "--entry", &entry, "--untried"]);
    assert_eq!(exit, Exit::Usage, "{complaint}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before, "a second of the same is refused");
    let (_, said, _) =
        run(&around(), &["peer", "list", &path, "--set", "listen.management=127.0.0.1:1"]);
    assert!(said.starts_with("900 https://127.0.0.1:1 "), "{said}");
}

#[test]
fn keys_are_made_as_they_are_asked_for_or_it_is_said_why_not() {
    let dir = Dir::new("cli-pki");
    let keys = dir.path().join("keys").display().to_string();
    let (_, said, _) = run(&around(), &["pki", "init", &keys]);
    assert!(said.contains("--organization urn:oid:"), "{said}");
    let line = ["pki", "gateway", "--dir", &keys, "--code", "297", "--url", "https://127.0.0.1:1"];
    let (exit, _, complaint) = run(&around(), &line);
    assert_eq!(exit, Exit::Usage, "a controller is nobody's to guess");
    assert!(complaint.contains("--organization"), "{complaint}");
    let (usual, token) = (["pki", "client"], ["pki", "client", "--algorithm", "ES256"]);
    for (line, made) in [(&usual[..], "\"P-384\""), (&token[..], "\"P-256\"")] {
        let file = dir.path().join(line.len().to_string()).display().to_string();
        let (exit, said, _) = run(&around(), &[line, &[file.as_str()][..]].concat());
        assert!(exit == Exit::Fine && said.contains(made), "{said}");
    }
    let blunt = dir.write("blunt", "").display().to_string();
    for (line, wrong) in [
        (&["pki", "client", "other.jwk", "--algorithm", "RS256"][..], "ES256 or ES384"),
        (
            &["pki", "init", &format!("{blunt}/keys")],
            "blunt/keys cannot be written: not a directory.",
        ),
        (
            &["pki", "client", &format!("{keys}/none/a.jwk")],
            "a.jwk cannot be written: entity not found; make its directory, owned by who runs this.",
        ),
    ] {
        let (exit, _, complaint) = run(&around(), line);
        assert!(exit == Exit::Usage && complaint.contains(wrong), "{complaint}");
    }
}
