//! An operator asks what is wrong with a database, a Redis, or a disk: each is told, with what mends it.

use std::{fs, process::Command};

use serde_json::Value;

use super::super::super::config::{Dir, around, gateway, run};
use crate::{shared::server::fixture::Server, store::server as postgres};

/// What is found of a part, with what mends it.
fn found(said: &str, part: &str) -> Vec<String> {
    let rows = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows = rows.filter(|row| row["part"] == part);
    rows.map(|row| {
        format!("{} {} -> {}", row["level"], row["say"], row["mend"]).replace(['"', '\\'], "")
    })
    .collect()
}

fn has(found: &[String], level: &str, say: &str, mend: &str) {
    let is = |one: &String| one.starts_with(level) && one.contains(say) && one.contains(mend);
    assert!(found.iter().any(is), "{level} {say:?} -> {mend:?}: {found:#?}");
}

#[test]
fn settings_of_a_database_that_lose_or_refuse_what_is_written_are_told() {
    let dir = Dir::new("cli-doctor-database");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443)).display().to_string();
    let (name, _) = postgres::fresh();
    let at = format!("store.url={}", postgres::address(&name));
    let ask = ["doctor", &path, "--json", "--offline", "--set", "store.kind=postgres", "--set"];
    let look = |at: &str| found(&run(&around(), &[&ask[..], &[at]].concat()).1, "database");
    let told = look(&at);
    has(&told, "ok", "PostgreSQL ", "");
    has(&told, "error", "fsync is off", "ALTER SYSTEM SET fsync = on");
    has(&told, "error", "full_page_writes is off", "ALTER SYSTEM SET full_page_writes = on");
    // Time stands still here.
    has(&told, "error", "our clock is ", "set the clock that is wrong");
    postgres::run(&name, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    has(&look(&at), "error", "is one that is only read", "look whether it runs");
    let told = look(&format!("store.url={}", postgres::address(&format!("{name}none"))));
    assert!(told.iter().all(|one| one.starts_with("error") && one.contains("->")), "{told:#?}");
}

#[test]
fn settings_of_a_redis_that_refuse_what_is_written_are_told() {
    let dir = Dir::new("cli-doctor-redis");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443)).display().to_string();
    let mut server = Server::start(&["--maxmemory", "100mb"]);
    let at = format!("shared.url={}", server.url());
    let ask = ["doctor", &path, "--json", "--offline", "--set", "shared.kind=redis", "--set", &at];
    let look = || found(&run(&around(), &ask).1, "redis");
    has(&look(), "ok", "answers", "");
    has(&look(), "warning", "refuses writes when its memory is full", "volatile-lru");
    has(&look(), "error", "our clock is ", "set the clock that is wrong");
    assert!(!look().iter().any(|one| one.contains("is a replica")));
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    has(&look(), "error", "it is a replica", "name its primary in shared.url");
    server.kill();
    has(&look(), "error", "it does not answer", "look whether it runs");
}

#[test]
fn a_disk_that_has_become_read_only_is_told() {
    let dir = Dir::new("cli-doctor-disk");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443)).display().to_string();
    let data = dir.path().join("keys/297/data");
    fs::create_dir_all(&data).unwrap();
    let ask = ["doctor", &path, "--json", "--offline"];
    let (_, said, _) = run(&around(), &ask);
    assert!(!found(&said, "data").iter().any(|one| one.contains("cannot be written")), "{said}");
    // As the kernel answers where a file system is read-only.
    let calls = "access,faccessat,faccessat2";
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:error=EROFS"));
    let at = data.display().to_string();
    let traced = ["-f", "-o", "/dev/null", "-P", &at, "-e", &trace, "-e", &inject];
    let program = env!("CARGO_BIN_EXE_mylife");
    let said = Command::new("strace").args(traced).arg(program).args(ask).output().unwrap().stdout;
    let told = found(&String::from_utf8(said).unwrap(), "data");
    has(&told, "error", "cannot be written to: read-only filesystem", "mount it writable");
}
