//! Real processes of a portal and two holders, paused, slow, cut off and killed while a person grants
//! and withdraws through the portal: the order of what clients of the portal saw is checked afterwards.
//!
//! One thread does all the asking, as in `order`. When it sees that a holder has acknowledged, it looks at
//! once at every connection that waits for an answer: one on which nothing has come by then must not
//! bring what that holder had withdrawn, nor must one asked later.

use std::{
    cell::{Cell, RefCell},
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
use tokio::task::spawn_local;

use super::{
    desk::Line,
    land::{CODES, HERE, Land},
    members::PORTAL,
    on_one_thread,
    order::instant,
    proxy::Way,
};
use crate::{
    load::{
        history::{At, History, Span},
        judge::fault_of,
    },
    world::{Terms, reply},
};

const DESK: usize = 1;
pub(super) const READER: usize = 2;
pub(super) const HOLDERS: usize = 2;
const UUID: &str = "urn:uuid:00000000-0000-4000-8000-0000000000f1";

/// What the person permits from some write on.
struct Write {
    themes: ThemeSet,
    /// Has each holder acknowledged it, as far as the client was told?
    acknowledged: [bool; HOLDERS],
}

/// What somebody was shown of each holder's data.
struct Answer {
    themes: [ThemeSet; HOLDERS],
    span: Span,
}

struct Seen {
    now: u64,
    writes: Vec<Write>,
    /// The same at each holder.
    consents: [History<ThemeSet>; HOLDERS],
    answers: Vec<Answer>,
    /// Connections on which an answer is waited for, and the last acknowledgement without a byte.
    waiting: BTreeMap<usize, (std::net::TcpStream, At)>,
    refused: usize,
}

impl Seen {
    fn new() -> Self {
        let consents = [(); HOLDERS].map(|()| History::of(ThemeSet::EMPTY));
        let (answers, waiting) = (Vec::new(), BTreeMap::new());
        Self { now: 0, writes: Vec::new(), consents, answers, waiting, refused: 0 }
    }

    /// The order alone counts.
    fn tick(&mut self) -> At {
        self.now += 1;
        (self.now, Duration::ZERO)
    }

    fn begins(&mut self, themes: ThemeSet) -> usize {
        let at = self.tick();
        for consents in &mut self.consents {
            consents.begins(themes, at);
        }
        self.writes.push(Write { themes, acknowledged: [false; HOLDERS] });
        self.writes.len()
    }

    fn acknowledged(&mut self, write: usize, holders: &[usize]) {
        let at = self.tick();
        for holder in holders {
            self.writes[write - 1].acknowledged[*holder] = true;
            self.consents[*holder].acknowledged(write, at);
        }
        for (wire, unstarted) in self.waiting.values_mut() {
            // The connection does not block, so nothing there is an error.
            if wire.peek(&mut [0]).is_err() {
                *unstarted = at;
            }
        }
    }

    /// Every answer that shows what it must not.
    fn faults(&self) -> Vec<String> {
        let faults = self.answers.iter().flat_map(|Answer { themes, span }| {
            let shown = self.consents.iter().zip(themes).zip(CODES);
            shown.filter_map(move |((consents, shown), code)| {
                let fault = fault_of(consents, *shown, *span, None)?;
                Some(format!("asked at {span:?}, {code}: {fault}"))
            })
        });
        faults.collect()
    }

    /// Withdrawals that a holder acknowledged.
    fn withdrawals(&self, holder: usize) -> usize {
        let pairs = self.writes.iter().zip(self.writes.iter().skip(1));
        let taken = pairs.filter(|(a, b)| !b.themes.contains_all(a.themes));
        taken.filter(|(_, b)| b.acknowledged[holder]).count()
    }

    fn shown(&self, holder: usize) -> usize {
        self.answers.iter().filter(|answer| !answer.themes[holder].is_empty()).count()
    }
}

/// Somebody whom both holders know, and what was seen of them.
#[derive(Clone)]
pub(super) struct Somebody {
    code: String,
    seen: Rc<RefCell<Seen>>,
}

impl Somebody {
    pub(super) async fn new(land: &Land) -> Self {
        let code = IdentityCode::invent(Day::parse("2001-05-17").unwrap(), 901).unwrap();
        let person = json!({
            "schema": "mylife/person/1", "id": "aino", "birth_date": "2001-05-17",
            "identity_code": code.reveal(), "name": { "given": ["Aino"], "family": "Testi" },
        });
        let answers =
            [Housing, Health].map(|theme| json!({ "theme": theme.code(), "satisfaction": 3 }));
        let survey = json!({
            "schema": "mylife/assessment/1", "id": "a", "person": "aino", "form": "3x10d-30",
            "status": "completed", "authored": "2026-03-02T10:00:00Z", "answered_by": "person",
            "language": "fi", "answers": answers,
        });
        for holder in 0..HOLDERS {
            land.push(holder, "/native/people/aino", &person).await;
            land.push(holder, "/native/assessments/a", &survey).await;
        }
        Self { code: code.reveal().to_owned(), seen: Rc::new(RefCell::new(Seen::new())) }
    }

    /// Permits exactly this, through the portal; the holders that have acknowledged it.
    pub(super) async fn permits(&self, land: &Land, allowed: &[Theme]) -> Vec<usize> {
        let person =
            json!({ "identifier": { "system": "urn:oid:1.2.246.21", "value": self.code } });
        let status = if allowed.is_empty() { "inactive" } else { "active" };
        let named = if allowed.is_empty() { &[Housing][..] } else { allowed };
        let mut body = Terms::grant_to(PORTAL).themes(named).consent(&person, UUID, status);
        let number = self.seen.borrow_mut().begins(allowed.iter().copied().collect());
        // No two are the same, so each has a version of its own.
        body["dateTime"] = json!(instant(number));
        let path = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{UUID}");
        let Some(mut line) = land.line(HERE).await else { return Vec::new() };
        let ask = (Method::PUT, &*path, "application/fhir+json", body.to_string());
        let Some((status, said)) = land.asks(&mut line, DESK, ask).await else { return Vec::new() };
        assert!(matches!(status, 200 | 202 | 422 | 500..), "{status} {said}");
        let said = said.to_string();
        let has = |holder: &usize| said.contains(&format!("{}: acknowledged", CODES[*holder]));
        let holders: Vec<usize> = (0..HOLDERS).filter(has).collect();
        self.seen.borrow_mut().acknowledged(number, &holders);
        land.news.send_replace(());
        holders
    }

    /// The question what both hold of the person.
    pub(super) fn question(&self) -> (Method, &'static str, &'static str, String) {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("patient.identifier", &format!("urn:oid:1.2.246.21|{}", self.code))
            .finish();
        (Method::POST, "/fhir/Observation/_search", "application/x-www-form-urlencoded", form)
    }

    /// Asks the portal once for what both hold.
    async fn ask(&self, land: &Land, at: usize, line: &mut Line) -> Option<u16> {
        let sent = {
            let mut seen = self.seen.borrow_mut();
            let (wire, sent) = (line.wire.try_clone().unwrap(), seen.tick());
            seen.waiting.insert(at, (wire, sent));
            sent
        };
        let told = land.asks(line, READER, self.question()).await;
        let mut seen = self.seen.borrow_mut();
        let (_, unstarted) = seen.waiting.remove(&at).unwrap();
        let ended = seen.tick();
        let is_whole = told.as_ref().is_some_and(|(status, _)| *status == 200);
        seen.refused += usize::from(!is_whole);
        if let Some((200, bundle)) = &told {
            let themes = [0, 1].map(|holder| themes(bundle, CODES[holder]));
            seen.answers.push(Answer { themes, span: Span { sent, unstarted, ended } });
        }
        land.news.send_replace(());
        told.map(|(status, _)| status)
    }

    /// Asks again and again until told to end.
    async fn reads(&self, land: &Land, at: usize, ended: &Cell<bool>) {
        let mut kept = None;
        while !ended.get() {
            let line = match kept.take() {
                Some(line) => Some(line),
                None => land.line(HERE).await,
            };
            let Some(mut line) = line else {
                tokio::task::yield_now().await;
                continue;
            };
            let Some(status) = self.ask(land, at, &mut line).await else { continue };
            assert!(status == 200 || status >= 500, "{status}");
            kept = Some(line);
            tokio::task::yield_now().await;
        }
    }
}

/// The themes of what one holder has in a searchset.
pub(super) fn themes(bundle: &Value, holder: &str) -> ThemeSet {
    let entries = bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    let own = entries
        .filter(|one| one["id"].as_str().is_some_and(|id| id.starts_with(&format!("{holder}."))));
    own.map(reply::themes).fold(ThemeSet::EMPTY, ThemeSet::union)
}

/// Lets everything happen that can happen to a peer, by turns; and the portal be killed.
async fn trouble(land: &Land, person: &Somebody, turns: usize) {
    let seen = &person.seen;
    let more = async |count: &dyn Fn(&Seen) -> usize, by: usize| {
        let from = count(&seen.borrow());
        land.until(|| count(&seen.borrow()) >= from + by).await;
    };
    let asked = |seen: &Seen| seen.answers.len() + seen.refused;
    for turn in 0..turns {
        let (one, other) = (turn % HOLDERS, (turn + 1) % HOLDERS);
        let withdrawn = move |seen: &Seen| seen.withdrawals(other);
        match turn % 5 {
            // Paused: what it has decided may not have left.
            0 => {
                land.signal(one, "-STOP");
                more(&withdrawn, 1).await;
                land.signal(one, "-CONT");
            }
            // Cut off.
            1 => {
                land.way(one, Way::Cut);
                more(&withdrawn, 1).await;
                land.way(one, Way::Open);
            }
            // Slow: what passes waits, and passes.
            2 => {
                for _ in 0..3 {
                    land.way(one, Way::Held);
                    more(&asked, 1).await;
                    land.way(one, Way::Open);
                    more(&asked, 1).await;
                }
            }
            3 => {
                land.kill(HERE);
                land.start(HERE).await;
            }
            _ => {
                land.kill(one);
                more(&withdrawn, 1).await;
                land.start(one).await;
            }
        }
        // Until the one that was in trouble is heard again.
        more(&|seen: &Seen| seen.withdrawals(one), 2).await;
        more(&|seen: &Seen| seen.shown(one), 2).await;
        land.renew();
    }
}

async fn in_trouble(turns: usize) {
    let land = Rc::new(Land::new().await);
    let person = Somebody::new(&land).await;
    let ended = Rc::new(Cell::new(false));
    assert_eq!(person.permits(&land, &[Housing, Health]).await, [0, 1], "nothing hinders it");
    let mut doing = Vec::new();
    for at in 0..3 {
        let (land, person, ended) = (Rc::clone(&land), person.clone(), Rc::clone(&ended));
        doing.push(spawn_local(async move { person.reads(&land, at, &ended).await }));
    }
    let (town, writer, over) = (Rc::clone(&land), person.clone(), Rc::clone(&ended));
    doing.push(spawn_local(async move {
        let sets: [&[Theme]; 5] =
            [&[Health], &[Housing, Health], &[Housing], &[], &[Housing, Health]];
        for allowed in sets.into_iter().cycle() {
            if over.get() {
                return;
            }
            writer.permits(&town, allowed).await;
            tokio::task::yield_now().await;
        }
    }));
    trouble(&land, &person, turns).await;
    ended.set(true);
    for one in doing {
        one.await.unwrap();
    }
    let seen = person.seen.borrow();
    assert_eq!(seen.faults(), Vec::<String>::new());
    for (holder, code) in CODES.iter().take(HOLDERS).enumerate() {
        assert!(seen.withdrawals(holder) > 1, "few withdrawals at {code}");
        assert!(seen.shown(holder) > 2, "little was shown of {code}");
    }
}

#[test]
fn through_a_portal_nothing_withdrawn_starts_after_the_acknowledgement() {
    on_one_thread(in_trouble(5));
}

mod long {
    #[test]
    fn through_a_portal_for_minutes_nothing_withdrawn_starts_after_it() {
        super::on_one_thread(super::in_trouble(60));
    }
}
