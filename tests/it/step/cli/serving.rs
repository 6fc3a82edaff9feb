//! A gateway from its settings to its end, over real TLS on the loopback interface.

use std::{
    io,
    net::{TcpListener, TcpStream},
};

use mylife::{
    cli::exit::Exit,
    config,
    serve::{self, Order, Orders},
};

use super::{
    super::config::{Dir, around, run},
    living::{Living, free_port},
    town,
};

#[test]
fn a_gateway_serves_from_its_settings_until_it_is_told_to_stop() {
    let living = Living::begin("cli-serve", &[]);
    let (public, first) = (living.public, &living.first);
    assert!(first.starts_with("Serving https://127.0.0.1:"), "{first}");

    let at = |path| living.at(path);
    assert!(at("/livez").ends_with("alive\n"));
    assert!(at("/readyz").starts_with("HTTP/1.1 200 "), "{}", at("/readyz"));
    assert!(at("/health").contains("\"status\":\"UP\""));
    assert!(at("/peers").ends_with("{\"peers\":[]}"), "{}", at("/peers"));

    let metadata = living.public("/fhir/metadata");
    assert!(metadata.contains("\"CapabilityStatement\""), "{metadata}");
    let counted = "http_server_request_duration_seconds_count{http_route=\"public\",\
                   http_response_status_code=\"200\"} 1\n";
    assert!(at("/metrics").contains(counted), "{}", at("/metrics"));

    let (dir, surroundings) = (living.dir.path(), around());
    let key = dir.join("source.jwk").display().to_string();
    let ca = dir.join("keys/ca.pem").display().to_string();
    let endpoint = format!("https://127.0.0.1:{public}/oauth/token");
    let asked = [
        "token",
        "--client-id",
        "kuopio-source",
        "--key",
        &key,
        "--token-endpoint",
        &endpoint,
        "--scope",
        "mylife/native.write",
        "--ca",
        &ca,
    ];
    let (exit, token, complaint) = run(&surroundings, &asked);
    assert_eq!(exit, Exit::Fine, "{token}{complaint}");
    assert_eq!(token.trim().split('.').count(), 3, "a compact JWT alone");

    let path = &living.path;
    let (exit, _, complaint) =
        run(&surroundings, &["load", path, path, "--owner", "kuopio-source"]);
    assert_eq!(exit, Exit::Unavailable);
    assert!(complaint.contains("PUT /native"), "{complaint}");

    living.orders.send(Order::Reload).unwrap();
    let left = living.end();
    assert!(TcpStream::connect(("127.0.0.1", public)).is_err());
    let data = left.path().join("keys/297/data").display().to_string();
    let (exit, said, _) = run(&surroundings, &["audit", "verify", &data]);
    assert_eq!(exit, Exit::Fine, "{said}");
}

#[test]
fn a_port_that_another_has_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    for (key, other) in [("public", "management"), ("management", "public")] {
        let dir = Dir::new(&format!("cli-port-{key}"));
        let path = town(&dir, 8443);
        let set =
            [format!("listen.{key}={at}"), format!("listen.{other}=127.0.0.1:{}", free_port())];
        let said = config::Said { set: set.to_vec(), ..config::Said::default() };
        let surroundings = around();
        let config = config::read(path.as_ref(), &said, &surroundings.clock, &surroundings.chance);
        let (_orders, given) = tokio::sync::mpsc::unbounded_channel();
        let ended = serve::run(config.ok().unwrap(), Orders::Given(given), &mut io::sink());
        let say = ended.unwrap_err().say().to_owned();
        assert_eq!(say, format!("The {key} listener cannot be bound at {at}: is the port free?"));
    }
}
