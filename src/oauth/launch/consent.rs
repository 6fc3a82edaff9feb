//! What somebody permits an app, and the code that the app gets for it.
//!
//! Part of `oauth::launch`. Sources: RFC 6749 section 4.1.2, SMART App Launch 2.2. What is not ticked is
//! not granted; what is granted is never more than the app is registered for, and consents, law table
//! and turvakielto narrow it further at every read.

use serde::{Deserialize, Serialize};

use super::{
    browser::{LOGIN, Login},
    context::Context,
    login::{Acting, Post, User},
    request::Wish,
};
use crate::{
    authenticate::{registry::Client, statement::Statement},
    chance::base32,
    domain::moment::Moment,
    error::Result,
    oauth::{form::Form, token::TokenEndpoint},
    smart::{
        self, Scopes,
        word::{Word, Words},
    },
};

/// Purpose of a person who asks for what is their own.
const OWN_REQUEST: &str = "PATRQT";
/// How long a code is good.
pub(in crate::oauth) const CODE: std::time::Duration = std::time::Duration::from_mins(1);
/// How long it is known that a code was good.
const KNOWN: std::time::Duration = std::time::Duration::from_mins(10);
/// How long an app gets new tokens while the person is away.
const AWAY: std::time::Duration = std::time::Duration::from_hours(24 * 90);
/// The same where somebody acts at work: a working day.
const AT_WORK: std::time::Duration = std::time::Duration::from_hours(12);

/// A code that is out.
#[derive(Deserialize, Serialize)]
pub(in crate::oauth) struct Code {
    pub(in crate::oauth) redirect_uri: String,
    pub(in crate::oauth) challenge: String,
    pub(in crate::oauth) made: Moment,
    /// For the ID token.
    pub(in crate::oauth) nonce: Option<String>,
    /// Thumbprint of the key that the code is bound to.
    pub(in crate::oauth) key: Option<[u8; 32]>,
    pub(in crate::oauth) permitted: Permitted,
}

impl Code {
    /// Until when somebody could come with it again.
    pub(in crate::oauth) fn known_until(&self) -> Moment {
        self.made.plus(KNOWN)
    }
}

/// What was permitted: all that tokens of one launch say.
#[derive(Clone, Deserialize, Serialize)]
pub(in crate::oauth) struct Permitted {
    /// Who asks; its scope has the words too.
    pub(in crate::oauth) statement: Statement,
    /// What the app calls who logged in.
    pub(in crate::oauth) user: String,
    /// Names the launch: its tokens end together.
    pub(in crate::oauth) family: String,
    /// Does somebody act for another, or at work?
    pub(in crate::oauth) for_other: bool,
    /// When somebody logged in.
    pub(in crate::oauth) since: Moment,
    /// When the last token of it is over.
    pub(in crate::oauth) ends: Moment,
    /// What the system says that opened the app.
    pub(in crate::oauth) context: Option<Context>,
    /// Thumbprint of the key without which nobody gets new tokens.
    pub(in crate::oauth) key: Option<[u8; 32]>,
    /// Look-up value of the person who permits; none of somebody at work, and in what was permitted
    /// before it was kept.
    #[serde(default)]
    pub(in crate::oauth) giver: Option<[u8; 32]>,
}

/// What can be ticked on the page.
pub(super) struct Offer {
    /// FHIR scopes, in the order of the page.
    pub(super) scopes: Scopes,
    /// Words, those among them that are ticked by what they stand for.
    pub(super) words: Words,
    /// Where and as what the user could act, where they are at work.
    pub(super) posts: Vec<Post>,
    /// Purposes to choose from, where they are at work.
    pub(super) purposes: Vec<String>,
}

impl Offer {
    /// What this user could permit this client.
    pub(super) fn of(wish: &Wish, client: &Client, user: &User) -> Self {
        let entry = client.entry();
        let of_client = |post: &&Post| {
            let known = entry.organization == post.organization
                || entry.user_organizations.contains(&post.organization);
            known && entry.roles.contains(&post.role)
        };
        let (posts, purposes) = match user {
            User::Person { .. } => (Vec::new(), Vec::new()),
            User::Professional { posts, .. } => {
                (posts.iter().filter(of_client).cloned().collect(), entry.purposes.clone())
            }
        };
        Self {
            scopes: wish.scopes(client, user.contexts(wish.context.is_some())),
            words: wish.words(client),
            posts,
            purposes,
        }
    }

    /// Is there nothing that could be permitted?
    pub(super) fn is_empty(&self) -> bool {
        self.scopes.is_empty() && !self.words.has(Word::OpenId)
    }
}

/// What was ticked and chosen.
pub(super) struct Choice {
    scopes: Scopes,
    words: Words,
    post: Option<Post>,
    purpose: Option<String>,
}

impl Choice {
    /// Of the form.
    pub(super) fn of(form: &Form, offer: &Offer) -> Self {
        let ticked = |name: &str| form.value(name).is_some();
        let mut words = offer.words.clone();
        if !ticked("identity") {
            words = words.without(Word::OpenId).without(Word::FhirUser);
        }
        if !ticked("offline") {
            words = words.without(Word::OfflineAccess);
        }
        if !ticked("online") {
            words = words.without(Word::OnlineAccess);
        }
        let number = |name| form.value(name).and_then(|number| number.parse::<usize>().ok());
        Self {
            scopes: offer.scopes.clone().keep(|place| ticked(&format!("scope{place}"))),
            words,
            post: number("post").and_then(|number| offer.posts.get(number)).cloned(),
            purpose: number("purpose").and_then(|number| offer.purposes.get(number)).cloned(),
        }
    }

    /// Was nothing ticked that is of use?
    pub(super) fn is_empty(&self) -> bool {
        self.scopes.is_empty() && !self.words.has(Word::OpenId)
    }

    /// As a scope parameter.
    pub(super) fn scope(&self) -> String {
        let texts = [self.words.to_string(), self.scopes.to_string()];
        let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        texts.join(" ")
    }

    /// For the log: what was granted, and what could have been.
    pub(super) fn told(&self, offer: &Offer) -> (Vec<String>, Vec<String>) {
        let all = |words: &Words, scopes: &Scopes| bare(&format!("{words} {scopes}"));
        let granted = all(&self.words, &self.scopes);
        let offered = all(&offer.words, &offer.scopes);
        let withheld = offered.into_iter().filter(|scope| !granted.contains(scope)).collect();
        (granted, withheld)
    }

    /// Is it said as what somebody at work acts?
    pub(super) fn is_whole(&self, user: &User) -> bool {
        match user {
            User::Person { .. } => true,
            User::Professional { .. } => self.post.is_some() && self.purpose.is_some(),
        }
    }
}

/// Scopes of a scope parameter for the log. What narrows one stays out, as it can be about somebody.
pub(in crate::oauth) fn bare(text: &str) -> Vec<String> {
    let bare = |scope: &str| scope.split('?').next().unwrap_or_default().to_owned();
    text.split_whitespace().map(bare).collect()
}

/// Whose data somebody permits an app to use.
pub(super) enum Whose<'a> {
    /// Their own.
    Own,
    /// Those of the person of this code.
    Others(&'a str),
}

impl<'a> Whose<'a> {
    pub(super) const OWN: &'static str = "own";
    pub(super) const OTHERS: &'static str = "others";

    /// Of the form; what is not said is not guessed.
    pub(super) fn of(form: &'a Form) -> Option<Self> {
        match form.value("whose")? {
            Self::OWN => Some(Self::Own),
            Self::OTHERS => Some(Self::Others(form.value("code").unwrap_or_default())),
            _ => None,
        }
    }
}

/// Who permits what to whom.
pub(super) struct Deed<'a> {
    pub(super) wish: &'a Wish,
    pub(super) client: &'a Client,
    pub(super) login: &'a Login,
    pub(super) acting: &'a Acting,
    pub(super) choice: &'a Choice,
}

impl Deed<'_> {
    /// What the tokens will say.
    fn statement(&self) -> Statement {
        let entry = self.client.entry();
        let at_work = self.login.user.context() == smart::Context::User;
        let Choice { post, purpose, .. } = self.choice;
        let own = entry.purposes.iter().find(|purpose| *purpose == OWN_REQUEST).cloned();
        let organization = post.as_ref().map_or(&entry.organization, |post| &post.organization);
        Statement {
            client_id: self.client.id().to_string(),
            scope: self.choice.scope(),
            organization: organization.clone(),
            purpose: if at_work { purpose.clone() } else { own },
            roles: post.iter().map(|post| post.role.clone()).collect(),
            subject: Some(self.acting.subject.clone()),
            patient: self.acting.patient.clone(),
            // A person is of no register and no sector, whatever their app is made for.
            register: entry.register.clone().filter(|_| at_work),
            sector: entry.sector.clone().filter(|_| at_work),
            declared: Vec::new(),
            break_glass: None,
            act: None,
        }
    }

    /// When the last token of it is over; without `refresh` that is one token's life.
    fn ends(&self, now: Moment) -> Moment {
        let words = &self.choice.words;
        let at_work = self.login.user.context() == smart::Context::User;
        match (words.has(Word::OfflineAccess), words.has(Word::OnlineAccess)) {
            (true, _) if at_work => self.login.since.plus(AT_WORK),
            (true, _) => now.plus(AWAY),
            (false, true) => self.login.since.plus(LOGIN),
            (false, false) => now.plus(KNOWN),
        }
    }
}

impl TokenEndpoint {
    /// The code of a permission.
    pub(super) async fn code(&self, deed: &Deed<'_>, now: Moment) -> Result<String> {
        let code = base32(&*self.chance, 32);
        let permitted = Permitted {
            statement: deed.statement(),
            user: self.pseudonym(&deed.login.user, deed.client.id()),
            family: base32(&*self.chance, 26),
            for_other: deed.acting.for_other,
            since: deed.login.since,
            ends: deed.ends(now),
            context: deed.wish.context.clone(),
            key: None,
            giver: deed.login.user.mac(),
        };
        let Wish { redirect_uri, challenge, nonce, key, .. } = deed.wish.clone();
        let kept = Code { redirect_uri, challenge, made: now, nonce, key, permitted };
        self.launch.kept.put("code", &code, &kept, kept.known_until(), now).await?;
        Ok(code)
    }
}
