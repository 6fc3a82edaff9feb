//! What differs between two days, and which expectation is not met: lines, or one JSON object.
//!
//! Part of [`super`]; `mylife audit trace` tells of classes in the same words.

use serde_json::{Value, json};

use crate::{
    cli::output::Output,
    consent::explain::{By, Row, about::About, row_of},
};

/// What is found.
pub(super) struct Report {
    people: usize,
    callers: usize,
    differences: Vec<Difference>,
    expected: usize,
    unmet: Vec<Unmet>,
}

struct Difference {
    person: String,
    caller: String,
    about: About,
    today: Row,
    tomorrow: Row,
}

struct Unmet {
    person: String,
    caller: String,
    about: About,
    permit: bool,
    got: Row,
}

impl Report {
    pub(super) fn new(people: usize, callers: usize) -> Self {
        let (differences, unmet) = (Vec::new(), Vec::new());
        Self { people, callers, differences, expected: 0, unmet }
    }

    /// Notes what differs.
    pub(super) fn compare(&mut self, person: &str, caller: &str, today: &[Row], tomorrow: &[Row]) {
        let all =
            About::PLAIN.into_iter().flat_map(|plain| [plain].into_iter().chain(plain.withheld()));
        for about in all.chain([About::Records]) {
            // What neither day tells apart is told with its theme.
            let apart = [today, tomorrow].iter().any(|rows| rows.iter().any(|r| r.about == about));
            let rows = row_of(today, about).zip(row_of(tomorrow, about));
            let Some((before, after)) = rows.filter(|_| apart) else { continue };
            let (today, tomorrow) = (before.clone().about(about), after.clone().about(about));
            if today != tomorrow {
                let (person, caller) = (person.to_owned(), caller.to_owned());
                self.differences.push(Difference { person, caller, about, today, tomorrow });
            }
        }
    }

    /// Notes what was expected, and whether it is so.
    pub(super) fn expect(
        &mut self,
        person: &str,
        caller: &str,
        (about, row): (About, &Row),
        permit: bool,
    ) {
        self.expected += 1;
        if row.permitted != permit {
            let (person, caller) = (person.to_owned(), caller.to_owned());
            self.unmet.push(Unmet { person, caller, about, permit, got: row.clone() });
        }
    }

    /// Is an expectation not met?
    pub(super) const fn has_unmet(&self) -> bool {
        !self.unmet.is_empty()
    }

    /// Says it all.
    pub(super) fn tell(&self, as_json: bool, output: &mut Output<'_>) {
        if as_json {
            output.line(self.json());
            return;
        }
        for Difference { person, caller, about, today, tomorrow } in &self.differences {
            let (about, today, tomorrow) = (about.code(), said(today), said(tomorrow));
            output.line(format_args!("{person} | {caller} | {about}: {today} -> {tomorrow}"));
        }
        for Unmet { person, caller, about, permit, got } in &self.unmet {
            let word = if *permit { "permitted" } else { "denied" };
            let (about, got) = (about.code(), said(got));
            output.line(format_args!("{person} | {caller} | {about}: expected {word}, is {got}"));
        }
        let turned = |permitted: bool| {
            let turns = |d: &&Difference| {
                d.today.permitted != permitted && d.tomorrow.permitted == permitted
            };
            self.differences.iter().filter(turns).count()
        };
        let Self { people, callers, expected, unmet, .. } = self;
        let (more, less) = (turned(true), turned(false));
        output.line(format_args!(
            "{people} people, {callers} callers: {more} more permitted, {less} less, {} otherwise; \
             {expected} expected, {} not so",
            self.differences.len() - more - less,
            unmet.len()
        ));
    }

    fn json(&self) -> Value {
        let difference = |d: &Difference| {
            json!({ "person": d.person, "caller": d.caller, "class": d.about.code(),
                "today": shown(&d.today), "tomorrow": shown(&d.tomorrow) })
        };
        let unmet = |u: &Unmet| {
            json!({ "person": u.person, "caller": u.caller, "class": u.about.code(),
                "permit": u.permit, "got": shown(&u.got) })
        };
        json!({
            "people": self.people, "callers": self.callers, "expected": self.expected,
            "differences": self.differences.iter().map(difference).collect::<Vec<_>>(),
            "unmet": self.unmet.iter().map(unmet).collect::<Vec<_>>(),
        })
    }
}

/// A row in a few words: `permitted (allowed) by Consent/...`.
pub(in crate::cli) fn said(row: &Row) -> String {
    let word = match (row.permitted, row.partly) {
        (true, false) => "permitted",
        (true, true) => "partly permitted",
        (false, _) => "denied",
    };
    let by = |by: &[By]| by.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut text = format!("{word} ({})", row.why.code());
    if !row.basis.is_empty() {
        text.push_str(&format!(" by {}", by(&row.basis)));
    }
    if !row.against.is_empty() {
        text.push_str(&format!(" against {}", by(&row.against)));
    }
    text
}

/// A row as JSON.
pub(in crate::cli) fn shown(row: &Row) -> Value {
    let names = |by: &[By]| by.iter().map(name).collect::<Vec<_>>();
    json!({ "permitted": row.permitted, "partly": row.partly, "step": row.why.code(),
        "by": names(&row.basis), "against": names(&row.against) })
}

fn name(by: &By) -> String {
    match by {
        By::Consent(id) => format!("Consent/{id}"),
        By::Law { id, .. } => format!("law {id}"),
        By::Representation(who) => who.to_string(),
        By::Register => "same-register".to_owned(),
        By::Officer => "officer".to_owned(),
        By::Writer => "writer".to_owned(),
    }
}
