//! `[limits]`: what is built in where nothing is said.

use mylife::config::Said;

use super::{Dir, gateway, read, said};

#[test]
fn each_thread_has_room_for_as_many_requests_unless_it_is_said_how_many() {
    let dir = Dir::new("config-room");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443));
    let tries: [(&[&str], usize); 4] = [
        (&["listen.cores=1"], 128),
        (&["listen.cores=4"], 512),
        (&["listen.cores=2", "limits.requests=0"], 256),
        (&["listen.cores=4", "limits.requests=7"], 7),
    ];
    for (set, requests) in tries {
        let config = read(&path, &said(&[], set)).map_err(|all| all.join("\n")).unwrap();
        assert_eq!(config.requests, requests, "{set:?}");
    }
    let config = read(&path, &Said::default()).map_err(|all| all.join("\n")).unwrap();
    assert_eq!(config.requests, 128 * config.listening.cores);
}
