//! What the oracle sees of a plan, piece by piece.

use serde::Serialize;

use super::*;

/// Sensitivity of a unit or service by its id; what is not listed is sensitive in every way.
fn sensitivity(id: &str) -> ClassSet {
    let all = [Class::MentalHealth, Class::SubstanceUse, Class::ChildProtection];
    match id {
        "297.svc.youth" | "297.org.youth" => ClassSet::EMPTY,
        "297.svc.mind" | "297.org.mind" => ClassSet::EMPTY.with(Class::MentalHealth),
        _ => all.into_iter().collect(),
    }
}

/// A part of a plan: type, key, letter of its id, what it says, themes, classes.
struct Piece {
    of: &'static str,
    id: String,
    what: String,
    key: String,
    value: String,
    themes: ThemeSet,
    classes: ClassSet,
    is_plans: bool,
}

pub(super) fn plan(versions: &[Plan], whose: usize, number: usize) -> Vec<Bit> {
    let id = document('w', whose, number);
    let content = |p: &Plan| {
        let parts = pieces(p, &id).into_iter().map(|piece| (piece.key, piece.value));
        (parts.collect(), p.status.code().to_owned())
    };
    let stamps = stamps('w', number, versions, content);
    let last = versions.last().unwrap();
    let bit = |piece: Piece| {
        let sort = if piece.is_plans { Sort::Plan } else { Sort::Item };
        let unit = unit(sort, piece.of, &piece.id, piece.themes, piece.classes);
        let mut unit = placed(unit, last.register.as_ref(), last.created);
        unit.plan = Some(format!("CarePlan/{id}").into());
        Bit {
            key: format!("{}/{}#{}", piece.of, piece.id, piece.what),
            stamp: stamps[&piece.key].clone(),
            value: piece.value,
            unit,
        }
    };
    pieces(last, &id).into_iter().map(bit).collect()
}

fn pieces(plan: &Plan, id: &str) -> Vec<Piece> {
    let mut all = of_whole(plan, id);
    let words = ClassSet::EMPTY.with(Class::FreeText);
    let mut add =
        |of, own: &str, key: String, themes, sensitive, value: String, said: Option<&str>| {
            let piece = |what: &str, key, value, classes| Piece {
                of,
                id: own.to_owned(),
                what: what.to_owned(),
                key,
                value,
                themes,
                classes,
                is_plans: of == "follow-up",
            };
            let mut pieces = vec![piece("base", key.clone(), value, sensitive)];
            pieces.extend(said.map(|said| {
                piece("words", format!("{key} words"), said.to_owned(), sensitive.union(words))
            }));
            for mut piece in pieces {
                if piece.is_plans {
                    piece.of = "Task";
                }
                all.push(piece);
            }
        };
    for goal in &plan.goals {
        let key = format!("goal:{}", goal.id.as_str());
        let value = facts(goal, &["words", "concerns", "assessment"]);
        let own = part(id, &key, 'g');
        let said = Some(goal.words.as_str());
        add("Goal", &own, key, goal.themes, ClassSet::EMPTY, value, said);
    }
    for service in &plan.services {
        let key = format!("service:{}", service.id.as_str());
        let value = facts(service, &["note"]);
        let own = part(id, &key, 's');
        let said = service.note.as_ref().map(mylife::domain::words::Words::as_str);
        let sensitive = sensitivity(service.service.as_str());
        add("ServiceRequest", &own, key, service.themes, sensitive, value, said);
    }
    for action in &plan.actions {
        let key = format!("action:{}", action.id.as_str());
        let value = facts(action, &["text", "performer", "goal"]);
        let own = part(id, &key, 'a');
        add("Task", &own, key, action.themes, ClassSet::EMPTY, value, Some(action.text.as_str()));
    }
    for meeting in &plan.follow_up {
        let key = format!("follow-up:{}", meeting.id.as_str());
        let value = facts(meeting, &["text"]);
        let own = part(id, &key, 'f');
        let said = meeting.text.as_ref().map(mylife::domain::words::Words::as_str);
        add("follow-up", &own, key, ThemeSet::EMPTY, ClassSet::EMPTY, value, said);
    }
    all.extend(owners(plan, id));
    all
}

/// What a part says, beside what is a piece or a reference of its own.
fn facts(part: &impl Serialize, apart: &[&str]) -> String {
    let mut all = json!(part);
    all.as_object_mut().unwrap().retain(|name, _| !apart.contains(&name.as_str()));
    all.to_string()
}

/// Who does an action, where that is a professional: a mention of a unit.
fn owners(plan: &Plan, id: &str) -> Vec<Piece> {
    let of = |action: &mylife::domain::plan::Action| {
        let Performer::Member(member) = &action.performer else { return None };
        let member = plan.team.iter().find(|m| m.id == *member)?;
        Some(Piece {
            of: "Task",
            id: part(id, &format!("action:{}", action.id.as_str()), 'a'),
            what: "owner".to_owned(),
            key: format!("owner:{}", action.id.as_str()),
            value: member.practitioner.to_string(),
            themes: action.themes,
            classes: sensitivity(member.organization.as_str()),
            is_plans: false,
        })
    };
    plan.actions.iter().filter_map(of).collect()
}

fn of_whole(plan: &Plan, id: &str) -> Vec<Piece> {
    let piece = |of, id: String, what: &str, key: &str, value: String, classes| Piece {
        of,
        id,
        what: what.to_owned(),
        key: key.to_owned(),
        value,
        themes: ThemeSet::EMPTY,
        classes,
        is_plans: true,
    };
    let words = ClassSet::EMPTY.with(Class::FreeText);
    let own =
        |what, key, value, classes| piece("CarePlan", id.to_owned(), what, key, value, classes);
    let period = json!(plan.period).to_string();
    let mut all = vec![
        own("base", "plan", period.clone(), ClassSet::EMPTY),
        piece("Provenance", format!("{id}.pv"), "base", "plan", period, ClassSet::EMPTY),
    ];
    let views = plan.views.as_ref();
    let said = [
        ("title", plan.title.as_ref()),
        ("person", views.and_then(|v| v.person.as_ref())),
        ("professional", views.and_then(|v| v.professional.as_ref())),
    ];
    let said = said.into_iter().filter_map(|(what, text)| Some((what, text?.as_str())));
    all.extend(said.map(|(what, text)| own(what, what, text.to_owned(), words)));
    for member in plan.team.iter().filter(|m| m.active) {
        let key = format!("team:{}", member.id.as_str());
        let classes = sensitivity(member.organization.as_str());
        let value = json!(member).to_string();
        all.push(piece("CareTeam", format!("{id}.ct"), &key, &key, value, classes));
    }
    all
}
