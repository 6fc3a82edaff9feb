//! Every address that is served, as people and tools read it.
//!
//! Part of `route`: what [`super::recognise`] takes, said once more as data for `/openapi.json`. A test
//! holds the two together, pattern by pattern.

/// What stands in the place of `{type}`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Types {
    /// Every type, or there is none in the address.
    All,
    /// Those with a history.
    WithHistory,
    /// Those of which a person has resources.
    OfPeople,
}

/// One address.
pub struct Path {
    /// With names in braces for what varies.
    pub template: &'static str,
    /// Which types it takes.
    pub types: Types,
    /// Methods, each with what it does; `HEAD` goes wherever `GET` does.
    pub methods: &'static [(&'static str, &'static str)],
    /// Is a token needed?
    pub protected: bool,
}

const fn open(template: &'static str, methods: &'static [(&'static str, &'static str)]) -> Path {
    Path { template, types: All, methods, protected: false }
}

const fn closed(
    template: &'static str,
    types: Types,
    methods: &'static [(&'static str, &'static str)],
) -> Path {
    Path { template, types, methods, protected: true }
}

use Types::{All, OfPeople, WithHistory};

/// What each `$export` does.
const EXPORT: &[(&str, &str)] = &[("get", "Begins an export"), ("post", "Begins an export")];

/// What is done with what a welfare plan consists of, beside reading it.
const PLANS: &[(&str, &str)] = &[
    ("post", "Takes in what is of a welfare plan"),
    ("put", "Writes the next version of the one that is as the query says, or a new one"),
];
const PLAN: &[(&str, &str)] = &[("put", "Writes the next version of it")];
const PARTS: &[(&str, &str)] = &[
    ("post", "Takes in what is of a welfare plan"),
    ("put", "Writes the next version of the one that is as the query says, or a new one"),
    ("delete", "Deletes the one that is as the query says"),
];
const PART: &[(&str, &str)] = &[("put", "Writes the next version of it"), ("delete", "Deletes it")];

/// All of them.
pub const PATHS: &[Path] = &[
    closed(
        "/fhir",
        All,
        &[(
            "post",
            "Several requests in one Bundle: batch, or a transaction of reads or of one plan",
        )],
    ),
    open("/fhir/metadata", &[("get", "The CapabilityStatement")]),
    open(
        "/fhir/.well-known/smart-configuration",
        &[("get", "How to be authorized (SMART App Launch)")],
    ),
    open("/.well-known/jwks.json", &[("get", "The public keys of this gateway")]),
    open("/.well-known/openid-configuration", &[("get", "Where people log in (OpenID Connect)")]),
    open("/.well-known/oauth-authorization-server", &[("get", "How to be authorized (RFC 8414)")]),
    open(
        "/.well-known/oauth-protected-resource/fhir",
        &[("get", "Who authorizes for this FHIR base (RFC 9728)")],
    ),
    open("/openapi.json", &[("get", "This description")]),
    open("/fhir/Basic/{id}", &[("get", "A topic of subscriptions, of ours")]),
    open("/fhir/CodeSystem/{id}", &[("get", "A code system of ours")]),
    open("/fhir/ConceptMap/{id}", &[("get", "Our codes in those of others")]),
    open("/fhir/ImplementationGuide/{id}", &[("get", "What there is of ours, with examples")]),
    open("/fhir/Measure/{id}", &[("get", "An outcome indicator of ours")]),
    open("/fhir/OperationDefinition/{id}", &[("get", "An operation of ours")]),
    open("/fhir/StructureDefinition/{id}", &[("get", "A profile or an extension of ours")]),
    open("/fhir/ValueSet/{id}", &[("get", "A value set of ours")]),
    open("/schemas/native/{name}", &[("get", "The JSON Schema of a native document")]),
    open("/schemas/examples/{name}", &[("get", "An example of a profile, by the profile's id")]),
    open("/schemas/{name}", &[("get", "A JSON Schema")]),
    open("/oauth/introspect", &[("post", "What a token says (RFC 7662)")]),
    open("/oauth/revoke", &[("post", "Ends a token (RFC 7009)")]),
    open("/oauth/token", &[("post", "Gives a token (RFC 6749), or exchanges one (RFC 8693)")]),
    closed("/native/people", All, &[("post", "People in a form that a filter reads")]),
    closed(
        "/native/assessments",
        All,
        &[("post", "Life assessments in a form that a filter reads")],
    ),
    closed("/native/plans", All, &[("post", "Welfare plans in a form that a filter reads")]),
    closed("/native/people/{local}", All, &[("put", "A person, by the sender's id")]),
    closed("/native/assessments/{local}", All, &[("put", "A life assessment, by the sender's id")]),
    closed("/native/plans/{local}", All, &[("put", "A welfare plan, by the sender's id")]),
    closed("/fhir/Consent/{id}/$receipt", All, &[("get", "The receipt of a Consent")]),
    closed("/fhir/Patient/{id}/$everything", All, &[("get", "All that may be seen of a person")]),
    closed(
        "/fhir/Patient/{id}/$handles",
        All,
        &[("post", "Handles of a person, for gateways alone")],
    ),
    closed(
        "/fhir/Patient/{id}/$explain",
        All,
        &[("post", "What somebody would be permitted to see, and by what")],
    ),
    closed("/fhir/Patient/{id}/$circle-of-life", All, &[("get", "The Circle of Life of a person")]),
    closed("/fhir/Patient/{id}/$collective-plan", All, &[("get", "All plans of a person as one")]),
    closed(
        "/fhir/QuestionnaireResponse/{id}/$circle-of-life",
        All,
        &[("get", "The Circle of Life of an assessment")],
    ),
    closed(
        "/fhir/QuestionnaireResponse/{id}/$extract",
        All,
        &[
            ("get", "The Observations of an assessment"),
            ("post", "The Observations of an assessment"),
        ],
    ),
    closed(
        "/fhir/QuestionnaireResponse/$extract",
        All,
        &[("post", "The Observations of an assessment that is sent")],
    ),
    closed(
        "/fhir/Questionnaire/{id}/$populate",
        All,
        &[
            ("get", "A form, filled with what was answered last"),
            ("post", "A form, filled with what was answered last"),
        ],
    ),
    closed(
        "/fhir/Measure/{id}/$evaluate-measure",
        All,
        &[
            ("get", "How many people are in each cell of an outcome indicator, in a year"),
            ("post", "How many people are in each cell of an outcome indicator, in a year"),
        ],
    ),
    closed("/fhir/$export", All, EXPORT),
    closed("/fhir/Patient/$export", All, EXPORT),
    closed("/fhir/Group/{id}/$export", All, EXPORT),
    closed(
        "/fhir/$export-status/{link}",
        All,
        &[("get", "How far an export is"), ("delete", "Ends an export")],
    ),
    closed("/fhir/$export-file/{link}", All, &[("get", "A file of an export")]),
    open(
        "/oauth/authorize",
        &[("get", "Begins a login (SMART App Launch)"), ("post", "Begins a login")],
    ),
    open("/oauth/consent", &[("post", "What the person agrees to")]),
    open("/oauth/launch", &[("post", "A system opens an app for its user (SMART App Launch)")]),
    open("/oauth/login", &[("post", "Who the person is, or where to log in")]),
    open(
        "/oauth/permissions",
        &[
            ("get", "What the person lets apps do"),
            ("post", "Ends something that the person let an app do"),
        ],
    ),
    open("/oauth/return/{link}", &[("get", "Back from where the person logged in")]),
    closed(
        "/fhir/Subscription/{id}/$events",
        All,
        &[("get", "What a subscription has told, once more")],
    ),
    closed("/fhir/Subscription/{id}/$status", All, &[("get", "How a subscription stands")]),
    closed("/fhir/Subscription", All, &[("post", "Asks to be told of changes")]),
    closed(
        "/fhir/Subscription/{id}",
        All,
        &[("put", "Asks for something else, or again"), ("delete", "Ends a subscription")],
    ),
    closed("/fhir/{type}/$validate", All, &[("post", "Is a resource as it must be?")]),
    closed(
        "/fhir/Patient/{id}/{type}/_search",
        OfPeople,
        &[("post", "Searches what one person has")],
    ),
    closed(
        "/fhir/{type}/{id}/_history/{version}",
        WithHistory,
        &[("get", "One version of a resource")],
    ),
    closed(
        "/fhir/{type}/_history",
        WithHistory,
        &[("get", "The history of one person's resources of a type")],
    ),
    closed("/fhir/{type}/{id}/_history", WithHistory, &[("get", "The history of a resource")]),
    closed("/fhir/Patient/{id}/{type}", OfPeople, &[("get", "Searches what one person has")]),
    closed("/fhir/{type}/_search", All, &[("post", "Searches a type")]),
    closed(
        "/fhir/Consent",
        All,
        &[("put", "Writes a Consent, by its writer's uuid"), ("post", "Writes a new Consent")],
    ),
    closed("/fhir/Consent/$import", All, &[("post", "Writes a Consent of another form")]),
    closed("/fhir/Consent/{id}", All, &[("put", "Writes the next version of a Consent")]),
    closed("/fhir/QuestionnaireResponse", All, &[("post", "Takes in a life assessment")]),
    closed("/fhir/CarePlan", All, PLANS),
    closed("/fhir/CarePlan/{id}", All, PLAN),
    closed("/fhir/CareTeam", All, PARTS),
    closed("/fhir/CareTeam/{id}", All, PART),
    closed("/fhir/Goal", All, PARTS),
    closed("/fhir/Goal/{id}", All, PART),
    closed("/fhir/ServiceRequest", All, PARTS),
    closed("/fhir/ServiceRequest/{id}", All, PART),
    closed("/fhir/Task", All, PARTS),
    closed("/fhir/Task/{id}", All, PART),
    closed("/fhir/{type}", All, &[("get", "Searches a type")]),
    closed("/fhir/{type}/{id}", All, &[("get", "Reads a resource")]),
];
