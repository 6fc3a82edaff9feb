//! What is asked beside FHIR: documents for anybody, and what is asked of authorization.
//!
//! Part of `route`. Sources: RFC 8414, `OpenID` Connect Discovery, RFC 6749, RFC 7009, RFC 7662.

/// What anybody may read without a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Public {
    /// `GET /.well-known/oauth-authorization-server`.
    AuthorizationServer,
    /// `GET /.well-known/oauth-protected-resource/fhir`.
    ProtectedResource,
    /// `GET /fhir/metadata`.
    Capability,
    /// `GET /schemas/examples/{name}`: a resource of a profile of ours; the name is the profile's id.
    Example,
    /// `GET /fhir/{type}/{id}` of our profiles and terminology; the name is `{type}/{id}`.
    Guide,
    /// `GET /.well-known/jwks.json`.
    Keys,
    /// `GET /openapi.json`.
    OpenApi,
    /// `GET /.well-known/openid-configuration`.
    OpenIdConfiguration,
    /// `GET /schemas/{name}`.
    Schema,
    /// `GET /fhir/.well-known/smart-configuration`.
    SmartConfiguration,
}

/// What is asked of authorization.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// `GET` and `POST /oauth/authorize`: an app sends somebody to log in.
    Authorize,
    /// `POST /oauth/consent`: what somebody lets the app do.
    Consent,
    /// `POST /oauth/introspect`: what a token says.
    Introspect,
    /// `POST /oauth/launch`: a system opens an app for its user.
    Launch,
    /// `POST /oauth/login`: who somebody is.
    Login,
    /// `GET` and `POST /oauth/permissions`: what somebody lets apps do, and to end it.
    Permissions,
    /// `GET /oauth/return/{provider}`: where a login provider sends somebody back.
    Return,
    /// `POST /oauth/revoke`: to end one.
    Revoke,
    /// `POST /oauth/token`: for one.
    Token,
}

impl Endpoint {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Consent => "consent",
            Self::Introspect => "introspect",
            Self::Launch => "launch",
            Self::Login => "login",
            Self::Permissions => "permissions",
            Self::Return => "return",
            Self::Revoke => "revoke",
            Self::Token => "token",
        }
    }
}
