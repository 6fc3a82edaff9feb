//! Listens for wake-ups on a connection of its own.
//!
//! Part of `shared`. It starts with the first who wants to be woken. After each time it could not
//! hear, everybody is woken, since something may have been missed; what a message says is believed
//! only as far as a reason to look.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use ::redis::{Msg, PushInfo, PushKind};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{Topic, door::Door, line::LONGEST_PAUSE};
use crate::shared::topics::Topics;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How often a silent connection is asked whether it is alive.
const ALIVE: Duration = Duration::from_secs(10);

/// Name of the channel of a topic.
pub(super) fn channel(prefix: &str, topic: Topic) -> String {
    format!("{prefix}wake:{}", topic.name())
}

/// The listening side.
pub(super) struct Ears {
    door: Arc<Door>,
    prefix: String,
    topics: Arc<Topics>,
    task: OnceLock<AbortHandle>,
}

impl Ears {
    pub(super) fn new(door: Arc<Door>, prefix: &str) -> Self {
        let (prefix, topics) = (prefix.to_owned(), Arc::default());
        Self { door, prefix, topics, task: OnceLock::new() }
    }

    /// Must first be called in the runtime that is to listen.
    pub(super) fn wakes(&self, topic: Topic) -> watch::Receiver<u64> {
        self.task.get_or_init(|| {
            let (door, topics) = (Arc::clone(&self.door), Arc::clone(&self.topics));
            tokio::spawn(listen(door, self.prefix.clone(), topics)).abort_handle()
        });
        self.topics.subscribe(topic)
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.task.get().inspect(|task| task.abort());
    }
}

async fn listen(door: Arc<Door>, prefix: String, topics: Arc<Topics>) {
    let (mut pause, mut attempt) = (FIRST_PAUSE, 0);
    loop {
        attempt += 1;
        if hear(&door, attempt, &prefix, &topics).await {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection is gone; `false` if there was none.
async fn hear(door: &Door, attempt: usize, prefix: &str, topics: &Arc<Topics>) -> bool {
    let gone = Arc::new(Notify::new());
    let told = {
        let (gone, topics, prefix) = (Arc::clone(&gone), Arc::clone(topics), prefix.to_owned());
        move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                gone.notify_one();
            } else if let Some(message) = Msg::from_push_info(push) {
                tell(&message, &prefix, &topics);
            }
            Ok(())
        }
    };
    let opening = timeout(door.longest_opening(), door.listen(attempt, told)).await;
    let Ok(Ok(mut wire)) = opening else { return false };
    let channels = Topic::ALL.map(|topic| channel(prefix, topic));
    if wire.subscribe(&channels).await.is_err() {
        return false;
    }
    Topic::ALL.into_iter().for_each(|topic| topics.wake(topic, 0));
    loop {
        tokio::select! {
            () = gone.notified() => return true,
            () = sleep(ALIVE) => {
                let alive: Result<(), _> = ::redis::cmd("PING").query_async(&mut wire).await;
                if alive.is_err() {
                    return true;
                }
            }
        }
    }
}

fn tell(message: &Msg, prefix: &str, topics: &Topics) {
    let of = |topic: &Topic| channel(prefix, *topic) == message.get_channel_name();
    if let Some(topic) = Topic::ALL.into_iter().find(of) {
        // What is no number wakes all the same.
        topics.wake(topic, message.get_payload().unwrap_or(0));
    }
}
