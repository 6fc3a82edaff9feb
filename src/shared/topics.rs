//! Whom to wake in this process.
//!
//! Part of `shared`, behind both of its forms. Each topic holds one number, so nothing queues up
//! for who sleeps long.

use tokio::sync::watch;

use super::Topic;

/// One number for each topic, and those who sleep on it.
pub(super) struct Topics {
    change: watch::Sender<u64>,
    audit: watch::Sender<u64>,
}

impl Default for Topics {
    fn default() -> Self {
        Self { change: watch::Sender::new(0), audit: watch::Sender::new(0) }
    }
}

impl Topics {
    const fn of(&self, topic: Topic) -> &watch::Sender<u64> {
        match topic {
            Topic::Change => &self.change,
            Topic::Audit => &self.audit,
        }
    }

    /// Wakes everybody who sleeps on the topic. A number below one told before wakes too, and
    /// leaves that one in place.
    pub(super) fn wake(&self, topic: Topic, sequence: u64) {
        self.of(topic).send_modify(|known| *known = sequence.max(*known));
    }

    pub(super) fn subscribe(&self, topic: Topic) -> watch::Receiver<u64> {
        self.of(topic).subscribe()
    }
}
