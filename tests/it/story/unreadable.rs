//! A consent that cannot be read is as a store that cannot be reached: nothing is released to anybody.

use mylife::domain::theme::Theme::{Health, Housing};
use rusqlite::Connection;

use super::explained::{ask, caller, citizen, law};
use crate::{store::server as postgres, world::World};

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
    let damage = format!(
        "UPDATE document SET body = parts WHERE person = (SELECT row FROM person WHERE patient = \
         '{patient}') AND id <> '{survey}' AND local_id LIKE 'urn:uuid:%' RETURNING id"
    );
    let damaged = if let Some(database) = world.databases.borrow().first() {
        postgres::run(database, &damage).len()
    } else {
        let file = Connection::open(kuopio.dir.join(mylife::store::sqlite::FILE)).unwrap();
        let mut damage = file.prepare(&damage).unwrap();
        damage.query_map([], |_| Ok(())).unwrap().count()
    };
    assert_eq!(damaged, 1);
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
