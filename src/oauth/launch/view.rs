//! The pages people meet: where they log in, where they choose what an app may do, and where they see
//! what they chose.
//!
//! Part of `oauth::launch`. Writes what it is given in the language it is given; what is offered and what
//! becomes of it is settled elsewhere. A label is around its field, a group has its legend, and an error
//! stands above the form and is read out first.

use http::StatusCode;

use super::{
    Launch,
    consent::{Offer, Whose},
    given::{self, About, Given},
    login::{User, Who},
    page::{Again, Page, hidden, host, one_of, place, tick},
    request::Wish,
    words::{Texts, Tongue, with},
};
use crate::{
    authenticate::registry::Client,
    domain::{day::Day, moment::Moment},
    fhir::types::Interaction,
    markup::escape,
    smart::{
        Context, Permissions, Scope,
        label::LabelLimit,
        word::{Word, Words},
    },
};

/// Where the form goes by which somebody logs in.
const LOGIN: &str = "/oauth/login";
/// Where the form goes by which somebody permits something, or nothing.
const CONSENT: &str = "/oauth/consent";

/// A text of every language.
pub(super) type Say = fn(&Texts) -> &'static str;

/// A page that only says something.
pub(super) fn message(status: StatusCode, tongue: Tongue, title: Say, lead: Say) -> Page<'static> {
    let texts = tongue.texts();
    Page {
        status,
        tongue,
        title: title(texts).to_owned(),
        body: paragraph(lead(texts)),
        leads_to: Vec::new(),
        again: None,
    }
}

/// Where somebody logs in: for an app, or to see what apps may do.
pub(super) fn login<'a>(
    tongue: Tongue,
    app: Option<&str>,
    launch: &Launch,
    page: &'a str,
    trouble: Option<Say>,
) -> Page<'a> {
    let (texts, sandbox) = (tongue.texts(), &launch.sandbox);
    let mut body = trouble.map(|say| alarm(texts, say)).unwrap_or_default();
    body.push_str(&match app {
        Some(app) => paragraph(&with(texts.sign_in_lead, app)),
        None => paragraph(texts.sign_in_to_permissions),
    });
    let buttons: String = launch
        .providers
        .names(tongue)
        .map(|(id, name)| {
            let label = with(texts.sign_in_with, name);
            let label = escape(&label);
            format!(
                "<button class=\"main\" name=\"provider\" value=\"{}\">{label}</button>\n",
                escape(id)
            )
        })
        .collect();
    if !buttons.is_empty() {
        body.push_str(&form(LOGIN, page, &buttons));
    }
    let (mut people, mut workers) = (String::new(), String::new());
    for (number, one) in sandbox.people().iter().enumerate() {
        let button =
            format!("<button name=\"as\" value=\"{number}\">{}</button>\n", escape(&one.name));
        match one.who {
            Who::Person(_) => people.push_str(&button),
            Who::Professional { .. } => workers.push_str(&button),
        }
    }
    if !sandbox.people().is_empty() {
        body.push_str(&section(texts.invented, &paragraph(texts.invented_lead)));
        body.push_str(&form(LOGIN, page, &people));
    }
    if !workers.is_empty() && app.is_some() {
        body.push_str(&section(texts.at_work, &form(LOGIN, page, &workers)));
    }
    Page {
        status: StatusCode::OK,
        tongue,
        title: texts.sign_in.to_owned(),
        body,
        // Where a provider lets people log in it says itself, and only when it is asked.
        leads_to: if buttons.is_empty() { Vec::new() } else { vec!["https:".to_owned()] },
        again: Some(Again { page, action: LOGIN }),
    }
}

/// Where somebody chooses.
pub(super) fn consent<'a>(
    wish: &Wish,
    client: &Client,
    user: &User,
    page: &'a str,
    trouble: Option<Say>,
) -> Page<'a> {
    let (tongue, texts) = (wish.tongue, wish.tongue.texts());
    let offer = Offer::of(wish, client, user);
    let mut body = trouble.map(|say| alarm(texts, say)).unwrap_or_default();
    body.push_str(&signed_in(texts, user, page, CONSENT));
    let mut fields = match user.context() {
        Context::Patient => whose(texts),
        Context::User | Context::System => at_work(texts, &offer),
    };
    if wish.context.is_some() {
        fields.insert_str(0, &paragraph(texts.opened));
    }
    fields.push_str(&what(tongue, &offer, user.context()));
    fields.push_str(&format!(
        "<button class=\"main\" name=\"do\" value=\"allow\">{}</button>\n\
         <button name=\"do\" value=\"deny\">{}</button>\n",
        texts.allow, texts.deny
    ));
    body.push_str(&form(CONSENT, page, &fields));
    body.push_str(&paragraph(&with(texts.back_to, host(&wish.redirect_uri))));
    if user.mac().is_some() {
        let (path, link) = (given::PATH, texts.to_permissions);
        body.push_str(&format!("<p><a href=\"{path}\">{link}</a></p>\n"));
    }
    Page {
        status: StatusCode::OK,
        tongue,
        title: with(texts.consent, &client.entry().name),
        body,
        leads_to: place(&wish.redirect_uri).into_iter().collect(),
        again: Some(Again { page, action: CONSENT }),
    }
}

/// Where somebody sees what apps may do, and ends it.
pub(super) fn permissions<'a>(
    tongue: Tongue,
    user: &User,
    all: &[Given],
    page: &'a str,
    ended: bool,
) -> Page<'a> {
    let texts = tongue.texts();
    let mut body = String::new();
    if ended {
        body.push_str(&format!("<p class=\"note\" role=\"status\">{}</p>\n", texts.ended));
    }
    body.push_str(&signed_in(texts, user, page, given::PATH));
    body.push_str(&paragraph(if all.is_empty() { texts.no_permissions } else { texts.given_lead }));
    body.extend(all.iter().map(|one| permission(tongue, one, page)));
    Page {
        status: StatusCode::OK,
        tongue,
        title: texts.permissions.to_owned(),
        body,
        leads_to: Vec::new(),
        again: Some(Again { page, action: given::PATH }),
    }
}

/// What one app may do, since when and until when.
fn permission(tongue: Tongue, given: &Given, page: &str) -> String {
    let texts = tongue.texts();
    let about = match given.about {
        About::Own => texts.given_own,
        About::Other => texts.given_other,
        About::ByOther => texts.given_by_other,
    };
    let scopes = given.scopes();
    let mut what: Vec<String> = scopes.fhir().iter().map(|one| of_scope(tongue, one)).collect();
    if Words::parse(&given.scope).has(Word::OpenId) {
        what.push(texts.identity.to_owned());
    }
    let what: String = what.iter().map(|one| format!("<li>{}</li>\n", escape(one))).collect();
    let day = |at: Moment| {
        Day::in_finland(at).map(|day| day.for_people(tongue.code())).unwrap_or_default()
    };
    let times = [
        (texts.since, given.since),
        (texts.used, given.stored.used),
        (texts.until, given.stored.until),
    ];
    let times = times.map(|(text, at)| with(text, &day(at))).join(" ");
    let end = with(texts.end, &given.app);
    let (name, end) = (&given.name, escape(&end));
    let button = format!("<button name=\"end\" value=\"{name}\">{end}</button>\n");
    let html = [
        paragraph(about),
        format!("<ul>\n{what}</ul>\n"),
        paragraph(&times),
        form(given::PATH, page, &button),
    ];
    section(&given.app, &html.concat())
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

fn section(title: &str, html: &str) -> String {
    format!("<h2>{}</h2>\n{html}", escape(title))
}

fn form(action: &str, page: &str, fields: &str) -> String {
    format!("<form method=\"post\" action=\"{action}\">\n{}{fields}</form>\n", hidden(page))
}

fn group(legend: &str, fields: &str) -> String {
    format!("<fieldset>\n<legend>{}</legend>\n{fields}</fieldset>\n", escape(legend))
}

fn alarm(texts: &Texts, say: Say) -> String {
    let (error, say) = (texts.error, escape(say(texts)));
    format!("<p class=\"alarm\" role=\"alert\"><strong>{error}</strong> {say}</p>\n")
}

/// Who is logged in, and a way to be somebody else.
fn signed_in(texts: &Texts, user: &User, page: &str, action: &str) -> String {
    let who = match user.name() {
        Some(name) => with(texts.signed_in, name),
        None => texts.signed_in_nameless.to_owned(),
    };
    let other = format!(
        "<button class=\"plain\" name=\"do\" value=\"other\">{}</button>\n",
        texts.somebody_else
    );
    format!("<div class=\"who\">{}{}</div>\n", paragraph(&who), form(action, page, &other))
}

fn whose(texts: &Texts) -> String {
    let own = one_of("whose", Whose::OWN, texts.own, true);
    let others = one_of("whose", Whose::OTHERS, texts.others, false);
    let code = format!(
        "<div class=\"other\">\n<label class=\"field\">{}<input type=\"text\" name=\"code\" maxlength=\"11\" \
         autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" \
         aria-describedby=\"hint\"></label>\n<p class=\"hint\" id=\"hint\">{}</p>\n</div>\n",
        texts.others_code, texts.others_hint
    );
    group(texts.whose, &[own, others, code].concat())
}

/// As what, and why: chosen already where there is one.
fn at_work(texts: &Texts, offer: &Offer) -> String {
    if offer.posts.is_empty() {
        return paragraph(texts.no_post);
    }
    let alone = offer.posts.len() == 1;
    let posts = offer.posts.iter().enumerate().map(|(n, post)| {
        let label = format!("{} ({})", post.role, post.organization);
        one_of("post", &n.to_string(), &label, alone)
    });
    let alone = offer.purposes.len() == 1;
    let purposes =
        offer.purposes.iter().enumerate().map(|(n, purpose)| {
            one_of("purpose", &n.to_string(), texts.of_purpose(purpose), alone)
        });
    let posts = group(texts.post, &posts.collect::<String>());
    posts + &group(texts.purpose, &purposes.collect::<String>())
}

/// What can be ticked.
fn what(tongue: Tongue, offer: &Offer, context: Context) -> String {
    let texts = tongue.texts();
    let mut fields = paragraph(texts.what_lead);
    for (place, scope) in offer.scopes.fhir().iter().enumerate() {
        fields.push_str(&tick(&format!("scope{place}"), &of_scope(tongue, scope)));
    }
    let offline = if context == Context::User { texts.offline_at_work } else { texts.offline };
    let words = [
        (Word::OpenId, "identity", texts.identity),
        (Word::OfflineAccess, "offline", offline),
        (Word::OnlineAccess, "online", texts.online),
    ];
    for (word, name, label) in words {
        if offer.words.has(word) {
            fields.push_str(&tick(name, label));
        }
    }
    group(texts.what, &fields)
}

/// A scope in plain words.
fn of_scope(tongue: Tongue, scope: &Scope) -> String {
    let texts = tongue.texts();
    let any =
        |of: &[Interaction]| of.iter().any(|one| scope.permissions.contains(Permissions::of(*one)));
    let sees = any(&[Interaction::Read, Interaction::Search]);
    let changes = any(&[Interaction::Create, Interaction::Update, Interaction::Delete]);
    let verb = match (sees, changes) {
        (true, true) => texts.see_and_change,
        (false, true) => texts.change,
        (true | false, false) => texts.see,
    };
    let what = scope.resource.map_or(texts.everything, |kind| tongue.of_type(kind));
    let labels = scope.limits.labels.iter().map(|limit| of_label(tongue, *limit));
    let filters = scope.limits.filters.iter();
    let filters = filters.map(|filter| format!("{}={}", filter.param, filter.values.join(",")));
    let only = labels.chain(filters).map(|limit| format!(" ({})", with(texts.only, &limit)));
    only.fold(with(verb, what), |whole, only| whole + &only)
}

/// A limit on our labels in plain words.
fn of_label(tongue: Tongue, limit: LabelLimit) -> String {
    let themes = limit.themes.iter().map(|theme| tongue.of(theme.names()));
    let classes = limit.classes.iter().map(|class| tongue.of(class.names()));
    let names: Vec<_> = themes.chain(classes).collect();
    if names.is_empty() { tongue.texts().nothing.to_owned() } else { names.join(", ") }
}
