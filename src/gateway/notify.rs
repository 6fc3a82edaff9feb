//! The way of a notification: what changed, who hears of it, what they may see, and off it goes.
//!
//! Beside the way of a request, with the same end: release, record, send. Nobody asks, so the gateway
//! itself walks it, a few times a second and for as long as it serves. [`crate::notify`] says what must
//! stay true; [`Notifier`] is what one process has in memory of it, which it may lose.

mod send;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval},
};

use self::send::{Leaving, Unsent};
use crate::{
    audit::{self, step},
    authenticate::{Caller, jose::address::KeyAddress, registry::Client},
    bundle::{
        notification::{self, Event, Why},
        said,
    },
    chance::{base32, jitter},
    consent::{release, view::View},
    domain::moment::Moment,
    error::Result,
    gateway::Gateway,
    mapping,
    mutant::{self, Mutant},
    notify::{
        look::{self, Focus},
        record::{Broken, Noted, Record, Turn},
        wanted::Wanted,
    },
    respond,
    route::Call,
    scope::{self, Grant},
    search,
    source::follower::Place,
    store::{Subscription, subscription::State},
};

/// Between two looks at what changed and whose turn it is.
const EVERY: Duration = Duration::from_millis(250);
/// Subscriptions that are served at a time.
const AT_A_TIME: usize = 32;
/// The turn in the store of the process that sees what changed.
const NAME: &str = "notify";
/// How long that process may be silent before another takes its part, and how often it says that it is
/// there.
const TURN: Duration = Duration::from_secs(15);
const KEEPS: Duration = Duration::from_secs(5);
/// How long a subscription is a process's own beyond the time that sending may take.
const CLAIM: Duration = Duration::from_secs(20);

/// What a process knows of notifications.
#[derive(Default)]
pub struct Notifier {
    /// Up to where it has seen what changed; none while another process does.
    place: Option<Place>,
    /// When it last asked for that turn, on the monotonic clock, and whether it has it.
    turn: Option<(Duration, bool)>,
    /// The settings by which everything was last looked at.
    terms: Option<u64>,
    under_way: JoinSet<Arc<str>>,
    served: BTreeSet<Arc<str>>,
}

/// What a subscriber sees now: what is new, and until when nothing else comes to be seen by itself.
struct Looked {
    fresh: Vec<(Noted, Focus)>,
    holds: Moment,
}

impl Notifier {
    /// One look: whoever changed is matched with who subscribed, then begins whoever's turn it is.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn look(&mut self, gateway: &Arc<Gateway>) -> Result<()> {
        if gateway.reach.sources.local.is_none() {
            return Ok(());
        }
        self.landed();
        self.follow(gateway).await?;
        let room = AT_A_TIME.saturating_sub(self.served.len());
        if room == 0 {
            return Ok(());
        }
        for row in gateway.tokens.store.due_subscriptions(gateway.clock.now(), AT_A_TIME).await? {
            if self.served.insert(Arc::clone(&row.id)) {
                let gateway = Arc::clone(gateway);
                self.under_way.spawn(async move {
                    let id = Arc::clone(&row.id);
                    if let Err(error) = gateway.notify(row).await {
                        tracing::error!(cause = ?error, "a notification waits for its next turn");
                    }
                    id
                });
            }
        }
        Ok(())
    }

    /// Waits until nothing is under way; who stops waiting has missed nothing.
    pub async fn settled(&mut self) {
        while let Some(ended) = self.under_way.join_next().await {
            self.ended(ended);
        }
        self.served.clear();
    }

    /// Takes note of what has ended.
    fn landed(&mut self) {
        while let Some(ended) = self.under_way.try_join_next() {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: std::result::Result<Arc<str>, JoinError>) {
        match ended {
            Ok(id) => {
                self.served.remove(&id);
            }
            // Which it was is not known: whoever is still served is not served twice by the store.
            Err(error) => {
                tracing::error!(%error, "a notification broke off");
                self.served.clear();
            }
        }
    }

    /// Touches the subscriptions that are about whoever changed. Whoever begins to follow, or has other
    /// settings than before, lets all be looked at: it cannot know what it has missed.
    async fn follow(&mut self, gateway: &Gateway) -> Result<()> {
        let store = &gateway.tokens.store;
        let now = gateway.clock.elapsed();
        let asked = self.turn.filter(|(asked, _)| now.saturating_sub(*asked) < KEEPS);
        let has_turn = match asked {
            Some((_, has_turn)) => has_turn,
            None => store.take_turn(NAME, TURN).await?,
        };
        self.turn = asked.or(Some((now, has_turn)));
        if !has_turn {
            self.place = None;
            return Ok(());
        }
        let number = gateway.terms.number;
        let (Some(before), true) = (&self.place, self.terms == Some(number)) else {
            self.place = Some(Place::at_the_end(&**store).await?);
            store.touch(None).await?;
            self.terms = Some(number);
            return Ok(());
        };
        let changed = Mutex::new((BTreeSet::new(), false));
        let mark = |patient: Option<&str>| {
            let mut changed = changed.lock().unwrap_or_else(PoisonError::into_inner);
            match patient {
                Some(patient) => {
                    changed.0.insert(Arc::from(patient));
                }
                None => changed.1 = true,
            }
        };
        let next = before.next(&**store, mark).await?;
        let (patients, all) = changed.into_inner().unwrap_or_else(PoisonError::into_inner);
        if all {
            store.touch(None).await?;
        } else if !patients.is_empty() {
            store.touch(Some(patients.into_iter().collect())).await?;
        }
        self.place = Some(next);
        Ok(())
    }
}

impl Gateway {
    /// Serves one subscription once, whose turn it is.
    async fn notify(&self, row: Subscription) -> Result<()> {
        let now = self.clock.now();
        let mut record = Record::of(&row)?;
        if record.end() <= now {
            record.revise(now);
            return self.write(record.row(&row, Turn::Ends(State::Off))?).await.map(drop);
        }
        // Who asks, and what may they do now?
        let in_flight = self.flights.take();
        let known_current = self.known_current()?;
        self.authenticator.revoked().current(self.clock.elapsed())?;
        let Some((grant, client)) = self.subscriber(&row, &record, now) else {
            record.broken = Some(Broken::Unregistered);
            record.revise(now);
            return self.write(record.row(&row, Turn::Ends(State::Failed))?).await.map(drop);
        };
        // What do they see that they did not? Of what is being told: what may still be told of it.
        let greets = row.state == State::Requested;
        let looked = self.seen(&mut record, &grant, now).await?;
        let due = looked.holds.min(record.end());
        let before = record.clone();
        let mut events = Vec::new();
        record.is_first = false;
        if !greets && !record.telling.is_empty() {
            events = self.happened(&record.telling, &record.wanted, &grant, now).await?;
            events.retain(|event| event.seen().is_some());
            if events.is_empty() {
                // All of it was withdrawn: the numbers are used up, and nothing is told.
                record.acknowledged();
                record.tries = 0;
                return self.write(record.row(&row, Turn::Waits(now))?).await.map(drop);
            }
        } else if !greets {
            let fresh = looked.fresh.into_iter().take(record.wanted.count);
            events = fresh.map(|(noted, focus)| numbered(&mut record, noted, focus)).collect();
            record.is_first = !events.is_empty();
        }
        let why = match (greets, events.is_empty()) {
            (true, _) => Why::Handshake,
            (false, false) => Why::Event,
            (false, true) if record.heartbeat() <= now => Why::Heartbeat,
            (false, true) => return self.nothing_to_tell(&row, record, due).await,
        };
        // Nobody else may send it; if this process dies, somebody does after that time.
        record.tries = record.tries.saturating_add(1);
        let patience = Duration::from_secs(record.wanted.timeout);
        let claimed = record.row(&row, Turn::At(now.plus(patience + CLAIM)))?;
        if !self.write(claimed.clone()).await? {
            return Ok(());
        }
        let told = (&*events, record.wanted.content);
        let answer = self.notification((&row, &record, now), why, told, known_current)?;
        let request = self.own_request();
        let receipt = audit::record(&self.log, &answer, &grant, &request, now).await?;
        let (body, deadline) = respond::notification(answer, &receipt);
        let leaving = Leaving { body, deadline, in_flight, patience };
        let sent = self.send_to(&client, &record.wanted, leaving).await;
        if matches!(sent, Err(Unsent { may_have_left: false, .. })) {
            record = record.not_sent(before);
        }
        record.is_first = false;
        self.settle(claimed, record, (why, due), sent).await
    }

    /// The subscription's row with what became of it.
    async fn settle(
        &self,
        claimed: Subscription,
        mut record: Record,
        (why, due): (Why, Moment),
        sent: std::result::Result<(), Unsent>,
    ) -> Result<()> {
        let now = self.clock.now();
        let turn = match sent {
            Ok(()) => {
                self.inside.notified(true);
                match why {
                    Why::Handshake => record.revise(now),
                    Why::Event => record.acknowledged(),
                    Why::Heartbeat | Why::Status | Why::Events => {}
                }
                (record.tries, record.sent) = (0, now);
                // More may be there to tell, and what changed meanwhile has not been looked at.
                let due = if why == Why::Heartbeat { due } else { now };
                Turn::Waits(due.min(record.heartbeat()))
            }
            Err(Unsent { reason, .. }) => {
                self.inside.notified(false);
                let host = KeyAddress::parse(&record.wanted.endpoint);
                let host = host.map(|at| at.authority().to_string()).unwrap_or_default();
                tracing::warn!(
                    reason,
                    server.address = host,
                    tries = record.tries,
                    "a notification was not taken"
                );
                match record.pause(claimed.state) {
                    Some(pause) if why == Why::Handshake => {
                        Turn::Greets(now.plus(jitter(pause, &*self.chance)))
                    }
                    Some(pause) => Turn::At(now.plus(jitter(pause, &*self.chance))),
                    None => {
                        record.broken = Some(Broken::Undeliverable);
                        record.revise(now);
                        Turn::Ends(State::Failed)
                    }
                }
            }
        };
        self.write(record.row(&claimed, turn)?).await.map(drop)
    }

    /// Who subscribed, if they would still be let in, and where they may be told.
    fn subscriber(
        &self,
        row: &Subscription,
        record: &Record,
        now: Moment,
    ) -> Option<(Grant, Arc<Client>)> {
        let Wanted { topic, endpoint, .. } = &record.wanted;
        let caller = self.authenticator.standing(&record.standing, &row.id, now);
        let refused = |why| tracing::info!(reason = %why, "a subscriber is not let in any more");
        let caller: Arc<Caller> = Arc::new(caller.map_err(refused).ok()?);
        let client = self.tokens.registry.client(caller.client_id())?;
        let is_registered = client.entry().notify.urls.contains(endpoint);
        let grant = scope::grant(caller, Call::Notification(topic.focus())).ok()?;
        is_registered.then(|| (grant, Arc::clone(client)))
    }

    /// What is new to the subscriber. Whoever was never looked at is known from now on, and what is not
    /// seen any more is forgotten.
    async fn seen(&self, record: &mut Record, grant: &Grant, now: Moment) -> Result<Looked> {
        let (mut fresh, mut holds) = (Vec::new(), Moment::MAX);
        let Wanted { topic, patients, .. } = &record.wanted;
        for patient in patients {
            let view = self.subscribers_view(patient, grant, now).await?;
            holds = view.as_ref().map_or(holds, |view| holds.min(view.holds().end));
            let found =
                view.map(|view| look::all(&view, *topic, &*self.sealer)).unwrap_or_default();
            let Some(before) = record.seen.get_mut(patient) else {
                record.seen.insert(Arc::clone(patient), look::marks(&found));
                continue;
            };
            let is_there = |id: &Arc<str>| found.iter().any(|one| one.hit.resource.id == *id);
            before.retain(|id, _| is_there(id));
            let new: Vec<Focus> =
                found.into_iter().filter(|focus| !look::is_known(focus, before)).collect();
            if mutant::on(Mutant::HiddenChangesAreCounted) && new.is_empty() {
                record.counted = record.counted.saturating_add(1);
            }
            fresh.extend(new.into_iter().map(|focus| {
                let noted = Noted {
                    number: 0,
                    at: focus.hit.sight.seen.last_updated,
                    patient: Arc::clone(patient),
                    id: Arc::clone(&focus.hit.resource.id),
                };
                (noted, focus)
            }));
        }
        Ok(Looked { fresh, holds })
    }

    /// What the subscriber sees of a person at this moment.
    async fn subscribers_view(
        &self,
        patient: &str,
        grant: &Grant,
        now: Moment,
    ) -> Result<Option<Arc<View>>> {
        let Some(local) = &self.reach.sources.local else { return Ok(None) };
        let Some(held) = local.load(patient).await? else { return Ok(None) };
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let release = || release::release(mapped, grant, &self.terms, now);
        Ok(Some(mutant::careless(Mutant::NotificationSkipsRelease, release)))
    }

    /// What happened before, with as much of it as may be seen at this moment.
    pub(super) async fn happened(
        &self,
        noted: &[Noted],
        wanted: &Wanted,
        grant: &Grant,
        now: Moment,
    ) -> Result<Vec<Event>> {
        let kind = wanted.topic.focus();
        let mut views: BTreeMap<Arc<str>, Option<Arc<View>>> = BTreeMap::new();
        let mut events = Vec::with_capacity(noted.len());
        for one in noted {
            if !views.contains_key(&one.patient) {
                let view = self.subscribers_view(&one.patient, grant, now).await?;
                views.insert(Arc::clone(&one.patient), view);
            }
            let view = views.get(&one.patient).and_then(Option::as_ref);
            let focus = match view.and_then(|view| search::read(view, kind, &one.id)) {
                Some(hit) => notification::Focus::Seen(hit),
                None => notification::Focus::Unseen(
                    view.map(|view| said::named(view, (kind, &one.id), &self.node)),
                ),
            };
            events.push(Event { number: one.number, at: one.at, focus });
        }
        Ok(events)
    }

    /// Everything that had changed was looked at; nothing of it is the subscriber's to see.
    async fn nothing_to_tell(
        &self,
        row: &Subscription,
        mut record: Record,
        due: Moment,
    ) -> Result<()> {
        let due = due.min(record.heartbeat());
        record.tries = 0;
        if record.is_as(&Record::of(row)?) {
            return self.tokens.store.looked_at(row, due).await;
        }
        self.write(record.row(row, Turn::Looked(due))?).await.map(drop)
    }

    /// Writes a row's next version; `false` if somebody else was first.
    async fn write(&self, row: Subscription) -> Result<bool> {
        self.tokens.store.put_subscription(row, None, usize::MAX).await
    }

    /// What the record says of a request that nobody made.
    fn own_request(&self) -> step::Request {
        step::Request::alone(base32(&*self.chance, 16), "")
    }
}

/// What is new has a number from now on, and is known.
fn numbered(record: &mut Record, noted: Noted, focus: Focus) -> Event {
    record.counted = record.counted.saturating_add(1);
    let noted = Noted { number: record.counted, ..noted };
    let seen = record.seen.entry(Arc::clone(&noted.patient)).or_default();
    seen.insert(Arc::clone(&noted.id), focus.mark);
    let focus = notification::Focus::Seen(focus.hit);
    let event = Event { number: noted.number, at: noted.at, focus };
    record.telling.push(noted);
    event
}

/// Looks until told to stop, then waits for what is under way. `current` gives the gateway of now: who
/// may be told what is decided by its settings.
pub async fn notify(current: impl Fn() -> Arc<Gateway>, mut stopping: crate::listen::Stopping) {
    let mut notifier = Notifier::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lost = false;
    loop {
        // Whoever has as many under way as may be looks again as soon as they are done: more may wait.
        let is_full = notifier.served.len() >= AT_A_TIME;
        tokio::select! {
            biased;
            () = stopping.asked() => break,
            _ = ticks.tick() => {}
            () = notifier.settled(), if is_full => {}
        }
        let looked = notifier.look(&current()).await;
        if let Err(error) = &looked
            && !lost
        {
            tracing::error!(cause = ?error, "what is to be notified cannot be read");
        }
        lost = looked.is_err();
    }
    notifier.settled().await;
}
