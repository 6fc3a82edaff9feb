//! `[[issuers]]`: each mistake is told before anything is opened, all of them in one run.

use mylife::{
    authenticate::jose::{key::Algorithm, sign},
    cli::exit::Exit,
    config::Said,
    oauth::issuers::Check,
};
use serde_json::{Value, json};

use super::{Dir, around, gateway, read, run};

const BY_KEYS: &str = "[[issuers]]\nid = \"one\"\nissuer = \"https://one.example\"\ncheck = \"jwks\"\n\
                       algorithms = [\"ES256\"]\n";
const BY_ASKING: &str = "[[issuers]]\nid = \"two\"\nissuer = \"https://two.example\"\n\
                         check = \"introspection\"\nclient_id = \"g\"\n\
                         introspection_endpoint = \"https://two.example/introspect\"\n";
const LIMITS: &str =
    "[issuers.limits]\nscopes = [\"user/*.rs\"]\norganizations = [\"urn:oid:1.2.246.10.1\"]\n";

fn told(dir: &Dir, text: &str) -> Vec<String> {
    let path = dir.write("gateway.toml", text);
    read(&path, &Said::default()).err().unwrap_or_default()
}

#[test]
fn an_issuer_is_checked_before_anything_is_opened() {
    let dir = Dir::new("config-issuers");
    let good = gateway(&dir, 8443);
    let whole = format!("{good}{BY_KEYS}{LIMITS}{BY_ASKING}opaque = true\n{LIMITS}");
    let path = dir.write("gateway.toml", &whole);
    let config = read(&path, &Said::default()).map_err(|all| all.join("\n")).unwrap();
    let [one, two] = &*config.setup.issuers else { panic!() };
    assert_eq!(one.issuer.audience, "https://127.0.0.1:8443/fhir", "our own, if none is said");
    assert!(!one.issuer.plain && one.issuer.longest.as_secs() == 600);
    assert!(matches!(one.check, Check::Published { address: None, .. }));
    assert!(matches!(two.check, Check::Introspection { opaque: true, .. }));
    let rows: &[(&str, &str, &str)] = &[
        ("check = \"jwks\"\n", "", "check is missing: jwks"),
        ("\"jwks\"", "\"keys\"", "check must be one of jwks, introspection"),
        ("id = \"one\"", "id = \"One\"", "id must be 1 to 32 small letters"),
        ("id = \"one\"", "id = \"two\"", "id is that of an earlier issuer"),
        ("https://one.example", "http://one.example", "issuer must be an https URL"),
        ("https://one.example", "https://two.example", "issuer is that of an earlier issuer"),
        ("https://one.example", "https://127.0.0.1:8443", "is that of this gateway"),
        ("https://one.example", "https://one.example:8443", "[client_keys]"),
        ("algorithms = [\"ES256\"]\n", "", "algorithms is missing: how it signs"),
        ("\"ES256\"", "\"HS256\"", "algorithms must each be one of"),
        ("algorithms", "opaque = true\nalgorithms", "opaque does not go with this check"),
        ("algorithms", "types = [\"jwt\"]\nalgorithms", "types must each be at+jwt or JWT"),
        ("algorithms", "longest_minutes = 61\nalgorithms", "a whole number from 1 to 60"),
        ("algorithms", "algorithm = 1\nalgorithms", "did you mean \"algorithms\"?"),
        (
            "algorithms",
            "jwks_uri = \"http://one.example/k\"\nalgorithms",
            "jwks_uri must be https://",
        ),
        ("user/*.rs", "user/Unicorn.rs", "\"user/Unicorn.rs\" is not known"),
        ("\"user/*.rs\"", "", "scopes is missing"),
        ("user/*.rs", "mylife/native.write", "mylife/ scopes are for clients"),
        ("\"urn:oid:1.2.246.10.1\"", "", "organizations must be one or more"),
        (
            "urn:oid:1.2.246.10.1\"",
            "urn:oid:1.2\", \"urn:oid:1.3\"",
            "claims.organization must say",
        ),
        ("organizations", "roles = [\"nurse\"]\norganizations", "claims.role says of none"),
        ("organizations", "role = 1\norganizations", "did you mean \"roles\"?"),
        ("client_id = \"g\"\n", "", "client_id is missing"),
        (
            "introspection_endpoint = \"https://two.example/introspect\"\n",
            "",
            "introspection_endpoint is missing",
        ),
        ("two.example/introspect", "two.example/i?a=b", "introspection_endpoint must be https://"),
        ("two.example/introspect", "two.example:8443/i", "[client_keys]"),
        (
            "client_id = \"g\"",
            "client_id = \"g\"\ntypes = [\"JWT\"]",
            "types does not go with this check",
        ),
    ];
    for (from, to, say) in rows {
        assert!(whole.contains(from), "{from}");
        let all = told(&dir, &whole.replacen(from, to, 1));
        assert!(all.iter().any(|one| one.contains(say)), "{from} -> {to}: {all:?}");
    }
    // All of them at once.
    let both =
        whole.replace("id = \"one\"", "id = \"One\"").replace("user/*.rs", "user/Unicorn.rs");
    assert_eq!(told(&dir, &both).len(), 5, "{:?}", told(&dir, &both));
    let second = format!("{whole}{}opaque = true\n{LIMITS}", BY_ASKING.replace("two", "three"));
    let all = told(&dir, &second);
    assert!(all.len() == 1 && all[0].contains("is shown to one alone"), "{all:?}");
}

#[test]
fn keys_of_an_issuer_may_be_registered_and_are_bound_to_their_algorithm() {
    let dir = Dir::new("config-issuer-keys");
    let good = gateway(&dir, 8443);
    let made = sign::generate(Algorithm::Es384).unwrap();
    let mut key: Value = serde_json::from_str(&made).unwrap();
    let private = json!({ "keys": [key] }).to_string();
    key.as_object_mut().unwrap().remove("d");
    let set = json!({ "keys": [key] });
    dir.write("one.jwks", &set.to_string());
    dir.write("private.jwks", &private);
    let with = |lines: &str| {
        let by_keys = BY_KEYS.replace("algorithms = [\"ES256\"]\n", lines);
        told(&dir, &format!("{good}{by_keys}{LIMITS}"))
    };
    assert_eq!(with("jwks_file = \"one.jwks\"\n"), [""; 0]);
    assert_eq!(with("jwks_file = \"one.jwks\"\nalgorithms = [\"ES384\"]\n"), [""; 0]);
    let rows = [
        ("jwks_file = \"one.jwks\"\nalgorithms = [\"ES256\"]\n", "algorithms lacks ES384"),
        ("jwks_file = \"one.jwks\"\njwks_uri = \"https://one.example/k\"\n", "keep one of them"),
        ("jwks_file = \"private.jwks\"\n", "treat it as leaked"),
        ("jwks_file = \"none.jwks\"\n", "cannot be read"),
    ];
    for (lines, say) in rows {
        let all = with(lines);
        assert!(all.iter().any(|one| one.contains(say)), "{lines}: {all:?}");
    }
}

#[test]
fn replicas_that_believe_other_issuers_have_other_settings() {
    let dir = Dir::new("config-issuers-alike");
    let good = gateway(&dir, 8443);
    let digest = |text: &str| {
        let path = dir.write("gateway.toml", text);
        let config = read(&path, &Said::default()).map_err(|all| all.join("\n")).unwrap();
        config.setup.settings.digest
    };
    let one = format!("{good}{BY_KEYS}{LIMITS}");
    assert_eq!(digest(&one), digest(&one));
    assert_ne!(digest(&one), digest(&good));
    assert_ne!(digest(&one), digest(&one.replace("user/*.rs", "user/*.r")));
}

#[test]
fn the_doctor_tells_of_an_issuer_that_is_not_reached() {
    let dir = Dir::new("config-issuers-doctor");
    let good = gateway(&dir, 8443);
    let inside = "[client_keys]\ninside = [\"127.0.0.1:1\"]\n";
    let far = |text: &str| text.replace("https://two.example", "https://127.0.0.1:1");
    let text = format!("{good}{inside}{}{LIMITS}", far(BY_ASKING));
    let path = dir.write("gateway.toml", &text).display().to_string();
    let ask = ["doctor", &path, "--json", "--set", "listen.management=127.0.0.1:1"];
    let (exit, said, complaint) = run(&around(), &ask);
    assert_eq!(exit, Exit::Findings, "{said}{complaint}");
    let rows: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = rows.iter().find(|row| row["part"] == "issuer two").unwrap();
    assert_eq!(row["level"], "error", "{row}");
    assert_eq!(row["say"], "its tokens cannot be checked: its host cannot be reached");
    assert!(row["mend"].as_str().unwrap().contains("[client_keys]"));
    let (_, said, _) = run(&around(), &[&ask[..], &["--offline"]].concat());
    assert!(!said.contains("issuer two"), "{said}");
}
