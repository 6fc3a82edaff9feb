//! A client has the portal state to a municipality for whom it asks, and asks there with that.

use std::time::Duration;

use http::Method;
use mylife::{
    audit::record::{Entry, Outcome},
    authenticate::jose::key::Algorithm,
    domain::theme::Theme::{Health, Housing},
};
use serde_json::{Value, json};

use crate::world::{Actor, Node, Person, Reply, Terms, World, actor::Ask, holder::Holder, person};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

struct Land {
    world: World,
    portal: Node,
    kuopio: Node,
    aino: Person,
}

fn land() -> Land {
    let world = World::new();
    let (kuopio, portal) = (world.municipality("297"), world.portal());
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "a home"), (Health, 3, 2, "")]);
    aino.grants(&kuopio.client("north-savo"), [Housing]);
    Land { world, portal, kuopio, aino }
}

/// A request to exchange; its sender proves who it is.
pub(crate) fn request(by: &Actor, at: &Node, token: &str, to: &str, scope: &str) -> String {
    let proof = by.token_form(at, scope);
    let proof = form_urlencoded::parse(proof.as_bytes()).filter(|(name, _)| name != "grant_type");
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(proof)
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .append_pair("subject_token", token)
        .append_pair("subject_token_type", ACCESS)
        .append_pair("audience", to)
        .finish()
}

impl Land {
    /// What the portal states to Kuopio about whoever bears a token of its own.
    fn statement(&self, by: &str, token: &str, scope: &str) -> String {
        let by = self.world.actor(by);
        let form = request(&by, &self.portal, token, &self.kuopio.identity.url, scope);
        let reply = by.ask_token(&self.portal, &form);
        assert_eq!(reply.status(), 200, "{reply:?}");
        assert_eq!(reply.json()["token_type"], "N_A");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Shows it at Kuopio with the certificate of a gateway.
    fn presents(&self, statement: &str, of: &Node) -> Reply {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", statement)
            .finish();
        let ask = Ask { kind: FORM, body: form.into(), ..Ask::default() };
        let (wire, what) = (self.world.actor("north-savo"), (Method::POST, "/oauth/token"));
        wire.shows(&of.identity.issued, &self.kuopio, what, ask).unwrap()
    }

    fn reads(&self, token: &Value, kind: &str, by: Option<&Node>) -> Reply {
        let token = token["access_token"].as_str().unwrap();
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        let path = format!("/fhir/{kind}?patient={}", self.aino.patient());
        let (wire, what) = (self.world.actor("north-savo"), (Method::GET, &*path));
        match by {
            Some(node) => wire.shows(&node.identity.issued, &self.kuopio, what, ask).unwrap(),
            None => wire.raw(&self.kuopio, what.0, &path, ask),
        }
    }
}

fn exchanges<'a>(log: &'a [Entry<'static>]) -> Vec<&'a Entry<'static>> {
    log.iter().filter(|one| one.types == ["token"] && !one.sources.is_empty()).collect()
}

#[test]
fn what_the_portal_states_opens_as_much_as_the_person_lets_the_client_see() {
    // TX-04, TX-08, TX-10
    let land = land();
    let own = land.world.actor("north-savo").token(&land.portal, "system/*.rs");
    let statement = land.statement("north-savo", &own, "system/Observation.rs");
    let given = land.presents(&statement, &land.portal);
    assert_eq!(given.status(), 200, "{given:?}");
    assert_eq!(given.json()["scope"], "system/Observation.rs");
    let seen = land.reads(given.json(), "Observation", Some(&land.portal));
    seen.shows([Housing]).hides([Health]);
    // It is of use to the gateway that speaks alone, and once.
    land.reads(given.json(), "Observation", None).refused(401, "login");
    land.reads(given.json(), "Observation", Some(&land.kuopio)).refused(401, "login");
    let again = land.presents(&statement, &land.portal);
    assert_eq!((again.status(), &again.json()["error"]), (400, &json!("invalid_grant")));
    // Both write down who asks, through whom.
    let disclosed = land.kuopio.disclosures(land.aino.patient());
    let [there] = &disclosed[..] else { panic!("{disclosed:?}") };
    assert_eq!(there.caller.client, "900/north-savo");
    assert_eq!(there.caller.act, [&*land.portal.identity.url]);
    let log = land.portal.audit();
    let [here] = exchanges(&log)[..] else { panic!("{log:?}") };
    assert_eq!((&*here.caller.client, &here.outcome), ("north-savo", &Outcome::Success));
    assert_eq!(here.sources, ["297"]);
    assert_eq!(here.purpose.as_deref(), Some("TREAT"));
    assert!(here.caller.act.is_empty() && here.caller.jti.is_some(), "{here:?}");
    assert_eq!(here.query.as_ref().unwrap().as_str(), "granted=system%2FObservation.rs");
    let all = format!("{log:?}");
    for secret in [&*statement, &own] {
        assert!(!all.contains(secret), "no token is written down");
    }
}

#[test]
fn who_acts_for_another_client_is_named_wherever_the_question_comes() {
    // TX-10
    let land = land();
    let theirs = land.world.actor("goals-only").token(&land.portal, "system/Goal.rs");
    let statement = land.statement("north-savo", &theirs, "system/Goal.rs");
    let given = land.presents(&statement, &land.portal);
    assert_eq!(given.status(), 200, "{given:?}");
    assert_eq!(land.reads(given.json(), "Goal", Some(&land.portal)).status(), 200);
    let log = land.kuopio.audit();
    let told = log.iter().rev().find(|one| one.caller.client == "900/goals-only");
    let told = told.expect("that nothing was found is written down too");
    assert_eq!(told.caller.act, [&*land.portal.identity.url, "north-savo"]);
    let log = land.portal.audit();
    let [here] = exchanges(&log)[..] else { panic!("{log:?}") };
    assert_eq!(here.caller.client, "goals-only");
    assert_eq!(here.caller.act, ["north-savo"]);
    // Who was let by nobody is refused, and that is written down.
    let by = land.world.actor("north-savo");
    let theirs = land.world.actor("national-portal").token(&land.portal, "system/*.rs");
    let form = request(&by, &land.portal, &theirs, &land.kuopio.identity.url, "system/Goal.rs");
    let refused = by.ask_token(&land.portal, &form);
    assert_eq!((refused.status(), &refused.json()["error"]), (400, &json!("invalid_request")));
    let log = land.portal.audit();
    let last = log.iter().rev().find(|one| one.types == ["token"]).unwrap();
    assert_eq!(last.outcome, Outcome::Refused("token-refused".into()));
    assert_eq!(last.caller.client, "north-savo");
}

#[test]
fn a_token_bound_to_a_key_is_exchanged_by_who_holds_the_key() {
    // AT-33, DP-13
    let land = land();
    let (by, to) = (land.world.actor("north-savo"), &land.kuopio.identity.url);
    let (holder, thief) = (Holder::new(Algorithm::Es256), Holder::new(Algorithm::Es256));
    let bound = holder.ask_token(&land.portal, || by.token_form(&land.portal, "system/*.rs"));
    assert_eq!(bound.json()["token_type"], "DPoP", "{bound:?}");
    let token = bound.json()["access_token"].as_str().unwrap();
    let form = || request(&by, &land.portal, token, to, "system/Goal.rs");
    for refused in [by.ask_token(&land.portal, &form()), thief.ask_token(&land.portal, form)] {
        assert_eq!((refused.status(), &refused.json()["error"]), (400, &json!("invalid_request")));
    }
    let given = holder.ask_token(&land.portal, form);
    assert_eq!((given.status(), &given.json()["token_type"]), (200, &json!("N_A")), "{given:?}");
}

#[test]
fn a_gateway_says_what_it_exchanges() {
    // TX-12, SD-15
    let land = land();
    let by = land.world.actor("north-savo");
    for path in ["/.well-known/oauth-authorization-server", "/fhir/.well-known/smart-configuration"]
    {
        let said = by.raw(&land.portal, Method::GET, path, Ask::default());
        let grants = said.json()["grant_types_supported"].as_array().unwrap();
        assert!(
            grants.contains(&json!("urn:ietf:params:oauth:grant-type:token-exchange")),
            "{path}"
        );
        let kinds = &said.json()["identity_chaining_requested_token_types_supported"];
        assert_eq!(*kinds, json!(["urn:ietf:params:oauth:token-type:jwt"]), "{path}");
        let open = by.raw(&land.portal, Method::GET, "/openapi.json", Ask::default());
        let schema = "/paths/~1oauth~1token/post/requestBody/content/application~1x-www-form-urlencoded\
                      /schema/properties/grant_type/enum";
        assert_eq!(open.json().pointer(schema), Some(&said.json()["grant_types_supported"]));
    }
}

#[test]
fn what_the_portal_wrote_first_undoes_nothing_it_wrote_later_though_its_clock_is_ahead() {
    let land = land();
    let reader = land.kuopio.client("north-savo");
    let given = land.aino.means(Terms::grant(&reader.actor).themes(&[Health]));
    let start = land.world.now();
    // It comes to Kuopio, whose clock is behind, this long after the portal wrote it.
    let comes = |status: &str, written: u64| {
        let own = land.world.actor("consent-desk").token(&land.portal, "system/Consent.cu");
        let statement = land.statement("consent-desk", &own, "system/Consent.cu");
        let token = land.presents(&statement, &land.portal);
        let token = token.json()["access_token"].as_str().unwrap().to_owned();
        let written = start.plus(Duration::from_secs(written)).to_string();
        let headers =
            vec![("authorization", format!("Bearer {token}")), ("mylife-written", written)];
        let body = given.body(status).to_string().into();
        let ask = Ask { kind: Some("application/fhir+json"), headers, body, ..Ask::default() };
        let wire = land.world.actor("consent-desk");
        let path = person::path(given.uuid());
        wire.shows(&land.portal.identity.issued, &land.kuopio, (Method::PUT, &path), ask).unwrap()
    };
    let seen = || reader.search("Observation", &land.aino);
    assert_eq!(comes("inactive", 20).status(), 201);
    land.world.pass(Duration::from_secs(5));
    comes("active", 19).refused(409, "conflict");
    seen().shows([Housing]).hides([Health]);
    // What is written after it is taken.
    assert_eq!(comes("active", 21).status(), 200);
    seen().shows([Housing, Health]);
}
