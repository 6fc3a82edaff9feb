//! Real processes, killed, paused and cut off while people withdraw and grant: the order of what
//! clients saw is checked afterwards, whatever it was.
//!
//! One thread does all the asking, so that what it sees has an order. When it sees a withdrawal
//! acknowledged it looks at once at every connection that waits for an answer: one on which nothing has
//! come by then must not bring what was withdrawn, nor must one asked later.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use http::Method;
use mylife::{
    clock::{Clock, SystemClock},
    domain::theme::Theme::{self, Health, Housing},
    source::follower::{EVERY, OLDEST},
};
use serde_json::{Value, json};
use tokio::task::{LocalSet, spawn_local};

use super::{
    proxy::Way,
    town::{PORTAL, Told, Town},
};
use crate::world::Terms;

const SOURCE: usize = 0;
const DESK: usize = 1;
const READER: usize = 2;
const REPLICAS: usize = 3;

type Themes = BTreeSet<String>;

/// What somebody permits from some write on.
struct Write {
    themes: Themes,
    begun: u64,
    acknowledged: Option<(u64, Duration)>,
}

/// What somebody was shown.
struct Answer {
    themes: Themes,
    sent: (u64, Duration),
    /// The last acknowledgement after which nothing of it had come.
    unstarted: u64,
    ended: u64,
}

/// All that was seen of one person.
pub(super) struct Seen {
    clock: SystemClock,
    now: u64,
    writes: Vec<Write>,
    answers: Vec<Answer>,
    /// Connections on which an answer is waited for, and the last acknowledgement without a byte.
    waiting: Vec<Option<(std::net::TcpStream, u64)>>,
    /// `X-Request-Id` of every answer.
    pub(super) requests: Vec<String>,
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
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn acknowledged(&mut self, write: usize) {
        let (at, instant) = (self.tick(), self.clock.elapsed());
        self.writes[write].acknowledged = Some((at, instant));
        for (wire, unstarted) in self.waiting.iter_mut().flatten() {
            // The connection does not block, so nothing there is an error.
            if wire.peek(&mut [0]).is_err() {
                *unstarted = at;
            }
        }
    }

    /// Notes what came on the connection to one process; its status, if it is a whole answer.
    fn told(&mut self, at: usize, sent: (u64, Duration), told: Option<Told>) -> Option<u16> {
        let (_, unstarted) = self.waiting[at].take().unwrap();
        let ended = self.tick();
        let told = told?;
        if told.status == 200 {
            let themes = themes(&told.body);
            self.answers.push(Answer { themes, sent, unstarted, ended });
            self.requests.push(told.request);
        }
        Some(told.status)
    }

    /// Every answer that shows what it must not, or lacks what it must have.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for Answer { themes, sent, unstarted, ended } in &self.answers {
            let from = sent.0.max(*unstarted);
            let before = |limit: &dyn Fn(u64, Duration) -> bool| {
                self.writes.iter().rposition(|w| w.acknowledged.is_some_and(|(a, t)| limit(a, t)))
            };
            let since = |from: Option<usize>| {
                let later = self.writes.iter().skip(from.unwrap_or(0));
                later.filter(|write| write.begun < *ended).map(|write| &write.themes)
            };
            let may: Themes = since(before(&|at, _| at <= from)).flatten().cloned().collect();
            if !themes.is_subset(&may) {
                faults.push(format!("asked at {sent:?}, {themes:?} where {may:?} is permitted"));
            }
            // Whatever it is, it is in force everywhere a second later.
            let Some(held) = before(&|_, at| at + OLDEST + EVERY <= sent.1) else { continue };
            // What was never acknowledged may be made late, if it takes away.
            let late = self.writes.iter().take(held).filter(|w| w.acknowledged.is_none());
            let all = since(Some(held)).chain(late.map(|write| &write.themes));
            let must = all.cloned().reduce(|a, b| &a & &b).unwrap_or_default();
            if !must.is_subset(themes) {
                faults.push(format!("asked at {sent:?}, {themes:?} without all of {must:?}"));
            }
        }
        faults
    }

    fn withdrawals(&self) -> usize {
        let pairs = self.writes.iter().zip(self.writes.iter().skip(1));
        let taken = pairs.filter(|(a, b)| !a.themes.is_subset(&b.themes));
        taken.filter(|(_, b)| b.acknowledged.is_some()).count()
    }

    pub(super) fn shown(&self) -> usize {
        self.answers.iter().filter(|answer| !answer.themes.is_empty()).count()
    }
}

/// The themes that stand in a searchset.
fn themes(bundle: &Value) -> Themes {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let labels = entries.filter_map(|entry| entry["resource"]["meta"]["security"].as_array());
    let codes = labels.flatten().filter_map(|label| label["code"].as_str());
    let known = |code: &&str| [Housing, Health].iter().any(|theme| theme.code() == *code);
    codes.filter(known).map(str::to_owned).collect()
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
            answers: Vec::new(),
            waiting: (0..town.replicas().len()).map(|_| None).collect(),
            requests: Vec::new(),
        };
        let patient = told.body["patient"].as_str().unwrap().to_owned();
        let uuid = format!("urn:uuid:00000000-0000-4000-8000-0000000000{number:02}");
        let person = Self { patient, name, uuid, seen: Rc::new(RefCell::new(seen)) };
        person.push(town, 0, 0).await.expect("nothing hinders it");
        person
    }

    /// Pushes an assessment; its id, if it is acknowledged.
    pub(super) async fn push(&self, town: &Town, at: usize, number: usize) -> Option<String> {
        let id = format!("{}-{number}", self.name);
        let answers = [Housing, Health]
            .map(|theme| json!({ "theme": theme.code(), "importance": 2, "satisfaction": 1 }));
        let body = json!({
            "schema": "mylife/assessment/1", "id": id, "person": self.name, "form": "3x10d-30",
            "status": "completed", "authored": "2026-02-01T10:00:00Z", "answered_by": "person",
            "language": "fi", "answers": answers,
        });
        let path = format!("/native/assessments/{id}");
        let told = town.once((at, SOURCE), Method::PUT, &path, Some(&body)).await?;
        let id = told.body["id"].as_str()?.to_owned();
        (told.status < 300).then_some(id)
    }

    /// Permits exactly this; has it been acknowledged?
    pub(super) async fn permits(&self, town: &Town, at: usize, allowed: &[Theme]) -> bool {
        let patient = json!({ "reference": format!("Patient/{}", self.patient) });
        let status = if allowed.is_empty() { "inactive" } else { "active" };
        let named = if allowed.is_empty() { &[Housing][..] } else { allowed };
        let terms = Terms::grant_to(PORTAL).themes(named);
        let body = terms.consent(&patient, &self.uuid, status);
        let path = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{}", self.uuid);
        let number = {
            let mut seen = self.seen.borrow_mut();
            let begun = seen.tick();
            let themes = allowed.iter().map(|theme| theme.code().to_owned()).collect();
            seen.writes.push(Write { themes, begun, acknowledged: None });
            seen.writes.len() - 1
        };
        let told = town.once((at, DESK), Method::PUT, &path, Some(&body)).await;
        let done = told.as_ref().is_some_and(|told| told.status < 300);
        if done {
            self.seen.borrow_mut().acknowledged(number);
        } else if let Some(told) = told {
            assert!(told.status >= 500 || told.status == 409, "{} {}", told.status, told.body);
        }
        done
    }

    /// Asks one process again and again until told to end.
    pub(super) async fn read(&self, town: &Town, at: usize, ended: &RefCell<bool>) {
        let path = format!("/fhir/Observation?patient={}", self.patient);
        let mut kept = None;
        while !*ended.borrow() {
            let Some(mut line) = (match kept.take() {
                Some(line) => Some(line),
                None => town.line(at).await,
            }) else {
                // It is dead: another look at a later time.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let sent = {
                let mut seen = self.seen.borrow_mut();
                let sent = (seen.tick(), seen.clock.elapsed());
                seen.waiting[at] = Some((line.wire.try_clone().unwrap(), 0));
                sent
            };
            let told = town.ask(&mut line, READER, Method::GET, &path, None).await;
            let Some(told) = self.seen.borrow_mut().told(at, sent, told) else { continue };
            assert!(told == 200 || told >= 500, "{told}");
            kept = Some(line);
            // Others want to ask as well.
            tokio::task::yield_now().await;
        }
    }
}

/// Lets everything happen that can happen to a process, by turns, for so long.
async fn trouble(town: &Town, lasts: Duration) {
    let clock = SystemClock::default();
    let outside = town.outside.as_ref().expect("there are several");
    // A trouble has a length, which is all that is waited for here.
    let pass = |by: u64| tokio::time::sleep(Duration::from_millis(by));
    for turn in 0_usize.. {
        if clock.elapsed() > lasts {
            return;
        }
        let number = turn % REPLICAS;
        // Between two others each is paused: an answer may be ready and not have left.
        match turn % 10 {
            0 | 2 | 4 | 6 | 8 => {
                town.signal(number, "-STOP");
                pass(3000).await;
                town.signal(number, "-CONT");
            }
            1 => {
                town.kill(number);
                town.start(number).await;
            }
            3 => {
                outside.database.set(Way::Held);
                pass(1500).await;
                outside.database.set(Way::Open);
            }
            5 => {
                outside.redis.set(Way::Held);
                pass(700).await;
                outside.redis.set(Way::Open);
            }
            7 => {
                outside.database.set(Way::Cut);
                pass(300).await;
                outside.database.set(Way::Open);
            }
            _ => {
                outside.redis.set(Way::Cut);
                pass(300).await;
                outside.redis.set(Way::Open);
            }
        }
        pass(300).await;
    }
}

fn in_trouble(lasts: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let town = Rc::new(Town::of(REPLICAS).await);
        let (mut people, mut doing) = (Vec::new(), Vec::new());
        let ended = Rc::new(RefCell::new(false));
        for (name, number) in [("aino", 1), ("eetu", 2), ("helmi", 3)] {
            let person = Person::new(&town, name, number).await;
            for at in 0..REPLICAS {
                let (town, person, ended) = (town.clone(), person.clone(), ended.clone());
                doing.push(spawn_local(async move { person.read(&town, at, &ended).await }));
            }
            let (town, ended, writer) = (town.clone(), ended.clone(), person.clone());
            doing.push(spawn_local(async move {
                for (at, allowed) in turns().enumerate() {
                    if *ended.borrow() {
                        return;
                    }
                    writer.permits(&town, (at + usize::from(number)) % REPLICAS, &allowed).await;
                    tokio::task::yield_now().await;
                }
            }));
            people.push(person);
        }
        trouble(&town, lasts).await;
        ended.replace(true);
        for one in doing {
            one.await.unwrap();
        }
        for person in &people {
            let seen = person.seen.borrow();
            assert_eq!(seen.faults(), Vec::<String>::new());
            assert!(seen.withdrawals() > 1 && seen.shown() > 20, "little was seen");
        }
    });
}

#[test]
fn whatever_happens_to_them_nothing_withdrawn_starts_after_the_acknowledgement() {
    in_trouble(Duration::from_secs(24));
}

mod long {
    #[test]
    fn whatever_happens_to_them_for_minutes_nothing_withdrawn_starts_after_it() {
        // No longer than a token is good for.
        super::in_trouble(super::Duration::from_mins(4));
    }
}
