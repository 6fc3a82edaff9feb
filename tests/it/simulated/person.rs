//! Somebody whom both holders know: what they permit at the holders and through the portal, and what others
//! are shown of them meanwhile. Everything is kept in the order in which it was seen on the network.

use std::{
    cell::{Ref, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use http::Method;
use mylife::domain::{
    day::Day,
    identity::IdentityCode,
    theme::{
        Theme::{self, Health, Housing},
        ThemeSet,
    },
};
use serde_json::{Value, json};
use tokio::time;

use super::{
    clients::{Ask, Clients, DESK, Line, READER, SOURCE, Told},
    federation::{CODES, HOLDERS, PORTAL},
    network::passed,
};
use crate::{
    load::{
        history::{History, Span},
        mix::Dice,
    },
    world::{Reply, START, Terms, actor::ORGANIZATIONS, reply::themes},
};

/// A Consent that somebody writes again and again.
pub(super) struct Written {
    pub(super) at: usize,
    pub(super) forbids: bool,
    uuid: &'static str,
}

/// What is permitted and forbidden at both holders, through the portal, and at each of them.
pub(super) const CONSENTS: [Written; 4] = [
    Written { at: PORTAL, forbids: false, uuid: "urn:uuid:00000000-0000-4000-8000-0000000000f0" },
    Written { at: PORTAL, forbids: true, uuid: "urn:uuid:00000000-0000-4000-8000-0000000000f1" },
    Written { at: 1, forbids: false, uuid: "urn:uuid:00000000-0000-4000-8000-0000000000f2" },
    Written { at: 2, forbids: false, uuid: "urn:uuid:00000000-0000-4000-8000-0000000000f3" },
];
const GRANT: usize = 0;

/// Assessments at each holder: of each there is one Observation of each theme.
const ASSESSMENTS: usize = 2;
/// Longer than anything takes that is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(8);
/// What can be permitted; what is likely stands twice.
const SETS: [&[Theme]; 6] =
    [&[Housing, Health], &[Housing, Health], &[Housing], &[Health], &[], &[]];

/// What somebody was shown of one holder's data.
pub(super) struct Shown {
    pub(super) what: String,
    pub(super) holder: usize,
    pub(super) span: Span,
    /// What was asked about.
    pub(super) asked: ThemeSet,
    pub(super) themes: ThemeSet,
    /// Is all there that should be, by what is said?
    pub(super) is_complete: bool,
}

/// All that was seen.
pub(super) struct Seen {
    /// By holder and Consent: the themes that it leaves to be shown.
    pub(super) consents: [[History<ThemeSet>; CONSENTS.len()]; HOLDERS],
    pub(super) shown: Vec<Shown>,
    pub(super) faults: Vec<String>,
    /// Changes that the portal has taken, whoever has acknowledged them.
    taken: Vec<(usize, usize)>,
    /// Of a theme at a holder.
    ids: BTreeMap<String, (usize, Theme)>,
    writes: usize,
    writing: usize,
    /// The portal shows all, and nothing more will be asked.
    pub(super) is_over: bool,
    /// Answers of the portal that were whole, and others; writes that all acknowledged, and others.
    pub(super) counted: [usize; 4],
}

/// Somebody, and what was seen of them.
#[derive(Clone)]
pub(super) struct Person {
    code: String,
    clients: Clients,
    seen: Rc<RefCell<Seen>>,
}

/// What there is.
fn all() -> ThemeSet {
    [Housing, Health].into_iter().collect()
}

impl Person {
    pub(super) fn new(clients: Clients) -> Self {
        let code = IdentityCode::invent(Day::parse("2001-05-17").unwrap(), 901).unwrap();
        let none = |one: Written| History::of(if one.forbids { all() } else { ThemeSet::EMPTY });
        let seen = Seen {
            consents: [(); HOLDERS].map(|()| CONSENTS.map(none)),
            shown: Vec::new(),
            faults: Vec::new(),
            taken: Vec::new(),
            ids: BTreeMap::new(),
            writes: 0,
            writing: 0,
            is_over: false,
            counted: [0; 4],
        };
        let (code, seen) = (code.reveal().to_owned(), Rc::new(RefCell::new(seen)));
        Self { code, clients, seen }
    }

    pub(super) fn seen(&self) -> Ref<'_, Seen> {
        self.seen.borrow()
    }

    /// Is nothing being written?
    pub(super) fn rests(&self) -> bool {
        self.seen().writing == 0
    }

    /// Both holders come to know the person, who permits the first.
    pub(super) async fn comes(self) {
        let person = json!({
            "schema": "mylife/person/1", "id": "aino", "birth_date": "2001-05-17",
            "identity_code": self.code, "name": { "given": ["Aino"], "family": "Testi" },
        });
        let answers =
            [Housing, Health].map(|theme| json!({ "theme": theme.code(), "satisfaction": 3 }));
        for holder in 1..=HOLDERS {
            let mut line = None;
            let mut push = async |path: String, body: &Value| {
                let (kind, body) = ("application/json", body.to_string());
                let ask = Ask { method: Method::PUT, path, kind, body };
                let told = self.clients.ask(&mut line, (SOURCE, holder), ask, PATIENCE).await;
                assert_eq!(told.expect("nothing hinders it").reply.status(), 201);
            };
            push("/native/people/aino".to_owned(), &person).await;
            for number in 0..ASSESSMENTS {
                let survey = json!({
                    "schema": "mylife/assessment/1", "id": format!("a{number}"), "person": "aino",
                    "form": "3x10d-30", "status": "completed", "authored": instant(number),
                    "answered_by": "person", "language": "fi", "answers": answers,
                });
                push(format!("/native/assessments/a{number}"), &survey).await;
            }
        }
        self.permits(&mut None, GRANT, &[Housing, Health], PATIENCE).await;
        self.asks(&mut None, PORTAL).await;
    }

    /// Permits something else at a place now and then, until `end`.
    pub(super) async fn writes(self, mut dice: Dice, at: usize, end: Duration) {
        self.seen.borrow_mut().writing += 1;
        let mut line = None;
        while passed() < end {
            rest(20 + dice.below(1200)).await;
            let here = (0..CONSENTS.len()).filter(|consent| CONSENTS[*consent].at == at);
            let consent = *pick(&mut dice, &here.collect::<Vec<_>>());
            let sets: &[&[Theme]] = if CONSENTS[consent].forbids { &[SETS[0], &[]] } else { &SETS };
            let allowed = *pick(&mut dice, sets);
            // Whoever does not wait may write the next while the portal still passes on the last.
            let hurry = at == PORTAL && dice.below(4) == 0;
            let millis = Duration::from_millis(50 + dice.below(2500));
            let patience = if hurry { millis } else { PATIENCE };
            self.permits(&mut line, consent, allowed, patience).await;
        }
        self.seen.borrow_mut().writing -= 1;
    }

    /// Writes one Consent, which leaves these to be shown; have all acknowledged it?
    async fn permits(
        &self,
        line: &mut Option<Line>,
        consent: usize,
        allowed: &[Theme],
        patience: Duration,
    ) -> bool {
        let Written { at, .. } = CONSENTS[consent];
        let network = &self.clients.network;
        let whom: Vec<usize> =
            (0..HOLDERS).filter(|holder| at == PORTAL || at == holder + 1).collect();
        let (number, change) = {
            let (seen, begun) = (&mut *self.seen.borrow_mut(), network.now());
            seen.writes += 1;
            let mut change = 0;
            for holder in &whom {
                let themes = allowed.iter().copied().collect();
                change = seen.consents[*holder][consent].begins(themes, begun);
            }
            (seen.writes, change)
        };
        let name = format!("consent {consent} change {change} {allowed:?}");
        network.note(passed(), &name);
        let ask = self.consent(consent, number, allowed);
        let told = self.clients.ask(line, (DESK, at), ask, patience).await;
        let seen = &mut *self.seen.borrow_mut();
        let Some(Told { reply, started }) = told else {
            network.note(passed(), &format!("{name}: nothing"));
            return false;
        };
        network.note(passed(), &format!("{name}: {}", reply.text()));
        let is_done = |holder: &usize| {
            if at == PORTAL {
                reply.text().contains(&format!("{}: acknowledged", CODES[holder + 1]))
            } else {
                reply.status() < 300
            }
        };
        let done: Vec<usize> = whom.iter().copied().filter(is_done).collect();
        for holder in &done {
            seen.consents[*holder][consent].acknowledged(change, started);
        }
        let is_whole = done == whom;
        seen.counted[2 + usize::from(!is_whole)] += 1;
        match reply.status() {
            200 | 201 if is_whole => {}
            202 if at == PORTAL && !is_whole => seen.taken.push((consent, change)),
            500.. => {}
            _ => seen.faults.push(format!("{name} is told: {reply:?}")),
        }
        is_whole
    }

    fn consent(&self, consent: usize, number: usize, allowed: &[Theme]) -> Ask {
        let Written { forbids, uuid, .. } = CONSENTS[consent];
        let person =
            json!({ "identifier": { "system": "urn:oid:1.2.246.21", "value": self.code } });
        let to = format!("urn:oid:{}", ORGANIZATIONS[0]);
        let terms = if forbids {
            Terms::prohibition_of(&to)
        } else {
            Terms::grant_to(&to).themes(if allowed.is_empty() { &[Housing] } else { allowed })
        };
        let is_active = allowed.is_empty() == forbids;
        let status = if is_active { "active" } else { "inactive" };
        let mut body = terms.consent(&person, uuid, status);
        // No two are the same, so each has a version of its own.
        body["dateTime"] = json!(instant(number));
        let path = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{uuid}");
        let (kind, body) = ("application/fhir+json", body.to_string());
        Ask { method: Method::PUT, path, kind, body }
    }

    /// Asks again and again for what there is, the portal or whom chance names, until `end`.
    pub(super) async fn gives_answers(self, mut dice: Dice, at: Option<usize>, end: Duration) {
        let mut lines = [None, None, None];
        while passed() < end {
            rest(5 + dice.below(500)).await;
            let at = at.unwrap_or_else(|| *pick(&mut dice, &[1, 2]));
            // Now and then on a new connection.
            if dice.below(4) == 0 {
                lines[at] = None;
            }
            let ids: Vec<String> = self.seen().ids.keys().cloned().collect();
            if at == PORTAL && dice.below(4) == 0 && !ids.is_empty() {
                self.reads(&mut lines[at], pick::<String>(&mut dice, &ids)).await;
            } else {
                self.asks(&mut lines[at], at).await;
            }
        }
    }

    /// Makes an end of what it has permitted at holders alone, then asks until the portal shows all; gives
    /// what it shows of each holder.
    pub(super) async fn ends(self) {
        let network = &self.clients.network;
        for (consent, _) in CONSENTS.iter().enumerate().filter(|(_, one)| one.at != PORTAL) {
            while !self.permits(&mut None, consent, &[], PATIENCE).await {
                rest(500).await;
            }
        }
        {
            let (seen, at) = (&mut *self.seen.borrow_mut(), network.now());
            for (consent, change) in seen.taken.drain(..) {
                // Nothing is owed any more.
                seen.consents.iter_mut().for_each(|all| all[consent].acknowledged(change, at));
            }
        }
        while !self.asks(&mut None, PORTAL).await {
            rest(500).await;
        }
        let seen = &mut *self.seen.borrow_mut();
        let [.., one, other] = &seen.shown[..] else { panic!("of both") };
        if one.themes != other.themes {
            let fault = format!("in the end one shows {:?}, one {:?}", one.themes, other.themes);
            seen.faults.push(fault);
        }
        seen.is_over = true;
    }

    /// Asks a gateway for all there is; was the answer whole?
    async fn asks(&self, line: &mut Option<Line>, at: usize) -> bool {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("patient.identifier", &format!("urn:oid:1.2.246.21|{}", self.code))
            .append_pair("_count", "100")
            .finish();
        let ask = Ask {
            method: Method::POST,
            path: "/fhir/Observation/_search".to_owned(),
            kind: "application/x-www-form-urlencoded",
            body: form,
        };
        let Some((what, span, reply)) = self.asked(line, at, ask).await else { return false };
        let seen = &mut *self.seen.borrow_mut();
        if reply.status() != 200 {
            return seen.fails(at, &what, &reply);
        }
        let states = if at == PORTAL { reply.completeness() } else { BTreeMap::new() };
        let matches = reply.matches();
        if at == PORTAL {
            let is_whole = states.values().all(|state| state == "complete");
            seen.counted[usize::from(!is_whole)] += 1;
            let named = states.keys().map(String::as_str).eq(CODES[1..].iter().copied());
            if !named || reply.total() != is_whole.then_some(matches.len() as u64) {
                seen.faults.push(format!("{what}: {reply:?}"));
            }
        }
        for holder in (0..HOLDERS).filter(|holder| at == PORTAL || at == holder + 1) {
            let code = CODES[holder + 1];
            let own = |one: &&&Value| one["id"].as_str().unwrap().starts_with(&format!("{code}."));
            let held: Vec<&Value> = matches.iter().filter(own).copied().collect();
            let state = states.get(code).map_or("complete", String::as_str);
            if state == "not-reached" && !held.is_empty() {
                seen.faults.push(format!("{what}: {code} was not reached, and is shown"));
            }
            for theme in [Housing, Health] {
                let of = || held.iter().filter(|one| themes(one).contains(theme));
                if state == "complete" && ![0, ASSESSMENTS].contains(&of().count()) {
                    seen.faults.push(format!("{what}: {code} is not complete: {reply:?}"));
                }
                let id = |one: &&&Value| one["id"].as_str().unwrap().to_owned();
                let ids: Vec<String> = of().map(|one| id(&one)).collect();
                seen.ids.extend(ids.into_iter().map(|id| (id, (holder, theme))));
            }
            seen.shown.push(Shown {
                what: what.clone(),
                holder,
                span,
                asked: all(),
                themes: held.iter().map(|one| themes(one)).fold(ThemeSet::EMPTY, ThemeSet::union),
                is_complete: state == "complete",
            });
        }
        at != PORTAL || states.values().all(|state| state == "complete")
    }

    /// Reads one resource through the portal.
    async fn reads(&self, line: &mut Option<Line>, id: &str) -> bool {
        let path = format!("/fhir/Observation/{id}");
        let ask = Ask { method: Method::GET, path, kind: "", body: String::new() };
        let Some((what, span, reply)) = self.asked(line, PORTAL, ask).await else { return false };
        let seen = &mut *self.seen.borrow_mut();
        if !matches!(reply.status(), 200 | 404) {
            return seen.fails(PORTAL, &what, &reply);
        }
        let (holder, theme) = seen.ids[id];
        let asked = ThemeSet::EMPTY.with(theme);
        let themes = if reply.status() == 200 { themes(reply.json()) } else { ThemeSet::EMPTY };
        seen.shown.push(Shown { what, holder, span, asked, themes, is_complete: true });
        true
    }

    /// What came of a question: a name for it, when it was, and its answer, if one came.
    async fn asked(
        &self,
        line: &mut Option<Line>,
        at: usize,
        ask: Ask,
    ) -> Option<(String, Span, Reply)> {
        let (network, path) = (&self.clients.network, ask.path.clone());
        let sent = network.now();
        let told = self.clients.ask(line, (READER, at), ask, PATIENCE).await;
        let what = format!("{} {path} asked at {:?}", CODES[at], sent.1);
        let Some(Told { reply, started }) = told else {
            network.note(passed(), &format!("{what}: nothing"));
            return None;
        };
        let told = (reply.status(), reply.header("x-request-id"), reply.sent().len());
        network.note(passed(), &format!("{what}: {told:?}"));
        Some((what, Span { sent, unstarted: started, ended: network.now() }, reply))
    }
}

impl Seen {
    /// Nothing but a server's failure keeps an answer from who may ask.
    fn fails(&mut self, at: usize, what: &str, reply: &Reply) -> bool {
        if reply.status() < 500 {
            self.faults.push(format!("{what} at {}: {reply:?}", CODES[at]));
        }
        false
    }
}

/// An instant that is the same for the same number alone.
fn instant(number: usize) -> String {
    START.minus(Duration::from_secs(7200 - number as u64)).to_string()
}

/// Moves time, which stands still: turmoil's runtimes are `start_paused`.
async fn rest(millis: u64) {
    time::sleep(Duration::from_millis(millis)).await;
}

fn pick<'a, T>(dice: &mut Dice, all: &'a [T]) -> &'a T {
    &all[usize::try_from(dice.below(all.len() as u64)).unwrap()]
}
