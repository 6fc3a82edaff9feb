//! What each key is for, in one sentence.
//!
//! Part of `config`, for `mylife config explain`. A test holds that every key that is read stands here,
//! and no other.

/// Settings in which every key comes to be asked for, whatever else must be written first; nothing that
/// they name exists.
pub(super) const EVERYTHING: [&str; 4] = [
    "[[clients]]\nclient_id = \"a\"\n[clients.notify]\nsecret = \"a\"\n[[filters]]\n[[issuers]]\njwks_file = \"none\"\n[[login]]\nclient_secret = \"a\"\n[[peers]]\n\
     [client_keys]\nauthorities = \"none\"\n[tokens]\nidentity_key_file = \"none\"\n[store]\nkind = \"sqlite\"\n[telemetry]\nauthorities = \"none\"\n[law]\n[directory]\n",
    "[store]\nkind = \"postgres\"\npassword_file = \"none\"\nca_file = \"none\"\n\
     [shared]\nkind = \"redis\"\npassword_file = \"none\"\nauthorities = \"none\"\n\
     certificate = \"none\"\nkey_file = \"none\"\n",
    "[shared]\nkind = \"redis\"\ncluster = true\nnodes = [\"redis://a:1\"]\n",
    "[shared]\nkind = \"redis\"\n[shared.sentinel]\nmaster = \"a\"\nnodes = [\"redis://a:1\"]\n\
     password_file = \"none\"\n",
];

/// What a key is for; none if there is no such key. `..._file` beside a key that is known stands for it.
pub fn of(key: &str) -> Option<&'static str> {
    let find = |key: &str| MEANINGS.iter().find(|(known, _)| *known == key).map(|(_, text)| *text);
    find(key).or_else(|| find(key.strip_suffix("_file")?))
}

/// The keys that have a meaning.
pub fn known() -> impl Iterator<Item = &'static str> {
    MEANINGS.iter().map(|(key, _)| *key)
}

const MEANINGS: &[(&str, &str)] = &[
    ("audit", "The audit log."),
    ("audit.checkpoint_seconds", "How often the log's tree is signed, if it has grown."),
    (
        "client_keys",
        "Whence the keys of clients may be fetched that publish them, and where they may be notified.",
    ),
    ("client_keys.authorities", "Those that vouch for the hosts under inside, PEM."),
    (
        "client_keys.inside",
        "Hosts that are not public, or not on port 443, and may be asked all the same.",
    ),
    ("clients", "Who may ask this gateway, and for what at most."),
    (
        "clients.algorithms",
        "With what its assertions may be signed; empty means whatever its keys allow.",
    ),
    ("clients.break_glass", "May it declare an emergency?"),
    ("clients.client_id", "By what it is known here; it stands in every audit record."),
    ("clients.declares", "Ids of grounds of the law table that it may declare."),
    (
        "clients.dpop_bound_access_tokens",
        "Must its tokens be bound to a key of its own (DPoP, RFC 9449)?",
    ),
    (
        "clients.exchanges",
        "May it exchange access tokens for statements to other gateways (RFC 8693)?",
    ),
    ("clients.introspects", "May it ask what a token of anybody says?"),
    ("clients.jwks", "Its public keys."),
    ("clients.jwks_uri", "Where it publishes its public keys, in place of jwks."),
    ("clients.may_act", "The client that may exchange its tokens too, and then acts for it."),
    ("clients.name", "What people are shown for it."),
    ("clients.native_owner", "May it push documents, which are then its own?"),
    ("clients.notify", "Where it may be notified of changes, and how it knows who speaks."),
    (
        "clients.notify.secret",
        "Shared with it: signs what it is sent (HMAC-SHA-256), in place of the key of tokens.",
    ),
    ("clients.notify.token_client", "The gateway's name at token_url."),
    ("clients.notify.token_scope", "The scope that is asked for at token_url."),
    (
        "clients.notify.token_url",
        "Where the gateway gets a token for those places; without it none is sent.",
    ),
    (
        "clients.notify.urls",
        "The places that a subscription of it may name, https URLs compared letter by letter.",
    ),
    ("clients.organization", "The organisation for which it asks, urn:oid:..."),
    ("clients.people_act", "May its assertions name a user and a role?"),
    ("clients.public", "Is it an app that keeps no key (PKCE alone)?"),
    ("clients.purposes", "Purposes that it may state, codes of v3-ActReason."),
    (
        "clients.redirect_uris",
        "Where the login may send a browser back to, compared letter by letter.",
    ),
    ("clients.register", "The register for which it asks."),
    ("clients.roles", "Roles that its users may have."),
    ("clients.scopes", "Scopes it may ask for, SMART v2."),
    ("clients.sector", "The sector for which it asks, as the law table names sectors."),
    (
        "clients.tls_client_auth",
        "By which name of its certificate it is known, where it proves itself by that (RFC 8705).",
    ),
    ("clients.tls_client_auth.san_dns", "A host among the names of its certificate."),
    ("clients.tls_client_auth.san_ip", "An address among the names of its certificate."),
    ("clients.tls_client_auth.san_uri", "A URI among the names of its certificate."),
    (
        "clients.tls_client_auth.subject_dn",
        "The subject of its certificate, as CN=desk,O=County,C=FI (RFC 4514).",
    ),
    ("clients.user_organizations", "Organisations whose professionals may log in to it."),
    ("directory", "Organisations, services, professionals and places."),
    (
        "directory.areas",
        "Counties, each with the node codes of all its municipalities, for numbers of people.",
    ),
    ("directory.file", "A file of its own in place of this section."),
    ("directory.locations", "Places."),
    ("directory.organizations", "Organisations and units, and whose part each is."),
    ("directory.practitioners", "Professionals."),
    ("directory.services", "Services that units give."),
    ("filters", "How documents that another system wrote in a form of its own become native ones."),
    ("filters.clients", "Clients whose documents it reads; each with native_owner = true."),
    (
        "filters.content_type",
        "The Content-Type that says that a body is of this form; no two filters of a client read the same and \
         make the same.",
    ),
    ("filters.examples", "Files of that form; `mylife check` tries the filter on them."),
    ("filters.file", "The filter, in the jq language: from one document to one native one."),
    ("filters.makes", "What it makes, and so the address: people, assessments or plans."),
    ("filters.mebibytes", "Memory that it may take, in mebibytes."),
    ("filters.name", "Its name, in refusals, metrics and `mylife load --filter`."),
    ("filters.reads", "Is a body one JSON text, one on each line, or a table?"),
    ("filters.seconds", "Seconds of a processor that it may take for a document."),
    ("issuers", "Others whose access tokens count here, beside the gateway's own."),
    (
        "issuers.algorithms",
        "How its tokens may be signed; each of its keys has one algorithm, and those of others do not count.",
    ),
    (
        "issuers.audience",
        "What it calls this gateway in aud; without it the address of its FHIR API.",
    ),
    ("issuers.check", "How a token is checked: by the issuer's keys, or by asking it (RFC 7662)."),
    ("issuers.claims", "Which claims say what; /a/b is a pointer into them."),
    ("issuers.claims.client", "The claim of the client; usually client_id."),
    (
        "issuers.claims.organization",
        "The claim of the organisation, urn:oid:...; without it the only one under limits.",
    ),
    ("issuers.claims.patient", "The claim of the one Patient a token is about; usually patient."),
    (
        "issuers.claims.purpose",
        "The claim of the purpose; without one the only purpose under limits.",
    ),
    ("issuers.claims.role", "The claim of the roles of whoever acts."),
    ("issuers.claims.scope", "The claim of the scopes; usually scope."),
    ("issuers.claims.user", "The claim of whoever acts, a FHIR reference; usually fhirUser."),
    ("issuers.client_id", "The gateway's name at the issuer, which it is asked by."),
    ("issuers.id", "A short name, which stands before those of its clients: id:client."),
    ("issuers.introspection_endpoint", "Where it is asked whether a token is active."),
    ("issuers.issuer", "Its issuer, as its tokens state it."),
    ("issuers.jwks", "Its public keys, in place of those that it publishes."),
    (
        "issuers.jwks_uri",
        "Where it publishes its keys; without it where its OpenID configuration says.",
    ),
    ("issuers.limits", "How much it may give; nothing more is believed of it."),
    ("issuers.limits.organizations", "Organisations it may speak for."),
    ("issuers.limits.people_act", "May it say that somebody acts for themselves or for another?"),
    ("issuers.limits.purposes", "Purposes it may state."),
    ("issuers.limits.roles", "Roles its users may have."),
    ("issuers.limits.scopes", "Scopes; what a token has beyond them does not count."),
    (
        "issuers.longest_minutes",
        "How long a token that its keys tell of may live, as it cannot be withdrawn before.",
    ),
    (
        "issuers.opaque",
        "Are tokens that state no issuer shown to it? One issuer alone may have such.",
    ),
    (
        "issuers.types",
        "What typ of its tokens may be: at+jwt (RFC 9068), and JWT where it knows no better; without it \
         at+jwt.",
    ),
    ("law", "Who may see what by law."),
    ("law.bars", "What is barred from everybody, whatever permits it."),
    ("law.file", "A file of its own in place of this section."),
    ("law.grounds", "Grounds on which an organisation may see something without a consent."),
    ("law.officer_roles", "Roles that read who saw what, and write consents for people."),
    ("limits", "What one request, one document and one peer may cost."),
    ("limits.address_tokens_per_second", "Token requests from one network address."),
    ("limits.client_requests_per_second", "Requests of one client; more are answered 429."),
    (
        "limits.client_tokens_per_second",
        "Token requests of one client from one address; four times as many from all where it is not known.",
    ),
    (
        "limits.conversion_queue",
        "Documents of another form that may wait for a filter; more are answered 503.",
    ),
    (
        "limits.conversions",
        "Documents of another form that filters are at work on at a time, each in a process of its own.",
    ),
    ("limits.document_bytes", "The largest document that may be pushed."),
    ("limits.document_depth", "How deep a document may nest."),
    (
        "limits.documents",
        "Most assessments, plans and proposals, of each, that one client may have of one person; one more is \
         answered 422. Consents are not counted.",
    ),
    ("limits.page", "Most entries of a page."),
    ("limits.peer_concurrency", "Questions under way to one peer at a time."),
    ("limits.peer_deadline_milliseconds", "How long one peer is waited for."),
    ("limits.peer_queue", "Questions that may wait for their turn at one peer."),
    (
        "limits.requests",
        "Requests under way at a time; 0 is 128 for each thread that serves. More are refused at once with \
         503, revocations much later.",
    ),
    ("limits.stride", "Into how many blocks a walk over people falls: 32 to the power of this."),
    ("listen", "Ports, certificates and what a listener bears."),
    ("listen.authorities", "Those that vouch for peers, PEM."),
    ("listen.body_bytes", "The largest body of a request."),
    ("listen.certificate", "The certificate and its intermediates, PEM."),
    ("listen.connections", "Connections at a time; more wait in the kernel's queue."),
    ("listen.cores", "Threads that serve; 0 is one for each core."),
    (
        "listen.drain_seconds",
        "How long requests under way may take once the gateway is told to stop.",
    ),
    (
        "listen.goodbye_seconds",
        "How long connections are still taken once it has said that it is not ready, for balancers.",
    ),
    (
        "listen.idle_seconds",
        "How long a connection may be idle; more than whatever stands in front keeps one.",
    ),
    ("listen.key", "The certificate's private key, PKCS#8 PEM."),
    ("listen.management", "Health and metrics, in cleartext."),
    (
        "listen.management_exposed",
        "May other machines reach listen.management? It tells of nobody, and is for a network of its own.",
    ),
    ("listen.names", "Further host names under which requests may come."),
    ("listen.public", "FHIR, OAuth and what source systems push, over TLS."),
    (
        "listen.revoked",
        "What the authorities have revoked, PEM; with it only certificates count whose issuer has a list here \
         that has not ended.",
    ),
    ("login", "OpenID providers at which people log in to apps."),
    ("login.client_id", "The gateway's name at the provider."),
    ("login.client_secret", "The gateway's secret at the provider."),
    ("login.id", "A short name, in addresses."),
    ("login.issuer", "The provider's issuer, as it writes it."),
    ("login.name", "The claim of the person's name."),
    ("login.name_en", "What people are shown for it in English."),
    ("login.name_fi", "What people are shown for it in Finnish."),
    ("login.name_sv", "What people are shown for it in Swedish."),
    ("login.organization", "The claim of a professional's organisation."),
    ("login.organizations", "Organisations that are believed of it."),
    ("login.person", "The claim of the identity code."),
    ("login.professional", "The claim of a professional's id."),
    ("login.role", "The claim of a professional's role."),
    ("login.roles", "Roles that are believed of it."),
    ("login.scope", "What is asked for at the provider."),
    ("node", "Which gateway this is."),
    (
        "node.activated",
        "When law table and directory came into force as they are; change it with them.",
    ),
    ("node.code", "The code in ids; it never changes."),
    ("node.holds_data", "Has it data of its own? A portal has none."),
    ("node.log", "What goes to standard error: a level, or filters."),
    ("node.organization", "The controller it stands in front of, urn:oid:..."),
    (
        "node.settings",
        "Number of these settings where replicas share a database: raise it with clients, issuers, \
         peers, law table, directory and node.activated; who has a lower one answers nothing.",
    ),
    ("node.test_range", "What becomes of identity codes that are issued to nobody (900-999)."),
    ("node.url", "The address of clients and peers, without a path; the issuer of its tokens."),
    ("peers", "The other gateways."),
    ("peers.asked", "Is it asked when the caller names no nodes? A portal asks everybody."),
    ("peers.certificate", "SHA-256 of its client certificate, or a PEM file of it."),
    ("peers.code", "Its node code."),
    ("peers.handle_key", "To which identity codes are sealed for it."),
    ("peers.jwks", "Its public keys."),
    ("peers.limits", "For whom it may speak; nothing more is believed of it."),
    (
        "peers.limits.counts",
        "May it be told numbers of people that are not rounded, to add up those of several gateways?",
    ),
    ("peers.limits.declares", "Grounds it may declare."),
    ("peers.limits.organizations", "Organisations it may speak for."),
    ("peers.limits.purposes", "Purposes it may state."),
    ("peers.limits.registers", "Registers it may speak for."),
    ("peers.limits.roles", "Roles its users may have."),
    ("peers.limits.sectors", "Sectors it may speak for."),
    ("peers.organization", "Its controller, urn:oid:..."),
    ("peers.url", "Where it is reached; its issuer."),
    ("shared", "What replicas share and may lose: rate limits, logins under way."),
    ("shared.authorities", "Those that vouch for the Redis, PEM."),
    ("shared.away", "While Redis is away: limit each replica to its part, or refuse."),
    ("shared.certificate", "The certificate that is shown to the Redis."),
    ("shared.cluster", "Are nodes those of a cluster?"),
    ("shared.connect_milliseconds", "How long a connection may take to be made."),
    ("shared.key", "The key of that certificate."),
    ("shared.kind", "Where it is: in this process, or on a Redis that all replicas reach."),
    ("shared.nodes", "The nodes of a cluster."),
    ("shared.password", "The password at the Redis."),
    ("shared.replicas", "Processes of this gateway."),
    ("shared.response_milliseconds", "How long the Redis may take to answer."),
    ("shared.sentinel", "Sentinels that know the server."),
    ("shared.sentinel.master", "The name of the server at the sentinels."),
    ("shared.sentinel.nodes", "The sentinels."),
    ("shared.sentinel.password", "The password at the sentinels."),
    ("shared.sentinel.user", "The user at the sentinels."),
    ("shared.url", "The one server."),
    ("shared.user", "The user at the Redis."),
    ("store", "Where the data is, and the key that seals it."),
    ("store.answer_ms", "How long a whole question to the database may take."),
    (
        "store.ca_file",
        "Those that vouch for the database, PEM; without it the database is on this machine.",
    ),
    ("store.cache_megabytes", "Memory for what was read before."),
    ("store.connect_ms", "How long a connection to the database may take to be made."),
    ("store.connections", "Connections to the database at once, beside three of their own."),
    (
        "store.directory",
        "This process's own directory: of store and audit log, unless a database has them.",
    ),
    ("store.kind", "A file of this process, or a database that several share."),
    ("store.lock_ms", "How long is waited for a row that another transaction holds."),
    ("store.master_key", "Seals what is stored; without it nothing can be read again."),
    ("store.password", "The password at the database."),
    ("store.prepared", "May statements be prepared? Not through a pooler of transactions."),
    ("store.readers", "Threads that read the file."),
    ("store.statement_ms", "How long one statement may take."),
    ("store.url", "The database, without a password."),
    ("telemetry", "Who is told what took how long; needs a build with the feature otlp."),
    ("telemetry.authorities", "Those that vouch for the collector, PEM; without it public ones."),
    (
        "telemetry.collector",
        "Where spans of sampled requests are sent, OTLP over HTTP; without it nowhere.",
    ),
    ("telemetry.deadline_milliseconds", "How long the collector may take to take some."),
    (
        "telemetry.one_in",
        "Of requests that come without traceparent, one in so many is sampled; with it whoever asks says.",
    ),
    ("telemetry.queue", "Spans that may wait for the collector; more are dropped and counted."),
    ("tokens", "The keys that sign tokens and assertions."),
    ("tokens.identity_key", "The RSA key that signs ID tokens, JWK or PKCS#8 PEM."),
    ("tokens.key", "The private key, JWK or PKCS#8 PEM."),
    (
        "tokens.published_files",
        "Keys that sign nothing now and whose tokens are believed: the next one, the last one.",
    ),
];
