//! The gateway's own name: is it known where the gateway runs?
//!
//! Part of `mylife doctor`. Names of peers are looked up when each is asked.

use tokio::time::timeout;

use super::{PATIENCE, finding::Findings};
use crate::config::{Config, node::authority};

/// Looks it up.
pub(super) async fn look(config: &Config, findings: &mut Findings) {
    let Some(own) = authority(&config.setup.url) else { return };
    let found = timeout(PATIENCE, config.setup.transport.resolve(&own)).await;
    if found.is_ok_and(|found| found.is_ok_and(|addresses| !addresses.is_empty())) {
        findings.fine("dns", format!("{} is a name known here", own.host()));
    } else {
        findings.doubtful(
            "dns",
            format!("the gateway's own name {} is not known to this machine's DNS", own.host()),
            "enter it, or mend node.url: clients and peers find the gateway by it",
        );
    }
}
