//! The servers beside a gateway, and the gateway itself if it runs.
//!
//! Part of `mylife doctor`. Asks each once and reads nothing that is stored.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use super::{
    PATIENCE,
    finding::{Findings, clocks},
};
use crate::{
    clock::Clock,
    config::Config,
    error::Error,
    gateway::open::Setup,
    shared::Choice,
    store::{postgres::Postgres, sqlite::Sqlite},
};

/// Longest answer of the management listener.
const MOST: usize = 1 << 20;
/// Oldest `PostgreSQL` and Redis that are tried in the tests.
const POSTGRES: i64 = 13;
const REDIS: (u32, u32) = (6, 2);

/// Does the gateway run, and what does it say of itself?
pub(super) async fn running(config: &Config, findings: &mut Findings) {
    let at = config.listening.management;
    match timeout(PATIENCE, ask(at, "/health")).await {
        Ok(Ok((StatusCode::OK, _))) => findings.fine("gateway", "it runs and is ready"),
        Ok(Ok((_, health))) => {
            let down: Vec<&str> =
                health.get("components").and_then(Value::as_object).map_or_else(Vec::new, |all| {
                    let is_down =
                        |one: &Value| one.get("status").is_some_and(|word| word == "DOWN");
                    all.iter()
                        .filter(|(_, one)| is_down(one))
                        .map(|(name, _)| name.as_str())
                        .collect()
                });
            findings.wrong(
                "gateway",
                format!("it runs and is not ready: {} is down", down.join(", ")),
                "see the findings on that here, and the gateway's log",
            );
        }
        Ok(Err(_)) | Err(_) => {
            findings.fine("gateway", format!("it does not run (nothing answers at http://{at})"));
        }
    }
}

/// Asks the management listener.
pub(in crate::cli) async fn ask(
    at: SocketAddr,
    path: &str,
) -> crate::error::Result<(StatusCode, Value)> {
    let stream = TcpStream::connect(at).await.map_err(Error::unavailable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Error::unavailable)?;
    // Ends with the answer.
    drop(tokio::spawn(connection));
    let request = Request::get(path)
        .header(http::header::HOST, at.to_string())
        .body(Full::new(Bytes::new()))
        .map_err(Error::internal)?;
    let (parts, body) =
        sender.send_request(request).await.map_err(Error::unavailable)?.into_parts();
    let body = Limited::new(body, MOST).collect().await.map_err(Error::unavailable)?.to_bytes();
    Ok((parts.status, serde_json::from_slice(&body).map_err(Error::unavailable)?))
}

/// Can the store be used?
pub(super) async fn store(setup: &Setup, clock: &Arc<dyn Clock>, findings: &mut Findings) {
    let Some(database) = &setup.database else {
        return file(setup, findings);
    };
    let about = match timeout(PATIENCE, Postgres::about(database)).await {
        Ok(Ok(about)) => about,
        Ok(Err(error)) => {
            findings.wrong("database", error.say().to_owned(), reach("store.url"));
            return;
        }
        Err(_) => {
            findings.wrong("database", "it does not answer", reach("store.url"));
            return;
        }
    };
    let (major, minor) = (about.version / 10_000, about.version % 10_000);
    if major < POSTGRES {
        let say = format!("it is PostgreSQL {major}.{minor}");
        findings.wrong("database", say, format!("bring it to {POSTGRES} or later"));
    } else {
        findings.fine("database", format!("PostgreSQL {major}.{minor} answers"));
    }
    for (name, value) in [("fsync", &about.fsync), ("full_page_writes", &about.full_page_writes)] {
        if value != "on" {
            let say = format!("{name} is {value}: what was acknowledged may be lost in a crash");
            findings.wrong("database", say, format!("ALTER SYSTEM SET {name} = on, and reload it"));
        }
    }
    if about.read_only == "on" {
        findings.wrong("database", "nothing may be written to it", "name the primary in store.url");
    }
    let needed = i64::try_from(database.connections.get()).unwrap_or(i64::MAX).saturating_add(3);
    let room = about.max_connections - about.connections;
    if room < needed {
        findings.doubtful(
            "database",
            format!(
                "it has room for {room} connections more and each replica takes up to {needed}"
            ),
            "raise max_connections there, or lower store.connections",
        );
    }
    clocks("database", clock.now().millis() - about.now.millis(), findings);
    match Postgres::pending(database).await {
        Ok(steps) if steps.is_empty() => findings.fine("database", "its form is of this version"),
        Ok(_) => findings.wrong(
            "database",
            "its form is of an older version",
            "stop the gateways that use it, then `mylife migrate CONFIG`",
        ),
        Err(error) => findings.wrong("database", error.say().to_owned(), "mend that first"),
    }
}

fn reach(key: &str) -> String {
    format!("look whether it runs and this machine may reach it; `mylife config explain {key}`")
}

fn file(setup: &Setup, findings: &mut Findings) {
    if !setup.directory_path.exists() {
        return;
    }
    match Sqlite::pending(&setup.directory_path) {
        Ok(steps) if steps.is_empty() => findings.fine("store", "its form is of this version"),
        Ok(steps) => {
            findings
                .fine("store", format!("{} steps to this version at the next start", steps.len()));
        }
        Err(error) if error.say().contains("in use") => {
            findings.fine("store", "a gateway is at work on it");
        }
        Err(error) => findings.wrong("store", error.say().to_owned(), "do as it says"),
    }
}

/// Can what is shared be used?
pub(super) async fn shared(setup: &Setup, clock: &Arc<dyn Clock>, findings: &mut Findings) {
    let Choice::Redis { door, .. } = &setup.shared else { return };
    let said = match door.about().await {
        Ok(said) => said,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let say = format!("it does not answer ({})", cause.unwrap_or_default());
            findings.wrong("redis", say, reach("shared.url"));
            return;
        }
    };
    let of = |name: &str| {
        said.lines()
            .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))
            .unwrap_or("")
    };
    let version = of("redis_version");
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let number = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if version.is_empty() {
        findings.fine("redis", "it answers, and keeps its version to itself (give the user +info)");
    } else if number < REDIS {
        findings.wrong("redis", format!("it is {version}"), "bring it to 6.2 or later");
    } else {
        findings.fine("redis", format!("{version} answers"));
    }
    if of("slave_read_only") == "1" {
        let mend = "name its primary in shared.url, or reach it by sentinels";
        findings.wrong("redis", "it is a replica, to which nothing may be written", mend);
    }
    if let Ok(micros) = of("server_time_usec").parse::<i64>() {
        clocks("redis", clock.now().millis() - micros / 1000, findings);
    }
    let (policy, most) = (of("maxmemory_policy"), of("maxmemory"));
    if policy == "noeviction" && most != "0" {
        findings.doubtful(
            "redis",
            "it refuses writes when its memory is full (maxmemory-policy noeviction)",
            "set volatile-lru there: what is kept here may be lost",
        );
    }
}
