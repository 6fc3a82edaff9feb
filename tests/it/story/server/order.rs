//! Real processes, killed, paused and cut off while people withdraw and grant: the order of what
//! clients saw is checked afterwards, whatever it was.
//!
//! One thread does all the asking, so that what it sees has an order. When it sees a withdrawal
//! acknowledged it looks at once at every connection that waits for an answer: one on which nothing has
//! come by then must not bring what was withdrawn, nor must one asked later.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
};

use http::Method;
use mylife::{
    clock::{Clock, SystemClock},
    domain::theme::{
        Theme::{self, Health, Housing},
        ThemeSet,
    },
    source::follower::{EVERY, OLDEST},
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::spawn_local, time::timeout};

use super::{
    desk::{LONGEST, Line},
    members::PORTAL,
    on_one_thread,
    proxy::Way,
    town::{Told, Town},
};
use crate::{
    load::{
        history::{At, History, Span},
        judge::fault_of,
    },
    world::{Terms, reply},
};

const SOURCE: usize = 0;
const DESK: usize = 1;
const READER: usize = 2;
const REPLICAS: usize = 3;
/// Assessments of a person, so few that a page holds what follows from them.
pub(super) const PUSHED: usize = 10;

/// What somebody permits from some write on.
struct Write {
    themes: ThemeSet,
    acknowledged: bool,
    /// The version that was acknowledged.
    version: Option<u64>,
}

/// What somebody was shown.
struct Answer {
    themes: ThemeSet,
    span: Span,
}

/// All that was seen of one person.
pub(super) struct Seen {
    clock: SystemClock,
    now: u64,
    writes: Vec<Write>,
    consents: History<ThemeSet>,
    answers: Vec<Answer>,
    /// Connections on which an answer is waited for, and the last acknowledgement without a byte.
    waiting: Vec<Option<(std::net::TcpStream, At)>>,
    /// What was answered with anything but what was asked for, or not at all.
    pub(super) refused: usize,
    /// Of these, answers that had waited until they might not leave any more.
    too_old: usize,
    /// `X-Request-Id` of everything that must stand in the log: answers, writes, refusals.
    pub(super) requests: Vec<String>,
    news: Rc<watch::Sender<()>>,
}

/// Somebody, and what was seen of them.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) patient: String,
    name: &'static str,
    uuid: String,
    pub(super) seen: Rc<RefCell<Seen>>,
}

/// What there is to permit, by turns; each but the second and fourth takes something away.
fn turns() -> impl Iterator<Item = Vec<Theme>> {
    let turns: [&[Theme]; 5] = [&[Housing, Health], &[Health], &[Housing, Health], &[Housing], &[]];
    turns.into_iter().map(<[Theme]>::to_vec).cycle()
}

impl Seen {
    fn tick(&mut self) -> At {
        self.now += 1;
        self.news.send_replace(());
        (self.now, self.clock.elapsed())
    }

    fn begins(&mut self, themes: ThemeSet) -> usize {
        let begun = self.tick();
        self.writes.push(Write { themes, acknowledged: false, version: None });
        self.consents.begins(themes, begun)
    }

    /// So much was seen.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    fn acknowledged(&mut self, write: usize, told: Told) {
        let at = self.tick();
        self.consents.acknowledged(write, at);
        let write = &mut self.writes[write - 1];
        (write.acknowledged, write.version) = (true, told.version);
        self.requests.push(told.request);
        for (wire, unstarted) in self.waiting.iter_mut().flatten() {
            // The connection does not block, so nothing there is an error.
            if wire.peek(&mut [0]).is_err() {
                *unstarted = at;
            }
        }
    }

    /// Notes what came on the connection to one process; its status, if it is a whole answer.
    fn told(&mut self, at: usize, sent: At, told: Option<Told>) -> Option<u16> {
        let (_, unstarted) = self.waiting[at].take().unwrap();
        let ended = self.tick();
        self.refused += usize::from(told.as_ref().is_none_or(|told| told.status != 200));
        let told = told?;
        self.too_old += usize::from(told.text.contains("too old to leave"));
        if told.status == 200 {
            let themes = themes(&told.body);
            self.answers.push(Answer { themes, span: Span { sent, unstarted, ended } });
            self.requests.push(told.request);
        }
        Some(told.status)
    }

    /// Every answer that shows what it must not, or lacks what it must have; every write that was made
    /// upon another state than what was acknowledged before.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let versions: Vec<_> = self.writes.iter().filter_map(|write| write.version).collect();
        if !versions.is_sorted_by(|a, b| a < b) {
            faults.push(format!("a version that was acknowledged is gone: {versions:?}"));
        }
        for Answer { themes, span } in &self.answers {
            // Whatever it is, it is in force everywhere a second later.
            if let Some(fault) = fault_of(&self.consents, *themes, *span, Some(OLDEST + EVERY)) {
                faults.push(format!("asked at {span:?}: {fault}"));
            }
        }
        faults
    }

    fn withdrawals(&self) -> usize {
        let pairs = self.writes.iter().zip(self.writes.iter().skip(1));
        let taken = pairs.filter(|(a, b)| !b.themes.contains_all(a.themes));
        taken.filter(|(_, b)| b.acknowledged).count()
    }

    pub(super) fn answered(&self) -> usize {
        self.answers.len()
    }

    pub(super) fn shown(&self) -> usize {
        self.answers.iter().filter(|answer| !answer.themes.is_empty()).count()
    }
}

/// The themes that stand in a searchset.
fn themes(bundle: &Value) -> ThemeSet {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let each = entries.map(|entry| reply::themes(&entry["resource"]));
    each.fold(ThemeSet::EMPTY, ThemeSet::union)
}

impl Person {
    /// Somebody who has answered the survey.
    pub(super) async fn new(town: &Town, name: &'static str, number: u8) -> Self {
        let person = json!({
            "schema": "mylife/person/1", "id": name, "birth_date": "2001-05-17",
            "name": { "given": [name], "family": "Testi" },
        });
        let path = format!("/native/people/{name}");
        let told = town.once((0, SOURCE), Method::PUT, &path, Some(&person)).await.unwrap();
        assert_eq!(told.status, 201, "{}", told.body);
        let seen = Seen {
            clock: SystemClock::default(),
            now: 0,
            writes: Vec::new(),
            consents: History::of(ThemeSet::EMPTY),
            answers: Vec::new(),
            waiting: (0..town.replicas().len()).map(|_| None).collect(),
            refused: 0,
            too_old: 0,
            requests: vec![told.request],
            news: Rc::clone(&town.news),
        };
        let patient = told.body["patient"].as_str().unwrap().to_owned();
        let uuid = format!("urn:uuid:00000000-0000-4000-8000-0000000000{number:02}");
        let person = Self { patient, name, uuid, seen: Rc::new(RefCell::new(seen)) };
        person.push(town, 0, 0).await.expect("nothing hinders it");
        person
    }

    /// Pushes an assessment, one of a few, as no push before it had it; its id, if it is acknowledged.
    pub(super) async fn push(&self, town: &Town, at: usize, number: usize) -> Option<String> {
        let id = format!("{}-{}", self.name, number % PUSHED);
        // What stays as it was keeps its instant.
        let (times, limit) = (number / PUSHED, 11);
        let answers = [Housing, Health].map(|theme| {
            let (importance, satisfaction) = (times / limit % limit, times % limit);
            json!({ "theme": theme.code(), "importance": importance, "satisfaction": satisfaction })
        });
        let body = json!({
            "schema": "mylife/assessment/1", "id": id, "person": self.name, "form": "3x10d-30",
            "status": "completed", "authored": instant(number), "answered_by": "person",
            "language": "fi", "answers": answers,
        });
        let path = format!("/native/assessments/{id}");
        let told = town.once((at, SOURCE), Method::PUT, &path, Some(&body)).await?;
        let id = told.body["id"].as_str()?.to_owned();
        self.seen.borrow_mut().requests.push(told.request);
        Some(id)
    }

    /// Asks for what is not there, and for what the caller may not do; both stand in the log.
    pub(super) async fn is_refused(&self, town: &Town, at: usize) {
        let write = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{}", self.uuid);
        for (method, path, status) in [
            (Method::GET, "/fhir/Goal/297.aaaaaaaaaaaaaaaaaaaaaaaaaa", 404),
            (Method::PUT, write.as_str(), 403),
        ] {
            let Some(told) = town.once((at, READER), method, path, None).await else { continue };
            assert!(told.status == status || told.status >= 500, "{} {}", told.status, told.body);
            if told.status == status {
                self.seen.borrow_mut().requests.push(told.request);
            }
        }
    }

    /// Permits exactly this; has it been acknowledged?
    pub(super) async fn permits(&self, town: &Town, at: usize, allowed: &[Theme]) -> bool {
        let patient = json!({ "reference": format!("Patient/{}", self.patient) });
        let status = if allowed.is_empty() { "inactive" } else { "active" };
        let named = if allowed.is_empty() { &[Housing][..] } else { allowed };
        let terms = Terms::grant_to(PORTAL).themes(named);
        let mut body = terms.consent(&patient, &self.uuid, status);
        let path = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{}", self.uuid);
        let number = self.seen.borrow_mut().begins(allowed.iter().copied().collect());
        // No two are the same, so each has a version of its own.
        body["dateTime"] = json!(instant(number));
        let told = town.once((at, DESK), Method::PUT, &path, Some(&body)).await;
        match told {
            Some(told) if told.status < 300 => {
                self.seen.borrow_mut().acknowledged(number, told);
                true
            }
            Some(told) => {
                assert!(told.status >= 500 || told.status == 409, "{} {}", told.status, told.body);
                false
            }
            None => false,
        }
    }

    /// Asks one process once; the status of its answer, if there is one, and its whole.
    pub(super) async fn ask(&self, town: &Town, at: usize, line: &mut Line) -> Option<u16> {
        let path = format!("/fhir/Observation?patient={}", self.patient);
        let sent = {
            let mut seen = self.seen.borrow_mut();
            let sent = seen.tick();
            seen.waiting[at] = Some((line.wire.try_clone().unwrap(), sent));
            sent
        };
        let told = town.ask(line, READER, Method::GET, &path, None).await;
        self.seen.borrow_mut().told(at, sent, told)
    }

    /// Asks one process until it shows exactly this.
    pub(super) async fn is_shown(&self, town: &Town, at: usize, allowed: &[Theme]) {
        let wanted: ThemeSet = allowed.iter().copied().collect();
        let shown = async {
            loop {
                let Some(mut line) = town.line(at).await else { continue };
                let status = self.ask(town, at, &mut line).await;
                let seen = self.seen.borrow();
                if status == Some(200) && seen.answers.last().is_some_and(|a| a.themes == wanted) {
                    return;
                }
            }
        };
        timeout(LONGEST, shown).await.expect("it is not shown");
    }

    /// Asks one process again and again until told to end.
    pub(super) async fn read(&self, town: &Town, at: usize, ended: &Cell<bool>) {
        let mut kept = None;
        while !ended.get() {
            let Some(mut line) = town.line_again(kept.take(), at).await else {
                self.seen.borrow_mut().refused += 1;
                town.runs(at).await;
                continue;
            };
            let Some(status) = self.ask(town, at, &mut line).await else { continue };
            assert!(status == 200 || status >= 500, "{status}");
            kept = Some(line);
            // Others want to ask as well.
            tokio::task::yield_now().await;
        }
    }
}

/// An instant that is the same for the same number alone.
pub(super) fn instant(number: usize) -> String {
    let (hours, minutes, seconds) = (number / 3600, number / 60 % 60, number % 60);
    format!("2026-03-{:02}T{:02}:{minutes:02}:{seconds:02}Z", 2 + hours / 24, hours % 24)
}

/// Lets everything happen that can happen to a process, by turns. Each trouble lasts until the others
/// have seen what it may lead to.
async fn trouble(town: &Town, people: &[Person], turns: usize) {
    let outside = town.outside.as_ref().expect("there are several");
    let all = |count: fn(&Seen) -> usize| -> usize {
        people.iter().map(|person| count(&person.seen.borrow())).sum()
    };
    let more = async |count: fn(&Seen) -> usize, by: usize| {
        let from = all(count);
        town.until(|| all(count) >= from + by).await;
    };
    for turn in 0..turns {
        let number = turn % REPLICAS;
        // Between two others each is paused: an answer may be ready and not have left.
        match turn % 10 {
            0 | 2 | 4 | 6 | 8 => {
                town.signal(number, "-STOP");
                more(Seen::withdrawals, 1).await;
                town.signal(number, "-CONT");
            }
            1 => {
                town.kill(number);
                town.start(number).await;
            }
            3 => {
                outside.database(Way::Held);
                more(|seen| seen.refused, 1).await;
                outside.database(Way::Open);
            }
            5 => {
                outside.redis.set(Way::Held);
                more(|seen| seen.refused + seen.answered(), 30).await;
                outside.redis.set(Way::Open);
            }
            7 => {
                outside.database(Way::Cut);
                more(|seen| seen.refused, 1).await;
                outside.database(Way::Open);
            }
            _ => {
                for _ in 0..5 {
                    outside.empties_redis();
                    more(|seen| seen.refused + seen.answered(), 10).await;
                }
                outside.redis.set(Way::Cut);
                more(|seen| seen.refused + seen.answered(), 30).await;
                outside.redis.set(Way::Open);
            }
        }
        more(Seen::answered, 30).await;
        town.renew();
    }
}

async fn in_trouble(times: usize) {
    let town = Rc::new(Town::of(REPLICAS).await);
    let (mut people, mut doing) = (Vec::new(), Vec::new());
    let ended = Rc::new(Cell::new(false));
    for (name, number) in [("aino", 1), ("eetu", 2), ("helmi", 3)] {
        let person = Person::new(&town, name, number).await;
        for at in 0..REPLICAS {
            let (town, person, ended) = (town.clone(), person.clone(), ended.clone());
            doing.push(spawn_local(async move { person.read(&town, at, &ended).await }));
        }
        let (town, ended, writer) = (town.clone(), ended.clone(), person.clone());
        doing.push(spawn_local(async move {
            for (at, allowed) in turns().enumerate() {
                if ended.get() {
                    return;
                }
                writer.permits(&town, (at + usize::from(number)) % REPLICAS, &allowed).await;
                tokio::task::yield_now().await;
            }
        }));
        people.push(person);
    }
    trouble(&town, &people, times).await;
    // Chance decides whom the trouble meets: nobody is judged of whom little was seen.
    let enough = |seen: &Seen| seen.withdrawals() > 1 && seen.shown() > 20;
    town.until(|| people.iter().all(|person| enough(&person.seen.borrow()))).await;
    ended.set(true);
    for one in doing {
        one.await.unwrap();
    }
    for person in &people {
        assert_eq!(person.seen.borrow().faults(), Vec::<String>::new());
    }
}

/// An answer is decided and waits for its record; then what it shows is withdrawn elsewhere. Tried until
/// what was held was the record, and not a question of before the decision.
async fn waiting(paused: bool) {
    let (town, near, far) = (Town::of(2).await, 0, 1);
    let person = Person::new(&town, "aino", 1).await;
    let database = &town.outside.as_ref().unwrap().databases[far];
    let withdraw = async || {
        if paused {
            town.signal(far, "-STOP");
            database.set(Way::Open);
        }
        assert!(person.permits(&town, near, &[Health]).await);
        if paused {
            town.signal(far, "-CONT");
        } else {
            database.set(Way::Open);
        }
    };
    let has_left = async || {
        assert!(person.permits(&town, near, &[Housing, Health]).await);
        // Given once, so that it may be given again.
        person.is_shown(&town, far, &[Housing, Health]).await;
        let mut line = town.line(far).await.unwrap();
        let before = person.seen.borrow().too_old;
        database.set(Way::Held);
        let mut late = pin!(person.ask(&town, far, &mut line));
        let status = tokio::select! {
            () = database.holds(&person.patient) => tokio::join!(late, withdraw()).0,
            // It was refused: too long ago that it heard of the others.
            _ = &mut late => {
                database.set(Way::Open);
                return true;
            }
        };
        person.is_shown(&town, far, &[Health]).await;
        let seen = person.seen.borrow();
        assert_eq!(seen.faults(), Vec::<String>::new());
        status.is_some() && seen.too_old == before
    };
    let held = async { while has_left().await {} };
    timeout(10 * LONGEST, held).await.expect("each time it was answered");
}

#[test]
fn an_answer_that_waits_for_its_record_is_not_given_after_the_acknowledgement() {
    on_one_thread(waiting(false));
}

#[test]
fn an_answer_of_a_process_that_stood_still_is_not_given_after_the_acknowledgement() {
    on_one_thread(waiting(true));
}

#[test]
fn whatever_happens_to_them_nothing_withdrawn_starts_after_the_acknowledgement() {
    on_one_thread(in_trouble(10));
}

mod long {
    #[test]
    fn whatever_happens_to_them_for_minutes_nothing_withdrawn_starts_after_it() {
        super::on_one_thread(super::in_trouble(200));
    }
}
