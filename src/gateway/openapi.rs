//! `/openapi.json`: the addresses of the gateway for tools that read `OpenAPI` 3.1.
//!
//! Made at start-up from the list of addresses that `route` keeps, and from the same tables that the
//! `CapabilityStatement` is made of. Source: `OpenAPI` Specification 3.1.0.

use serde_json::{Map, Value, json};

use crate::{
    fhir::types::ResourceType,
    query::param::{self, CONTROL},
    route::paths::{PATHS, Path, Types},
};

/// The description of a gateway whose FHIR base is `base`, which gives tokens for these grants.
pub fn document(base: &str, grants: &[&str]) -> Value {
    let root = base.strip_suffix("/fhir").unwrap_or(base);
    let mut paths = Map::new();
    for path in PATHS {
        let item =
            paths.entry(path.template).or_insert_with(|| json!({ "parameters": in_path(path) }));
        for (method, say) in path.methods {
            if let Some(item) = item.as_object_mut() {
                item.insert((*method).to_owned(), operation(path, method, say, grants));
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "My Life gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "FHIR R4 (4.0.1) as JSON; the CapabilityStatement at /fhir/metadata says \
                            what of it each type has.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": root }],
        "paths": paths,
        "components": {
            "schemas": {
                "OperationOutcome": {
                    "type": "object",
                    "required": ["resourceType", "issue"],
                    "properties": {
                        "resourceType": { "const": "OperationOutcome" },
                        "issue": { "type": "array", "minItems": 1, "items": { "type": "object" } },
                    },
                },
                "Resource": {
                    "type": "object",
                    "required": ["resourceType"],
                    "properties": { "resourceType": { "type": "string" } },
                },
            },
            "securitySchemes": {
                "oauth": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": { "tokenUrl": format!("{root}/oauth/token"), "scopes": {} },
                    },
                },
            },
        },
    })
}

/// What varies in an address.
fn in_path(path: &Path) -> Vec<Value> {
    let names = path.template.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names
        .map(|(name, _)| {
            let schema = match name {
                "type" => json!({ "enum": types(path.types) }),
                "id" | "version" => json!({ "type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$" }),
                "local" => json!({ "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$" }),
                _ => json!({ "type": "string" }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect()
}

fn types(of: Types) -> Vec<&'static str> {
    let fits = |kind: &&ResourceType| match of {
        Types::All => true,
        Types::WithHistory => kind.has_history(),
        Types::OfPeople => param::find(**kind, "patient").is_some(),
    };
    ResourceType::ALL.iter().filter(fits).map(|kind| kind.name()).collect()
}

fn operation(path: &Path, method: &str, say: &str, grants: &[&str]) -> Value {
    let outcome = json!({ "$ref": "#/components/schemas/OperationOutcome" });
    let fhir = |schema: Value| json!({ "application/fhir+json": { "schema": schema } });
    let resource = json!({ "$ref": "#/components/schemas/Resource" });
    let plain = || json!({ "application/json": { "schema": { "type": "object" } } });
    let html = || json!({ "text/html": { "schema": { "type": "string" } } });
    let (content, why) = match speaks_to(path.template) {
        Reader::People => (html(), html()),
        Reader::OAuth => (plain(), plain()),
        Reader::Fhir => (fhir(resource.clone()), fhir(outcome)),
        Reader::Anybody => (plain(), fhir(outcome)),
    };
    let done = json!({ "description": "Done", "content": content });
    let mut responses = json!({ "200": done });
    let refused = json!({ "description": "Refused, with what to do", "content": why });
    if let Some(all) = responses.as_object_mut() {
        if speaks_to(path.template) == Reader::People {
            all.insert("303".to_owned(), json!({ "description": "On to another address" }));
        }
        let kind = path.template.strip_prefix("/fhir/").and_then(ResourceType::parse);
        let creates = method == "post" && kind.is_some();
        if method == "put" || creates {
            all.insert("201".to_owned(), done);
        }
        let begins = path.template.ends_with("/$export");
        if begins || path.template.starts_with("/fhir/$export-status/") {
            all.insert("202".to_owned(), json!({ "description": "Under way", "content": why }));
        } else if method == "delete" {
            all.insert("204".to_owned(), json!({ "description": "Done" }));
        }
        all.insert("4XX".to_owned(), refused.clone());
        all.insert("5XX".to_owned(), refused);
    }
    let mut value = json!({
        "summary": say,
        "operationId": name(path.template, method),
        "responses": responses,
        "security": if path.protected { json!([{ "oauth": [] }]) } else { json!([]) },
    });
    let Some(object) = value.as_object_mut() else { return value };
    let is_search = path.template.ends_with("{type}") || path.template.ends_with("/_search");
    if is_search && method == "get" {
        let all = CONTROL
            .iter()
            .map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } }));
        object.insert("parameters".to_owned(), all.collect());
    }
    if matches!(method, "post" | "put") {
        let form = json!({ "schema": form(path, grants) });
        let content = if is_search || path.template.starts_with("/oauth") {
            json!({ "application/x-www-form-urlencoded": form })
        } else if path.template.starts_with("/native") {
            pushed(method)
        } else {
            fhir(resource)
        };
        object.insert("requestBody".to_owned(), json!({ "content": content }));
    }
    value
}

/// What is pushed: one canonical document, or what a filter of the settings reads, by a type of its own.
fn pushed(method: &str) -> Value {
    let own = json!({ "schema": { "description": "Another form, which a filter reads" } });
    if method == "put" {
        json!({ "application/json": { "schema": { "type": "object" } }, "*/*": own })
    } else {
        json!({ "*/*": own })
    }
}

/// What a body says that is no resource.
fn form(path: &Path, grants: &[&str]) -> Value {
    if path.template != "/oauth/token" {
        return json!({ "type": "object" });
    }
    json!({
        "type": "object",
        "required": ["grant_type"],
        "properties": { "grant_type": { "type": "string", "enum": grants } },
    })
}

/// Who reads what an address answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reader {
    /// Somebody at a browser: pages.
    People,
    /// Clients of authorization: its JSON, for errors too (RFC 6749 section 5.2).
    OAuth,
    /// Clients of FHIR.
    Fhir,
    /// Any program: JSON, and errors as FHIR has them.
    Anybody,
}

fn speaks_to(template: &str) -> Reader {
    let pages = ["/oauth/authorize", "/oauth/consent", "/oauth/login", "/oauth/permissions"];
    if pages.contains(&template) || template.starts_with("/oauth/return/") {
        Reader::People
    } else if template.starts_with("/oauth/") {
        Reader::OAuth
    } else if template.starts_with("/fhir") && !template.contains("/.well-known/") {
        Reader::Fhir
    } else {
        Reader::Anybody
    }
}

/// A name of its own for each: `get_fhir_type_id`.
fn name(template: &str, method: &str) -> String {
    let words =
        template.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |name, word| name + "_" + word)
}
