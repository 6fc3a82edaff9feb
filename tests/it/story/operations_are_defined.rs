//! What the statement of capabilities says of an operation of the gateway's own can be read.

use crate::world::World;

const OURS: &str = "https://mylife.example/fhir/OperationDefinition/";

#[test]
fn every_operation_of_our_own_has_a_definition_that_anybody_may_read() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let reader = kuopio.client("goals-only");
    let statement = reader.get("/fhir/metadata");
    let resources = statement.json()["rest"][0]["resource"].as_array().unwrap();
    let mut names = Vec::new();
    for resource in resources {
        for operation in resource["operation"].as_array().into_iter().flatten() {
            let definition = operation["definition"].as_str().unwrap();
            let Some(id) = definition.strip_prefix(OURS) else { continue };
            let read = reader.actor.raw(
                &kuopio,
                http::Method::GET,
                &format!("/fhir/OperationDefinition/{id}"),
                crate::world::actor::Ask::default(),
            );
            assert_eq!(read.status(), 200, "{id}: {read:?}");
            let definition = read.json();
            assert_eq!(definition["url"], format!("{OURS}{id}"));
            assert_eq!(definition["code"], operation["name"]);
            assert_eq!(definition["resource"][0], resource["type"]);
            let (on_type, on_one) = (&definition["type"], &definition["instance"]);
            let is_both = id == "QuestionnaireResponse-extract";
            assert_eq!(on_type == on_one, is_both, "{id} is of one or of a type");
            assert!(*on_type == true || *on_one == true, "{id} is of something");
            names.push(id.to_owned());
        }
    }
    names.sort();
    assert_eq!(
        names,
        [
            "Consent-import",
            "Consent-receipt",
            "Measure-evaluate-measure",
            "Patient-circle-of-life",
            "Patient-collective-plan",
            "Patient-explain",
            "Questionnaire-populate",
            "QuestionnaireResponse-circle-of-life",
            "QuestionnaireResponse-extract",
        ]
    );
    reader.get("/fhir/OperationDefinition/Patient-nothing").refused(404, "not-found");
}
