//! `[shared]`: where replicas keep rate limits and what else they share and may lose.
//!
//! Part of `config`. Without the section it is this process. No server is asked here.

use std::{sync::Arc, time::Duration};

use zeroize::Zeroizing;

use crate::{
    config::section::Section,
    pki,
    shared::{
        Away, Choice,
        redis::door::{Door, Login, Reach, Settings, Tls},
    },
    transport::Authority,
};

/// How a server is written.
const URL: &str = "rediss://host:port, or redis://host:port for one without TLS";

/// Keys that mean something with a Redis alone.
const OF_REDIS: [&str; 14] = [
    "url",
    "nodes",
    "cluster",
    "sentinel",
    "user",
    "password",
    "password_file",
    "authorities",
    "certificate",
    "key",
    "key_file",
    "connect_milliseconds",
    "response_milliseconds",
    "away",
];

/// That a mistake has been told.
struct Told;

/// Which servers, and whether over TLS.
struct Servers {
    reach: Reach,
    tls: bool,
}

/// Where what is shared lives, and by how many it is shared.
pub struct Sharing {
    /// Where it lives.
    pub choice: Choice,
    /// Processes of this gateway.
    pub replicas: u32,
}

/// Reads the section.
pub fn read(mut section: Section<'_>) -> Option<Sharing> {
    let replicas = u32::try_from(section.number("replicas", 1..=1000, 1)).ok()?;
    let is_redis = section.one_of("kind", &[("process", false), ("redis", true)], false);
    if !is_redis {
        for key in OF_REDIS {
            if section.node(key).is_some() {
                section.fault(key, "goes with kind = \"redis\"");
            }
        }
        if replicas > 1 {
            let say = "needs kind = \"redis\" and url: in one process each replica would grant every \
                       limit anew";
            section.fault("replicas", say);
        }
        section.finish();
        return Some(Sharing { choice: Choice::Process, replicas });
    }
    let servers = servers(&mut section);
    let login = login(&mut section);
    let tls = tls(&mut section);
    let connect = section.number("connect_milliseconds", 10..=10_000, 250);
    let response = section.number("response_milliseconds", 10..=10_000, 250);
    let divide = Away::Divide(replicas);
    let away = section.one_of("away", &[("limit", divide), ("refuse", Away::Refuse)], divide);
    match (&servers, &tls) {
        (Some(Servers { tls: true, .. }), Ok(None)) => {
            section.fault("authorities", "is missing: a PEM file of those that vouch for it");
        }
        (Some(Servers { tls: false, .. }), Ok(Some(_))) => {
            section.fault("authorities", "goes with rediss://");
        }
        (Some(_) | None, Ok(_) | Err(Told)) => {}
    }
    let settings = Settings {
        reach: servers?.reach,
        tls: tls.ok()?,
        login: login?,
        connect: Duration::from_millis(connect),
        response: Duration::from_millis(response),
    };
    let door = Door::new(settings);
    let door = door.inspect_err(|error| section.fault("", error.say().to_owned())).ok();
    section.finish();
    Some(Sharing { choice: Choice::Redis { door: Arc::new(door?), away }, replicas })
}

fn servers(section: &mut Section<'_>) -> Option<Servers> {
    let one = section.parsed("url", URL, server);
    let cluster = section.flag("cluster", false);
    let nodes = nodes(section);
    let has_sentinel = section.node("sentinel").is_some();
    let sentinel = has_sentinel.then(|| sentinel(section.section("sentinel")));
    match (section.node("url").is_some(), section.node("nodes").is_some(), sentinel) {
        (true, false, None) => {
            let (at, tls) = one?;
            if cluster {
                section.fault("cluster", "goes with nodes = [...]");
            }
            Some(Servers { reach: Reach::One(at), tls })
        }
        (false, true, None) => {
            if !cluster {
                section.fault("nodes", "goes with cluster = true; for one server write url");
            }
            let (nodes, tls) = nodes?;
            Some(Servers { reach: Reach::Cluster(nodes), tls })
        }
        (false, false, Some(servers)) => servers,
        (false, false, None) => {
            section.fault("url", format!("is missing: {URL} (or nodes, or [shared.sentinel])"));
            None
        }
        (true | false, true | false, _) => {
            section.fault("", "names its servers twice: keep one of url, nodes, sentinel");
            None
        }
    }
}

fn sentinel(mut section: Section<'_>) -> Option<Servers> {
    let master = section.required_text("master");
    if section.node("nodes").is_none() {
        section.fault("nodes", format!("is missing: a list of {URL}"));
    }
    let nodes = nodes(&mut section);
    let login = login(&mut section);
    section.finish();
    let ((nodes, tls), master, login) = (nodes?, master?, login?);
    Some(Servers { reach: Reach::Sentinel { master, nodes, login }, tls })
}

/// All of a list, over TLS all or none.
fn nodes(section: &mut Section<'_>) -> Option<(Vec<Authority>, bool)> {
    section.node("nodes")?;
    let texts = section.texts("nodes");
    let read: Option<Vec<_>> = texts.iter().map(|text| server(text)).collect();
    let (nodes, tls): (Vec<_>, Vec<_>) = read.unwrap_or_default().into_iter().unzip();
    let first = *tls.first().or_else(|| {
        section.fault("nodes", format!("must be a list of {URL}"));
        None
    })?;
    if tls.iter().any(|tls| *tls != first) {
        section.fault("nodes", "must all be rediss:// or all redis://");
    }
    Some((nodes, first))
}

/// Host and port, and whether over TLS. What else a URL can say has keys of its own.
pub fn server(text: &str) -> Option<(Authority, bool)> {
    let (scheme, at) = text.split_once("://")?;
    let tls = match scheme {
        "redis" => false,
        "rediss" => true,
        _ => return None,
    };
    at.trim_end_matches('/').parse().ok().map(|at| (at, tls))
}

fn login(section: &mut Section<'_>) -> Option<Login> {
    let user = section.text("user");
    let has_password =
        ["password", "password_file"].iter().filter(|key| section.node(key).is_some()).count();
    let password = match has_password {
        0 => None,
        _ => Some(section.secret("password").map(|(_, text)| trimmed(&text))?),
    };
    if user.is_some() && password.is_none() {
        section.fault("user", "needs password_file");
    }
    Some(Login { user, password })
}

/// A file ends with a line break, a password does not.
fn trimmed(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Authorities, and certificate and key if we show one.
fn tls(section: &mut Section<'_>) -> Result<Option<Tls>, Told> {
    let authorities = section.node("authorities").is_some().then(|| section.file("authorities"));
    let has_identity =
        ["certificate", "key", "key_file"].iter().any(|key| section.node(key).is_some());
    let identity = if has_identity {
        section.required_text("certificate");
        let certificate = section.file("certificate").map(|(_, text)| text.to_string());
        let key = section.secret("key").map(|(_, text)| text);
        let (certificate, key) = (certificate.ok_or(Told)?, key.ok_or(Told)?);
        let read = pki::certificates(&certificate).and(pki::private_key(&key).map(drop));
        read.inspect_err(|error| section.fault("certificate", error.say().to_owned()))
            .map_err(|_| Told)?;
        Some((certificate, key))
    } else {
        None
    };
    let Some(authorities) = authorities else { return Ok(None) };
    let (_, authorities) = authorities.ok_or(Told)?;
    let read = pki::anchors(&authorities);
    read.inspect_err(|error| section.fault("authorities", error.say().to_owned()))
        .map_err(|_| Told)?;
    Ok(Some(Tls { authorities: authorities.to_string(), identity }))
}
