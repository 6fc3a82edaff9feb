//! An app sends somebody here to log in, and to choose what the app may do.
//!
//! Part of `oauth`: the authorization endpoint and its pages. Sources: RFC 6749 section 4.1, RFC 7636,
//! RFC 9207, RFC 9700, SMART App Launch 2.2 `app-launch`. A page is one step: what it needs to know is
//! kept here under its name, so nothing that a browser sends is believed but its cookie, the page's name
//! and what was ticked. It reads no data of anybody; what a token may see is decided when it asks.

pub mod login;
pub mod provider;
mod browser;
pub(super) mod context;
pub(super) mod consent;
mod errand;
pub mod fleeting;
mod given;
mod page;
mod request;
mod view;
mod visited;
mod words;

use std::{net::IpAddr, sync::Arc};

use http::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT_LANGUAGE, SET_COOKIE},
};

pub use self::visited::{Event, Visited};
use self::{
    browser::{Browser, Login},
    consent::{Choice, Deed, Offer, Whose},
    errand::Errand,
    fleeting::Fleeting,
    login::{Acting, Sandbox, User},
    provider::{Away, Providers},
    request::{Back, Fault, Trouble, Wish},
    view::Say,
    visited::{Step, Stop},
    words::Tongue,
};
use super::{
    form::Form,
    refused::{Code as Refusal, Refused},
    token::{Asked, TokenEndpoint},
};
use crate::{
    authenticate::registry::Client,
    domain::{identity::TestRange, moment::Moment},
    error::{Error, Kind},
    smart::Context,
};

/// What apps are launched with.
pub struct Launch {
    /// What is remembered between two pages.
    pub kept: Fleeting,
    /// Invented people; a demo alone has any.
    pub sandbox: Sandbox,
    /// Where people log in.
    pub providers: Providers,
    /// What becomes of identity codes that are issued to nobody.
    pub test_range: TestRange,
}

impl Launch {
    /// Can anybody log in?
    pub fn is_open(&self) -> bool {
        !self.sandbox.is_empty() || !self.providers.is_empty()
    }
}

/// What every step knows of its request.
struct Visit {
    form: Form,
    browser: Option<Browser>,
    now: Moment,
}

impl TokenEndpoint {
    /// `GET` and `POST /oauth/authorize`.
    pub async fn authorize(&self, asked: Asked<'_>, now: Moment) -> Visited {
        let tongue = spoken(asked.headers);
        let step = Box::pin(self.authorizes(asked, tongue, now)).await;
        Self::visited(step, tongue)
    }

    /// `POST /oauth/login`.
    pub async fn logs_in(&self, asked: Asked<'_>, now: Moment) -> Visited {
        let tongue = spoken(asked.headers);
        let step = Box::pin(self.takes_login(asked, tongue, now)).await;
        Self::visited(step, tongue)
    }

    /// `GET /oauth/return/{provider}`.
    pub async fn returns(&self, asked: Asked<'_>, provider: &str, now: Moment) -> Visited {
        let tongue = spoken(asked.headers);
        let step = Box::pin(self.takes_return(asked, provider, tongue, now)).await;
        Self::visited(step, tongue)
    }

    /// `POST /oauth/consent`.
    pub async fn consents(&self, asked: Asked<'_>, now: Moment) -> Visited {
        let tongue = spoken(asked.headers);
        let step = Box::pin(self.takes_consent(asked, tongue, now)).await;
        Self::visited(step, tongue)
    }

    fn visited(step: Step, tongue: Tongue) -> Visited {
        match step {
            Ok(visited) => visited,
            Err(Stop::Here(visited)) => *visited,
            Err(Stop::Failed(error)) => {
                let (status, title, lead): (_, Say, Say) = if error.kind() == Kind::Throttled {
                    (StatusCode::TOO_MANY_REQUESTS, |t| t.busy, |t| t.busy_lead)
                } else {
                    tracing::warn!(reason = %error, "a page of a launch failed");
                    (StatusCode::SERVICE_UNAVAILABLE, |t| t.failed, |t| t.failed_lead)
                };
                let response = view::message(status, tongue, title, lead).response();
                Visited { response, event: None }
            }
        }
    }

    async fn authorizes(&self, asked: Asked<'_>, tongue: Tongue, now: Moment) -> Step {
        self.slowly(asked.address, now).await?;
        let unknown = |why| {
            let page =
                view::message(StatusCode::BAD_REQUEST, tongue, |t| t.unknown, |t| t.unknown_lead);
            let event = Some(Event::new("authorize", None).refused(why));
            Stop::Here(Box::new(Visited { response: page.response(), event }))
        };
        let form = if *asked.method == Method::POST {
            Form::parse(asked.headers, asked.body)
        } else {
            Form::of_query(asked.query.unwrap_or_default())
        };
        let form = form.map_err(|_| unknown("malformed request"))?;
        let mut wish = match self.wish(&form, tongue) {
            Ok(wish) => wish,
            Err(Fault::Shown(why)) => return Err(unknown(why)),
            Err(Fault::Sent(back, trouble)) => {
                return Ok(self.sends_back(&back, trouble, form.value("client_id"), None));
            }
        };
        let client = self.registry.client(&wish.client_id).ok_or_else(|| unknown("client"))?;
        let opened = match form.value("launch") {
            Some(value) => match self.given_out(value, &wish, client, now).await? {
                Some(opened) => Some((value, opened)),
                None => return Ok(self.not_opened(&wish)),
            },
            None => None,
        };
        let browser = Browser::of(asked.headers);
        let login = match &browser {
            Some(browser) if !wish.anew => self.login(browser, now).await?,
            Some(_) | None => None,
        };
        let is_meant =
            |login: &Login| opened.as_ref().is_none_or(|(_, opened)| opened.is_for(&login.user));
        let login = login.filter(is_meant);
        if wish.silent {
            let error = if login.is_some() { "interaction_required" } else { "login_required" };
            let trouble = Trouble::new(error, "prompt=none, and somebody must be asked");
            return Ok(self.sends_back(&wish.back(), trouble, Some(&wish.client_id), None));
        }
        if let Some((value, opened)) = opened {
            wish.context = self.used_up(value, opened, now).await?;
            if wish.context.is_none() {
                return Ok(self.not_opened(&wish));
            }
        }
        match (browser, login) {
            (Some(browser), Some(login)) => {
                Ok(self.consent_page(&browser, &login, client, wish, None, now).await?)
            }
            (browser, _) => self.login_page(browser, Errand::of(wish), None, now).await,
        }
    }

    async fn takes_login(&self, asked: Asked<'_>, tongue: Tongue, now: Moment) -> Step {
        let (visit, mut errand) = self.page(asked, tongue, now).await?;
        if let Errand::App(wish) = &errand {
            self.app(wish, tongue)?;
        }
        if let Some(tongue) = visit.form.value("language").and_then(Tongue::of_code) {
            errand.speaks(tongue);
            return self.login_page(visit.browser, errand, None, now).await;
        }
        if let (Some(id), Some(browser)) = (visit.form.value("provider"), &visit.browser) {
            return match self.sends_away(id, browser, &errand, now).await? {
                Ok(to) => Ok(Visited { response: page::redirect(&to), event: None }),
                Err(why) => self.login_failed(visit.browser, errand, why, now).await,
            };
        }
        let user = visit.form.value("as").and_then(|number| self.invented(number));
        let Some(user) = user.filter(|user| errand.is_for(user)) else {
            return self.login_page(visit.browser, errand, None, now).await;
        };
        self.used(&visit, tongue).await?;
        self.welcomes(visit.browser.as_ref(), user, errand, now).await
    }

    async fn takes_return(
        &self,
        asked: Asked<'_>,
        provider: &str,
        tongue: Tongue,
        now: Moment,
    ) -> Step {
        self.slowly(asked.address, now).await?;
        let form = Form::of_query(asked.query.unwrap_or_default()).map_err(|_| gone(tongue))?;
        let browser = Browser::of(asked.headers).ok_or_else(|| gone(tongue))?;
        let away = self.back_from(provider, &form, &browser, now).await?;
        let away: Away = away.ok_or_else(|| gone(tongue))?;
        let at_work = match &away.errand {
            Errand::App(wish) => !wish.scopes(self.app(wish, tongue)?, &[Context::User]).is_empty(),
            Errand::Permissions { .. } => false,
        };
        match self.identified(&away, &form, at_work, now).await {
            Ok(user) => self.welcomes(Some(&browser), user, away.errand, now).await,
            Err(why) => self.login_failed(Some(browser), away.errand, why, now).await,
        }
    }

    /// Somebody is who they say: under another cookie than before.
    async fn welcomes(
        &self,
        before: Option<&Browser>,
        user: User,
        errand: Errand,
        now: Moment,
    ) -> Step {
        if let Some(before) = before {
            self.log_out(before, now).await?;
        }
        let (browser, login) = self.log_in(user, now).await?;
        let mut event = Event::new("login", errand.client());
        let mut visited = match errand {
            Errand::App(wish) => {
                let client = self.app(&wish, wish.tongue)?;
                self.consent_page(&browser, &login, client, *wish, None, now).await?
            }
            Errand::Permissions { tongue, .. } => {
                let to = page::with_query(given::PATH, &[("ui_locales", tongue.code())]);
                Visited { response: page::redirect(&to), event: None }
            }
        };
        visited.response.headers_mut().insert(SET_COOKIE, browser.cookie()?);
        event.subject = self.known_as(&login.user).await?;
        visited.event.get_or_insert(event);
        Ok(visited)
    }

    /// It is not known who it is: they may try again.
    async fn login_failed(
        &self,
        browser: Option<Browser>,
        errand: Errand,
        why: &'static str,
        now: Moment,
    ) -> Step {
        let event = Event::new("login", errand.client()).refused(why);
        let mut visited = self.login_page(browser, errand, Some(|t| t.login_failed), now).await?;
        visited.event = Some(event);
        Ok(visited)
    }

    async fn takes_consent(&self, asked: Asked<'_>, tongue: Tongue, now: Moment) -> Step {
        let (visit, errand) = self.page(asked, tongue, now).await?;
        let Errand::App(wish) = errand else { return Err(gone(tongue)) };
        let mut wish = *wish;
        let client = self.app(&wish, tongue)?;
        let Some(browser) = &visit.browser else { return Err(gone(tongue)) };
        let login = self.login(browser, now).await?;
        // A page that waits for a login is answered by nobody the app was not opened for.
        let login = login.filter(|login| wish.is_for(&login.user));
        let (Some(login), false) = (login, visit.form.value("do") == Some("other")) else {
            wish.anew = true;
            self.log_out(browser, now).await?;
            return self.login_page(visit.browser, Errand::of(wish), None, now).await;
        };
        if let Some(tongue) = visit.form.value("language").and_then(Tongue::of_code) {
            wish.tongue = tongue;
            return Ok(self.consent_page(browser, &login, client, wish, None, now).await?);
        }
        if visit.form.value("do") != Some("allow") {
            self.used(&visit, tongue).await?;
            let trouble = Trouble::new("access_denied", "denied on the page");
            let subject = self.known_as(&login.user).await?;
            return Ok(self.sends_back(&wish.back(), trouble, Some(&wish.client_id), subject));
        }
        let decided = self.decides(&visit, &login, client, &wish).await?;
        let (choice, acting) = match decided {
            Ok(decided) => decided,
            Err(say) => {
                return Ok(self
                    .consent_page(browser, &login, client, wish, Some(say), now)
                    .await?);
            }
        };
        self.used(&visit, tongue).await?;
        let deed = Deed { wish: &wish, client, login: &login, acting: &acting, choice: &choice };
        let code = self.code(&deed, now).await?;
        let pairs = [("code", &*code), ("state", &wish.state), ("iss", &self.issuer)];
        let response = page::redirect(&page::with_query(&wish.redirect_uri, &pairs));
        let mut event = Event::new("consent", Some(client.id()));
        event.subject = Some(acting.subject);
        (event.granted, event.withheld) = choice.told(&Offer::of(&wish, client, &login.user));
        Ok(Visited { response, event: Some(event) })
    }

    /// What was ticked, and for whom; or what must be put right first.
    async fn decides(
        &self,
        visit: &Visit,
        login: &Login,
        client: &Client,
        wish: &Wish,
    ) -> Result<Result<(Choice, Acting), Say>, Stop> {
        let offer = Offer::of(wish, client, &login.user);
        let choice = Choice::of(&visit.form, &offer);
        if choice.is_empty() {
            return Ok(Err(|t| t.nothing_ticked));
        }
        if !choice.is_whole(&login.user) {
            return Ok(Err(|t| t.choose));
        }
        let acting = match &login.user {
            User::Professional { id, .. } => Some(Acting {
                subject: format!("Practitioner/{id}"),
                patient: wish.context.as_ref().map(|context| context.patient.clone()),
                for_other: true,
            }),
            User::Person { mac, .. } => match Whose::of(&visit.form) {
                Some(Whose::Own) => self.acting_alone(*mac).await?,
                Some(Whose::Others(code)) => {
                    let found = self.acting_for(*mac, code, visit.now).await?;
                    return Ok(found.map(|acting| (choice, acting)).ok_or(|t| t.not_represented));
                }
                None => None,
            },
        };
        Ok(acting.map(|acting| (choice, acting)).ok_or(|t| t.nothing_here))
    }

    /// The request of a page: its form, and what it waits for, if it is this browser's.
    async fn page(
        &self,
        asked: Asked<'_>,
        tongue: Tongue,
        now: Moment,
    ) -> Result<(Visit, Errand), Stop> {
        self.slowly(asked.address, now).await?;
        let form = Form::of_page(asked.headers, asked.body).map_err(|_| gone(tongue))?;
        let browser = Browser::of(asked.headers).ok_or_else(|| gone(tongue))?;
        let name = form.value("page").unwrap_or_default();
        let waiting = self.waiting(name, &browser, now).await?.ok_or_else(|| gone(tongue))?;
        let visit = Visit { form, browser: Some(browser), now };
        Ok((visit, waiting.errand))
    }

    /// The app of a page, which may have been taken from the registry meanwhile.
    fn app(&self, wish: &Wish, tongue: Tongue) -> Result<&Arc<Client>, Stop> {
        self.registry.client(&wish.client_id).ok_or_else(|| gone(tongue))
    }

    /// A page is answered once.
    async fn used(&self, visit: &Visit, tongue: Tongue) -> Result<(), Stop> {
        let name = visit.form.value("page").unwrap_or_default();
        if self.answered(name, visit.now).await? { Ok(()) } else { Err(gone(tongue)) }
    }

    async fn login_page(
        &self,
        browser: Option<Browser>,
        errand: Errand,
        trouble: Option<Say>,
        now: Moment,
    ) -> Step {
        let tongue = errand.tongue();
        if !self.launch.is_open() {
            let status = StatusCode::NOT_FOUND;
            let page = view::message(status, tongue, |t| t.closed, |t| t.closed_lead);
            return Ok(Visited { response: page.response(), event: None });
        }
        let app = match &errand {
            Errand::App(wish) => Some(self.app(wish, tongue)?.entry().name.as_str()),
            Errand::Permissions { .. } => None,
        };
        let (browser, is_new) = match browser {
            Some(browser) => (browser, false),
            None => (Browser::new(&*self.chance), true),
        };
        let name = self.wait(&browser, errand, now).await?;
        let mut response = view::login(tongue, app, &self.launch, &name, trouble).response();
        if is_new {
            response.headers_mut().insert(SET_COOKIE, browser.cookie()?);
        }
        Ok(Visited { response, event: None })
    }

    async fn consent_page(
        &self,
        browser: &Browser,
        login: &Login,
        client: &Client,
        wish: Wish,
        trouble: Option<Say>,
        now: Moment,
    ) -> crate::error::Result<Visited> {
        if !wish.is_for(&login.user) {
            let trouble = Trouble::new("access_denied", "opened for somebody else");
            let subject = self.known_as(&login.user).await?;
            return Ok(self.sends_back(&wish.back(), trouble, Some(&wish.client_id), subject));
        }
        if Offer::of(&wish, client, &login.user).is_empty() {
            let trouble = Trouble::new("invalid_scope", "nothing for this kind of user");
            return Ok(self.sends_back(&wish.back(), trouble, Some(&wish.client_id), None));
        }
        let name = self.wait(browser, Errand::of(wish.clone()), now).await?;
        let response = view::consent(&wish, client, &login.user, &name, trouble).response();
        Ok(Visited { response, event: None })
    }

    /// Unknown, used, over, another app's or not asked for: the same words.
    fn not_opened(&self, wish: &Wish) -> Visited {
        let trouble = Trouble::new("invalid_request", "no such launch of this app");
        self.sends_back(&wish.back(), trouble, Some(&wish.client_id), None)
    }

    /// An error goes to the app, at the address it is registered with.
    fn sends_back(
        &self,
        back: &Back,
        trouble: Trouble,
        client: Option<&str>,
        subject: Option<String>,
    ) -> Visited {
        let mut pairs = vec![("error", trouble.error)];
        pairs.extend(back.state.as_deref().map(|state| ("state", state)));
        pairs.push(("iss", &self.issuer));
        let response = page::redirect(&page::with_query(&back.redirect_uri, &pairs));
        let event = Event { subject, ..Event::new("authorize", client).refused(trouble.why) };
        Visited { response, event: Some(event) }
    }

    /// `Type/id` of somebody as the log names them.
    async fn known_as(&self, user: &User) -> crate::error::Result<Option<String>> {
        match user {
            User::Person { mac, .. } => Ok(self.acting_alone(*mac).await?.map(|one| one.subject)),
            User::Professional { id, .. } => Ok(Some(format!("Practitioner/{id}"))),
        }
    }

    async fn slowly(&self, address: IpAddr, now: Moment) -> crate::error::Result<()> {
        self.keep_address(address, now).await.map_err(|refused| match refused {
            Refused { code: Refusal::Throttled, retry_after, .. } => Error::throttled(retry_after),
            refused => Error::unavailable(refused.why.to_string()),
        })
    }
}

fn gone(tongue: Tongue) -> Stop {
    let page = view::message(StatusCode::BAD_REQUEST, tongue, |t| t.gone, |t| t.gone_lead);
    Stop::page(page.response())
}

fn spoken(headers: &HeaderMap) -> Tongue {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepted.and_then(Tongue::of_list).unwrap_or(Tongue::Fi)
}
