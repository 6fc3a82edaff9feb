//! Takes settings that have changed, all of them or none, while the gateway serves.
//!
//! Part of `serve`. On an order, or when the file or one that it names has changed and then stayed as it
//! is for a look. What is read has been checked whole, as at a start; a mistake is logged and everything
//! goes on as it was. What a running gateway cannot take (its store, ports, own name) is such a mistake.

use std::{sync::Arc, time::Duration};

use super::{current::Current, management::Certificates};
use crate::{
    chance::Chance,
    clock::Clock,
    config::{Config, Mistake, Origin, State, listen::Listening},
    error::Result,
    gateway::Gateway,
    telemetry::Telemetry,
};

/// Between two looks at the files.
pub(super) const LOOK: Duration = Duration::from_secs(5);
/// Between two looks whether the requests that began before have ended.
const SHORT: Duration = Duration::from_millis(100);

/// What it takes to take other settings.
pub(super) struct Renewal {
    pub(super) origin: Origin,
    pub(super) current: Arc<Current>,
    pub(super) listening: Listening,
    pub(super) certificates: Certificates,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Arc<dyn Chance>,
}

/// The files as they were when they were read, and at the last look.
pub(super) struct Watched {
    read: State,
    last: State,
}

impl Watched {
    /// Have they changed since they were read, and not since the last look? So nobody is writing.
    pub(super) fn is_settled(&mut self, renewal: &Renewal) -> bool {
        let now = renewal.origin.state();
        let settled = now == self.last && now != self.read;
        self.last = now;
        settled
    }
}

impl Renewal {
    /// The files as they are now, and as they were read: what changed in between is noticed too.
    pub(super) fn watch(&self) -> Watched {
        Watched { read: self.origin.as_read().clone(), last: self.origin.state() }
    }

    /// Takes the settings as they stand, or says why not.
    pub(super) async fn renew(&mut self) {
        let state = self.origin.state();
        let taken = match self.origin.again(&self.clock, &self.chance) {
            Ok(config) => self.take(config).await,
            Err(mistakes) => {
                mistakes.iter().for_each(refuse);
                self.telemetry.reloaded(false);
                self.origin.found_wrong(state);
                return;
            }
        };
        self.telemetry.reloaded(taken.is_ok());
        match taken {
            Ok(()) => tracing::info!("the settings were taken as they stand now"),
            Err(error) => {
                tracing::error!(cause = ?error, "the settings stay as they were");
                self.origin.found_wrong(state);
            }
        }
    }

    async fn take(&mut self, config: Config) -> Result<()> {
        let before = self.current.gateway();
        let after = Arc::new(before.renewed(config.setup).await?);
        self.listening.adopt(&config.listening);
        self.certificates.store(Arc::new(config.listening.certificates()));
        self.origin = config.origin;
        self.current.replace(Arc::clone(&after));
        before.conversions.let_go();
        drop(tokio::spawn(forget(before, after)));
        Ok(())
    }
}

/// What was read before was mapped with names and sensitivities of then. It is forgotten at once, and
/// once more when nobody is at work any more who began before.
async fn forget(before: Arc<Gateway>, after: Arc<Gateway>) {
    let Some(local) = after.reach.sources.local.clone() else { return };
    drop(after);
    local.clear();
    // Requests hold it; so may its errands, which map nothing, for as long as the process lives.
    for _ in 0..600 {
        if Arc::strong_count(&before) <= 2 {
            break;
        }
        tokio::time::sleep(SHORT).await;
        local.clear();
    }
    local.clear();
}

fn refuse(mistake: &Mistake) {
    tracing::error!(place = %mistake.place, key = mistake.key, say = mistake.say, "the settings stay as they were");
}
