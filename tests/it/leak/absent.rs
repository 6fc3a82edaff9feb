//! Roads that are not there: refused or ignored alike for all, whatever is stored.

use http::Method;

use super::stage::{HIDDEN, Stage};
use crate::world::{Reply, actor::Ask};

#[test]
pub(super) fn parameters_that_are_not_served_tell_nothing() {
    let stage = Stage::new();
    let rows = [
        // (parameter, is it refused even if the caller is not strict?)
        ("_has:Observation:patient:code=health.satisfaction", true),
        ("subject:Patient.general-practitioner.name=x", true),
        ("_include=QuestionnaireResponse:author", true),
        ("_include:iterate=*", true),
        ("author.name=x", false),
        ("_filter=item%20gt%204", false),
        ("_list=x", false),
        ("_contained=both", false),
        ("_text=Unohda", false),
        ("_content=Unohda", false),
        ("_query=x", false),
        ("item-health=gt4", false),
        ("status:above=completed", true),
    ];
    let path = |row: &str| stage.of_aino("QuestionnaireResponse", &format!("&{row}"));
    let strict = || vec![("prefer", "handling=strict".to_owned())];
    let found = stage.tells_nothing(|| {
        let ask = |row: &str, headers| {
            stage.asks(Method::GET, &path(row), Ask { headers, ..Ask::default() })
        };
        rows.iter().flat_map(|(row, _)| [ask(row, Vec::new()), ask(row, strict())]).collect()
    });
    let all = stage.reader.get(&stage.of_aino("QuestionnaireResponse", ""));
    for (pair, (row, refused)) in found.chunks(2).zip(rows) {
        let [plain, strict] = pair else { panic!("a pair") };
        if refused {
            plain.refused(400, "not-supported");
        } else {
            assert_eq!(plain.bytes(), all.bytes(), "{row} is ignored, and the self link says so");
        }
        strict.refused(400, "not-supported");
    }
}

#[test]
pub(super) fn addresses_that_are_not_served_tell_nothing() {
    let stage = Stage::new();
    stage.hide();
    let absent = format!("297.{}", "q".repeat(26));
    let survey = stage.first("QuestionnaireResponse");
    let eetu = stage.kuopio.person(HIDDEN).patient().to_owned();
    let of = |kind: &str, id: &str| {
        // Of whom `$explain` may not be asked: `story::explained`.
        ["/$meta", "/$graph", "/_history/1/2"].map(|rest| format!("/fhir/{kind}/{id}{rest}"))
    };
    for (kind, id) in [("QuestionnaireResponse", &survey), ("Patient", &eetu)] {
        for (one, other) in of(kind, id).iter().zip(&of(kind, &absent)) {
            let (one, other) = (stage.reader.get(one), stage.reader.get(other));
            assert_eq!(other.status(), 404);
            assert_eq!(one.bytes(), other.bytes());
        }
    }
    let fresh = Stage::new();
    let paths = [
        "/fhir/SubscriptionTopic",
        "/fhir/Subscription/x/$get-ws-binding-token",
        "/fhir/Measure/$evaluate-measure",
        "/fhir/Measure/wellbeing/$collect-data",
        "/fhir/MeasureReport",
        "/fhir/_history",
        "/fhir/$graphql",
    ];
    let ask = || paths.iter().map(|path| fresh.reader.get(path)).collect::<Vec<Reply>>();
    for reply in fresh.tells_nothing(ask) {
        reply.refused(404, "not-found");
    }
}

#[test]
pub(super) fn methods_that_are_not_served_tell_nothing() {
    let stage = Stage::new();
    stage.hide();
    let absent = format!("297.{}", "q".repeat(26));
    let survey = stage.first("QuestionnaireResponse");
    let eetu = stage.kuopio.person(HIDDEN).patient().to_owned();
    let ask = |method: &Method, path: &str| {
        let kind = Some("application/fhir+json");
        stage.asks(method.clone(), path, Ask { kind, body: "{}".into(), ..Ask::default() })
    };
    for (kind, id) in [("QuestionnaireResponse", &survey), ("Patient", &eetu)] {
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST, Method::OPTIONS] {
            let one = ask(&method, &format!("/fhir/{kind}/{id}"));
            let other = ask(&method, &format!("/fhir/{kind}/{absent}"));
            assert_eq!(other.status(), 405, "{other:?}");
            assert_eq!(one.bytes(), other.bytes(), "{method} {kind}");
        }
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(ask(&method, "/fhir").status(), 405, "{method}");
    }
}

#[test]
pub(super) fn documents_for_anybody_tell_nothing() {
    let stage = Stage::new();
    let of_operators = ["/metrics", "/health", "/livez", "/readyz", "/peers"];
    let public = ["/fhir/metadata", "/fhir/.well-known/smart-configuration"];
    let directory = ["/fhir/Organization", "/fhir/Practitioner?_count=3", "/fhir/Questionnaire"];
    let found = stage.tells_nothing(|| {
        let paths = of_operators.iter().chain(&public).chain(&directory);
        paths.map(|path| stage.reader.get(path)).collect()
    });
    for reply in &found[..of_operators.len()] {
        reply.refused(404, "not-found");
    }
    for reply in &found[of_operators.len()..] {
        assert_eq!(reply.status(), 200, "{reply:?}");
    }
}
