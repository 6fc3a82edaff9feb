//! Where the program's own log goes: to standard error, as text on a terminal, else as JSON lines.
//!
//! Part of `cli`, for `serve` alone. The log holds nothing of a person; disclosures stand in the
//! audit log, which is no log of this kind.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt};

/// Starts the log of the process; a second time nothing happens.
pub(super) fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Where a line cannot be written, on a full disk, neither can a complaint of that: it would end in a
    // panic of whoever had something to say.
    let log = fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    let started = if stderr().is_terminal() {
        log.try_init()
    } else {
        log.json().flatten_event(true).try_init()
    };
    // Somebody who set a log before us knows why.
    started.ok();
}
