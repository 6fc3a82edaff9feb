//! `clients.tls_client_auth`: a client that is known by its certificate.

use mylife::config::Said;

use super::{Dir, gateway, read};

#[test]
fn a_client_with_a_certificate_needs_somebody_who_vouches_for_it() {
    // MT-02
    let dir = Dir::new("config-certified");
    let good = gateway(&dir, 8443);
    let client = "\n[[clients]]\nclient_id = \"c\"\nname = \"c\"\norganization = \"urn:oid:1.2.3\"\nscopes = \
                  [\"system/Goal.rs\"]\ntls_client_auth.san_dns = \"desk.example\"\n";
    let told = |text: &str| {
        let path = dir.write("gateway.toml", text);
        read(&path, &Said::default()).err().unwrap_or_default().join("\n")
    };
    assert_eq!(told(&format!("{good}{client}")), "");
    let lines = good.lines().filter(|line| !line.starts_with("authorities"));
    let without = lines.collect::<Vec<_>>().join("\n");
    let said = told(&format!("{without}{client}"));
    assert!(said.contains("listen needs authorities"), "{said}");
    for (more, expected) in [
        ("tls_client_auth.san_ip = \"::1\"", "clients[0].tls_client_auth names several"),
        ("tls_client_auth.san_host = \"a\"", "did you mean \"san_dns\"?"),
        ("jwks_uri = \"https://a.example/k\"", "is for a system without keys"),
    ] {
        let said = told(&format!("{good}{client}{more}\n"));
        assert!(said.contains(expected), "{more}: {said}");
    }
}
