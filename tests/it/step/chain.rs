//! Along a chain of gateways nothing grows, whatever any of them asks, lets through or makes up.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mylife::{
    authenticate::{behalf::on_behalf, caller::Caller, peer::PeerLimits},
    chance::SeededChance,
    fhir::types::{Interaction, ResourceType},
    smart::{Limits, Scopes, decide::Cover},
};
use proptest::{prelude::*, sample::subsequence};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::{
    asking::{CERTIFICATE, Desk, ISSUER, PEER, PORTAL, assertion, body, credentials, peer},
    exchange::{away, exchange, home, present, token},
    signed::{OTHER, at, header, noon, sign, with},
};

const SCOPES: [&str; 9] = [
    "system/*.rs",
    "system/Goal.rs",
    "system/Goal.r",
    "system/Task.rs?_security=housing",
    "system/*.read",
    "system/Consent.cu",
    "system/*.cruds",
    "user/Goal.rs",
    "mylife/native.write",
];
const ROLES: [&str; 3] = ["case-worker", "nurse", "chief"];
const PURPOSES: [&str; 3] = ["TREAT", "PATRQT", "HMARKT"];
const REGISTERS: [&str; 2] = ["social", "health"];
const GROUNDS: [&str; 2] = ["child-welfare-act", "rescue-act"];

/// What one gateway does of those a question passes through.
#[derive(Clone, Debug)]
struct Hop {
    /// What it lets its neighbour say.
    limits: PeerLimits,
    /// What it is asked for; its neighbour's choice.
    scope: Option<String>,
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(of, 0..=of.len()).prop_map(|all| all.into_iter().map(str::to_owned).collect())
}

fn scope() -> impl Strategy<Value = String> {
    subsequence(&SCOPES[..], 1..=4).prop_map(|all| all.join(" "))
}

/// Mostly all there is, so that most chains are long.
fn limits() -> impl Strategy<Value = PeerLimits> {
    let all = |of: &'static [&'static str]| {
        let whole: Vec<String> = of.iter().map(|one| (*one).to_owned()).collect();
        prop_oneof![5 => Just(whole), 1 => some(of)]
    };
    (all(&ROLES), all(&PURPOSES), all(&REGISTERS), all(&REGISTERS), all(&GROUNDS)).prop_map(
        |(roles, purposes, registers, sectors, declares)| PeerLimits {
            organizations: vec![PORTAL.to_owned()],
            roles,
            purposes,
            registers,
            sectors,
            declares,
            counts: false,
        },
    )
}

fn hop() -> impl Strategy<Value = Hop> {
    let scope = prop_oneof![2 => Just(None), 1 => scope().prop_map(Some)];
    (limits(), scope).prop_map(|(limits, scope)| Hop { limits, scope })
}

/// How the chain begins.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The gateway asks itself.
    Asks,
    /// Its client exchanges its own token.
    Own,
    /// Its client exchanges the token of another that lets it act.
    Acting,
}

/// Does every resource that one reaches lie within what the other reaches?
fn within(narrow: &Scopes, wide: &Scopes) -> bool {
    let implies = |one: &Limits, other: &Limits| {
        other.labels.iter().all(|label| one.labels.contains(label))
            && other.filters.iter().all(|filter| one.filters.contains(filter))
    };
    let interactions = [
        Interaction::Create,
        Interaction::Read,
        Interaction::Update,
        Interaction::Delete,
        Interaction::Search,
    ];
    (wide.native_write() || !narrow.native_write())
        && ResourceType::ALL.iter().all(|kind| {
            interactions.iter().all(|deed| {
                match (narrow.covers(*kind, *deed), wide.covers(*kind, *deed)) {
                    (Cover::Nothing, _) | (_, Cover::Whole) => true,
                    (Cover::Whole | Cover::Limited(_), Cover::Nothing)
                    | (Cover::Whole, Cover::Limited(_)) => false,
                    (Cover::Limited(narrow), Cover::Limited(wide)) => {
                        narrow.iter().all(|one| wide.iter().any(|other| implies(one, other)))
                    }
                }
            })
        })
}

/// After another hop a caller is no more than before.
fn is_no_more(before: &Caller, after: &Caller, limits: &PeerLimits) {
    assert!(within(after.scopes(), before.scopes()), "{} {}", after.scopes(), before.scopes());
    assert_eq!(after.organization(), before.organization());
    assert_eq!(after.purpose(), before.purpose());
    assert_eq!(after.subject(), before.subject());
    assert_eq!((after.register(), after.sector()), (before.register(), before.sector()));
    assert!(after.roles().iter().all(|role| before.roles().contains(role)));
    assert!(after.declared().iter().all(|one| before.declared().contains(one)));
    assert!(after.break_glass().is_none() && after.confined_to().is_none());
    assert!(after.expires() <= before.expires());
    assert!(after.client_id().ends_with(before.client_id()) && after.node().is_some());
    let (was, is) = (before.actors(), after.actors());
    assert!(is.ends_with(&was) && is.len() > was.len() && is.len() <= 3, "{was:?} {is:?}");
    keeps_to(after, limits);
}

/// Nobody comes through a peer with what it may not say.
fn keeps_to(caller: &Caller, limits: &PeerLimits) {
    assert!(limits.organizations.iter().any(|one| one == caller.organization()));
    assert!(caller.purpose().is_none_or(|one| limits.purposes.iter().any(|has| has == one)));
    assert!(caller.roles().iter().all(|one| limits.roles.contains(one)));
    assert!(caller.register().is_none_or(|one| limits.registers.iter().any(|has| has == one)));
    assert!(caller.sector().is_none_or(|one| limits.sectors.iter().any(|has| has == one)));
    assert!(caller.declared().iter().all(|one| limits.declares.contains(&one.id)));
}

/// A statement of the first gateway, and the caller it is made of.
async fn begins(home: &Desk, way: Way, asked: Option<&str>) -> Option<(String, Arc<Caller>)> {
    let client = if matches!(way, Way::Own) { "broker" } else { "portal" };
    let own = token(home, client, "own", "system/*.rs system/Consent.cu").await;
    let caller = home.caller(&own, None).unwrap();
    let statement = match way {
        Way::Asks => states(home, &caller, asked.unwrap_or("system/*.cruds"), PEER)?,
        Way::Own | Way::Acting => {
            let scope = asked.unwrap_or("-");
            let (response, _) = home.post(&exchange("x", &own, &[("scope", scope)])).await;
            body(&response)["access_token"].as_str()?.to_owned()
        }
    };
    Some((statement, caller))
}

/// What a gateway says to the next when it asks itself.
fn states(desk: &Desk, caller: &Caller, scope: &str, to: &str) -> Option<String> {
    let (scopes, chance) = (Scopes::parse(scope), SeededChance::new(5));
    let (issuer, signer) = (&desk.endpoint.issuer, &desk.endpoint.signer);
    on_behalf(caller, &scopes, issuer, to, signer, &chance, noon()).ok()
}

/// How many gateways the question came through.
async fn walks(way: Way, asked: Option<&str>, hops: &[Hop]) -> usize {
    let mut from = home();
    let Some((mut statement, mut caller)) = begins(&from, way, asked).await else { return 0 };
    for (n, hop) in hops.iter().enumerate() {
        let name = if n == 0 { PEER.to_owned() } else { format!("https://hop{n}.example") };
        let to = away(&from, &name, hop.limits.clone());
        let request = present(&statement, hop.scope.as_deref().unwrap_or("-"));
        let (response, _) = to.post_from(&request, Some(&CERTIFICATE)).await;
        let answer = body(&response);
        let Some(token) = answer["access_token"].as_str() else { return n };
        let there = to.caller(token, Some(&CERTIFICATE)).unwrap();
        is_no_more(&caller, &there, &hop.limits);
        let next = format!("https://hop{}.example", n + 1);
        let all = "system/*.cruds mylife/native.write";
        let Some(further) = states(&to, &there, all, &next) else { return n + 1 };
        (statement, caller, from) = (further, there, to);
    }
    hops.len()
}

#[test]
fn nothing_grows_along_a_chain() {
    // TX-10, TX-11
    let runtime = Builder::new_current_thread().build().unwrap();
    let reached: [AtomicUsize; 5] = Default::default();
    let ways = prop_oneof![Just(Way::Asks), Just(Way::Own), Just(Way::Acting)];
    let hops = prop::collection::vec(hop(), 1..=4);
    let config = ProptestConfig { cases: 120, ..ProptestConfig::default() };
    let asked = prop::option::of(scope());
    proptest!(config, |(way in ways, asked in asked, hops in hops)| {
        let came = runtime.block_on(walks(way, asked.as_deref(), &hops));
        prop_assert!(came <= 3, "a fourth gateway");
        reached[came].fetch_add(1, Ordering::Relaxed);
    });
    // Else it held of nothing.
    let reached = reached.map(AtomicUsize::into_inner);
    assert!(reached[..4].iter().all(|count| *count > 0), "{reached:?}");
}

/// Anything at all, as far as JSON goes.
fn made_up() -> impl Strategy<Value = Value> {
    let organization = prop_oneof![4 => Just(PORTAL), 1 => Just("urn:oid:1.2.246.10.2")];
    let subject = prop_oneof![
        3 => Just(Some("w")),
        1 => Just(None),
        1 => Just(Some("Patient/297.a")),
        1 => Just(Some("https://a.example/fhir/RelatedPerson/297.a")),
        1 => Just(Some("010190-999P")),
    ];
    // Mostly what it may say, so that much is believed.
    let one = |usual: &'static str, of: &'static [&'static str]| prop_oneof![5 => Just(Some(usual)), 1 => prop::option::of(prop::sample::select(of))];
    let mostly = |usual: &'static str, of: &'static [&'static str]| prop_oneof![5 => Just(vec![usual.to_owned()]), 1 => some(of)];
    let act = prop_oneof![
        2 => Just(Value::Null),
        1 => Just(json!({ "sub": PEER })),
        1 => Just(json!({ "sub": ISSUER })),
        1 => Just(json!({ "sub": "a", "act": { "sub": "b" } })),
        1 => Just(json!({ "sub": "a", "act": { "sub": "b", "act": { "sub": "c" } } })),
    ];
    let client = prop::sample::select(&["portal", "single", "297/portal", "one:app", ""][..]);
    let more = prop_oneof![
        4 => Just(json!({})),
        1 => Just(json!({ "patient": "297.a" })),
        1 => Just(json!({ "break_glass": { "reason": "fire", "until": "2026-06-01T12:30:00Z" } })),
        1 => Just(json!({ "node": "205", "family": "f", "cnf": { "x5t#S256": "" } })),
        1 => Just(json!({ "may_act": { "sub": "broker" }, "launched": { "intent": "x" } })),
    ];
    let who = (client, organization, subject, act, more);
    let what = (
        mostly("case-worker", &ROLES),
        one("TREAT", &PURPOSES),
        one("social", &REGISTERS),
        one("social", &REGISTERS),
        mostly("child-welfare-act", &GROUNDS),
    );
    (who, what, scope()).prop_map(|(who, what, scope)| {
        let (client, organization, subject, act, more) = who;
        let (roles, purpose, register, sector, grounds) = what;
        let declared: Vec<Value> =
            grounds.iter().map(|id| json!({ "id": id, "reason": "section 25" })).collect();
        let mut said = json!({
            "client_id": client, "organization": organization, "subject": subject, "act": act,
            "roles": roles, "purpose": purpose, "register": register, "sector": sector,
            "declared": declared, "scope": scope,
        });
        let members = said.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        said
    })
}

#[test]
fn a_peer_in_wrong_hands_says_no_more_than_it_may() {
    // TX-11; design 6: it has its key and its certificate, and signs what it likes.
    let runtime = Builder::new_current_thread().build().unwrap();
    let believed = AtomicUsize::new(0);
    let config = ProptestConfig { cases: 400, ..ProptestConfig::default() };
    proptest!(config, |(said in made_up())| {
        let desk = home();
        let mut claims = json!({
            "iss": PEER, "sub": "x", "aud": ISSUER, "exp": at(60), "iat": at(0), "jti": "j",
        });
        claims.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        let statement = sign(&OTHER, &header(&OTHER, "mylife-grant+jwt"), &claims);
        let request = present(&statement, "-");
        let (response, _) = runtime.block_on(desk.post_from(&request, Some(&CERTIFICATE)));
        let answer = body(&response);
        let Some(token) = answer["access_token"].as_str() else { return Ok(()) };
        believed.fetch_add(1, Ordering::Relaxed);
        prop_assert!(desk.caller(token, None).is_err(), "it is bound to its certificate");
        let caller = desk.caller(token, Some(&CERTIFICATE)).unwrap();
        keeps_to(&caller, &peer().limits);
        prop_assert!(caller.client_id().starts_with("900/"), "no client of ours");
        prop_assert!(caller.node().is_some_and(|node| node.as_str() == "900"));
        prop_assert_eq!(caller.actors()[0], PEER);
        prop_assert!(caller.break_glass().is_none() && caller.confined_to().is_none());
        prop_assert!(!caller.subject().is_some_and(|who| who.contains('/') || who.contains('-')));
        prop_assert!(!caller.scopes().native_write());
        prop_assert!(within(caller.scopes(), &Scopes::parse(claims["scope"].as_str().unwrap())));
        // Nor does it get more by a client of ours that is in the same hands.
        let further = exchange("further", token, &[]);
        let (response, _) = runtime.block_on(desk.post_from(&further, Some(&CERTIFICATE)));
        prop_assert_eq!(&body(&response)["error"], "invalid_request");
    });
    let believed = believed.into_inner();
    assert!((20..380).contains(&believed), "else it held of nothing: {believed}");
}

#[tokio::test]
async fn a_peer_in_wrong_hands_opens_no_other_door() {
    let desk = home();
    let claims = json!({
        "iss": PEER, "sub": "x", "aud": ISSUER, "exp": at(60), "iat": at(0), "client_id": "portal",
        "scope": "system/*.rs", "organization": PORTAL, "purpose": "TREAT",
    });
    let signed = |typ: &str, changes: &Value| {
        let claims = with(claims.clone(), changes);
        sign(&OTHER, &header(&OTHER, typ), &claims)
    };
    // In the name of another, with another's audience, as a token or a client of ours.
    for (name, statement) in [
        (
            "of another peer",
            signed("mylife-grant+jwt", &json!({ "iss": "https://b.example", "jti": "a" })),
        ),
        ("of ours", signed("mylife-grant+jwt", &json!({ "iss": ISSUER, "jti": "b" }))),
        ("for another", signed("mylife-grant+jwt", &json!({ "aud": PEER, "jti": "c" }))),
        ("a token of ours", signed("at+jwt", &json!({ "iss": ISSUER, "jti": "d" }))),
    ] {
        let (response, _) = desk.post_from(&present(&statement, "-"), Some(&CERTIFICATE)).await;
        assert_eq!(body(&response)["error"], "invalid_grant", "{name}");
        assert!(desk.caller(&statement, Some(&CERTIFICATE)).is_err(), "{name}");
    }
    let as_client = signed("JWT", &json!({ "iss": "portal", "sub": "portal", "jti": "e" }));
    for request in [
        credentials(&as_client, "system/*.rs"),
        credentials("-", "system/*.rs"),
        format!("{}&client_id=portal", credentials("-", "system/*.rs")),
        exchange("x", &as_client, &[("client_assertion", &as_client)]),
    ] {
        let (response, _) = desk.post_from(&request, Some(&CERTIFICATE)).await;
        assert_eq!(body(&response)["error"], "invalid_client", "{request}");
    }
    // What a client was given works without its help no better.
    let good = assertion("good", &json!({}));
    let (response, _) = desk.post(&credentials(&good, "system/*.rs")).await;
    let token = body(&response)["access_token"].as_str().unwrap().to_owned();
    let (response, _) = desk.post_from(&present(&token, "-"), Some(&CERTIFICATE)).await;
    assert_eq!(body(&response)["error"], "invalid_grant");
}
