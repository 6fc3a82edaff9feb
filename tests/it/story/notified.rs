//! A portal asks to be told of changes, and is told of what it may see: in order, once it is there, signed.

mod numbers;
mod refused;
mod replicas;

use std::time::Duration;

use aws_lc_rs::{
    hmac,
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use mylife::{
    domain::theme::Theme::{self, Health, Housing},
    gateway::notify::Notifier,
};
use serde_json::{Value, json};

use crate::world::{
    Node, Person, Reply, Terms, World,
    actor::{Ask, SECRET},
    municipality::At,
    person::path,
    receiver::{Got, Mood, PLACE, Receiver, TOKEN, parameter},
};

const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition";

/// What is asked for about people, with changes.
pub(crate) fn wanted(topic: &str, patients: &[&str], changes: &Value) -> Value {
    let focus = match topic {
        "assessment-completed" => "QuestionnaireResponse",
        "case-manager-changed" => "CareTeam",
        "consent-changed" => "Consent",
        _ => "CarePlan",
    };
    let people: Vec<String> = patients.iter().map(|one| format!("Patient/{one}")).collect();
    let filter = format!("{focus}?patient={}", people.join(","));
    let mut body = json!({
        "resourceType": "Subscription", "status": "requested", "reason": "Palvelun tarjoaminen",
        "criteria": format!("https://mylife.example/fhir/SubscriptionTopic/{topic}"),
        "_criteria": { "extension": [
            { "url": format!("{BACKPORT}/backport-filter-criteria"), "valueString": filter }] },
        "channel": {
            "type": "rest-hook", "endpoint": PLACE, "payload": "application/fhir+json",
            "_payload": { "extension": [
                { "url": format!("{BACKPORT}/backport-payload-content"), "valueCode": "id-only" }] },
        },
    });
    for (pointer, value) in changes.as_object().unwrap() {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    body
}

/// How much is told.
pub(crate) fn content(code: &str) -> Value {
    json!({ "/channel/_payload/extension":
        [{ "url": format!("{BACKPORT}/backport-payload-content"), "valueCode": code }] })
}

/// A number of the channel.
pub(crate) fn number(name: &str, value: u64) -> Value {
    json!({ "/channel/extension":
        [{ "url": format!("{BACKPORT}/{name}"), "valueUnsignedInt": value }] })
}

/// Sends a Subscription.
pub(crate) fn asks(at: &At, method: Method, path: &str, body: &Value) -> Reply {
    let kind = Some("application/fhir+json");
    at.actor.send(
        &at.node,
        method,
        path,
        Ask { kind, body: body.to_string().into(), ..Ask::default() },
    )
}

/// Asks to be told; where the subscription is.
pub(crate) fn subscribes(at: &At, body: &Value) -> String {
    let reply = asks(at, Method::POST, "/fhir/Subscription", body);
    assert_eq!(reply.status(), 201, "{reply:?}");
    let location = reply.header("location").unwrap();
    location[location.find("/fhir/").unwrap()..].to_owned()
}

/// Lets a gateway do all that there is to do about notifications at this instant.
pub(crate) fn rounds(node: &Node, notifier: &mut Notifier) {
    node.world.runtime.block_on(async {
        for _ in 0..5 {
            notifier.look(&node.gateway).await.unwrap();
            notifier.settled().await;
        }
    });
}

/// Who watches somebody at Kuopio, and is told by what they hear of at once.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) kuopio: Node,
    pub(crate) watcher: At,
    pub(crate) aino: Person,
    pub(crate) receiver: Receiver,
    pub(crate) notifier: Notifier,
}

impl Scene {
    pub(crate) fn new<const N: usize>(granted: [Theme; N]) -> Self {
        let world = World::new();
        let kuopio = world.municipality("297");
        let watcher = kuopio.client("watcher");
        let aino =
            kuopio.person("aino").answered([(Housing, 2, 1, "Oma avain"), (Health, 1, 1, "")]);
        if !granted.is_empty() {
            aino.grants(&watcher, granted);
        }
        let receiver = Receiver::stand(&world);
        world.pass(Duration::from_mins(1));
        Self { world, kuopio, watcher, aino, receiver, notifier: Notifier::default() }
    }

    /// A subscription that has been greeted.
    pub(crate) fn subscribed(&mut self, topic: &str, changes: &Value) -> String {
        let body = wanted(topic, &[self.aino.patient()], changes);
        let at = subscribes(&self.watcher, &body);
        self.round();
        let greeting = self.receiver.got();
        assert_eq!(greeting.len(), 1, "{greeting:?}");
        assert_eq!(greeting[0].says("type"), "handshake");
        assert_eq!(self.watcher.get(&at).json()["status"], "active");
        at
    }

    pub(crate) fn round(&mut self) {
        rounds(&self.kuopio, &mut self.notifier);
    }

    /// Lets time pass, and what is due happen.
    pub(crate) fn after(&mut self, by: Duration) -> Vec<Got> {
        self.world.pass(by);
        self.round();
        self.receiver.got()
    }

    /// Aino answers the survey once more.
    pub(crate) fn answers(&self, theme: Theme) {
        self.aino.clone().answered([(theme, 3, 3, "")]);
    }

    pub(crate) fn status(&self, at: &str) -> Value {
        self.watcher.get(&format!("{at}/$status")).accepted().json().clone()
    }
}

#[test]
fn a_portal_is_told_of_an_assessment_by_its_address() {
    let mut scene = Scene::new([Housing]);
    let at = scene.subscribed("assessment-completed", &json!({}));
    scene.round();
    assert!(scene.receiver.got().is_empty(), "what was there before is no event");
    scene.answers(Housing);
    scene.round();
    let [told] = &scene.receiver.got()[..] else { panic!("one notification") };
    assert_eq!(told.says("type"), "event-notification");
    assert_eq!(told.says("events-since-subscription-start"), "1");
    assert_eq!(told.numbers(), ["1"]);
    let response = format!(
        "{}/fhir/QuestionnaireResponse/{}",
        scene.kuopio.identity.url,
        scene.aino.document(1)
    );
    assert_eq!(told.focuses(), [response.as_str()]);
    assert!(!told.body.windows(4).any(|four| four == b"item"), "no more than the address");
    let read = scene.watcher.get(response.strip_prefix(&scene.kuopio.identity.url).unwrap());
    assert_eq!(read.status(), 200, "{read:?}");
    // It is written down like every other disclosure, and before it was sent.
    let written = scene.kuopio.disclosures(scene.aino.patient());
    let of_watcher = written.iter().filter(|entry| entry.caller.client == "watcher");
    assert!(of_watcher.count() >= 2, "the notification, and the read");
    scene.round();
    assert!(scene.receiver.got().is_empty(), "once");
    assert_eq!(parameter(&scene.status(&at), "events-since-subscription-start"), "1");
}

#[test]
fn a_notification_has_as_much_as_was_asked_for_and_may_be_seen() {
    let mut scene = Scene::new([Housing]);
    scene.subscribed("assessment-completed", &content("full-resource"));
    scene.aino.clone().answered([(Housing, 3, 3, ""), (Health, 7, 2, "")]);
    scene.round();
    let [told] = &scene.receiver.got()[..] else { panic!("one notification") };
    let resource = told.json()["entry"][1]["resource"].clone();
    let read =
        scene.watcher.get(&format!("/fhir/QuestionnaireResponse/{}", scene.aino.document(1)));
    assert_eq!(&resource, read.json(), "what a read gives, and no more");
    assert!(!resource.to_string().contains("health"));
    let mut scene = Scene::new([Housing]);
    scene.subscribed("assessment-completed", &content("empty"));
    scene.answers(Housing);
    scene.round();
    let [told] = &scene.receiver.got()[..] else { panic!("one notification") };
    let text = String::from_utf8(told.body.to_vec()).unwrap();
    assert_eq!(told.numbers(), ["1"]);
    assert!(!text.contains("QuestionnaireResponse") && !text.contains(scene.aino.patient()));
}

#[test]
fn plans_and_case_managers_are_told_of() {
    let mut scene = Scene::new([Housing]);
    let team = |practitioner: &str| {
        json!({ "team": [{ "id": "m-1", "practitioner": practitioner, "role": "case-manager",
            "organization": "297.org.youth", "active": true }] })
    };
    let plan = |more: &Value| {
        let mut plan = crate::leak::stage::plan(&json!({}));
        plan["team"] = json!([]);
        for (name, value) in more.as_object().unwrap() {
            plan[name] = value.clone();
        }
        plan
    };
    scene.aino.clone().planned(&plan(&team("297.prac.youth1")));
    let manager = scene.subscribed("case-manager-changed", &json!({}));
    let plans = scene.subscribed("plan-changed", &json!({}));
    let mut changed = team("297.prac.youth1");
    changed["period"] = json!({ "start": "2026-02-10", "end": "2028-02-10" });
    scene.aino.clone().planned(&plan(&changed));
    scene.round();
    let [told] = &scene.receiver.got()[..] else { panic!("the plan alone was changed") };
    assert!(told.says("topic").as_str().unwrap().ends_with("plan-changed"), "{told:?}");
    scene.world.pass(Duration::from_mins(1));
    changed["team"] = team("297.prac.social1")["team"].clone();
    scene.aino.clone().planned(&plan(&changed));
    scene.round();
    let told = scene.receiver.got();
    let topics: Vec<Value> = told.iter().map(|one| one.says("topic")).collect();
    let manager_told = topics.iter().any(|t| t.as_str().unwrap().ends_with("case-manager-changed"));
    assert!(manager_told, "{topics:?}");
    assert_eq!(parameter(&scene.status(&manager), "events-since-subscription-start"), "1");
    assert_ne!(parameter(&scene.status(&plans), "events-since-subscription-start"), "0");
}

#[test]
fn who_wrote_a_consent_is_told_when_it_changes() {
    let mut scene = Scene::new([Housing]);
    let writer = scene.kuopio.client("watcher-of-consents");
    let given = scene.aino.means(Terms::grant(&scene.watcher.actor).themes(&[Health]));
    let write = |status| asks(&writer, Method::PUT, &path(given.uuid()), &given.body(status));
    let written = write("active").accepted();
    subscribes(&writer, &wanted("consent-changed", &[scene.aino.patient()], &json!({})));
    scene.round();
    assert_eq!(scene.receiver.got().len(), 1, "greeted");
    scene.world.pass(Duration::from_mins(1));
    // What others write is theirs.
    scene.aino.grants(&scene.watcher, [Theme::Finance]);
    scene.round();
    assert!(scene.receiver.got().is_empty());
    write("inactive").accepted();
    scene.round();
    let [told] = &scene.receiver.got()[..] else { panic!("one notification") };
    assert_eq!((told.numbers(), told.focuses().len()), (vec!["1".to_owned()], 1));
    assert!(
        written
            .header("location")
            .is_some_and(|at| told.focuses()[0].ends_with(at) || at.contains(&told.focuses()[0]))
    );
}

#[test]
fn what_is_hidden_makes_no_event_no_number_and_no_other_heartbeat() {
    let mut scene = Scene::new([Housing]);
    let at = scene.subscribed("assessment-completed", &number("backport-heartbeat-period", 600));
    let before = scene.status(&at)["entry"][0]["resource"]["parameter"].clone();
    scene.answers(Health);
    scene.round();
    assert!(scene.after(Duration::from_mins(5)).is_empty());
    assert_eq!(before, scene.status(&at)["entry"][0]["resource"]["parameter"]);
    // Ten minutes after it was greeted, whatever was written in between.
    let [beat] = &scene.after(Duration::from_mins(5))[..] else { panic!("a heartbeat") };
    assert_eq!(beat.says("type"), "heartbeat");
    assert_eq!(beat.says("events-since-subscription-start"), "0");
    scene.answers(Housing);
    scene.round();
    assert_eq!(scene.receiver.got()[0].numbers(), ["1"], "what was hidden has no number");
}

#[test]
fn a_withdrawal_before_the_delivery_stops_it() {
    let mut scene = Scene::new([]);
    let given = scene.aino.grants(&scene.watcher, [Housing]);
    scene.world.pass(Duration::from_mins(1));
    let at = scene.subscribed("assessment-completed", &json!({}));
    scene.answers(Housing);
    given.revoke();
    scene.round();
    assert!(scene.receiver.got().is_empty(), "withdrawn between the change and the look");
    assert_eq!(parameter(&scene.status(&at), "events-since-subscription-start"), "0");
    // The same between two tries of one notification.
    let again = scene.aino.grants(&scene.watcher, [Housing]);
    scene.round();
    scene.receiver.got();
    scene.receiver.is(Mood::Says(503));
    scene.answers(Housing);
    scene.round();
    assert_eq!(scene.receiver.got().len(), 1, "it was tried");
    again.revoke();
    scene.receiver.is(Mood::Says(200));
    assert!(scene.after(Duration::from_mins(10)).is_empty(), "what was tried before is not told");
    let told = scene.watcher.get(&format!("{at}/$events")).accepted();
    assert!(!told.text().contains("/QuestionnaireResponse/"), "{told:?}");
}

#[test]
fn a_permit_that_begins_by_itself_is_told_of_when_it_begins() {
    let mut scene = Scene::new([]);
    let terms = Terms::grant(&scene.watcher.actor).themes(&[Housing]);
    scene.aino.gives(terms.from("2026-03-03T10:00:00Z"));
    scene.subscribed("assessment-completed", &json!({}));
    assert!(scene.after(Duration::from_hours(21)).is_empty());
    let [told] = &scene.after(Duration::from_hours(3))[..] else { panic!("one notification") };
    assert_eq!(told.numbers(), ["1"]);
}

#[test]
fn what_is_not_acknowledged_is_sent_again_in_order_and_at_last_given_up() {
    let mut scene = Scene::new([Housing]);
    let at = scene.subscribed("assessment-completed", &number("backport-timeout", 1));
    scene.receiver.is(Mood::Says(500));
    scene.answers(Housing);
    scene.round();
    scene.world.pass(Duration::from_secs(1));
    scene.answers(Housing);
    scene.round();
    let first = scene.receiver.got();
    assert_eq!(first.len(), 1, "one is under way at a time");
    scene.receiver.is(Mood::Hangs);
    let second = scene.after(Duration::from_secs(10));
    assert_eq!(second.len(), 1);
    assert_eq!((first[0].numbers(), second[0].numbers()), (vec!["1".into()], vec!["1".into()]));
    scene.receiver.is(Mood::Says(202));
    let after = scene.after(Duration::from_mins(1));
    let numbers: Vec<_> = after.iter().map(Got::numbers).collect();
    assert_eq!(numbers, [["1"], ["2"]], "in order, and nothing is lost");
    // Now it never answers again.
    scene.receiver.is(Mood::Says(301));
    scene.answers(Housing);
    scene.round();
    for _ in 0..30 {
        scene.after(Duration::from_hours(2));
    }
    let status = scene.status(&at);
    assert_eq!(parameter(&status, "status"), "error");
    assert_eq!(parameter(&status, "events-since-subscription-start"), "3");
    assert!(scene.watcher.get(&at).json()["error"].as_str().unwrap().contains("endpoint"));
    let counted =
        scene.world.runtime.block_on(scene.kuopio.gateway.tokens.store.count_subscriptions());
    assert_eq!(counted.unwrap(), [(mylife::store::subscription::State::Failed, 1)]);
    assert!(scene.after(Duration::from_hours(200)).is_empty(), "it is left in peace");
    // Its client asks again: what was not told is told.
    scene.receiver.is(Mood::Says(200));
    let body = wanted("assessment-completed", &[scene.aino.patient()], &json!({}));
    assert_eq!(asks(&scene.watcher, Method::PUT, &at, &body).status(), 200);
    let told = scene.after(Duration::from_secs(1));
    let said: Vec<Value> = told.iter().map(|one| one.says("type")).collect();
    assert_eq!(said, ["handshake", "event-notification"]);
    assert_eq!(told[1].numbers(), ["3"]);
}

#[test]
fn a_gateway_that_ends_in_between_loses_nothing() {
    let mut scene = Scene::new([Housing]);
    let at = scene.subscribed("assessment-completed", &json!({}));
    scene.receiver.is(Mood::Says(503));
    scene.answers(Housing);
    scene.round();
    assert_eq!(scene.receiver.got().len(), 1);
    // Written and not yet looked at when the process ends.
    scene.answers(Housing);
    scene.receiver.is(Mood::Says(200));
    let Scene { world, kuopio, watcher, aino, receiver, .. } = scene;
    drop((watcher, aino));
    let kuopio = kuopio.restart();
    world.pass(Duration::from_mins(1));
    let mut notifier = Notifier::default();
    rounds(&kuopio, &mut notifier);
    let numbers: Vec<_> = receiver.got().iter().map(Got::numbers).collect();
    assert_eq!(numbers, [["1"], ["2"]]);
    let status = kuopio.client("watcher").get(&format!("{at}/$status"));
    assert_eq!(parameter(status.json(), "events-since-subscription-start"), "2");
}

#[test]
fn a_receiver_knows_who_sent_it_and_where_to() {
    let mut scene = Scene::new([Housing]);
    scene.subscribed("assessment-completed", &json!({}));
    scene.answers(Housing);
    scene.round();
    let [told] = &scene.receiver.got()[..] else { panic!("one notification") };
    assert_eq!(told.headers["content-type"], "application/fhir+json; charset=utf-8");
    let signature = told.headers["mylife-signature"].to_str().unwrap();
    let (header, signed) = signature.split_once("..").unwrap();
    let token = format!("{header}.{}.{signed}", URL_SAFE_NO_PAD.encode(&told.body));
    let published = scene.watcher.get("/.well-known/jwks.json");
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!((&header["aud"], &header["typ"]), (&json!(PLACE), &json!("mylife-notification")));
    assert_eq!(header["iat"], scene.world.now().seconds());
    let keys = published.json()["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("a published key");
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], number("x"), number("y")].concat();
    let (said, tag) = token.rsplit_once('.').unwrap();
    let tag = URL_SAFE_NO_PAD.decode(tag).unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(said.as_bytes(), &tag).unwrap();
    // One who shares a secret knows it by that.
    let other = scene.kuopio.client("watcher-too");
    subscribes(&other, &wanted("assessment-completed", &[scene.aino.patient()], &json!({})));
    scene.round();
    let [greeting] = &scene.receiver.got()[..] else { panic!("a greeting") };
    assert_eq!(greeting.headers["authorization"], format!("Bearer {TOKEN}"));
    let text = greeting.headers["mylife-signature"].to_str().unwrap();
    let (time, tag) = text.strip_prefix("t=").unwrap().split_once(", hmac-sha256=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [format!("{time}.{PLACE}.").as_bytes(), &greeting.body].concat();
    hmac::verify(&key, &signed, &URL_SAFE_NO_PAD.decode(tag).unwrap()).unwrap();
}

#[test]
fn a_subscription_is_read_changed_and_ended_by_its_client_alone() {
    let mut scene = Scene::new([Housing]);
    let at = scene.subscribed("assessment-completed", &json!({}));
    let (watcher, other) = (scene.watcher.clone(), scene.kuopio.client("watcher-too"));
    let mine = watcher.get("/fhir/Subscription?status=active");
    assert_eq!(mine.json()["total"], 1);
    assert_eq!(other.get("/fhir/Subscription").json()["total"], 0);
    let never = other.get("/fhir/Subscription/297.never");
    for path in [at.clone(), format!("{at}/$status"), format!("{at}/$events")] {
        let foreign = other.get(&path);
        foreign.refused(404, "not-found");
        assert_eq!(foreign.bytes(), never.bytes());
    }
    let body =
        wanted("assessment-completed", &[scene.aino.patient()], &json!({ "/status": "off" }));
    let foreign = asks(&other, Method::PUT, &at, &body);
    foreign.refused(404, "not-found");
    assert_eq!(asks(&watcher, Method::PUT, &at, &body).json()["status"], "off");
    scene.answers(Housing);
    scene.round();
    assert!(scene.receiver.got().is_empty(), "off is off");
    let body = wanted("assessment-completed", &[scene.aino.patient()], &json!({}));
    asks(&watcher, Method::PUT, &at, &body).accepted();
    scene.round();
    let told: Vec<Value> = scene.receiver.got().iter().map(|one| one.says("type")).collect();
    assert_eq!(told, ["handshake", "event-notification"]);
    let events = watcher.get(&format!("{at}/$events?eventsSinceNumber=1&content=full-resource"));
    assert_eq!(parameter(events.json(), "type"), "query-event");
    assert_eq!(events.json()["entry"][1]["resource"]["resourceType"], "QuestionnaireResponse");
    assert_eq!(asks(&watcher, Method::DELETE, &at, &json!({})).status(), 200);
    watcher.get(&at).refused(404, "not-found");
    scene.answers(Housing);
    scene.round();
    assert!(scene.receiver.got().is_empty());
}

#[test]
fn who_is_not_registered_any_more_is_told_nothing() {
    let mut scene = Scene::new([Housing]);
    let at = scene.subscribed("assessment-completed", &json!({}));
    scene.answers(Housing);
    let Scene { world, kuopio, watcher, aino, receiver, .. } = scene;
    drop((watcher, aino));
    // The same name, of another organisation.
    world.replace("watcher", crate::world::actor::ORGANIZATIONS[1]);
    let kuopio = kuopio.restart();
    rounds(&kuopio, &mut Notifier::default());
    assert!(receiver.got().is_empty());
    let status = kuopio.client("watcher").get(&format!("{at}/$status"));
    assert_eq!(parameter(status.json(), "status"), "error");
}
