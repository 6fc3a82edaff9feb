//! Questions to a gateway in this process, 64 under way at a time: what one of them costs.
//!
//! Beside the way. Whoever asks alone has each record synced for itself; here many share that, as on a
//! gateway with something to do.

use std::sync::Arc;

use http::{Method, StatusCode};
use mylife::gateway::Gateway;
use tokio::task::JoinSet;

use super::{cpu::cpu, world::ask};

const TOGETHER: usize = 64;

/// Reads so many times, each address in its turn: CPU time of one in microseconds, audit record and all,
/// and the length of what was read.
pub(crate) async fn read_all(
    gateway: &Arc<Gateway>,
    paths: &Arc<[String]>,
    token: &str,
    times: usize,
) -> (f64, usize) {
    let token: Arc<str> = token.into();
    let before = cpu();
    let mut reading = JoinSet::new();
    for first in 0..TOGETHER {
        let (gateway, token) = (Arc::clone(gateway), Arc::clone(&token));
        let paths = Arc::clone(paths);
        reading.spawn(async move {
            let mut length = 0;
            for number in (first..times).step_by(TOGETHER) {
                let path = &paths[number % paths.len()];
                let (status, body) = ask(&gateway, Method::GET, path, &token, String::new()).await;
                assert_eq!(status, StatusCode::OK, "{path}");
                length += body.len();
            }
            length
        });
    }
    let lengths = reading.join_all().await;
    ((cpu() - before) / times as f64, lengths.iter().sum())
}
