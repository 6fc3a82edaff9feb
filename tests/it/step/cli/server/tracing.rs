//! The same commands where store and log are in a database.

use mylife::cli::exit::Exit;

use super::super::{
    super::config::{Dir, around, run},
    tracing::told_and_reviewed,
};
use crate::store::server::cluster::shared;

#[test]
fn a_request_is_traced_told_and_reviewed_where_the_log_is_in_a_database() {
    let (dir, name) = (Dir::new("cli-trace-database"), shared().database());
    let url = format!("store.url={}", shared().url("", "mylife", &name));
    let set = ["--set", "store.kind=postgres", "--set", &url];
    told_and_reviewed(&dir, &set);
    let config = dir.path().join("gateway.toml").display().to_string();
    let verified = run(&around(), &[&["audit", "verify", &config][..], &set].concat());
    assert_eq!(verified.0, Exit::Fine, "{verified:?}");
}
