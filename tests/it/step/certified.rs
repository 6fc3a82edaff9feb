//! A client proves itself by its certificate. Ids are those of the requirement table (MT).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, Response};
use mylife::{
    authenticate::registry::{ClientEntry, Registry},
    error::Kind,
    oauth::{
        refused::{Code, Refused},
        token::Asked,
    },
    pki::name::{Name, Names},
};
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use serde_json::{Value, json};

use super::{
    asking::{
        Desk, HOME, ISSUER, PEER, assertion, body, credentials, entry, form, form_headers, peer,
    },
    exchange::broker,
    signed::noon,
};

/// A certificate in DER form, whoever made it.
fn certificate(subject: &[(DnType, &str)], names: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in subject {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params.subject_alt_names = names;
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

#[test]
fn a_certificate_has_the_names_that_are_written_in_it_and_no_others() {
    // MT-02
    let subject = [
        (DnType::CountryName, "FI"),
        (DnType::OrganizationName, "Kainuu, county"),
        (DnType::CommonName, "desk \u{e4}"),
    ];
    let names = vec![
        dns("Desk.example"),
        dns("*.wild.example"),
        SanType::URI("urn:oid:1.2.246.10".try_into().unwrap()),
        SanType::IpAddress([10, 1, 2, 3].into()),
        SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()),
    ];
    let der = certificate(&subject, names);
    let names = Names::of(&der);
    let rows: [(Option<Name>, bool); 26] = [
        (Name::subject("CN=desk \u{e4},O=Kainuu\\, county,C=FI"), true),
        (Name::subject("cn=desk \\C3\\A4, o=Kainuu\\, county , C=FI"), true),
        (Name::subject("2.5.4.3=desk \u{e4},2.5.4.10=Kainuu\\2C county,C=FI"), true),
        (Name::subject("C=FI,O=Kainuu\\, county,CN=desk \u{e4}"), false),
        (Name::subject("CN=desk \u{e4},O=Kainuu\\, county"), false),
        (Name::subject("CN=desk \u{e4},O=Kainuu\\, county,C=FI,DC=x"), false),
        (Name::subject("CN=desk \u{e4}+O=Kainuu\\, county,C=FI"), false),
        (Name::subject("CN=desk \u{e4}\\ ,O=Kainuu\\, county,C=FI"), false),
        (Name::subject("CN=Desk \u{e4},O=Kainuu\\, county,C=FI"), false),
        (Name::subject("CN=desk \u{e4},OU=Kainuu\\, county,C=FI"), false),
        (Name::dns("desk.example"), true),
        (Name::dns("DESK.EXAMPLE"), true),
        (Name::dns("other.example"), false),
        (Name::dns("a.wild.example"), false),
        (Name::dns("desk.example.evil.example"), false),
        (Name::uri("urn:oid:1.2.246.10"), true),
        (Name::uri("urn:oid:1.2.246"), false),
        (Name::uri("URN:oid:1.2.246.10"), false),
        (Name::ip("10.1.2.3"), true),
        (Name::ip("::1"), true),
        (Name::ip("10.1.2.4"), false),
        (Name::ip("::ffff:10.1.2.3"), false),
        (Name::uri("dns:desk.example"), false),
        (Name::subject("CN=desk.example"), false),
        (Name::dns("FI"), false),
        (Name::ip("127.0.0.1"), false),
    ];
    for (name, is_one) in rows {
        let name = name.unwrap();
        assert_eq!(names.has(&name), is_one, "{name:?}");
    }
    for wrong in
        ["", "desk", "CN=", "CN=#0401", "CN=a;b", "CN=\"a\"", "XY=a", "CN=a\\x", "CN=a,", "=a"]
    {
        assert_eq!(Name::subject(wrong), None, "{wrong}");
    }
    assert!(Name::dns("*.example").is_none() && Name::dns("").is_none());
    assert!(Name::uri("desk").is_none() && Name::ip("10.1.2").is_none());
    // What is cut off anywhere has no other names than the whole, and nothing breaks.
    let all = [Name::dns("desk.example"), Name::ip("10.1.2.3"), Name::uri("urn:oid:1.2.246.10")];
    for length in 0..der.len() {
        let part = Names::of(&der[..length]);
        assert!(part == names || all.iter().flatten().all(|name| !part.has(name)));
    }
}

/// A client that is known by a host of its certificate.
fn certified() -> ClientEntry {
    let of = json!({
        "client_id": "certified", "jwks": null, "tls_client_auth": { "san_dns": "desk.example" },
        "purposes": ["TREAT"], "scopes": ["system/Goal.rs"], "introspects": true, "exchanges": true,
    });
    entry(&of)
}

#[test]
fn a_client_is_known_by_one_name_or_by_keys() {
    let rows = [
        (json!({ "tls_client_auth": { "san_dns": "*.example" } }), "san_dns: must be a host"),
        (
            json!({ "tls_client_auth": { "subject_dn": "desk" } }),
            "subject_dn: must be as in RFC 4514",
        ),
        (json!({ "tls_client_auth": { "san_uri": "desk" } }), "san_uri: must be a URI"),
        (json!({ "tls_client_auth": { "san_ip": "desk" } }), "san_ip: must be an address"),
        (json!({ "tls_client_auth": { "san_ip": "::1", "san_dns": "a.b" } }), "names several"),
        (json!({ "jwks_uri": "https://a.example/k" }), "is for a system without keys"),
        (json!({ "algorithms": ["ES256"] }), "is for a system without keys"),
        (json!({ "redirect_uris": ["https://a.example/b"] }), "is for a system without keys"),
        (json!({ "tls_client_auth": {} }), "jwks: is missing"),
    ];
    for (changes, said) in rows {
        let entry: Value = json!({
            "client_id": "certified", "name": "Desk", "organization": "urn:oid:1.2.246.10.1",
            "tls_client_auth": { "san_dns": "desk.example" }, "scopes": ["system/Goal.rs"],
        });
        let entry = serde_json::from_value(super::signed::with(entry, &changes)).unwrap();
        let told = Registry::build(vec![entry]).unwrap_err().join("\n");
        assert!(told.contains(said), "{changes}: {told}");
    }
}

async fn asks(
    desk: &Desk,
    request: &str,
    certificate: Option<(&[u8; 32], &Names)>,
) -> (Response<bytes::Bytes>, Option<Refused>) {
    let (headers, method, body) = (form_headers(), Method::POST, request.as_bytes());
    let (certificate, names) = certificate.unzip();
    let asked = Asked {
        method: &method,
        query: None,
        headers: &headers,
        body,
        certificate,
        names,
        address: HOME,
    };
    desk.ask(asked).await
}

#[tokio::test]
async fn its_tokens_are_worth_something_with_its_certificate_alone() {
    // MT-01, MT-02, MT-04, MT-06
    let desk = Desk::of(ISSUER, vec![certified(), broker(), entry(&json!({}))], vec![peer()]);
    let of = |name: &str| Names::of(&certificate(&[(DnType::CommonName, "desk")], vec![dns(name)]));
    let (own, other) = (of("desk.example"), of("other.example"));
    let (thumbprint, renewed): ([u8; 32], [u8; 32]) = ([3; 32], [4; 32]);
    let credentials_of = |id: &str| {
        let pairs = [("grant_type", "client_credentials"), ("client_id", id)];
        format!("{}&scope=system/Goal.rs", form(&pairs))
    };
    let request = credentials_of("certified");
    let (response, refused) = asks(&desk, &request, Some((&thumbprint, &own))).await;
    assert!(refused.is_none(), "{refused:?}");
    let token = body(&response)["access_token"].as_str().unwrap().to_owned();
    let caller = desk.caller(&token, Some(&thumbprint)).unwrap();
    assert_eq!((caller.client_id(), caller.purpose()), ("certified", Some("TREAT")));
    assert!(caller.roles().is_empty() && caller.subject().is_none() && caller.node().is_none());
    // Without it, and with the one that takes its place, the token is worth nothing; another is had by it.
    for shown in [None, Some(&renewed)] {
        assert_eq!(desk.caller(&token, shown).unwrap_err().kind(), Kind::InvalidToken);
    }
    let (response, _) = asks(&desk, &request, Some((&renewed, &own))).await;
    let newer = body(&response)["access_token"].as_str().unwrap().to_owned();
    assert!(desk.caller(&newer, Some(&renewed)).is_ok());
    assert!(desk.caller(&newer, Some(&thumbprint)).is_err());
    // Nobody else is it, and it is nobody else.
    let both = format!("{request}&client_assertion_type=x&client_assertion=y");
    let assertion = credentials(
        &assertion("as it", &json!({ "iss": "certified", "sub": "certified" })),
        "system/Goal.rs",
    );
    for (name, request, shown) in [
        ("no certificate", &request, None),
        ("another's", &request, Some((&thumbprint, &other))),
        ("of no name", &request, Some((&thumbprint, &Names::default()))),
        ("an assertion beside it", &both, Some((&thumbprint, &own))),
        ("an assertion in its place", &assertion, Some((&thumbprint, &own))),
        ("a client that has keys", &credentials_of("portal"), Some((&thumbprint, &own))),
        ("nobody", &credentials_of("nobody"), Some((&thumbprint, &own))),
    ] {
        let (_, refused) = asks(&desk, request, shown).await;
        assert_eq!(refused.map(|refused| refused.code), Some(Code::InvalidClient), "{name}");
    }
    // It is believed where other clients prove themselves too, and what a token is bound to is told.
    let about = form(&[("client_id", "certified"), ("token", &token)]);
    let (headers, method) = (form_headers(), Method::POST);
    let asked = |names| Asked {
        method: &method,
        query: None,
        headers: &headers,
        body: about.as_bytes(),
        certificate: Some(&thumbprint),
        names,
        address: HOME,
    };
    let told = desk.endpoint.introspect(asked(Some(&own)), noon()).await;
    let cnf = &body(&told.response)["cnf"]["x5t#S256"];
    assert_eq!(*cnf, json!(URL_SAFE_NO_PAD.encode(thumbprint)), "{:?}", told.refused);
    let told = desk.endpoint.introspect(asked(Some(&other)), noon()).await;
    assert_eq!(told.refused.map(|refused| refused.code), Some(Code::InvalidClient));
    // It exchanges what it was given.
    let exchange = form(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "certified"),
        ("subject_token", &token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", PEER),
    ]);
    let (response, refused) = asks(&desk, &exchange, Some((&thumbprint, &own))).await;
    assert!(refused.is_none(), "{refused:?}");
    assert_eq!(body(&response)["token_type"], "N_A");
    let (_, refused) = asks(&desk, &exchange, Some((&renewed, &own))).await;
    assert_eq!(
        refused.map(|refused| refused.code),
        Some(Code::InvalidRequest),
        "not its token now"
    );
    let revoked = desk.endpoint.revoke(asked(Some(&own)), noon()).await;
    assert!(revoked.refused.is_none(), "{:?}", revoked.refused);
    assert!(desk.caller(&token, Some(&thumbprint)).is_err());
}
