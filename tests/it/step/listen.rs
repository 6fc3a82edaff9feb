//! What the listener lets through, what it refuses, and how long it waits.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Response};
use mylife::{
    error::{Error, Kind},
    listen::{
        Answer, Answering, Door, Incoming, Limits, Stop,
        body::{Body, Piece},
        cores::{Entrance, serve_per_core},
        guard::Hosts,
        serve,
        tls::Tls,
        wire::Watch,
    },
    transport::{Tcp, Transport},
};
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, mpsc},
    time::Instant,
};

use super::wires::{Heard, Wires, hear, say};

/// Says what it was asked; some paths do more.
pub(super) struct Echo;

impl Answer for Echo {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            match request.parts.uri.path() {
                "/panic" => panic!("a fault"),
                "/late" => return Response::new(Body::checked("secret", || false)),
                "/pieces" => return Response::new(pieces()),
                "/huge" => return Response::new(Body::free(vec![b'x'; 1024 * 1024])),
                "/slow" => tokio::time::sleep(Duration::from_secs(3)).await,
                _ => (),
            }
            let certificate = match request.peer_certificate {
                Some(certificate) => format!("{certificate:02x?}"),
                None => "no certificate".to_owned(),
            };
            let headers = request.parts.headers;
            let seen = ["forwarded", "x-forwarded-for", "x_real_ip", "authorization"];
            let seen: Vec<_> = seen.into_iter().filter(|&h| headers.contains_key(h)).collect();
            let (method, uri) = (request.parts.method, request.parts.uri);
            match request.body.whole().await {
                Err(error) => answer(error.kind(), error.say()),
                Ok(body) => Response::new(Body::free(format!(
                    "[{method} {uri} {} {certificate} {seen:?}]",
                    body.len()
                ))),
            }
        })
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        answer(kind, say)
    }
}

fn answer(kind: Kind, say: &str) -> Response<Body> {
    let mut response = Response::new(Body::free(say.to_owned()));
    *response.status_mut() = kind.shape().status.try_into().unwrap();
    response
}

fn pieces() -> Body {
    let (to, from) = mpsc::channel(3);
    for (text, leaves) in [("first", true), ("second", true), ("third", false)] {
        let piece = Piece { bytes: text.into(), check: Some(Box::new(move || leaves)) };
        to.try_send(Ok(piece)).unwrap();
    }
    Body::pieces(from)
}

/// A listener at port 1; dropping the hand stops it.
fn listening(limits: Limits, tls: Option<Arc<Tls>>) -> (Wires, Stop) {
    answering(limits, tls, Arc::new(Echo))
}

fn answering(limits: Limits, tls: Option<Arc<Tls>>, answer: Arc<dyn Answer>) -> (Wires, Stop) {
    let wires = Wires::default();
    let port = Box::new(wires.listen(1));
    let door = Arc::new(Door::new(limits, Hosts::new(["gateway.test", "localhost:1"]), tls));
    let (stop, stopping) = Stop::new();
    tokio::spawn(serve(door, port, answer, stopping));
    (wires, stop)
}

pub(super) fn listening_with(tls: Arc<Tls>, answer: Arc<dyn Answer>) -> (Wires, Stop) {
    answering(Limits::default(), Some(tls), answer)
}

async fn tell(text: &[u8]) -> Heard {
    let (wires, _stop) = listening(Limits::default(), None);
    say(wires.open(1).unwrap(), text).await
}

const HOST: &str = "Host: gateway.test\r\n";

/// Raw requests; `{H}` stands for a good Host line.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, u16)] = &[
    ("AH-01 length, then coding", "POST / HTTP/1.1\r\n{H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("AH-01 coding, then length", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    ("AH-02 two lengths", "POST / HTTP/1.1\r\n{H}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("AH-02 a list", "POST / HTTP/1.1\r\n{H}Content-Length: 2, 2\r\n\r\nab", 400),
    ("AH-02 plus", "POST / HTTP/1.1\r\n{H}Content-Length: +2\r\n\r\nab", 400),
    ("AH-02 minus", "POST / HTTP/1.1\r\n{H}Content-Length: -1\r\n\r\n", 400),
    ("AH-02 23 digits", "POST / HTTP/1.1\r\n{H}Content-Length: 10000000000000000000000\r\n\r\n", 400),
    ("AH-04 space before the colon", "POST / HTTP/1.1\r\n{H}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("AH-04 xchunked", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    ("AH-04 identity last", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("AH-04 in 1.0", "POST / HTTP/1.0\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("AH-05 gzip", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    ("AH-06 twice", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("AH-07 folded", "GET / HTTP/1.1\r\n{H}A: b\r\n c\r\n\r\n", 400),
    ("AH-07 NUL", "GET / HTTP/1.1\r\n{H}A: b\0c\r\n\r\n", 400),
    ("AH-07 CR in a value", "GET / HTTP/1.1\r\n{H}A: b\rc\r\n\r\n", 400),
    ("AH-07 space first", "GET / HTTP/1.1\r\n A: b\r\n{H}\r\n", 400),
    ("AH-07 two spaces", "GET  / HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-07 0.9", "GET /\r\n\r\n", 400),
    ("AH-07 1.2", "GET / HTTP/1.2\r\n{H}\r\n", 400),
    ("AH-08 bare line ends", "GET / HTTP/1.1\nHost: gateway.test\n\n", 400),
    ("AH-08 one bare line end", "GET / HTTP/1.1\r\n{H}A: b\n\r\n", 400),
    ("AH-09 no Host", "GET / HTTP/1.1\r\n\r\n", 400),
    ("AH-09 no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", 400),
    ("AH-09 two", "GET / HTTP/1.1\r\n{H}{H}\r\n", 400),
    ("AH-09 foreign", "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 400),
    ("AH-09 foreign port", "GET / HTTP/1.1\r\nHost: localhost:2\r\n\r\n", 400),
    ("AH-09 user", "GET / HTTP/1.1\r\nHost: a@gateway.test\r\n\r\n", 400),
    ("AH-09 empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("AH-10 evil target", "GET http://evil.test/ HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-10 another name of ours", "GET http://localhost:1/ HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-11 fragment", "GET /fhir/Patient#x?a=b HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-12 raw UTF-8", "GET /\u{e4} HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-12 control", "GET /\u{7f} HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-13 dots", "GET /fhir/../admin HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-13 encoded dots", "GET /fhir/%2e%2E/admin HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-13 one dot", "GET /fhir/.%2e HTTP/1.1\r\n{H}\r\n", 400),
    ("AH-15 hexadecimal sign", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400),
    ("AH-15 bare chunk line", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
    ("AH-15 no line end", "POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n", 400),
    ("AH-22 expectation", "GET / HTTP/1.1\r\n{H}Expect: foo\r\n\r\n", 417),
    ("tunnel", "CONNECT gateway.test:443 HTTP/1.1\r\n{H}\r\n", 405),
    ("star", "GET * HTTP/1.1\r\n{H}\r\n", 400),
];

#[tokio::test(start_paused = true)]
async fn what_two_readers_could_read_in_two_ways_is_refused_and_ends_the_connection() {
    for (name, text, status) in REFUSED {
        // A second request follows, which must not be answered.
        let mut all = text.replace("{H}", HOST).into_bytes();
        all.extend_from_slice(format!("GET /smuggled HTTP/1.1\r\n{HOST}\r\n").as_bytes());
        let heard = tell(&all).await;
        assert_eq!(heard.statuses(), [*status], "{name}: {}", heard.text);
        assert_eq!(heard.after, Duration::ZERO, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_protocol_is_waited_for() {
    for text in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\n"] {
        assert_eq!(tell(text.as_bytes()).await.after, Duration::ZERO, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_larger_than_allowed_is_refused() {
    let long = |n| "x".repeat(n);
    let fields = "A: b\r\n".repeat(101);
    for (name, text, status) in [
        ("AH-18", format!("GET / HTTP/1.1\r\n{fields}\r\n"), 431),
        ("AH-19", format!("GET / HTTP/1.1\r\n{HOST}A: {}\r\n\r\n", long(500_000)), 431),
        ("AH-19 just", format!("GET / HTTP/1.1\r\n{HOST}A: {}\r\n\r\n", long(16 * 1024)), 431),
        ("AH-20", format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", long(8 * 1024)), 414),
        ("AH-20 fits", format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", long(8 * 1024 - 1)), 200),
    ] {
        assert_eq!(tell(text.as_bytes()).await.statuses(), [status], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_read_in_one_way_only_reaches_the_gateway() {
    let ask = |line: &str, rest: &str| format!("{line} HTTP/1.1\r\n{HOST}{rest}");
    for (name, text, seen) in [
        ("plain", ask("GET /a?b=c|d", "\r\n"), "[GET /a?b=c|d 0 no certificate []]"),
        ("empty lines first", format!("\r\n\r\n{}", ask("GET /a", "\r\n")), "[GET /a 0 "),
        (
            "AH-03 one length twice",
            ask("POST /", "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
            "[POST / 2 ",
        ),
        ("AH-10 our own name", ask("GET http://gateway.test/a?b", "\r\n"), "[GET /a?b 0 "),
        ("AH-14 unknown method", ask("BREW /", "\r\n"), "[BREW / 0 "),
        (
            "AH-16 trailers",
            ask(
                "POST /",
                "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nAuthorization: x\r\n\r\n",
            ),
            "[POST / 2 no certificate []]",
        ),
        (
            "AH-22 100-continue",
            ask("POST /", "Content-Length: 2\r\nExpect: 100-Continue\r\n\r\nab"),
            "[POST / 2 ",
        ),
        ("AH-25 override", ask("GET /", "X-HTTP-Method-Override: DELETE\r\n\r\n"), "[GET / 0 "),
        (
            "AH-26 forwarded",
            ask("GET /", "Forwarded: for=a\r\nX-Forwarded-For: a\r\nX_Real_IP: a\r\n\r\n"),
            "[GET / 0 no certificate []]",
        ),
        ("dots in names", ask("GET /a..b/...", "\r\n"), "[GET /a..b/... 0 "),
        ("star", ask("OPTIONS *", "\r\n"), "[OPTIONS * 0 "),
    ] {
        let heard = tell(text.as_bytes()).await;
        assert!(heard.text.contains(seen), "{name}: {}", heard.text);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_follow_one_another_and_a_chunked_one_is_the_last() {
    let get = format!("GET /a HTTP/1.1\r\n{HOST}\r\n");
    let sized = format!("GET /b HTTP/1.1\r\n{HOST}Content-Length: 4\r\n\r\nG#\n\n");
    let chunked =
        format!("POST /c HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    let heard = tell(format!("{get}{sized}{get}{chunked}{get}").as_bytes()).await;
    assert_eq!(heard.statuses(), [200; 4], "{}", heard.text);
    assert_eq!(heard.text.matches("connection: close").count(), 1);
    assert_eq!(heard.after, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_arrive_one_by_one_are_read_alike() {
    let (wires, _stop) = listening(Limits::default(), None);
    let mut link = wires.open(1).unwrap();
    let text = format!(
        "GET /a HTTP/1.1\r\n{HOST}Content-Length: 1\r\n\r\nxGET /#b HTTP/1.1\r\n{HOST}\r\n"
    );
    for byte in text.bytes() {
        link.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(hear(&mut link, Instant::now()).await.statuses(), [200, 400]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_longer_than_allowed() {
    let limits = Limits::default();
    let post = format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\n");
    for (name, text, statuses, after) in [
        ("silence", String::new(), vec![], limits.head),
        ("half a head", "GET / HT".to_owned(), vec![], limits.head),
        ("half a second head", format!("GET / HTTP/1.1\r\n{HOST}\r\nG"), vec![200], limits.head),
        ("idle", format!("GET / HTTP/1.1\r\n{HOST}\r\n"), vec![200], limits.idle),
        ("no body", post, vec![408], limits.body_grace),
    ] {
        let heard = tell(text.as_bytes()).await;
        assert_eq!(heard.statuses(), statuses, "{name}: {}", heard.text);
        assert_eq!(heard.after.as_secs(), after.as_secs(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_or_body_that_drips_is_cut_off() {
    let limits = Limits { body_rate: 1, ..Limits::default() };
    let post = format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 100\r\n\r\n");
    for (start, statuses, after) in
        [("GET /", vec![], limits.head), (&post, vec![408], limits.body)]
    {
        let (wires, _stop) = listening(limits, None);
        let mut link = wires.open(1).unwrap();
        let begun = Instant::now();
        link.write_all(start.as_bytes()).await.unwrap();
        let (mut from, mut to) = tokio::io::split(link);
        tokio::spawn(async move {
            while to.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(900)).await;
            }
        });
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).await.unwrap();
        let heard = Heard { text: String::from_utf8(bytes).unwrap(), after: begun.elapsed() };
        assert_eq!(heard.statuses(), statuses);
        assert_eq!(heard.after.as_secs(), after.as_secs(), "{}", heard.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_allowed_is_refused() {
    let limits = Limits { body_bytes: 3, ..Limits::default() };
    for (rest, status) in [
        ("Content-Length: 3\r\n\r\nabc", 200),
        ("Content-Length: 4\r\n\r\nabcd", 413),
        ("Content-Length: 9999999\r\n\r\n", 413),
        ("Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n", 413),
    ] {
        let (wires, _stop) = listening(limits, None);
        let text = format!("POST / HTTP/1.1\r\n{HOST}{rest}");
        let heard = say(wires.open(1).unwrap(), text.as_bytes()).await;
        assert_eq!(heard.statuses(), [status], "{rest}");
        assert_eq!(heard.after == Duration::ZERO, status == 413, "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_nobody_takes_ends_the_connection() {
    let (wires, _stop) = listening(Limits::default(), None);
    let mut link = wires.open(1).unwrap();
    link.write_all(format!("GET /huge HTTP/1.1\r\n{HOST}\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(Limits::default().stall + Duration::from_secs(1)).await;
    let heard = hear(&mut link, Instant::now()).await;
    assert!(heard.text.len() < 1024 * 1024, "it was all sent");
    assert_eq!(heard.after, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_no_longer_leave_sends_no_byte() {
    for method in [Method::GET, Method::HEAD] {
        let heard = tell(format!("{method} /late HTTP/1.1\r\n{HOST}\r\n").as_bytes()).await;
        assert_eq!((heard.text.as_str(), heard.after), ("", Duration::ZERO), "{method}");
    }
    let heard = tell(format!("GET /pieces HTTP/1.1\r\n{HOST}\r\n").as_bytes()).await;
    assert!(!heard.text.contains("third"), "{}", heard.text);
    assert!(!heard.text.ends_with("0\r\n\r\n"), "half an answer looks whole: {}", heard.text);
}

#[tokio::test]
async fn a_body_checks_itself_where_no_wire_does() {
    use http_body_util::BodyExt;
    assert!(Body::checked("secret", || false).collect().await.is_err());
    assert!(Body::checked("", || false).collect().await.is_err());
    assert!(pieces().collect().await.is_err());
    let whole = Body::checked("open", || true).collect().await.unwrap();
    assert_eq!(whole.to_bytes(), Bytes::from("open"));
    let (to, from) = mpsc::channel(1);
    to.try_send(Err(Error::internal("a fault"))).unwrap();
    assert!(Body::pieces(from).collect().await.is_err());
}

/// Tells when it begins, and when it has come to its end.
struct Slowly(Notify, Notify, mpsc::UnboundedSender<()>);

impl Answer for Slowly {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        let ended = self.2.clone();
        Box::pin(async move {
            drop(request.body.whole().await);
            self.0.notify_one();
            self.1.notified().await;
            ended.send(()).unwrap();
            Response::new(Body::free("done"))
        })
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        answer(kind, say)
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_has_begun_comes_to_its_end_when_the_client_has_gone() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let slowly = Arc::new(Slowly(Notify::new(), Notify::new(), tell));
    let (wires, _stop) = answering(Limits::default(), None, slowly.clone());
    let mut link = wires.open(1).unwrap();
    let text = format!("PUT / HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\nab");
    link.write_all(text.as_bytes()).await.unwrap();
    slowly.0.notified().await;
    drop(link);
    // Time stands still until the listener has nothing to do any more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    slowly.1.notify_one();
    let ended = tokio::time::timeout(Duration::from_secs(1), told.recv()).await;
    assert_eq!(ended, Ok(Some(())));
}

#[tokio::test(start_paused = true)]
async fn who_says_no_more_after_a_question_has_its_answer() {
    let (wires, _stop) = listening(Limits::default(), None);
    let mut link = wires.open(1).unwrap();
    let text = format!("GET /slow HTTP/1.1\r\n{HOST}\r\n");
    link.write_all(text.as_bytes()).await.unwrap();
    link.shutdown().await.unwrap();
    assert_eq!(hear(&mut link, Instant::now()).await.statuses(), [200]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_its_own_connection_only() {
    let (wires, _stop) = listening(Limits::default(), None);
    let text = format!("GET /panic HTTP/1.1\r\n{HOST}\r\n");
    let heard = say(wires.open(1).unwrap(), text.as_bytes()).await;
    assert_eq!((heard.statuses(), heard.after), (vec![500], Duration::ZERO));
    assert!(!heard.text.contains("a fault"));
    let text = format!("GET / HTTP/1.1\r\n{HOST}\r\n");
    assert_eq!(say(wires.open(1).unwrap(), text.as_bytes()).await.statuses(), [200]);
}

#[tokio::test(start_paused = true)]
async fn more_connections_than_allowed_wait_for_a_seat() {
    let (wires, _stop) = listening(Limits { connections: 1, ..Limits::default() }, None);
    let first = wires.open(1).unwrap();
    let begun = Instant::now();
    let text = format!("GET / HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n");
    let heard = say(wires.open(1).unwrap(), text.as_bytes()).await;
    assert_eq!(heard.statuses(), [200]);
    assert_eq!(begun.elapsed().as_secs(), Limits::default().head.as_secs());
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_requests_end_within_the_drain_time() {
    for (drain, statuses) in [(10, vec![200]), (1, vec![])] {
        let limits = Limits { drain: Duration::from_secs(drain), ..Limits::default() };
        let (wires, stop) = listening(limits, None);
        let (mut busy, mut idle) = (wires.open(1).unwrap(), wires.open(1).unwrap());
        let slow = format!("GET /slow HTTP/1.1\r\n{HOST}\r\n");
        busy.write_all(slow.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.now();
        let begun = Instant::now();
        assert_eq!(hear(&mut idle, begun).await.after, Duration::ZERO);
        let heard = hear(&mut busy, begun).await;
        assert_eq!(heard.statuses(), statuses);
        assert_eq!(heard.after.as_secs(), drain.min(2));
        assert!(wires.open(1).is_err(), "it still listens");
    }
}

proptest! {
    #[test]
    fn a_head_is_seen_alike_however_it_is_cut(
        lines in prop::collection::vec("GET /[a#\u{e4}]? HTTP/1.1|Host: a|Content-Length: [0-9]|\
            Transfer-Encoding: chunked|", 0..12),
        cuts in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let text = lines.join("\r\n");
        let (mut whole, mut cut) = (VecDeque::new(), VecDeque::new());
        Watch::default().observe(text.as_bytes(), &mut whole);
        let (mut watch, mut rest) = (Watch::default(), text.as_bytes());
        for at in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*at).min(rest.len()));
            watch.observe(now, &mut cut);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(whole, cut);
    }
}

#[test]
fn every_core_listens_at_one_address_and_all_stop_together() {
    use std::io::{Read, Write};
    let door = Arc::new(Door::new(Limits::default(), Hosts::new(["127.0.0.1"]), None));
    let at = tokio::sync::Mutex::new(None);
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopping) = Stop::new();
    let bind = |_core| {
        let (door, at, tell) = (door.clone(), &at, tell.clone());
        let entrances = async move {
            let mut at = at.lock().await;
            let port = Tcp.bind(at.unwrap_or(([127, 0, 0, 1], 0).into())).await?;
            tell.send(*at.insert(port.at()?)).unwrap();
            Ok(vec![Entrance { door, port, answer: Arc::new(Echo) }])
        };
        Box::pin(entrances) as _
    };
    std::thread::scope(|scope| {
        let served = scope.spawn(|| serve_per_core(2, &bind, &stopping));
        let at = told.recv().unwrap();
        assert_eq!(told.recv().unwrap(), at);
        for _ in 0..8 {
            let mut link = std::net::TcpStream::connect(at).unwrap();
            let text = format!("GET /a HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
            link.write_all(text.as_bytes()).unwrap();
            let mut heard = String::new();
            link.read_to_string(&mut heard).unwrap();
            assert!(heard.contains("[GET /a 0 "), "{heard}");
        }
        stop.now();
        served.join().unwrap().unwrap();
        let taken = |_core| Box::pin(async { Err(std::io::ErrorKind::AddrInUse.into()) }) as _;
        assert!(serve_per_core(2, &taken, &stopping).is_err());
    });
}
