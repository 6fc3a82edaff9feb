//! What people have let apps do: they see it, and end it.
//!
//! Part of `oauth::launch`. Source: SMART App Launch 2.2 `conformance` (`management_endpoint`), RFC 9700
//! section 4.14. A permission is one launch, kept from its first token until its last could be over; ending
//! it ends every token of the launch in every process. Somebody sees what they gave, for themselves or for
//! whom they act, and what others gave who act for them; nothing else can be named.

use http::Method;
use serde::{Deserialize, Serialize};

use super::{
    Event, Visit, Visited,
    browser::{Browser, Login},
    consent::{Permitted, bare},
    errand::Errand,
    login::{Acting, User},
    page, view,
    visited::{Step, Stop},
    words::Tongue,
};
use crate::{
    authenticate::caller::family_id,
    chance::letters,
    domain::moment::Moment,
    error::Error,
    oauth::{
        form::Form,
        refused::{Code, Refused},
        token::{Asked, TokenEndpoint},
    },
    smart::Scopes,
    store::{IdentityMac, Permission},
};

/// What is kept of a permission beside what the store must read.
#[derive(Deserialize, Serialize)]
struct Kept {
    client: String,
    scope: String,
    /// `Type/id` of who gave it.
    subject: Option<String>,
    since: Moment,
}

/// A permission, for its page.
pub(super) struct Given {
    /// By which it is named on the page.
    pub(super) name: String,
    /// As the app is registered, or was.
    pub(super) app: String,
    pub(super) about: About,
    /// As a scope parameter.
    pub(super) scope: String,
    pub(super) since: Moment,
    pub(super) stored: Permission,
    client: String,
}

/// Whose data a permission is about, and who gave it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum About {
    /// Theirs, by themselves.
    Own,
    /// Somebody's for whom they act.
    Other,
    /// Theirs, by somebody who acts for them.
    ByOther,
}

/// Where the page is.
pub(super) const PATH: &str = "/oauth/permissions";

impl TokenEndpoint {
    /// Remembers what an app may do where whoever let it can find it; that it was not ended meanwhile is
    /// read where every process ends it. What somebody at work lets an app do is of their employer.
    pub(in crate::oauth) async fn remember(
        &self,
        permitted: &Permitted,
        since: Moment,
        now: Moment,
    ) -> Result<(), Refused> {
        let statement = &permitted.statement;
        let Some(patient) = statement.patient.as_deref().filter(|_| statement.people_act()) else {
            return Ok(());
        };
        let kept = Kept {
            client: statement.client_id.clone(),
            scope: statement.scope.clone(),
            subject: statement.subject.clone(),
            since,
        };
        let body =
            serde_json::to_vec(&kept).map_err(|why| Refused::fault(&Error::internal(why)))?;
        let permission = Permission {
            name: family_id(&permitted.family),
            giver: permitted.giver.map(IdentityMac),
            patient: patient.into(),
            until: permitted.ends,
            used: now,
            body: body.into(),
        };
        match self.store.permit(permission, now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refused::new(Code::InvalidGrant, "the launch was ended")),
            Err(why) => Err(Refused::unavailable(&why)),
        }
    }

    /// `GET` and `POST /oauth/permissions`.
    pub async fn permissions(&self, asked: Asked<'_>, now: Moment) -> Visited {
        let tongue = super::spoken(asked.headers);
        let step = Box::pin(self.takes_permissions(asked, tongue, now)).await;
        Self::visited(step, tongue)
    }

    async fn takes_permissions(&self, asked: Asked<'_>, tongue: Tongue, now: Moment) -> Step {
        if *asked.method == Method::POST {
            return match self.page(asked, tongue, now).await {
                Ok((visit, errand @ Errand::Permissions { .. })) => {
                    self.answers_permissions(visit, errand, now).await
                }
                // A page that is over, or another, does nothing: this one is shown anew.
                Ok((_, Errand::App(_))) | Err(Stop::Here(_)) => {
                    Ok(Visited { response: page::redirect(PATH), event: None })
                }
                Err(failed) => Err(failed),
            };
        }
        self.slowly(asked.address, now).await?;
        let form = Form::of_query(asked.query.unwrap_or_default()).ok();
        let wanted = form.as_ref().and_then(|form| form.value("ui_locales"));
        let tongue = wanted.and_then(Tongue::of_list).unwrap_or(tongue);
        let errand = Errand::Permissions { tongue, anew: false };
        let browser = Browser::of(asked.headers);
        match self.login_for(browser.as_ref(), &errand, now).await? {
            Some((browser, login)) => {
                self.permissions_page(browser, &login, tongue, false, now).await
            }
            None => self.login_page(browser, errand, None, now).await,
        }
    }

    async fn answers_permissions(&self, visit: Visit, mut errand: Errand, now: Moment) -> Step {
        let (form, browser) = (&visit.form, visit.browser.as_ref());
        if let Some(tongue) = form.value("language").and_then(Tongue::of_code) {
            errand.speaks(tongue);
        }
        let tongue = errand.tongue();
        if let (Some("other"), Some(browser)) = (form.value("do"), browser) {
            self.log_out(browser, now).await?;
            let errand = Errand::Permissions { tongue, anew: true };
            return self.login_page(visit.browser, errand, None, now).await;
        }
        let Some((browser, login)) = self.login_for(browser, &errand, now).await? else {
            return self.login_page(visit.browser, errand, None, now).await;
        };
        let Some(name) = form.value("end") else {
            return self.permissions_page(browser, &login, tongue, false, now).await;
        };
        let given = self.given_by(&login.user, now).await?;
        let Some(ended) = given.into_iter().find(|given| given.name == name) else {
            return self.permissions_page(browser, &login, tongue, false, now).await;
        };
        self.end(ended.stored.name, ended.stored.until, now).await?;
        let mut visited = self.permissions_page(browser, &login, tongue, true, now).await?;
        let mut event = Event::new("end-permission", Some(&ended.client));
        event.subject = self.known_as(&login.user).await?;
        event.withheld = bare(&ended.scope);
        event.ended = Some(ended.stored.patient);
        visited.event = Some(event);
        Ok(visited)
    }

    /// Who is logged in, if it is somebody whom the errand is for.
    async fn login_for<'a>(
        &self,
        browser: Option<&'a Browser>,
        errand: &Errand,
        now: Moment,
    ) -> crate::error::Result<Option<(&'a Browser, Login)>> {
        let Some(browser) = browser else { return Ok(None) };
        let login = self.login(browser, now).await?;
        let login = login.filter(|login| errand.is_for(&login.user));
        Ok(login.map(|login| (browser, login)))
    }

    async fn permissions_page(
        &self,
        browser: &Browser,
        login: &Login,
        tongue: Tongue,
        ended: bool,
        now: Moment,
    ) -> Step {
        let given = self.given_by(&login.user, now).await?;
        let name = self.wait(browser, Errand::Permissions { tongue, anew: false }, now).await?;
        let page = view::permissions(tongue, &login.user, &given, &name, ended);
        Ok(Visited { response: page.response(), event: None })
    }

    /// What somebody let apps do, and what others did who act for them.
    async fn given_by(&self, user: &User, now: Moment) -> crate::error::Result<Vec<Given>> {
        let User::Person { mac, .. } = user else { return Ok(Vec::new()) };
        let own = self.acting_alone(*mac).await?;
        let patient = own.as_ref().and_then(|own| own.patient.as_deref()).map(Into::into);
        let stored = self.store.permissions(IdentityMac(*mac), patient, now).await?;
        stored.into_iter().map(|one| self.given(one, *mac, own.as_ref())).collect()
    }

    fn given(
        &self,
        stored: Permission,
        mac: [u8; 32],
        own: Option<&Acting>,
    ) -> crate::error::Result<Given> {
        let kept: Kept = serde_json::from_slice(&stored.body).map_err(Error::internal)?;
        let Kept { client, scope, subject, since } = kept;
        let by_self = own.is_some_and(|own| subject.as_deref() == Some(own.subject.as_str()));
        let about = match (by_self, stored.giver == Some(IdentityMac(mac))) {
            (true, _) => About::Own,
            (false, true) => About::Other,
            (false, false) => About::ByOther,
        };
        let registered = self.registry.client(&client);
        let app = registered.map_or(&client, |registered| &registered.entry().name).clone();
        Ok(Given { name: letters(&stored.name), app, about, scope, since, stored, client })
    }
}

impl Given {
    /// The FHIR scopes of it.
    pub(super) fn scopes(&self) -> Scopes {
        Scopes::parse(&self.scope)
    }
}
