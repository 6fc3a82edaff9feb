//! The road of several requests in one: each walks its own way, with its own grant, record and outcome.
//!
//! A batch is a list of requests that know nothing of each other. A transaction of reads is answered
//! whole or not at all; one that writes is of one plan (`planned`), since what else is written here goes
//! to several people or gateways. Bounded in number and bytes. Source: FHIR R4 http.html#transaction.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json, value::RawValue};

use crate::{
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
    },
    json,
    listen::{
        Answer, Incoming,
        body::{Body, BodyReader, Piece},
    },
    mutant::{self, Mutant},
    respond::{self, condition},
    scope::Grant,
    telemetry::trace::TRACEPARENT,
};

/// Most entries.
const MOST: usize = 50;
/// Entries that are worked on at once.
const ABREAST: usize = 8;
/// Bytes of answers after which no further entry is begun.
const BYTES: usize = 16 << 20;
/// Headers of the whole that hold for each entry.
const SHARED: [&str; 5] =
    ["authorization", "prefer", "mylife-nodes", "traceparent", "x-request-id"];
/// Members of an entry's request that are headers of it.
const CONDITIONS: [(&str, &str); 3] =
    [("ifMatch", "if-match"), ("ifNoneMatch", "if-none-match"), ("ifNoneExist", "if-none-exist")];

/// One entry, answered.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    piece: Piece,
    /// Was something to be gone?
    is_deletion: bool,
}

impl Gateway {
    /// `POST /fhir`.
    pub(crate) async fn batch(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        content_type(asked.headers, FHIR_JSON)?;
        let bundle = json::parse(&asked.body, &self.limits.document)?;
        let (is_transaction, entries) = read(&bundle)?;
        if is_transaction && !entries.is_empty() && !entries.iter().any(is_read) {
            return Box::pin(self.write_plan(asked, grant, entries)).await;
        }
        // A withdrawal waits for the answers that were decided before it, so none of this batch is.
        let (writes, reads): (Vec<_>, Vec<_>) =
            entries.iter().enumerate().partition(|(_, entry)| !is_read(entry));
        let mut answered = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for some in writes.chunks(1).chain(reads.chunks(ABREAST)) {
            let work = some.iter().map(|(_, entry)| self.entry(asked, entry, bytes > BYTES));
            let done = together(work.map(|work| Box::pin(work) as _).collect()).await;
            for ((at, _), one) in some.iter().zip(done) {
                bytes += one.piece.bytes.len();
                answered.push((*at, one));
            }
        }
        answered.sort_unstable_by_key(|(at, _)| *at);
        let mut answered: Vec<Answered> = answered.into_iter().map(|(_, one)| one).collect();
        let failed = answered.iter().position(|one| !one.is_good()).filter(|_| is_transaction);
        if let Some(at) = failed {
            return Ok(refused(answered.swap_remove(at), at, &asked.request_id));
        }
        let kind = if is_transaction { "transaction-response" } else { "batch-response" };
        Ok(whole(kind, answered, &asked.request_id))
    }

    /// One entry, as if it had come alone.
    async fn entry(&self, asked: &Asked<'_>, entry: &Value, is_late: bool) -> Answered {
        let request = if is_late {
            let say = "The answers before this one are as much as a batch may hold; ask again.";
            Err(Error::new(Kind::TooCostly, say))
        } else {
            request(asked, entry)
        };
        let is_deletion = request.as_ref().is_ok_and(|(parts, _)| parts.method == Method::DELETE);
        let response = match request {
            Ok((parts, body)) => {
                let body = BodyReader::of(body);
                let (peer_names, address) = (asked.peer_names.clone(), Arc::clone(&asked.address));
                let peer_certificate = asked.peer_certificate;
                let incoming = Incoming { parts, body, peer_certificate, peer_names, address };
                mutant::carelessly(Mutant::BatchSkipsRelease, self.answer(incoming)).await
            }
            Err(error) => respond::refusal(&error, None, None, &asked.request_id),
        };
        let (parts, body) = response.into_parts();
        let nothing = Piece { bytes: Bytes::new(), check: None };
        Answered {
            status: parts.status,
            headers: parts.headers,
            piece: body.into_piece().unwrap_or(nothing),
            is_deletion,
        }
    }
}

/// Kind and entries of a Bundle that can be worked on.
fn read(bundle: &Value) -> Result<(bool, &[Value])> {
    let text = |name: &str| bundle.get(name).and_then(Value::as_str);
    let is_transaction = match (text("resourceType"), text("type")) {
        (Some("Bundle"), Some("batch")) => false,
        (Some("Bundle"), Some("transaction")) => true,
        (Some("Bundle"), _) => {
            return Err(Error::invalid("It is batch or transaction.").at("Bundle.type"));
        }
        (_, _) => return Err(Error::invalid("Send a Bundle.").at("Bundle")),
    };
    let entries = json::list(bundle, "entry");
    if entries.len() > MOST {
        let say = "A batch has at most 50 entries; send several.";
        return Err(Error::new(Kind::TooCostly, say).at("Bundle.entry"));
    }
    let reads = entries.iter().any(is_read);
    for (at, entry) in entries.iter().enumerate().filter(|_| is_transaction) {
        if reads && !is_read(entry) || !reads && !is_planned(entry) {
            let say = "A transaction reads, or writes what is of one plan; send other writes one by one, \
                       or in a batch, where each has an outcome of its own.";
            let place = format!("Bundle.entry[{at}].request.method");
            return Err(Error::new(Kind::NotSupported, say).at(place));
        }
    }
    Ok((is_transaction, entries))
}

/// Does an entry change nothing?
fn is_read(entry: &Value) -> bool {
    let method = entry.pointer("/request/method").and_then(Value::as_str);
    matches!(method, Some("GET" | "HEAD"))
}

/// Is it of what a welfare plan consists of?
fn is_planned(entry: &Value) -> bool {
    let url = entry.pointer("/request/url").and_then(Value::as_str).unwrap_or_default();
    let kind = url.split(['/', '?']).next().and_then(ResourceType::parse);
    kind.is_some_and(ResourceType::is_planned)
}

/// The request that an entry is.
fn request(asked: &Asked<'_>, entry: &Value) -> Result<(http::request::Parts, Bytes)> {
    let of = |name: &str| entry.get("request").and_then(|request| request.get(name)?.as_str());
    let wrong = |say: &'static str| Error::invalid(say).at("Bundle.entry.request");
    let (Some(method), Some(url)) = (of("method"), of("url")) else {
        return Err(wrong("Name method and url."));
    };
    let method = match method {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "DELETE" => Method::DELETE,
        "PATCH" => Method::PATCH,
        _ => return Err(wrong("The method is GET, HEAD, POST, PUT, DELETE or PATCH.")),
    };
    // A batch within a batch has no url of its own; what is no FHIR is asked for alone.
    if url.is_empty() || url.starts_with(['/', '?', '#']) || url.contains("://") {
        return Err(wrong("The url is relative to the base: Patient/id, Observation?patient=id."));
    }
    let request = Request::builder().method(method).uri(format!("/fhir/{url}")).body(());
    let request = request.map_err(|_| wrong("The url is no address; encode what must be."))?;
    let (mut parts, ()) = request.into_parts();
    // What is written is not shown back: an answer about somebody would wait for the writes after it.
    let shared = SHARED.iter().copied().filter(|name| *name != "prefer" || is_read(entry));
    for name in shared {
        let all = asked.headers.get_all(name).iter().cloned();
        parts.headers.extend(all.map(|value| (HeaderName::from_static(name), value)));
    }
    if let Some(Ok(trace)) = asked.within.header().map(HeaderValue::try_from) {
        parts.headers.insert(TRACEPARENT, trace);
    }
    if of("ifModifiedSince").is_some() {
        return Err(wrong("Say ifNoneMatch with the version; a date is not taken here."));
    }
    for (member, name) in CONDITIONS {
        if let Some(value) = of(member) {
            let value = HeaderValue::from_str(value);
            let value = value.map_err(|_| wrong("This condition cannot stand in a header."))?;
            parts.headers.insert(HeaderName::from_static(name), value);
        }
    }
    let json = HeaderValue::from_static("application/fhir+json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    let body = entry.get("resource").map(Value::to_string).unwrap_or_default();
    Ok((parts, body.into()))
}

type Work<'a> = Pin<Box<dyn Future<Output = Answered> + Send + 'a>>;

/// Works on all at once; the answers are in order.
async fn together(mut work: Vec<Work<'_>>) -> Vec<Answered> {
    let mut done: Vec<Option<Answered>> = work.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (work, done) in work.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(answered) = work.as_mut().poll(cx) {
                *done = Some(answered);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

impl Answered {
    fn is_good(&self) -> bool {
        self.status.as_u16() < 400
    }

    /// What the entry of the answer says of it beside the resource.
    fn told(&self) -> Value {
        let text = |name: HeaderName| self.headers.get(name).and_then(|v| v.to_str().ok());
        let modified = self.headers.get(header::LAST_MODIFIED).and_then(condition::date);
        let members = [
            ("status", Some(self.status.to_string())),
            ("location", text(header::LOCATION).map(str::to_owned)),
            ("etag", text(header::ETAG).map(str::to_owned)),
            ("lastModified", modified.map(|at| at.to_string())),
        ];
        let members = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        members.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
    }
}

/// The answers of all entries, good while each of them is.
fn whole(kind: &str, answered: Vec<Answered>, request_id: &str) -> Response<Body> {
    let mut body = Vec::with_capacity(4096);
    body.extend_from_slice(format!("{{\"resourceType\":\"Bundle\",\"type\":\"{kind}\"").as_bytes());
    let mut checks = Vec::new();
    for (at, one) in answered.into_iter().enumerate() {
        body.extend_from_slice(if at == 0 { b",\"entry\":[{" } else { b",{" });
        let mut told = one.told();
        let resource: Option<&RawValue> = serde_json::from_slice(&one.piece.bytes).ok();
        let of = |resource: &RawValue| resource.get().contains("\"OperationOutcome\"");
        match resource {
            Some(outcome)
                if !one.is_good()
                    || one.is_deletion
                    || (one.headers.contains_key(header::LOCATION) && of(outcome)) =>
            {
                if let Some(told) = told.as_object_mut() {
                    let outcome = serde_json::from_str(outcome.get()).unwrap_or_default();
                    told.insert("outcome".to_owned(), outcome);
                }
            }
            Some(resource) => {
                body.extend_from_slice(b"\"resource\":");
                body.extend_from_slice(resource.get().as_bytes());
                body.push(b',');
            }
            None => {}
        }
        body.extend_from_slice(b"\"response\":");
        body.extend_from_slice(told.to_string().as_bytes());
        body.push(b'}');
        checks.extend(one.piece.check);
    }
    body.extend_from_slice(if body.ends_with(b"}") { b"]}" } else { b"}" });
    // Every check is asked, as each also ends the count of its answer.
    let check = move || {
        let asked: Vec<bool> = checks.into_iter().map(|check| check()).collect();
        asked.iter().all(|may_leave| *may_leave)
    };
    respond::together(Body::checked(body, check), request_id)
}

/// The refusal of a transaction: that of the entry that failed, good while that is.
fn refused(failed: Answered, at: usize, request_id: &str) -> Response<Body> {
    let mut outcome: Value = serde_json::from_slice(&failed.piece.bytes).unwrap_or_default();
    if let Some(issue) = outcome.pointer_mut("/issue/0").and_then(Value::as_object_mut) {
        issue.insert("expression".to_owned(), json!([format!("Bundle.entry[{at}]")]));
    }
    let mut response = match failed.piece.check {
        None => respond::written(failed.status, &outcome, request_id),
        Some(check) => respond::together(Body::checked(outcome.to_string(), check), request_id),
    };
    *response.status_mut() = failed.status;
    response
}
