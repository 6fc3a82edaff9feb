//! Other issuers: does each publish keys that count, or answer when it is asked about a token?
//!
//! Part of `mylife doctor`. It asks as the gateway does, with the same bounds and the same key; the token it
//! asks about is nobody's.

use std::sync::Arc;

use super::finding::Findings;
use crate::{
    clock::Clock,
    error::Result,
    gateway::open::Setup,
    oauth::{
        issuers::{Issuers, Means},
        keys::fetch::Fetcher,
        launch::fleeting::Fleeting,
    },
    shared::process::Process,
};

/// Asks each.
pub(super) async fn look(setup: &Setup, clock: &Arc<dyn Clock>, findings: &mut Findings) {
    if setup.issuers.is_empty() {
        return;
    }
    match issuers(setup, clock) {
        Ok(issuers) => {
            for (id, looked) in issuers.probe(clock.now()).await {
                let part = format!("issuer {id}");
                match looked {
                    Ok(()) => findings.fine(part, "its tokens can be checked"),
                    Err(why) => findings.wrong(
                        part,
                        format!("its tokens cannot be checked: {why}"),
                        "look at its entry under [[issuers]] and at [client_keys]; where it is asked, \
                         ask its operator whether it knows client_id by this gateway's keys",
                    ),
                }
            }
        }
        Err(error) => findings.wrong("issuers", error.say().to_owned(), "mend [client_keys]"),
    }
}

fn issuers(setup: &Setup, clock: &Arc<dyn Clock>) -> Result<Issuers> {
    let rules = setup.key_rules.clone();
    let means = Means {
        fetcher: Arc::new(Fetcher::new(Arc::clone(&setup.transport), rules, clock)?),
        signer: Arc::clone(setup.ring.signing()),
        chance: Arc::clone(&setup.chance),
        kept: Arc::new(Fleeting::new(Arc::new(Process::default()), Arc::clone(&setup.keys))),
    };
    Ok(Issuers::new(setup.issuers.clone(), &format!("{}/fhir", setup.url), &means))
}
