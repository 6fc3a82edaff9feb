//! A life assessment goes through FHIR and back, in both directions, and comes out as it went in; or it
//! is refused with the element that cannot be kept.

use mylife::{
    domain::{
        assessment::{AnsweredBy, Assessment, Form},
        questionnaire::Questionnaires,
    },
    fhir::{schema::Fault, types::ResourceType::QuestionnaireResponse},
    mapping::{answered, survey::ANSWERED_BY, text::DOCUMENT},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{
    MANY,
    validity::Mapped,
    world::{Somebody, patient, somebody},
};

fn forms() -> Questionnaires {
    Questionnaires::load().unwrap()
}

/// What leaves of the one assessment that somebody has.
fn written(one: &Somebody, assessment: Assessment) -> Option<Value> {
    let mut one = one.clone();
    one.assessments = vec![vec![assessment]];
    one.plans.clear();
    let mapped = Mapped::of(&one);
    let all = mapped.everything();
    let response = mapped.resources().find(|resource| resource.kind == QuestionnaireResponse)?;
    Some(serde_json::from_str(&mapped.write(response, &all)?).unwrap())
}

/// What was read, as a native document.
fn native(mut document: Map<String, Value>) -> Assessment {
    document.insert("id".to_owned(), json!("a0"));
    document.insert("person".to_owned(), json!("p"));
    serde_json::from_value(Value::Object(document)).unwrap()
}

/// What the gateway adds to what was sent, by itself.
fn without_ours(mut response: Value) -> Value {
    let members = response.as_object_mut().unwrap();
    members.retain(|name, _| !["id", "meta", "text"].contains(&name.as_str()));
    if members["identifier"]["system"] == DOCUMENT {
        members.remove("identifier");
    }
    response
}

/// The same answers in one way of writing: what is not said is what it means, an instant has one text,
/// items stand in order, and texts of the form and items without an answer say nothing.
fn normal(mut response: Value) -> Value {
    let members = response.as_object_mut().unwrap();
    let is_own = members.get("extension").is_none_or(|of| of[0]["valueCode"] != "representative");
    let subject = members["subject"].clone();
    if is_own {
        members.entry("source").or_insert(subject);
    }
    members.entry("language").or_insert(json!("und"));
    let authored = members["authored"].as_str().unwrap();
    let authored = mylife::domain::moment::Moment::parse(authored).unwrap().to_string();
    members.insert("authored".to_owned(), json!(authored));
    let sorted = |mut all: Vec<Value>| {
        all.sort_by_key(|item| item["linkId"].to_string());
        all
    };
    let question = |mut item: Value| {
        item.as_object_mut().unwrap().remove("text");
        item
    };
    let group = |item: &Value| {
        let all = item["item"].as_array().cloned().unwrap_or_default();
        let all: Vec<Value> =
            all.into_iter().filter(|one| one.get("answer").is_some()).map(question).collect();
        (!all.is_empty()).then(|| json!({ "linkId": item["linkId"], "item": sorted(all) }))
    };
    let groups = members["item"].as_array().unwrap().iter().filter_map(group).collect();
    members.insert("item".to_owned(), sorted(groups).into());
    response
}

/// A response to one of the forms, as a portal might send it: everything in it has a place.
fn good() -> impl Strategy<Value = Value> {
    let forms = forms();
    let form = select(forms.all().to_vec());
    let told = (
        option::of(select(vec!["fi", "sv", "en", "se", "zh-Hant"])),
        select(vec!["in-progress", "completed", "amended"]),
        select(vec![
            "2026-02-01T10:00:00+02:00",
            "2026-02-01T10:00:00.5Z",
            "2026-02-28T23:59:59.123-11:30",
        ]),
        option::of(select(vec!["representative", "professional"])),
        any::<(bool, bool, bool, bool)>(),
    );
    (form, told, vec((0..12_u64, option::of("[ a-zäö\u{1F600}\"\\\\<&]{0,12}x"), any::<bool>()), 30)).prop_map(
        move |(form, (language, status, authored, by, (sourced, worded, named, versioned)), values)| {
            let mut groups: Vec<Value> = Vec::new();
            for (item, (score, words, filled)) in form.items.iter().zip(values) {
                let mut question = json!({ "linkId": item.link_id });
                if worded {
                    question["text"] = json!(item.text.sv);
                }
                match (item.facet.is_words(), words) {
                    (true, Some(words)) => question["answer"] = json!([{ "valueString": words }]),
                    (false, _) if score <= 10 => {
                        question["answer"] = json!([{ "valueInteger": score }]);
                    }
                    (_, _) if !filled => continue,
                    (_, _) => {}
                }
                let theme = item.theme.code();
                match groups.iter_mut().find(|group| group["linkId"] == theme) {
                    Some(group) => group["item"].as_array_mut().unwrap().push(question),
                    None => groups.push(json!({ "linkId": theme, "item": [question] })),
                }
            }
            let subject = json!({ "reference": format!("Patient/{}", patient(0)) });
            let version = if versioned { format!("|{}", form.version) } else { String::new() };
            let mut response = json!({
                "resourceType": "QuestionnaireResponse", "status": status, "authored": authored,
                "questionnaire": format!("{}{version}", form.url), "subject": subject, "item": groups,
            });
            if let Some(language) = language {
                response["language"] = json!(language);
            }
            if named {
                response["identifier"] = json!({ "system": "urn:ietf:rfc:3986", "value": "urn:uuid:1" });
            }
            if let Some(by) = by {
                response["extension"] = json!([{ "url": ANSWERED_BY, "valueCode": by }]);
            }
            if sourced && by != Some("representative") {
                response["source"] = subject;
            }
            response
        },
    )
}

/// What has no place in the native form, and where it is put: a pointer, a value, the expression by which
/// it is refused.
const FOREIGN: [(&str, &str, &str); 22] = [
    ("/author", r#"{ "reference": "Practitioner/1" }"#, "author"),
    ("/encounter", r#"{ "reference": "Encounter/1" }"#, "encounter"),
    ("/basedOn", r#"[{ "reference": "CarePlan/1" }]"#, "basedOn"),
    ("/contained", r#"[{ "resourceType": "Patient", "id": "1" }]"#, "contained"),
    ("/modifierExtension", r#"[{ "url": "urn:x", "valueBoolean": true }]"#, "modifierExtension"),
    ("/extension", r#"[{ "url": "urn:x", "valueDecimal": 1.10 }]"#, "extension[0]"),
    ("/_status", r#"{ "extension": [{ "url": "urn:x", "valueCode": "y" }] }"#, "status"),
    ("/implicitRules", r#""urn:x""#, "implicitRules"),
    ("/meta", r#"{ "tag": [{ "code": "x" }] }"#, "meta.tag"),
    ("/meta", r#"{ "profile": ["urn:x"] }"#, "meta.profile[0]"),
    ("/text", r#"{ "status": "additional", "div": "<div/>" }"#, "text.status"),
    ("/authored", r#""2026-02""#, "authored"),
    ("/authored", r#""2026-02-01T10:00:00.1234Z""#, "authored"),
    ("/status", r#""entered-in-error""#, "status"),
    ("/source", r#"{ "reference": "RelatedPerson/1" }"#, "source"),
    ("/subject/display", r#""Aino""#, "subject.display"),
    ("/item/0/definition", r#""urn:x""#, "item[0].definition"),
    (
        "/item/0/item/0/extension",
        r#"[{ "url": "urn:x", "valueBoolean": true }]"#,
        "item[0].item[0].extension",
    ),
    ("/item/0/item/0/text", r#""Some other question?""#, "item[0].item[0].text"),
    ("/item/0/item/0/answer", r#"[{ "valueDecimal": 7.0 }]"#, "item[0].item[0].answer[0].value"),
    (
        "/item/0/item/0/answer",
        r#"[{ "valueInteger": 1 }, { "valueInteger": 2 }]"#,
        "item[0].item[0].answer",
    ),
    ("/item/0/linkId", r#""shoes""#, "item[0].linkId"),
];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: MANY, failure_persistence: None, max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn native_to_fhir_and_back_is_the_same_document(one in somebody()) {
        for versions in &one.assessments {
            let assessment = versions.last().unwrap();
            let Some(response) = written(&one, assessment.clone()) else {
                prop_assert!(assessment.answers.is_empty());
                continue;
            };
            let told = |faults: Vec<Fault>| TestCaseError::fail(format!("{faults:?} of {response}"));
            let read = answered::response(&without_ours(response.clone()), &forms()).map_err(told)?;
            let by = read.answered_by;
            prop_assert_eq!(by, assessment.answered_by);
            let mut read = native(read.document);
            read.answers.sort_by_key(|answer| answer.theme);
            // To whose register a document belongs is its holder's to say, and the sender's own id of it
            // does not travel.
            let sent = Assessment { register: None, id: read.id.clone(), ..assessment.clone() };
            prop_assert_eq!(json!(read), json!(sent));
        }
    }

    #[test]
    fn fhir_to_native_and_back_is_the_same_response(one in somebody(), response in good()) {
        let read = answered::response(&response, &forms());
        if normal(response.clone())["item"].as_array().unwrap().is_empty() {
            let faults = read.err().unwrap();
            prop_assert_eq!(&faults[0].expression, "QuestionnaireResponse.item");
            return Ok(());
        }
        let told = |faults: Vec<Fault>| TestCaseError::fail(format!("{faults:?} of {response}"));
        let read = read.map_err(told)?;
        prop_assert_eq!(read.classes.is_empty(), !response.to_string().contains("valueString"));
        let back = written(&one, native(read.document)).unwrap();
        prop_assert_eq!(normal(without_ours(back)), normal(response));
    }

    #[test]
    fn what_has_no_place_is_refused_where_it_stands(response in good(), which in 0..FOREIGN.len()) {
        let (pointer, value, expression) = FOREIGN[which];
        let mut response = response;
        // Something is answered, or else what is refused is that.
        response["item"] = json!([{ "linkId": "housing", "item": [
            { "linkId": "housing.satisfaction", "answer": [{ "valueInteger": 3 }] }] }]);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        response.pointer_mut(parent).unwrap()[name] = serde_json::from_str(value).unwrap();
        let faults = answered::response(&response, &forms()).err().unwrap();
        let places: Vec<&str> = faults.iter().map(|fault| fault.expression.as_str()).collect();
        let place = format!("QuestionnaireResponse.{expression}");
        prop_assert!(places.contains(&place.as_str()), "{:?}", faults);
    }
}

#[test]
fn both_forms_are_read_for_each_age_group() {
    let forms = forms();
    assert!(forms.all().iter().any(|form| form.form == Form::Thirty));
    assert!(forms.all().iter().any(|form| form.form == Form::Ten));
    for form in forms.all() {
        let item = &form.items[0];
        let answer = if item.facet.is_words() {
            json!({ "valueString": "x" })
        } else {
            json!({ "valueInteger": 0 })
        };
        let response = json!({
            "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": form.url,
            "authored": "2026-02-01T10:00:00Z", "subject": { "reference": "Patient/297.a" },
            "item": [{ "linkId": item.theme.code(), "item": [
                { "linkId": item.link_id, "answer": [answer] }] }],
        });
        let read =
            answered::response(&response, &forms).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(read.answered_by, AnsweredBy::Person);
        assert_eq!(read.document["form"], form.form.code());
        assert_eq!(read.document["age_group"], form.age_group.code());
    }
}

#[test]
fn a_response_is_in_the_order_of_its_form() {
    for form in forms().all() {
        let mut themes: Vec<_> = form.items.iter().map(|item| item.theme).collect();
        themes.dedup();
        assert_eq!(themes, mylife::domain::theme::Theme::ASKED);
    }
}
