//! The survey's forms as FHIR Questionnaires, with the texts and their attribution.
//!
//! Pure. Items carry the label of their theme as `code`; own words are `text`, scores `integer` 0 to
//! 10. Swedish and English stand as translations beside the Finnish. Source: FHIR R4 questionnaire.html.

use serde_json::{Value, json};

use crate::{
    domain::{
        questionnaire::{Item, Questionnaire, Questionnaires, Translated},
        theme::Theme,
    },
    fhir::{coding::coding, labels::THEME},
    mapping::survey::CODES,
    markup::escape,
};

const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";

/// Every form, without `meta`, in order of id.
pub fn resources(forms: &Questionnaires) -> Vec<Value> {
    let mut all: Vec<Value> = forms.all().iter().map(|form| resource(form, forms)).collect();
    all.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    all
}

fn resource(form: &Questionnaire, forms: &Questionnaires) -> Value {
    let mut groups: Vec<(Theme, Vec<Value>)> = Vec::new();
    for item in &form.items {
        match groups.iter_mut().find(|(theme, _)| *theme == item.theme) {
            Some((_, items)) => items.push(question(item)),
            None => groups.push((item.theme, vec![question(item)])),
        }
    }
    let items: Vec<Value> = groups
        .into_iter()
        .map(|(theme, items)| {
            let mut group = json!({
                "linkId": theme.code(),
                "code": [coding(THEME, theme.code())],
                "type": "group",
                "item": items,
            });
            if let Some(name) = forms.theme(theme) {
                worded(&mut group, "text", name);
            }
            group
        })
        .collect();
    let title = escape(&form.title.fi);
    let mut value = json!({
        "resourceType": "Questionnaire",
        "id": form.id,
        "language": "fi",
        "text": {
            "status": "generated",
            "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{title}</p></div>"),
        },
        "url": form.url,
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": form.url }],
        "version": form.version,
        "name": form.id.replace('-', "_"),
        "status": form.status.code(),
        "subjectType": ["Patient"],
        "item": items,
    });
    worded(&mut value, "title", &form.title);
    worded(&mut value, "copyright", &form.copyright);
    value
}

fn question(item: &Item) -> Value {
    let mut value = json!({
        "linkId": item.link_id,
        "code": [coding(CODES, &item.link_id)],
        "type": if item.facet.is_words() { "text" } else { "integer" },
        "required": false,
    });
    if let (Some(object), false) = (value.as_object_mut(), item.facet.is_words()) {
        let bound = |name: &str, value: u8| json!({ "url": format!("http://hl7.org/fhir/StructureDefinition/{name}"), "valueInteger": value });
        object.insert("extension".to_owned(), json!([bound("minValue", 0), bound("maxValue", 10)]));
    }
    if let (Some(object), true) = (value.as_object_mut(), item.facet.is_words()) {
        object.insert("maxLength".to_owned(), json!(crate::domain::questionnaire::MAX_WORDS));
    }
    worded(&mut value, "text", &item.text);
    value
}

/// A text in Finnish, with its translations beside it.
fn worded(value: &mut Value, name: &str, text: &Translated) {
    let Some(object) = value.as_object_mut() else { return };
    object.insert(name.to_owned(), json!(text.fi));
    let translation = |language: &str, content: &str| {
        json!({
            "url": TRANSLATION,
            "extension": [
                { "url": "lang", "valueCode": language },
                { "url": "content", "valueString": content },
            ],
        })
    };
    let all = [translation("sv", &text.sv), translation("en", &text.en)];
    object.insert(format!("_{name}"), json!({ "extension": all }));
}
