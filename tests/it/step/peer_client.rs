//! What becomes of a question when the peer is well, ill, slow or hostile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request};
use mylife::{
    clock::FixedClock,
    federation::{
        breaker::{Admission, Breaker, Health, Rules, State},
        client::{Laborious, Limits, PeerClient, Question},
        outcome::{Failure, Outcome, Refusal},
        tls::{PeerTls, Pem as PeerPem},
    },
    listen::tls::{Pem, Tls},
    pki::{Ca, Issued, trust::Trust},
    transport::{Authority, Link},
};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, time::Instant};

use super::{
    listen::{Echo, listening_with},
    wires::{NOW, Wires, clock},
};

const LIMITS: Limits = Limits {
    deadline: Duration::from_millis(1200),
    body_bytes: 64,
    head_bytes: 1024,
    concurrency: 1,
    queue: 1,
    idle: Duration::from_secs(25),
    breaker: Rules {
        failures: 3,
        open: Duration::from_secs(2),
        open_at_most: Duration::from_secs(6),
        probe: Duration::from_secs(5),
    },
};

fn client_at(
    to: &str,
    wires: &Wires,
    clock: Arc<FixedClock>,
    tls: Option<Arc<PeerTls>>,
) -> PeerClient {
    PeerClient::new(to.parse().unwrap(), Arc::new(wires.clone()), tls, LIMITS, clock).unwrap()
}

fn client(wires: &Wires) -> Arc<PeerClient> {
    Arc::new(client_at("peer.test:1", wires, clock(), None))
}

fn plain() -> Question {
    ask(Method::GET)
}

fn ask(method: Method) -> Question {
    Question::new(Request::builder().method(method).uri("/fhir").body(Bytes::new()).unwrap())
}

/// Reads one request without a body.
async fn heard(link: &mut Link) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let Ok(byte) = link.read_u8().await else { break };
        text.push(byte);
    }
    String::from_utf8(text).unwrap()
}

/// On its n-th connection the peer gives these answers, one per request, then closes.
fn peer(wires: &Wires, connections: &'static [&'static [&'static str]]) -> Arc<AtomicUsize> {
    let mut port = wires.listen(1);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        for answers in connections {
            let (mut link, count) = (port.next().await, count.clone());
            tokio::spawn(async move {
                for answer in *answers {
                    if heard(&mut link).await.is_empty() {
                        return;
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    drop(link.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    asked
}

const OK: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 2\r\n\r\n{}";

fn named(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered(response) => response.status().as_str().to_owned(),
        Outcome::Failed(failure) => failure.to_string(),
        Outcome::Refused(refusal) => format!("{refusal:?}"),
        Outcome::TimedOut => "timed out".to_owned(),
    }
}

#[rustfmt::skip]
const ANSWERS: &[(&str, &str, &str)] = &[
    ("FHIR JSON", OK, "200"),
    ("chunked", "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "200"),
    ("a refusal", "HTTP/1.1 404 Not Found\r\nContent-Type: application/fhir+json\r\nContent-Length: 2\r\n\r\n{}", "404"),
    ("no content", "HTTP/1.1 204 No Content\r\n\r\n", "204"),
    ("after 100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "204"),
    ("redirect", "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "the answer points elsewhere"),
    ("permanent redirect", "HTTP/1.1 308 x\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", "the answer points elsewhere"),
    ("AH-27 two lengths", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "the answer's length is said in two ways or in none"),
    ("two codings", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "the answer's length is said in two ways or in none"),
    ("until the end", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}", "the answer's length is said in two ways or in none"),
    ("upgrade", "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", "the answer's length is said in two ways or in none"),
    ("gzip", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "the answer is compressed"),
    ("HTML", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", "the answer is not JSON"),
    ("almost JSON", "HTTP/1.1 200 OK\r\nContent-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}", "the answer is not JSON"),
    ("no type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "the answer is not JSON"),
    ("two types", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", "the answer is not JSON"),
    ("said to be large", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 65\r\n\r\n", "the answer is too large"),
    ("large in chunks", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n{                                                               }\r\n", "the answer is too large"),
    ("never-ending", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "the connection broke under the answer"),
    ("cut short", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{}", "the connection broke under the answer"),
    ("two different lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "the connection broke under the answer"),
    ("garbage", "220 mail.test ESMTP\r\n\r\n", "the connection broke under the answer"),
    ("nothing", "", "the connection broke under the answer"),
];

#[tokio::test(start_paused = true)]
async fn only_a_bounded_well_framed_json_answer_counts() {
    let head = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(1024)).leak();
    let fields = "A: b\r\n".repeat(101);
    let fields = format!("HTTP/1.1 200 OK\r\n{fields}\r\n").leak();
    let more = [("a large head", &*head), ("101 fields", &*fields)];
    let more = more.map(|(name, answer)| (name, answer, "the connection broke under the answer"));
    for (name, answer, expected) in ANSWERS.iter().copied().chain(more) {
        let wires = Wires::default();
        peer(&wires, vec![&*vec![answer].leak()].leak());
        let begun = Instant::now();
        let outcome = client(&wires).ask(plain()).await;
        assert_eq!(named(&outcome), expected, "{name}: {outcome:?}");
        assert_eq!(begun.elapsed(), Duration::ZERO, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_come_to_an_end_is_not_waited_for() {
    for (name, start, drip) in [
        ("silence", "", ""),
        ("a drip of 1xx", "", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("a drip of fields", "HTTP/1.1 200 OK\r\n", "A: b\r\n"),
        (
            "a drip of chunks",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            "1\r\n \r\n",
        ),
    ] {
        let wires = Wires::default();
        let mut port = wires.listen(1);
        tokio::spawn(async move {
            let mut link = port.next().await;
            heard(&mut link).await;
            drop(link.write_all(start.as_bytes()).await);
            while link.write_all(drip.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let begun = Instant::now();
        let outcome = client(&wires).ask(plain()).await;
        assert!(matches!(outcome, Outcome::TimedOut), "{name}: {outcome:?}");
        assert_eq!(outcome.to_string(), "it did not answer in time", "the log says so");
        assert_eq!(begun.elapsed().as_millis(), 1200, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_down_is_told_at_once() {
    let outcome = client(&Wires::default()).ask(plain()).await;
    assert!(matches!(outcome, Outcome::Failed(Failure::Unreachable(_))), "{outcome:?}");
    assert_eq!(outcome.to_string(), "there is no connection", "the log says so");
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_a_connection_does_not_pass() {
    let wires = Wires::default();
    let mut port = wires.listen(1);
    let seen = tokio::spawn(async move {
        let mut link = port.next().await;
        let seen = heard(&mut link).await;
        let answer = "HTTP/1.1 204 x\r\nSet-Cookie: a=b\r\nConnection: x-own\r\nX-Own: a\r\nETag: W/\"1\"\r\n\r\n";
        link.write_all(answer.as_bytes()).await.unwrap();
        seen
    });
    let request = Request::get("https://evil.test/fhir/Patient?a=b")
        .header("Host", "evil.test")
        .header("Connection", "x-secret")
        .header("X-Secret", "a")
        .header("Expect", "100-continue")
        .header("Transfer-Encoding", "chunked")
        .header("MyLife-Nodes", "205");
    let question = Question::new(request.body(Bytes::new()).unwrap());
    let Outcome::Answered(response) = client(&wires).ask(question).await else {
        panic!("no answer")
    };
    let names: Vec<_> = response.headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["etag"]);
    let expected = "GET /fhir/Patient?a=b HTTP/1.1\r\nmylife-nodes: 205\r\n\
                    host: peer.test:1\r\naccept-encoding: identity\r\n\r\n";
    let lines = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&seen.await.unwrap()), lines(expected));
}

#[tokio::test(start_paused = true)]
async fn a_question_goes_out_again_only_if_that_does_no_harm() {
    let twice: &[&[&str]] = &[&[OK], &[OK]];
    // The second request is taken, but the connection dies under it.
    let taken: &[&[&str]] = &[&[OK, ""], &[OK]];
    let never: &[&[&str]] = &[&[OK, ""], &[""], &[OK]];
    for (name, connections, question, expected, asked) in [
        ("closed while idle", twice, plain(), "200", 2),
        ("closed while idle, a write", twice, ask(Method::POST), "200", 2),
        ("died under a read", taken, plain(), "200", 3),
        ("died under a search by POST", taken, ask(Method::POST).repeatable(), "200", 3),
        (
            "died under a write",
            taken,
            ask(Method::POST),
            "the connection broke under the answer",
            2,
        ),
        ("dies again", never, plain(), "the connection broke under the answer", 3),
    ] {
        let wires = Wires::default();
        let count = peer(&wires, connections);
        let client = client(&wires);
        assert_eq!(named(&client.ask(plain()).await), "200", "{name}");
        assert_eq!(named(&client.ask(question).await), expected, "{name}");
        assert_eq!(count.load(Ordering::SeqCst), asked, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again_only_after_a_whole_answer_and_while_it_is_young() {
    let bad = ANSWERS.iter().find(|(name, ..)| name.starts_with("AH-27")).unwrap().1;
    let again = vec![&*vec![OK, OK].leak()].leak();
    let anew = vec![&*vec![bad, OK].leak(), &*vec![OK].leak()].leak();
    let aged = vec![&*vec![OK, bad].leak(), &*vec![OK].leak()].leak();
    for (name, connections, first, wait) in [
        ("again", &*again, "200", 24),
        ("bad framing", &*anew, "the answer's length is said in two ways or in none", 0),
        ("too old", &*aged, "200", 25),
    ] {
        let wires = Wires::default();
        peer(&wires, connections);
        let clock = clock();
        let client = client_at("peer.test:1", &wires, clock.clone(), None);
        assert_eq!(named(&client.ask(plain()).await), first, "{name}");
        clock.advance(Duration::from_secs(wait));
        assert_eq!(named(&client.ask(plain()).await), "200", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn more_questions_than_may_wait_are_refused_and_waiting_counts() {
    let wires = Wires::default();
    let _silent = wires.listen(1);
    let client = client(&wires);
    let begun = Instant::now();
    let (one, two, three) =
        tokio::join!(client.ask(plain()), client.ask(plain()), client.ask(plain()));
    assert!(matches!(one, Outcome::TimedOut), "{one:?}");
    assert!(matches!(two, Outcome::TimedOut), "{two:?}");
    assert!(matches!(three, Outcome::Refused(Refusal::Busy)), "{three:?}");
    assert_eq!(begun.elapsed(), LIMITS.deadline);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_failing_is_left_in_peace_and_tried_again() {
    let wires = Wires::default();
    let clock = clock();
    let client = client_at("peer.test:1", &wires, clock.clone(), None);
    for _ in 0..3 {
        assert_eq!(named(&client.ask(plain()).await), "there is no connection");
    }
    peer(&wires, &[&[OK, OK]]);
    let resting = Refusal::Resting(Duration::from_secs(2));
    assert!(matches!(client.ask(plain()).await, Outcome::Refused(r) if r == resting));
    clock.advance(Duration::from_secs(2));
    assert_eq!(named(&client.ask(plain()).await), "200");
    assert_eq!(client.standing().breaker, State::Closed(0));
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_not_to_blame_for_a_deadline_nobody_could_keep() {
    let wires = Wires::default();
    let _silent = wires.listen(1);
    let client = client(&wires);
    for (deadline, failed) in [(1, 0), (599, 0), (600, 1), (5000, 2)] {
        let outcome = client.ask_within(plain(), Duration::from_millis(deadline)).await;
        assert!(matches!(outcome, Outcome::TimedOut));
        assert_eq!(client.standing().breaker, State::Closed(failed), "{deadline}");
    }
    // Nor for what takes work on everybody who is held there.
    let request = Request::builder().uri("/").extension(Laborious).body(Bytes::new()).unwrap();
    assert!(matches!(client.ask(Question::new(request)).await, Outcome::TimedOut));
    assert_eq!(client.standing().breaker, State::Closed(2));
}

#[test]
fn the_breaker_moves_as_its_table_says() {
    use Admission::{Pass, Probe, Refuse};
    use Health::{Ill, Well};
    let at = Duration::from_secs;
    let mut breaker = Breaker::new(LIMITS.breaker);
    // second, admission at it, what is then reported, where that leaves the breaker
    for (now, admission, health, state) in [
        (0, Pass, Some(Ill), State::Closed(1)),
        (0, Pass, Some(Well), State::Closed(0)),
        (0, Pass, Some(Ill), State::Closed(1)),
        (0, Pass, Some(Ill), State::Closed(2)),
        (1, Pass, Some(Ill), State::Open(at(3))),
        (2, Refuse(at(1)), None, State::Open(at(3))),
        (3, Probe, None, State::HalfOpen(at(8))),
        (3, Refuse(at(5)), None, State::HalfOpen(at(8))),
        (8, Probe, Some(Ill), State::Open(at(12))),
        (12, Probe, Some(Ill), State::Open(at(18))),
        (18, Probe, Some(Ill), State::Open(at(24))),
        (24, Probe, Some(Well), State::Closed(0)),
        (24, Pass, Some(Ill), State::Closed(1)),
        (24, Pass, Some(Ill), State::Closed(2)),
        (24, Pass, Some(Ill), State::Open(at(26))),
    ] {
        assert_eq!(breaker.admit(at(now)), admission, "at {now}");
        if let Some(health) = health {
            breaker.report(admission, health, at(now));
        }
        assert_eq!(breaker.state(), state, "at {now}");
    }
    breaker.report(Pass, Well, at(25));
    assert_eq!(breaker.state(), State::Open(at(26)), "an old call closed it");
}

fn pem<'a>(ca: &'a Ca, own: &'a Issued) -> PeerPem<'a> {
    PeerPem {
        peers: Trust::of(&ca.issued().certificate),
        certificate: &own.certificate,
        key: &own.key,
    }
}

#[tokio::test(start_paused = true)]
async fn peers_show_one_another_certificates_that_hold() {
    let (ca, other) = (Ca::new("Kuopio", NOW).unwrap(), Ca::new("Evil", NOW).unwrap());
    let server = ca.server(&["gateway.test", "127.0.0.1"], NOW).unwrap();
    let own = ca.client("portal", NOW).unwrap();
    let forged = other.client("portal", NOW).unwrap();
    let later = Arc::new(FixedClock::new(NOW.plus(Duration::from_hours(24 * 400))));
    // The listener echoes more than this peer may say, so a question that arrives ends like that.
    for (name, to, pem, time, expected) in [
        ("good", "gateway.test:1", pem(&ca, &own), clock(), "the answer is too large"),
        // AH-31
        ("another name", "peer.test:1", pem(&ca, &own), clock(), "there is no connection"),
        ("another address", "127.0.0.2:1", pem(&ca, &own), clock(), "there is no connection"),
        (
            "another authority",
            "gateway.test:1",
            pem(&other, &own),
            clock(),
            "there is no connection",
        ),
        ("expired", "gateway.test:1", pem(&ca, &own), later, "there is no connection"),
        (
            "our certificate is not known",
            "gateway.test:1",
            pem(&ca, &forged),
            clock(),
            "the connection broke under the answer",
        ),
    ] {
        let tls = Tls::new(
            Pem {
                certificate: &server.certificate,
                key: &server.key,
                clients: Some(Trust::of(&ca.issued().certificate)),
            },
            clock(),
        );
        let (wires, _stop) = listening_with(Arc::new(tls.unwrap()), Arc::new(Echo));
        let tls = Arc::new(PeerTls::new(pem, time).unwrap());
        let outcome = client_at(to, &wires, clock(), Some(tls)).ask(plain()).await;
        assert_eq!(named(&outcome), expected, "{name}: {outcome:?}");
    }
}

#[test]
fn an_authority_is_read_as_it_is_written() {
    for text in ["gateway.test:8443", "127.0.0.1:1", "[::1]:8443"] {
        assert_eq!(text.parse::<Authority>().unwrap().to_string(), text);
    }
    for text in ["gateway.test", "", ":1", "a@gateway.test:1", "gateway.test:x", "a b:1"] {
        assert!(text.parse::<Authority>().is_err(), "{text}");
    }
}
