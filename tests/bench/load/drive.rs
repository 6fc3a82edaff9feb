//! The asking side: questions are due at instants that are fixed beforehand, and latency counts from them.
//!
//! Beside the way; of the load driver. One thread asks all, so that what it sees has an order. Lanes, a
//! connection each, take what is due at a gateway one after the other; consent changes have lanes of their
//! own. When an acknowledgement is seen, every lane that waits for an answer about the same person is looked
//! at: one on which nothing has come by then must not bring what was withdrawn.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use mylife::clock::{Clock, SystemClock};
use tokio::{sync::Notify, task::spawn_local, time::sleep};

use super::{
    asked::{About, Question, Walks},
    history::{At, Span},
    line::Line,
    mix::{Dice, Kind},
    people::{People, Whose},
    stand::{HOLDERS, PORTAL, Stand},
    tally::{Ended, Tally},
};

/// Questions under way and due at a time, where as much is asked as can be answered.
const FLAT_OUT: usize = 128;
/// How long the last answers are waited for.
const REST: Duration = Duration::from_secs(30);
/// What has been due for longer at the end is not asked any more.
const PATIENCE: Duration = Duration::from_millis(100);
/// Lanes for pages that are looked at after an acknowledgement.
const LOOKED_AT: usize = 64;
/// Between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(1);

/// How fast is asked.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As many as are answered.
    FlatOut,
    /// So many a second, whatever is answered.
    Rate(f64),
}

/// What is due at one gateway.
#[derive(Default)]
struct Door {
    due: RefCell<VecDeque<Question>>,
    more: Notify,
}

/// A lane that waits for an answer.
struct Waiting {
    wire: Rc<std::net::TcpStream>,
    unstarted: At,
}

struct State {
    people: People,
    walks: Walks,
    tally: Tally,
    now: u64,
    lanes: Vec<Option<Waiting>>,
    /// Lanes that wait for a page of a holder.
    pages: [Vec<usize>; HOLDERS],
}

/// Asks gateways.
pub(crate) struct Drive {
    stand: Rc<Stand>,
    clock: SystemClock,
    /// Of the holders, of the portal, and of the holders for consent changes.
    doors: [Door; 2 * HOLDERS + 1],
    state: RefCell<State>,
    under_way: Cell<usize>,
    dice: RefCell<Dice>,
}

impl Drive {
    /// Asks about these people.
    pub(crate) fn new(stand: Rc<Stand>, people: People, seed: u64) -> Self {
        let state = State {
            people,
            walks: Walks::default(),
            tally: Tally::default(),
            now: 0,
            lanes: Vec::new(),
            pages: Default::default(),
        };
        Self {
            stand,
            clock: SystemClock::default(),
            doors: Default::default(),
            state: RefCell::new(state),
            under_way: Cell::new(0),
            dice: RefCell::new(Dice::new(seed)),
        }
    }

    /// Those whom nobody asks about.
    pub(crate) fn apart(&self) -> Vec<Whose> {
        self.state.borrow().people.apart.clone()
    }

    /// Opens so many more lanes at each door.
    pub(crate) fn open(self: &Rc<Self>, lanes: usize) {
        for door in 0..self.doors.len() {
            for _ in 0..lanes {
                let mut state = self.state.borrow_mut();
                let number = state.lanes.len();
                state.lanes.push(None);
                drop(spawn_local(Rc::clone(self).lane(door, number)));
            }
        }
    }

    /// Asks at a pace for a time; what came of it, and how long it took.
    pub(crate) async fn load(self: &Rc<Self>, pace: Pace, time: Duration) -> (Tally, Duration) {
        self.state.borrow_mut().tally = Tally::default();
        let began = self.clock.elapsed();
        let mut asked = 0_u32;
        loop {
            let now = self.clock.elapsed().saturating_sub(began);
            if now >= time {
                break;
            }
            match pace {
                Pace::FlatOut => {
                    while self.under_way.get() + self.due() < FLAT_OUT {
                        self.ask(self.clock.elapsed());
                    }
                }
                Pace::Rate(rate) => loop {
                    let due = Duration::from_secs_f64(f64::from(asked) / rate);
                    if due > now {
                        break;
                    }
                    asked += 1;
                    self.ask(began + due);
                },
            }
            // Timers go by milliseconds; answers are read in between.
            let waited = self.clock.elapsed() + PAUSE;
            sleep(PAUSE).await;
            let late = self.clock.elapsed().saturating_sub(waited);
            self.state.borrow_mut().tally.late.note(late);
        }
        let took = self.clock.elapsed().saturating_sub(began);
        let before = self.due();
        let waits_long = (began + took).saturating_sub(PATIENCE);
        for door in &self.doors {
            door.due.borrow_mut().retain(|question| question.due >= waits_long);
        }
        let unsent = before - self.due();
        let until = self.clock.elapsed() + REST;
        while self.under_way.get() + self.due() > 0 && self.clock.elapsed() < until {
            sleep(Duration::from_millis(5)).await;
        }
        let mut tally = std::mem::take(&mut self.state.borrow_mut().tally);
        tally.unsent = unsent as u64;
        (tally, took)
    }

    fn due(&self) -> usize {
        self.doors.iter().map(|door| door.due.borrow().len()).sum()
    }

    /// One more is due, at the holders by turns of chance.
    fn ask(&self, due: Duration) {
        let mut dice = self.dice.borrow_mut();
        let (kind, node, chance) =
            (dice.kind(), usize::from(dice.below(2) == 1), dice.below(u64::MAX));
        let door = match kind {
            Kind::Federated => PORTAL,
            Kind::Consent => PORTAL + 1 + node,
            Kind::Read | Kind::Search | Kind::Page | Kind::Push => node,
        };
        self.doors[door].due.borrow_mut().push_back(Question { kind, chance, due });
        self.doors[door].more.notify_one();
    }

    async fn lane(self: Rc<Self>, door: usize, number: usize) {
        let node = if door > PORTAL { door - PORTAL - 1 } else { door };
        let mut line = None;
        loop {
            let next = self.doors[door].due.borrow_mut().pop_front();
            let Some(question) = next else {
                self.doors[door].more.notified().await;
                continue;
            };
            self.under_way.set(self.under_way.get() + 1);
            line = match line.take().filter(Line::is_kept) {
                Some(line) => Some(line),
                None => Line::reach(&self.stand.tls, self.stand.port(node)).await,
            };
            self.exchange(node, number, question, line.as_mut()).await;
            self.under_way.set(self.under_way.get() - 1);
        }
    }

    async fn exchange(
        &self,
        node: usize,
        lane: usize,
        question: Question,
        line: Option<&mut Line>,
    ) {
        let began = self.clock.elapsed();
        let (about, bytes, sent) = {
            let mut state = self.state.borrow_mut();
            let state = &mut *state;
            let sent = state.tick(began);
            let about = (&mut state.people, &mut state.walks);
            let (about, bytes) =
                About::settle(question, node.min(HOLDERS - 1), about, &self.stand, sent);
            if let Some(line) = &line {
                state.waits(
                    lane,
                    node,
                    &about,
                    Waiting { wire: Rc::clone(&line.wire), unstarted: sent },
                );
            }
            (about, bytes, sent)
        };
        let told = match line {
            Some(line) => line.ask(&bytes).await,
            None => None,
        };
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let ended = self.clock.elapsed();
        let waited = state.waited(lane, node, &about);
        let unstarted = waited.map_or(sent, |waiting| waiting.unstarted);
        let span = Span { sent, unstarted, ended: state.tick(ended) };
        let kind = about.kind();
        let changed = if let About::Consent(record, ..) = about { Some(record) } else { None };
        let told = told.map(|reply| (reply.status, reply.again, reply.body));
        let beside = (&mut state.people, &mut state.walks);
        let became = about.judge(told, span, beside, (&self.stand, &mut state.tally));
        if let (Some(record), Ended::Well) = (changed, became) {
            state.looks(record, span.ended);
        }
        let took = ended.saturating_sub(began);
        state.tally.ended(kind, became, ended.saturating_sub(question.due), took);
    }
}

impl State {
    fn tick(&mut self, time: Duration) -> At {
        self.now += 1;
        (self.now, time)
    }

    /// A lane begins to wait for an answer.
    fn waits(&mut self, lane: usize, node: usize, about: &About, waiting: Waiting) {
        for record in about.tells_of() {
            self.people.records[*record].waiting.push(lane);
        }
        if let About::Page(_) = about {
            self.pages[node].push(lane);
        }
        self.lanes[lane] = Some(waiting);
    }

    /// It has ended.
    fn waited(&mut self, lane: usize, node: usize, about: &About) -> Option<Waiting> {
        for record in about.tells_of() {
            self.people.records[*record].waiting.retain(|one| *one != lane);
        }
        if let About::Page(_) = about {
            self.pages[node].retain(|one| *one != lane);
        }
        self.lanes[lane].take()
    }

    /// A change to a record was acknowledged: looks at every lane that waits for an answer about it.
    fn looks(&mut self, record: usize, at: At) {
        let record = &self.people.records[record];
        let pages = self.pages[record.whose.node].iter().take(LOOKED_AT);
        for lane in record.waiting.iter().chain(pages) {
            if let Some(waiting) = &mut self.lanes[*lane]
                // The connection does not block, so nothing there is an error.
                && waiting.wire.peek(&mut [0]).is_err()
            {
                waiting.unstarted = at;
            }
        }
    }
}
