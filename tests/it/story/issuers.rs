//! Tokens of other issuers: each opens what its operator listed for it, and what a liar brings opens
//! nothing. Ids are those of the requirement and attack tables (IN, AT, MT, DP, SD).

mod asked;
mod bounds;
mod handed_on;
mod keys;
mod lost;
mod proven;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};

use crate::world::{
    Node, Person, Reply, Terms, World,
    actor::Ask,
    issuer::{Outsider, PORTS},
};

/// A municipality that believes two issuers, each by what `how` makes of it.
struct Town {
    world: World,
    kuopio: Node,
    aino: Person,
    one: Outsider,
    two: Outsider,
}

type Settings = mylife::oauth::issuers::Settings;

impl Town {
    fn with(how: impl Fn(&Outsider) -> Settings) -> Self {
        Self::in_world(World::new(), how)
    }

    fn in_world(world: World, how: impl Fn(&Outsider) -> Settings) -> Self {
        let one = Outsider::stand(&world, "one", PORTS[0]);
        let two = Outsider::stand(&world, "two", PORTS[1]);
        *world.issuers.borrow_mut() = vec![how(&one), how(&two)];
        let kuopio = world.municipality("297");
        let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 3, 2, "")]);
        aino.gives(Terms::grant(&world.actor("north-savo")).themes(&[Housing]));
        Self { world, kuopio, aino, one, two }
    }

    /// Believed by the keys that they publish.
    fn by_keys() -> Self {
        Self::with(Outsider::by_keys)
    }

    /// Asked about each token; the first has tokens that state no issuer.
    fn by_asking() -> Self {
        Self::with(|outsider| outsider.by_asking(outsider.id == "one"))
    }

    fn get(&self, token: &str, path: &str) -> Reply {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        self.world.actor("north-savo").raw(&self.kuopio, Method::GET, path, ask)
    }

    fn reads(&self, token: &str) -> Reply {
        self.get(token, &format!("/fhir/Observation?patient={}", self.aino.patient()))
    }

    fn told_of(&self, token: &str) -> Reply {
        self.world.actor("north-savo").about_token(&self.kuopio, "/oauth/introspect", token)
    }

    /// Everybody is refused with the same bytes.
    fn refuses(&self, name: &str, token: &str) {
        let reply = self.reads(token);
        assert_eq!(reply.status(), 401, "{name}: {reply:?}");
        assert_eq!(reply.challenge(), Some("Bearer error=\"invalid_token\""), "{name}");
        let said = reply.json()["issue"][0]["diagnostics"].as_str().unwrap().to_owned();
        assert_eq!(said, "The access token is not valid here; get another.", "{name}");
    }

    /// Nobody can tell at present.
    fn cannot_tell(&self, name: &str, token: &str) {
        let reply = self.reads(token);
        assert_eq!(reply.status(), 503, "{name}: {reply:?}");
        reply.says("The issuer of the access token does not answer");
    }
}

fn none() -> Value {
    json!({})
}

#[test]
fn a_token_by_the_keys_of_its_issuer_reads_what_consents_give_and_the_log_names_the_issuer() {
    for how in [Outsider::by_keys, Outsider::by_registered_keys] {
        let town = Town::with(how);
        let token = town.one.token(&town.world, &none());
        town.reads(&token).shows([Housing]).hides([Health]);
        town.reads(&town.two.token(&town.world, &none())).shows([Housing]).hides([Health]);
        // In every form in which issuers write the same.
        let county = format!("urn:oid:{}", crate::world::actor::ORGANIZATIONS[1]);
        let system = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
        let forms = [
            json!({ "scope": ["openid", "user/*.rs"] }),
            json!({ "aud": ["account", "https://n297.test:297/fhir"] }),
            json!({ "purpose": { "system": system, "code": "TREAT" } }),
            json!({ "purpose": [{ "system": "urn:oid:2.16.840.1.113883.5.8", "code": "TREAT" }] }),
            json!({ "roles": "nurse" }),
            json!({ "roles": null, "fhirUser": null }),
            json!({ "fhirUser": "https://n297.test:297/fhir/Practitioner/297.prac.social1" }),
            json!({ "extensions": { "ihe_iua": { "subject_organization_id": [county, county] } } }),
        ];
        for form in forms {
            town.reads(&town.one.token(&town.world, &form)).shows([Housing]).hides([Health]);
        }
        let log = town.kuopio.disclosures(town.aino.patient());
        let first = log.iter().find(|entry| entry.caller.client == "one:ward-app").unwrap();
        assert_eq!(first.caller.issuer.as_deref(), Some(town.one.url.as_str()));
        assert_eq!(first.caller.organization.as_deref(), Some(&*county));
        assert_eq!(first.caller.subject.as_deref(), Some("Practitioner/297.prac.social1"));
        assert_eq!(first.caller.role.as_deref(), Some("nurse"));
        assert_eq!(first.purpose.as_deref(), Some("TREAT"));
        assert!(log.iter().any(|entry| entry.caller.client == "two:ward-app"));
        let observer = mylife::audit::event::Observer {
            code: "297",
            organization: "urn:oid:1.2.246.10.9297",
            host: "n297.test",
        };
        let event = mylife::audit::event::audit_event(first, observer, "297.e1");
        let faults = mylife::fhir::schema::Validator::new().unwrap().faults(&event);
        assert!(faults.is_empty(), "{faults:?}");
        let who = &event["agent"][0]["who"]["identifier"];
        assert_eq!(*who, json!({ "system": town.one.url, "value": "one:ward-app" }));
    }
}

#[test]
fn the_documents_name_every_issuer_whose_tokens_count() {
    // SD-14
    let town = Town::by_keys();
    let wire = town.world.actor("north-savo");
    let path = "/.well-known/oauth-protected-resource/fhir";
    let said = wire.raw(&town.kuopio, Method::GET, path, Ask::default());
    let expected = [&town.kuopio.identity.url, &town.one.url, &town.two.url];
    assert_eq!(said.json()["authorization_servers"], json!(expected));
}

#[test]
fn introspection_tells_of_others_tokens_what_they_may_do_here() {
    // IN-05
    let by_keys = Town::by_keys();
    let by_asking = Town::by_asking();
    let tokens = [
        (&by_keys, by_keys.one.token(&by_keys.world, &none())),
        (&by_asking, by_asking.one.issues(&by_asking.world, &none())),
    ];
    for (town, token) in tokens {
        let reply = town.told_of(&token);
        let told = reply.json();
        let part = |name: &str| told[name].clone();
        assert_eq!((reply.status(), part("active")), (200, json!(true)), "{reply:?}");
        assert_eq!(part("iss"), json!(town.one.url));
        assert_eq!(part("client_id"), "one:ward-app");
        assert_eq!(part("sub"), "u-7");
        let mut scopes: Vec<String> =
            part("scope").as_str().unwrap().split(' ').map(str::to_owned).collect();
        scopes.sort();
        assert_eq!(scopes, ["user/Observation.rs", "user/Patient.r"], "what it may do here");
        let acting = &told["extensions"]["ihe_iua"];
        assert_eq!(acting["subject_role"], json!(["nurse"]));
        assert_eq!(acting["purpose_of_use"], "TREAT");
        // What is no good here is told like whatever is none.
        let over = json!({ "exp": town.world.now().seconds() });
        let over = if town.kuopio.gateway.tokens.issuers.of("opaque").is_some() {
            town.one.issues(&town.world, &over)
        } else {
            town.one.token(&town.world, &over)
        };
        assert_eq!(town.told_of(&over).text(), r#"{"active":false}"#);
        let bad = town.one.token(&town.world, &json!({ "aud": "https://elsewhere.test" }));
        assert_eq!(town.told_of(&bad).text(), r#"{"active":false}"#);
    }
    by_asking.one.withdraws_all();
    let token = by_asking.one.issues(&by_asking.world, &none());
    by_asking.one.withdraws_all();
    assert_eq!(by_asking.told_of(&token).text(), r#"{"active":false}"#);
    let unknown = format!("{token}-2");
    by_asking.one.is(crate::world::issuer::Mood::Says(500, ("x-a", "b".to_owned()), String::new()));
    let reply = by_asking.told_of(&unknown);
    let error = reply.json()["error"].clone();
    assert_eq!((reply.status(), error), (503, json!("temporarily_unavailable")), "{reply:?}");
}

#[test]
fn an_operator_learns_whether_each_can_be_asked_as_it_must_be() {
    use crate::world::issuer::Mood;
    let probe = |town: &Town| {
        let (issuers, now) = (&town.kuopio.gateway.tokens.issuers, town.world.now());
        let found = town.world.runtime.block_on(issuers.probe(now));
        let [(one, first), (two, second)] = found[..] else { panic!("{found:?}") };
        assert_eq!((one, two), ("one", "two"));
        assert_eq!(second, Ok(()), "the other");
        first
    };
    let by_keys = Town::by_keys();
    assert_eq!(probe(&by_keys), Ok(()));
    *by_keys.one.says.keys.lock().unwrap() = json!({ "keys": [] });
    assert_eq!(probe(&by_keys), Err("it publishes no key that counts"));
    let by_asking = Town::by_asking();
    assert_eq!(probe(&by_asking), Ok(()));
    let everything = ("content-type", "application/json".to_owned());
    by_asking.one.is(Mood::Says(200, everything.clone(), "{\"active\":true}".to_owned()));
    assert_eq!(probe(&by_asking), Err("it says of a token that nobody issued that it is active"));
    by_asking.one.is(Mood::Says(401, everything, "{}".to_owned()));
    assert_eq!(probe(&by_asking), Err("its host answers with another status than 200"));
    assert_eq!(probe(&Town::with(Outsider::by_registered_keys)), Ok(()));
}
