//! Spans as a collector reads them: OTLP 1.5, `ExportTraceServiceRequest`, encoded as JSON.
//!
//! Part of `telemetry`; nothing is sent here. Source: opentelemetry-proto `docs/specification.md`, "JSON
//! Protobuf Encoding": ids are hexadecimal, 64-bit numbers are texts, kinds are numbers, unknown members of
//! an answer are passed over.

use serde_json::{Value, json};

use super::span::{Fact, Named, Span};
use crate::digest::hex;

/// Where a collector takes traces.
pub const PATH: &str = "/v1/traces";

/// `STATUS_CODE_ERROR`.
const FAILED: u8 = 2;

/// A request that tells of spans of the gateway of this code.
pub fn request(node: &str, spans: &[Span]) -> Value {
    let said = |name: &str, text: &str| json!({ "key": name, "value": { "stringValue": text } });
    let version = env!("CARGO_PKG_VERSION");
    // Each controller's gateway is a service of its own, told apart by its code.
    let resource = [
        said("service.namespace", "mylife"),
        said("service.name", &format!("mylife-{node}")),
        said("service.version", version),
    ];
    let spans: Vec<Value> = spans.iter().map(one).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "mylife", "version": version }, "spans": spans }],
    }] })
}

/// How many spans a collector says that it did not take, of a request that it answered 200.
pub fn rejected(answer: &[u8]) -> usize {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let said = answer.pointer("/partialSuccess/rejectedSpans");
    let number = said.and_then(|said| said.as_u64().or_else(|| said.as_str()?.parse().ok()));
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

fn one(span: &Span) -> Value {
    let mut one = json!({
        "traceId": span.trace,
        "spanId": hex(&span.id),
        "name": span.name,
        "kind": span.side as u8,
        "startTimeUnixNano": span.begun.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": span.facts.iter().map(fact).collect::<Vec<_>>(),
        "status": if span.failed { json!({ "code": FAILED }) } else { json!({}) },
    });
    if let Some(members) = one.as_object_mut().filter(|_| span.parent != [0; 8]) {
        members.insert("parentSpanId".to_owned(), hex(&span.parent).into());
    }
    one
}

fn fact((name, fact): &Named) -> Value {
    let value = match fact {
        Fact::Word(word) => json!({ "stringValue": word }),
        Fact::Number(number) => json!({ "intValue": number.to_string() }),
        Fact::Node(node) => json!({ "stringValue": node.as_str() }),
    };
    json!({ "key": name, "value": value })
}
