//! One question: what it is about, what goes over the wire, and whether what came is right.
//!
//! Beside the way; of the load driver. What is asked for is settled when a connection is free for it; an
//! answer is judged as soon as it is whole.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound::{Excluded, Included, Unbounded},
};

use mylife::domain::theme::ThemeSet;
use serde_json::Value;

use super::{
    history::{At, Span},
    judge::Manner,
    mix::Kind,
    people::{People, READER, Record, TERMS, Whose, push, request},
    shown::{Found, Shown},
    stand::{CODES, HOLDERS, PORTAL, Stand},
    tally::{Ended, Tally},
};

/// Entries of a page of everybody.
const PAGE: usize = 20;

/// A question that is due.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    /// What is asked.
    pub(crate) kind: Kind,
    /// A number by which a person is chosen, and a form.
    pub(crate) chance: u64,
    /// When it is to be asked, on the driver's clock.
    pub(crate) due: std::time::Duration,
}

/// Somebody who walks through everybody, page by page.
#[derive(Clone, Default)]
pub(crate) struct Walk {
    node: usize,
    /// Where the next page is; none before the first.
    next: Option<String>,
    /// The last Patient that was seen, and when the page with it was asked for.
    after: Option<String>,
    since: Option<At>,
}

/// What a question is about.
pub(crate) enum About {
    /// One document, by its id.
    Document(usize),
    /// What is found of one person; are own words in it?
    Person(usize, bool),
    /// What two holders have of one person.
    Both([usize; 2]),
    /// The next page of everybody at a holder.
    Page(Walk),
    /// A push: the record, and the change.
    Push(usize, usize),
    /// A consent: the record, and the change.
    Consent(usize, usize),
}

/// Those who walk, at rest.
pub(crate) type Walks = [VecDeque<Walk>; HOLDERS];

impl About {
    /// Settles what a question is about, begins the changes, and tells what to send.
    pub(crate) fn settle(
        question: Question,
        node: usize,
        (people, walks): (&mut People, &mut Walks),
        stand: &Stand,
        at: At,
    ) -> (Self, Vec<u8>) {
        let chance = usize::try_from(question.chance >> 8).unwrap();
        let any = people.any(node, chance);
        match question.kind {
            Kind::Federated => {
                let (both, code) = &people.both[chance % people.both.len()];
                let form = form_urlencoded::Serializer::new(String::new())
                    .append_pair("patient.identifier", &format!("urn:oid:1.2.246.21|{code}"))
                    .finish();
                let extra =
                    "content-type: application/x-www-form-urlencoded\r\nmylife-nodes: 205,297\r\n";
                let to = ("POST", "/fhir/QuestionnaireResponse/_search");
                (Self::Both(*both), request(to, &stand.token(PORTAL, READER), extra, &form))
            }
            Kind::Page => {
                let walk = walks[node].pop_front().unwrap_or(Walk { node, ..Walk::default() });
                let first = || format!("/fhir/QuestionnaireResponse?_count={PAGE}");
                let path = walk.next.clone().unwrap_or_else(first);
                let question = request(("GET", &path), &stand.token(node, READER), "", "");
                (Self::Page(walk), question)
            }
            Kind::Push => match people.free(any, |one| !one.is_pushing) {
                Some(record) => {
                    let one = &mut people.records[record];
                    one.is_pushing = true;
                    one.pushed += 1;
                    let change = one.known.pushes.begins(one.pushed, at);
                    let question = push(stand, node, one.whose.person, one.pushed);
                    (Self::Push(record, change), question)
                }
                None => Self::read(people, any, stand),
            },
            Kind::Consent => match people.free(any, |one| !one.is_consenting) {
                Some(record) => {
                    let one = &mut people.records[record];
                    one.is_consenting = true;
                    let set = |turn: usize| TERMS[turn % TERMS.len()].iter().copied().collect();
                    let asked: ThemeSet = set(chance);
                    let allowed = if asked == one.allowed { set(chance + 1) } else { asked };
                    one.allowed = allowed;
                    let change = one.known.consents.begins(allowed, at);
                    let question = one.consent(stand, allowed);
                    (Self::Consent(record, change), question)
                }
                None => Self::read(people, any, stand),
            },
            Kind::Search => {
                let patient = &people.records[any].whose.patient;
                let words = question.chance.is_multiple_of(2);
                let kind = if words { "QuestionnaireResponse" } else { "Observation" };
                let path = format!("/fhir/{kind}?patient={patient}&_count=50");
                let question = request(("GET", &path), &stand.token(node, READER), "", "");
                (Self::Person(any, words), question)
            }
            Kind::Read => Self::read(people, any, stand),
        }
    }

    fn read(people: &People, record: usize, stand: &Stand) -> (Self, Vec<u8>) {
        let Record { whose, document, .. } = &people.records[record];
        let path = format!("/fhir/QuestionnaireResponse/{document}");
        (Self::Document(record), request(("GET", &path), &stand.token(whose.node, READER), "", ""))
    }

    /// What it is of, after all.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Document(_) => Kind::Read,
            Self::Person(..) => Kind::Search,
            Self::Both(_) => Kind::Federated,
            Self::Page(_) => Kind::Page,
            Self::Push(..) => Kind::Push,
            Self::Consent(..) => Kind::Consent,
        }
    }

    /// Records of which an answer tells; a page may tell of all at its holder.
    pub(crate) fn tells_of(&self) -> &[usize] {
        match self {
            Self::Document(record) | Self::Person(record, _) => std::slice::from_ref(record),
            Self::Both(both) => both,
            Self::Page(_) | Self::Push(..) | Self::Consent(..) => &[],
        }
    }

    /// Judges what came; how it ended.
    pub(crate) fn judge(
        self,
        told: Option<(u16, bool, &[u8])>,
        span: Span,
        (people, walks): (&mut People, &mut Walks),
        (stand, tally): (&Stand, &mut Tally),
    ) -> Ended {
        let Some((status, again, body)) = told else {
            *tally.said.entry("(no whole answer)".to_owned()).or_default() += 1;
            return self.lost(people, walks, false);
        };
        if status == 429 || status >= 500 {
            let said: Value = serde_json::from_slice(body).unwrap_or_default();
            let said = said["issue"][0]["diagnostics"].as_str().unwrap_or_default();
            *tally.said.entry(format!("{status} {said}")).or_default() += 1;
        }
        if matches!(status, 429 | 503) {
            if !again {
                tally.wrong(format!("{status} without Retry-After"));
            }
            let early = String::from_utf8_lossy(body).contains("under way");
            self.lost(people, walks, status == 429 || early);
            return Ended::Refused;
        }
        if status >= 500 {
            return self.lost(people, walks, false);
        }
        tally.checked += 1;
        if let Err(say) = self.right((status, body), span, (people, walks), (stand, tally)) {
            tally.wrong(say);
        }
        Ended::Well
    }

    /// Nothing came of it. Was it refused before anything was done?
    fn lost(self, people: &mut People, walks: &mut Walks, early: bool) -> Ended {
        match self {
            Self::Push(record, change) => {
                let one = &mut people.records[record];
                one.is_pushing = false;
                if early {
                    one.known.pushes.refused(change);
                }
            }
            Self::Consent(record, change) => {
                let one = &mut people.records[record];
                one.is_consenting = false;
                if early {
                    one.known.consents.refused(change);
                }
            }
            Self::Page(walk) => walks[walk.node].push_back(walk),
            Self::Document(_) | Self::Person(..) | Self::Both(_) => {}
        }
        Ended::Badly
    }

    fn right(
        self,
        (status, body): (u16, &[u8]),
        span: Span,
        (people, walks): (&mut People, &mut Walks),
        (stand, tally): (&Stand, &mut Tally),
    ) -> Result<(), String> {
        let strange = || format!("{status}: {}", String::from_utf8_lossy(body));
        let manner =
            |node: usize, words| Manner { span, within: stand.within(node), complete: true, words };
        match self {
            Self::Push(record, change) => {
                let one = &mut people.records[record];
                one.is_pushing = false;
                one.known.pushes.acknowledged(change, span.ended);
                if status == 200 { Ok(()) } else { Err(strange()) }
            }
            Self::Consent(record, change) => {
                let one = &mut people.records[record];
                one.is_consenting = false;
                one.known.consents.acknowledged(change, span.ended);
                if status == 200 { Ok(()) } else { Err(strange()) }
            }
            Self::Document(record) => {
                let one = &people.records[record];
                let shown = match status {
                    200 => Shown::of(body),
                    404 => Shown::default(),
                    _ => return Err(strange()),
                };
                tally.documents += 1;
                let is_it = status == 404 || says(body, &format!("\"id\":\"{}\"", one.document));
                judged(people, record, &shown, manner(one.whose.node, true))
                    .and_then(|()| if is_it { Ok(()) } else { Err(strange()) })
            }
            Self::Person(record, words) => {
                let found = found(status, body)?;
                let node = people.records[record].whose.node;
                let all = gathered(people, &found, &[record])?;
                tally.documents += found.entries.len() as u64;
                judged(people, record, &all[&record], manner(node, words))
            }
            Self::Both(both) => {
                let found = found(status, body)?;
                tally.partial += u64::from(!found.missing.is_empty());
                tally.documents += found.entries.len() as u64;
                let all = gathered(people, &found, &both)?;
                for (record, shown) in &all {
                    let node = people.records[*record].whose.node;
                    let complete = !found.missing.iter().any(|code| code == CODES[node]);
                    judged(people, *record, shown, Manner { complete, ..manner(node, true) })?;
                }
                Ok(())
            }
            Self::Page(mut walk) => {
                let node = walk.node;
                let found = found(status, body)?;
                tally.documents += found.entries.len() as u64;
                let paged = walk.paged(people, &found, manner(node, true));
                if paged.is_ok() {
                    let begun = Walk { node, ..Walk::default() };
                    walks[node].push_back(if walk.next.is_some() { walk } else { begun });
                }
                paged
            }
        }
    }
}

impl Walk {
    /// Judges a page, and goes on from its end.
    fn paged(&mut self, people: &People, found: &Found, manner: Manner) -> Result<(), String> {
        // Who is passed over was not to be seen at some time since the last who was.
        let since = *self.since.get_or_insert(manner.span.sent);
        let hidden = Manner { span: Span { sent: since, ..manner.span }, ..manner };
        let (mut last, mut shown) = (self.after.clone(), BTreeSet::new());
        for (id, one) in &found.entries {
            let record = people.of(id).ok_or_else(|| format!("{id} is unknown"))?;
            let patient = &people.records[record].whose.patient;
            if last.as_ref().is_some_and(|last| patient <= last) {
                return Err(format!("a page goes back to {patient}"));
            }
            judged(people, record, one, manner)?;
            last = Some(patient.clone());
            shown.insert(record);
        }
        self.next.clone_from(&found.next);
        // A page that shows nobody tells nothing of where it ends.
        if shown.is_empty() && found.next.is_some() {
            return Ok(());
        }
        let from = self.after.as_deref().map_or(Unbounded, Excluded);
        let until = last.as_deref().filter(|_| found.next.is_some()).map_or(Unbounded, Included);
        for (_, record) in people.by_patient[self.node].range::<str, _>((from, until)) {
            if !shown.contains(record) {
                judged(people, *record, &Shown::default(), hidden)?;
            }
        }
        (self.after, self.since) = (last, Some(manner.span.sent));
        Ok(())
    }
}

/// What a searchset shows of each of these, and of nobody else.
fn gathered(
    people: &People,
    found: &Found,
    of: &[usize],
) -> Result<BTreeMap<usize, Shown>, String> {
    let mut all: BTreeMap<usize, Shown> = of.iter().map(|one| (*one, Shown::default())).collect();
    for (id, one) in &found.entries {
        let shown = people.of(id).and_then(|record| all.get_mut(&record));
        shown.ok_or_else(|| format!("{id} is of somebody else"))?.add(one);
    }
    Ok(all)
}

/// Is what is shown of a record right, and of nobody else?
fn judged(people: &People, record: usize, shown: &Shown, manner: Manner) -> Result<(), String> {
    let Record { known, whose: Whose { patient, .. }, .. } = &people.records[record];
    let other = shown.patients.iter().find(|named| *named != patient);
    let fault = other.map(|other| format!("LEAK: names {other}"));
    let fault = fault.or_else(|| known.fault(shown, manner));
    fault.map_or(Ok(()), |fault| Err(format!("of {patient}: {fault}")))
}

fn found(status: u16, body: &[u8]) -> Result<Found, String> {
    let strange = |why: &str| format!("{status}, {why}: {}", String::from_utf8_lossy(body));
    if status != 200 {
        return Err(strange("no searchset"));
    }
    Found::of(body).map_err(|why| strange(&why))
}

fn says(body: &[u8], text: &str) -> bool {
    memchr::memmem::find(body, text.as_bytes()).is_some()
}
