//! A consent that cannot be read is as a store that cannot be reached: nothing is released to anybody.

use mylife::domain::theme::Theme::{Health, Housing};
use rusqlite::{Connection, params};

use super::explained::{ask, caller, citizen, law};
use crate::world::World;

#[test]
fn where_one_consent_cannot_be_read_everybody_gets_the_same_503() {
    let world = World::new();
    world.legislate(law());
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "")]);
    let (patient, survey) = (aino.patient().to_owned(), aino.document(0).clone());
    aino.grants(&kuopio.client("national-portal"), [Housing]);
    let eetu = kuopio.person("eetu").answered([(Housing, 2, 1, "")]);
    eetu.grants(&kuopio.client("national-portal"), [Housing]);
    let other = format!("/fhir/QuestionnaireResponse/{}", eetu.document(0));
    kuopio.client("national-portal").get(&other).shows([Housing]);
    drop((aino, eetu));

    // One consent of hers is damaged where it is stored.
    let file = Connection::open(kuopio.dir.join(mylife::store::sqlite::FILE)).unwrap();
    let book = "SELECT id FROM document WHERE person = (SELECT row FROM person WHERE patient = ?1) \
                AND id <> ?2 AND local_id LIKE 'urn:uuid:%'";
    let consent: String = file.query_row(book, params![patient, survey], |row| row.get(0)).unwrap();
    let damage = "UPDATE document SET body = zeroblob(64) WHERE id = ?1";
    assert_eq!(file.execute(damage, [consent]).unwrap(), 1);
    drop(file);
    let kuopio = kuopio.restart();
    let (portal, county) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let mut bodies = Vec::new();
    for path in [
        format!("/fhir/QuestionnaireResponse/{survey}"),
        format!("/fhir/Patient/{patient}"),
        format!("/fhir/Observation?patient=Patient/{patient}"),
        format!("/fhir/QuestionnaireResponse/{survey}/_history"),
        format!("/fhir/Patient/{patient}/$everything"),
    ] {
        for who in [&portal, &county] {
            let reply = who.get(&path);
            reply.refused(503, "no-store").keeps_quiet("a home").keeps_quiet(&patient);
            bodies.push((path.clone(), reply.bytes()));
        }
    }
    let own = citizen(&kuopio, &format!("Patient/{patient}"));
    let explained = ask(&own, &patient, &caller("urn:oid:1.2.3", "TREAT", &[]), "en");
    explained.refused(503, "no-store");
    bodies.push(("$explain".to_owned(), explained.bytes()));
    for (path, body) in &bodies {
        assert_eq!(*body, bodies[0].1, "{path}");
    }
    // Nobody else is kept from anything.
    portal.get(&other).shows([Housing]);
}
