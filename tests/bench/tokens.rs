//! What a token costs: to be believed again and for the first time, to be given, and while somebody floods.
//!
//! `cargo bench --bench tokens`. In process, microseconds of CPU, medians of interleaved rounds. A token
//! that is new is compared with the check of its signature alone, by the same library; one that is given,
//! without the check of the signature that its client proves itself with, with one signature: one at a
//! time, and 64 at once, which share what is written to the disk. Who floods sends ten assertions with a
//! wrong signature beside each good one, from one address, and then each from an address of its own; the
//! good ones come from where the client has proven itself before.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "stand/cpu.rs"]
mod cpu;
#[path = "stand/machine.rs"]
mod machine;
#[path = "stand/world.rs"]
mod world;

use std::{
    fs,
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use mylife::{
    authenticate::jose::{TokenKind, claims::Registered, sign::Signer},
    chance::{SystemChance, base32},
    gateway::Gateway,
    oauth::token::Asked,
};
use serde_json::{Value, json};
use tokio::{runtime::Builder, task::JoinSet};

use self::{
    cpu::cpu,
    world::{Size, World, ask, demand_disk},
};

const ROUNDS: usize = 11;
const TURNS: usize = 200;
/// Bad assertions beside a good one.
const FLOOD: usize = 10;
const CLIENT: &str = "county";

fn main() {
    println!("{}", machine::line());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-tokens");
    demand_disk(&dir);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let size = Size { people: 1, assessments: 1, consents: 1 };
        let (world, _) = World::filled(dir, size, None).await;
        let gateway = world.open().await;
        believed(&world, &gateway);
        let desk = Desk::of(&world);
        desk.opens_the_door(&world, &gateway).await;
        let gateway = Arc::new(gateway);
        for at_once in [1, 64] {
            given(&gateway, &desk, at_once).await;
        }
        flooded(&gateway, &desk).await;
    });
}

/// The key that signs tokens, and for which every client is registered.
struct Desk {
    signer: Signer,
    point: Vec<u8>,
}

/// Microseconds of one of `TURNS`.
fn time(turn: impl FnOnce()) -> f64 {
    let before = cpu();
    turn();
    (cpu() - before) / TURNS as f64
}

fn tell(name: &str, spent: &[f64]) {
    println!("{name:<58}{:>24} us", machine::spread(spent.iter().copied(), 2));
}

fn tell_ratio(name: &str, ratios: &[f64], most: f64) {
    let [_, ratio, _] = machine::quartiles(ratios.iter().copied());
    let word = if ratio <= most { "holds" } else { "misses" };
    println!("{name:<58}{:>24}; {word} {most}", machine::spread(ratios.iter().copied(), 2));
}

fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

fn bearing(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

/// A token that was seen before, and one that was not.
fn believed(world: &World, gateway: &Gateway) {
    let desk = Desk::of(world);
    let now = gateway.clock.now();
    let verify = |headers: &HeaderMap| {
        black_box(gateway.authenticator.verify(headers, None, None, now).unwrap());
    };
    let seen = bearing(&world.token(CLIENT));
    verify(&seen);
    let [mut again, mut first, mut checked] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let tokens: Vec<String> = (0..TURNS).map(|_| world.token(CLIENT)).collect();
        let headers: Vec<HeaderMap> = tokens.iter().map(|token| bearing(token)).collect();
        first.push(time(|| headers.iter().for_each(verify)));
        checked.push(time(|| tokens.iter().for_each(|token| desk.check(token))));
        // Too little to be told from the clock's own cost, if it is not done often.
        let often = || (0..TURNS * 100).for_each(|_| verify(&seen));
        again.push(time(often) / 100.0);
    }
    tell("a token that was seen before (at most 1)", &again);
    tell("a token that is new", &first);
    tell("the check of its signature", &checked);
    tell_ratio("a new token / the check of its signature", &ratios(&first, &checked), 1.2);
}

/// A token for a client that proves itself, so many at once.
async fn given(gateway: &Arc<Gateway>, desk: &Desk, at_once: usize) {
    let keys = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let chance = SystemRandom::new();
    let message = [7; 700];
    let (mut bare, mut signed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let forms: Vec<Arc<Form>> = (0..TURNS).map(|_| Arc::new(desk.form(gateway))).collect();
        let before = cpu();
        for (turn, few) in forms.chunks(at_once).enumerate() {
            let mut sent = JoinSet::new();
            for (number, form) in few.iter().enumerate() {
                let address = home(turn * at_once + number);
                let (gateway, form) = (Arc::clone(gateway), Arc::clone(form));
                sent.spawn(async move { form.sent(&gateway, address).await });
            }
            assert!(sent.join_all().await.iter().all(|status| *status == StatusCode::OK));
        }
        let whole = (cpu() - before) / TURNS as f64;
        let checks = time(|| forms.iter().for_each(|form| desk.check(&form.assertion)));
        bare.push(whole - checks);
        signed.push(time(|| {
            (0..TURNS).for_each(|_| {
                black_box(keys.sign(&chance, &message).unwrap());
            });
        }));
    }
    tell(&format!("a token given, {at_once} at once, without its client's proof"), &bare);
    tell("a signature", &signed);
    tell_ratio("a token given / a signature", &ratios(&bare, &signed), 2.0);
}

/// Good requests beside bad ones.
async fn flooded(gateway: &Gateway, desk: &Desk) {
    let mut elsewhere = 1 << 20;
    let [mut alone, mut one, mut many] = [const { Vec::new() }; 3];
    for round in 0..=ROUNDS {
        for (floods, spread, costs) in
            [(0, false, &mut alone), (FLOOD, false, &mut one), (FLOOD, true, &mut many)]
        {
            let good: Vec<Form> = (0..TURNS).map(|_| desk.form(gateway)).collect();
            let bad = (0..TURNS * floods).map(|_| desk.form(gateway).spoilt(&good[0]));
            let bad: Vec<Form> = bad.collect();
            let before = cpu();
            for (number, form) in good.iter().enumerate() {
                for bad in &bad[number * floods..(number + 1) * floods] {
                    elsewhere += u32::from(spread);
                    let from = if spread { elsewhere } else { 1 << 16 };
                    assert_ne!(bad.sent(gateway, from).await, StatusCode::OK);
                }
                assert_eq!(form.sent(gateway, home(number)).await, StatusCode::OK);
            }
            // In the first round whoever floods still uses up what may come at once.
            if round > 0 {
                costs.push((cpu() - before) / TURNS as f64);
            }
        }
    }
    tell("a good request alone", &alone);
    tell("with ten bad ones from one address", &one);
    tell("with ten bad ones, each from another address", &many);
    tell_ratio("flooded from one address / alone", &ratios(&one, &alone), 2.0);
    tell_ratio("flooded from everywhere / alone", &ratios(&many, &alone), 2.0);
}

/// One of the addresses of the client's own, as many as there are turns: none of them asks too often.
fn home(number: usize) -> u32 {
    u32::try_from(number % TURNS).unwrap()
}

/// A request for a token.
struct Form {
    assertion: String,
}

impl Form {
    /// With the signature of another, which is found to be wrong when it is checked.
    fn spoilt(&self, by: &Self) -> Self {
        let (rest, _) = self.assertion.rsplit_once('.').unwrap();
        let (_, signature) = by.assertion.rsplit_once('.').unwrap();
        Self { assertion: format!("{rest}.{signature}") }
    }

    /// What is answered when it comes from an address of this number.
    async fn sent(&self, gateway: &Gateway, address: u32) -> StatusCode {
        self.answered(gateway, address).await.0
    }

    async fn answered(&self, gateway: &Gateway, address: u32) -> (StatusCode, Value) {
        let body = format!(
            "grant_type=client_credentials&scope=system/*.rs&client_assertion_type=\
             urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={}",
            self.assertion
        );
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let asked = Asked {
            method: &Method::POST,
            query: None,
            headers: &HeaderMap::from_iter([(CONTENT_TYPE, kind)]),
            body: body.as_bytes(),
            certificate: None,
            names: None,
            address: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + address)),
        };
        let answered = gateway.tokens.answer(asked, gateway.clock.now()).await.response;
        let said = serde_json::from_slice(answered.body()).unwrap_or_default();
        (answered.status(), said)
    }
}

impl Desk {
    fn of(world: &World) -> Self {
        let text = fs::read_to_string(world.dir.join("signer.jwk")).unwrap();
        let key: Value = serde_json::from_str(&text).unwrap();
        let half = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        let point = [vec![4], half("x"), half("y")].concat();
        Self { signer: Signer::from_jwk(&text).unwrap(), point }
    }

    /// Checks the signature of a token and nothing else.
    fn check(&self, token: &str) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point);
        key.verify(signed.as_bytes(), &signature).unwrap();
    }

    /// A good request of the client.
    fn form(&self, gateway: &Gateway) -> Form {
        let now = gateway.clock.now();
        let registered = Registered {
            iss: CLIENT.to_owned(),
            sub: CLIENT.to_owned(),
            aud: gateway.tokens.url.clone(),
            exp: now.plus(Duration::from_mins(4)).seconds(),
            iat: Some(now.seconds()),
            nbf: None,
            jti: base32(&SystemChance, 26),
        };
        let assertion = self.signer.sign(TokenKind::ClientAssertion, &registered, &json!({}));
        Form { assertion: assertion.unwrap() }
    }

    /// A token that is given is one that is believed.
    async fn opens_the_door(&self, world: &World, gateway: &Gateway) {
        let (status, said) = self.form(gateway).answered(gateway, 1).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        let token = said["access_token"].as_str().unwrap();
        let somebody = &world.people()[0];
        for path in [
            format!("/fhir/QuestionnaireResponse/{}", somebody.response),
            format!("/fhir/Patient/{}", somebody.patient),
        ] {
            let (status, _) = ask(gateway, Method::GET, &path, token, String::new()).await;
            assert_eq!(status, StatusCode::OK, "{path}");
        }
    }
}
