//! Scopes: the grammar, what is granted, what is covered. Ids are those of the requirement table.

use std::sync::LazyLock;

use mylife::{
    domain::{
        class::{Class, ClassSet},
        theme::{Theme, ThemeSet},
    },
    fhir::types::{Interaction, ResourceType},
    smart::{
        Context, Filter, Limits, Permissions, Scope, Scopes,
        decide::{Cover, needed},
        grammar::Token,
        label::LabelLimit,
    },
};
use proptest::{prelude::*, sample::select};

const THEME: &str = "https://mylife.example/fhir/CodeSystem/theme";
const CLASS: &str = "https://mylife.example/fhir/CodeSystem/class";

/// The grammar as a regular expression, judged by another engine than ours.
static GRAMMAR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    // RFC 6749 section 3.3 without `&`, `,` and `%`.
    let value = r"(?:[!#$'-+\-.-\[\]-~]|%[0-9A-Fa-f]{2})+";
    let pattern = format!(
        r"^(patient|user|system)/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|cr?u?d?s?|ru?d?s?|ud?s?|ds?|s)(\?{pair}(&{pair})*)?$",
        pair = format_args!(r"[A-Za-z0-9_.:-]+={value}(,{value})*"),
    );
    jsonschema::validator_for(&serde_json::json!({"type": "string", "pattern": pattern})).unwrap()
});

fn granted(asked: &str, registered: &str) -> String {
    Scopes::parse(asked).intersect(&Scopes::parse(registered)).to_string()
}

#[test]
fn each_interaction_needs_its_letter_in_every_context() {
    // SC-02: eight interactions, 31 sets of letters, three contexts.
    let letter = |interaction: Interaction| match interaction {
        Interaction::Create => 'c',
        Interaction::Read | Interaction::Vread | Interaction::HistoryInstance => 'r',
        Interaction::Update => 'u',
        Interaction::Delete => 'd',
        Interaction::Search | Interaction::HistoryType => 's',
    };
    for bits in 1_u8..32 {
        let letters: String = "cruds"
            .chars()
            .enumerate()
            .filter(|(n, _)| bits & (1 << n) != 0)
            .map(|(_, c)| c)
            .collect();
        for context in ["patient", "user", "system"] {
            let scopes = Scopes::parse(&format!("{context}/Observation.{letters}"));
            for interaction in Interaction::ALL {
                let covered = scopes.covers(ResourceType::Observation, interaction) == Cover::Whole;
                assert_eq!(
                    covered,
                    letters.contains(letter(interaction)),
                    "{letters} {interaction:?}"
                );
                assert_eq!(scopes.covers(ResourceType::Goal, interaction), Cover::Nothing);
            }
        }
    }
}

#[test]
fn what_is_granted_is_what_both_sides_have() {
    let rows = [
        ("SC-01 v1 in its own words", "system/*.read", "system/*.rs", "system/*.read"),
        ("SC-01 v1 registered", "system/*.rs", "system/*.read", "system/*.rs"),
        ("SC-01 v1 write", "system/Goal.write", "system/Goal.cruds", "system/Goal.write"),
        ("SC-01 v1 star", "system/Goal.*", "system/*.*", "system/Goal.*"),
        ("SC-01 v1 narrowed", "system/Goal.read", "system/Goal.r", "system/Goal.r"),
        ("SC-01 v1 star narrowed", "system/Goal.*", "system/Goal.rs", "system/Goal.read"),
        (
            "SC-06 wildcard asked",
            "system/*.rs",
            "system/Goal.rs system/Task.r",
            "system/Goal.rs system/Task.r",
        ),
        ("SC-06 wildcard had", "system/Goal.r", "system/*.cruds", "system/Goal.r"),
        ("SC-06 nothing", "system/Goal.c", "system/*.rs", ""),
        (
            "SC-08 union kept",
            "system/Goal.r system/Goal.s",
            "system/Goal.rs",
            "system/Goal.r system/Goal.s",
        ),
        ("SC-08 pieces joined", "system/Goal.rs", "system/Goal.r system/Goal.s", "system/Goal.rs"),
        (
            "SC-08 piece within another",
            "system/Goal.rs",
            "system/*.rs system/Goal.r",
            "system/Goal.rs",
        ),
        (
            "SC-15 unknown type",
            "system/Immunization.rs system/Goal.rs",
            "system/*.rs",
            "system/Goal.rs",
        ),
        (
            "SC-15 unknown scope",
            "openid launch/patient system/Goal.rs",
            "system/*.rs",
            "system/Goal.rs",
        ),
        ("SC-15 twice", "system/Goal.rs system/Goal.rs", "system/*.rs", "system/Goal.rs"),
        ("SC-16 another context", "user/Goal.rs patient/Goal.rs", "system/*.rs", ""),
        (
            "SC-03 out of order",
            "system/Goal.sr system/Goal.rr system/Goal.readx",
            "system/*.cruds",
            "",
        ),
        ("SC-10 modifier", "system/Observation.rs?code:in=http://x", "system/*.rs", ""),
        ("SC-10 chain", "system/Observation.rs?patient.birthdate=1990", "system/*.rs", ""),
        ("SC-10 result parameter", "system/Observation.rs?_include=Goal", "system/*.rs", ""),
        ("SC-07 filter asked", "system/Task.rs?code=a|b", "system/*.rs", "system/Task.rs?code=a|b"),
        (
            "SC-07 filter had",
            "system/Task.rs",
            "system/Task.rs?code=a|b",
            "system/Task.rs?code=a|b",
        ),
        (
            "SC-09 both filters",
            "system/Task.rs?a=1",
            "system/Task.rs?b=2",
            "system/Task.rs?a=1&b=2",
        ),
        ("SC-07 the same filter", "system/Task.rs?a=1", "system/Task.rs?a=1", "system/Task.rs?a=1"),
        (
            "native",
            "mylife/native.write system/Goal.r",
            "mylife/native.write",
            "mylife/native.write",
        ),
        ("native not had", "mylife/native.write", "system/*.cruds", ""),
        ("native exact", "mylife/native.writer", "mylife/native.write", ""),
    ];
    for (name, asked, registered, expected) in rows {
        assert_eq!(granted(asked, registered), expected, "{name}");
    }
}

#[test]
fn escapes_have_one_way_of_writing() {
    let rows = [
        ("system/Task.rs?code=a%7Cb", Some("system/Task.rs?code=a|b")),
        ("system/Task.rs?code=a%2Cb,c", Some("system/Task.rs?code=a%2Cb,c")),
        ("system/Task.rs?code=a%26b", Some("system/Task.rs?code=a%26b")),
        ("system/Task.rs?code=%C3%A4", Some("system/Task.rs?code=%C3%A4")),
        ("system/Task.rs?code=a%20b", Some("system/Task.rs?code=a%20b")),
        ("system/Task.rs?code=%FF", None),
        ("system/Task.rs?code=%4", None),
        ("system/Task.rs?code=", None),
        ("system/Task.rs?code=a,,b", None),
        ("system/Task.rs?", None),
        ("system/Task.rs?code=a\"b", None),
        ("system/Task.rs?code=a\\b", None),
    ];
    for (text, expected) in rows {
        assert_eq!(Scope::parse(text).map(|s| s.to_string()).as_deref(), expected, "{text}");
    }
}

#[test]
fn filters_on_our_labels_limit_segments() {
    // SC-17, and why a theme filter is no choice of resources.
    let housing = ThemeSet::EMPTY.with(Theme::Housing);
    let text = ClassSet::EMPTY.with(Class::FreeText);
    let limit = |themes, classes| LabelLimit { themes, classes };
    let rows = [
        (format!("{THEME}|housing"), vec![limit(housing, ClassSet::EMPTY)]),
        ("housing".to_owned(), vec![limit(housing, ClassSet::EMPTY)]),
        (format!("{CLASS}|free-text"), vec![limit(ThemeSet::EMPTY, text)]),
        (format!("{THEME}|housing,{CLASS}|free-text"), vec![limit(housing, text)]),
        (format!("{THEME}|"), vec![limit(ThemeSet::FULL, ClassSet::EMPTY)]),
        (format!("{THEME}|nonsense"), vec![limit(ThemeSet::EMPTY, ClassSet::EMPTY)]),
        (
            format!("{THEME}|housing&_security={CLASS}|free-text"),
            vec![limit(ThemeSet::EMPTY, text), limit(housing, ClassSet::EMPTY)],
        ),
    ];
    for (value, labels) in rows {
        let scope = Scope::parse(&format!("system/*.rs?_security={value}")).unwrap();
        assert_eq!(scope.limits, Limits { labels, filters: Vec::new() }, "{value}");
        assert_eq!(Scope::parse(&scope.to_string()), Some(scope), "{value}");
    }
    let mixed = format!("system/*.rs?_security={THEME}|housing,http://other|R");
    assert_eq!(Scope::parse(&mixed), None);
    let other = Scope::parse("system/*.rs?_security=http://other|R").unwrap();
    let filter = Filter { param: "_security".into(), values: vec!["http://other|R".into()] };
    assert_eq!(other.limits.filters, [filter]);
}

#[test]
fn a_label_limit_admits_only_what_it_names() {
    let limit = |themes: &[Theme], classes: &[Class]| LabelLimit {
        themes: themes.iter().copied().collect(),
        classes: classes.iter().copied().collect(),
    };
    let rows: [(LabelLimit, &[Theme], &[Class], bool); 8] = [
        (limit(&[Theme::Housing], &[]), &[Theme::Housing], &[], true),
        (limit(&[Theme::Housing], &[]), &[Theme::Housing], &[Class::FreeText], true),
        (limit(&[Theme::Housing], &[]), &[Theme::Housing, Theme::Health], &[], false),
        (limit(&[Theme::Housing], &[]), &[Theme::Health], &[], false),
        (limit(&[Theme::Housing], &[]), &[], &[], false),
        (limit(&[], &[Class::FreeText]), &[Theme::Health], &[Class::FreeText], true),
        (limit(&[], &[Class::FreeText]), &[Theme::Health], &[], false),
        (limit(&[], &[]), &[Theme::Health], &[Class::FreeText], false),
    ];
    for (limit, themes, classes, expected) in rows {
        let (t, c) = (themes.iter().copied().collect(), classes.iter().copied().collect());
        assert_eq!(limit.admits(t, c), expected, "{limit:?} {themes:?} {classes:?}");
    }
}

#[test]
fn alternatives_are_a_union_and_a_whole_one_wins() {
    // SC-08, SC-09
    let cover = |text: &str| {
        let scopes = Scopes::parse(text);
        match scopes.covers(ResourceType::Task, Interaction::Search) {
            Cover::Limited(limits) => limits.len(),
            Cover::Nothing => 0,
            Cover::Whole => 100,
        }
    };
    assert_eq!(cover("system/Task.rs?a=1 system/Task.rs?a=2"), 2);
    assert_eq!(cover("system/Task.rs?a=1&b=2"), 1);
    assert_eq!(cover("system/Task.rs system/Task.rs?a=1"), 100);
    assert_eq!(cover("system/Task.r system/Task.rs?a=1"), 1);
    assert_eq!(cover("system/Task.r system/*.s"), 100);
    assert_eq!(cover("system/Task.r"), 0);
}

#[test]
fn a_refusal_names_the_scope_that_would_do() {
    let text = needed(Context::System, ResourceType::Goal, Interaction::HistoryType);
    assert_eq!(text, "system/Goal.s");
}

#[test]
fn types_have_their_exact_names() {
    for kind in ResourceType::ALL {
        assert_eq!(ResourceType::parse(kind.name()), Some(*kind));
    }
    assert_eq!(ResourceType::ALL.len(), 19);
    assert_eq!(ResourceType::parse("patient"), None);
    assert_eq!(ResourceType::parse("Bundle"), None);
}

fn token() -> impl Strategy<Value = String> {
    let near = "(patient|user|system|sys)?/?(\\*|Goal|Task|goal|)\\.?(read|write|\\*|[crudsx]{0,6})(\\?([a-z:._]{0,3}=[a-z%0-9,|&=]{0,8})?)?";
    prop_oneof![4 => near, 1 => "[ -~]{0,30}", 1 => "system/Task\\.rs\\?code=(%[0-9A-F]{2}|[!-~]){1,6}"]
}

fn scope() -> impl Strategy<Value = String> {
    let context = select(vec!["system", "user"]);
    let resource = select(vec!["*", "Goal", "Task", "Observation"]);
    let letters = select(vec!["c", "r", "rs", "cruds", "s", "read", "write", "*", "ud"]);
    let filter = select(vec![
        "",
        "",
        "?code=a",
        "?code=b",
        "?code=a&status=x",
        "?_security=housing",
        "?_security=health",
    ]);
    (context, resource, letters, filter).prop_map(|(c, r, l, f)| format!("{c}/{r}.{l}{f}"))
}

fn scopes() -> impl Strategy<Value = Scopes> {
    proptest::collection::vec(scope(), 0..6).prop_map(|all| Scopes::parse(&all.join(" ")))
}

/// May a thing be reached that has these codes, these statuses and these themes?
fn reaches(scopes: &Scopes, thing: (ResourceType, Interaction, &str, &str, ThemeSet)) -> bool {
    let (resource, interaction, code, status, themes) = thing;
    let holds = |limits: &&Limits| {
        limits.labels.iter().all(|l| l.admits(themes, ClassSet::EMPTY))
            && limits.filters.iter().all(|f| {
                let own = if &*f.param == "code" { code } else { status };
                f.values.iter().any(|v| &**v == own)
            })
    };
    match scopes.covers(resource, interaction) {
        Cover::Limited(limits) => limits.iter().any(holds),
        Cover::Nothing => false,
        Cover::Whole => true,
    }
}

/// Everything the random scopes can tell apart.
fn things() -> Vec<(ResourceType, Interaction, &'static str, &'static str, ThemeSet)> {
    let mut all = Vec::new();
    for resource in [ResourceType::Goal, ResourceType::Task, ResourceType::Patient] {
        for interaction in Interaction::ALL {
            for (code, status) in [("a", "x"), ("a", "y"), ("b", "x"), ("c", "y")] {
                for theme in [Theme::Housing, Theme::Health, Theme::Friends] {
                    let themes = ThemeSet::EMPTY.with(theme);
                    all.push((resource, interaction, code, status, themes));
                }
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn the_parser_accepts_what_the_grammar_accepts(text in token()) {
        let expected = GRAMMAR.is_valid(&serde_json::json!(text));
        prop_assert_eq!(Token::parse(&text).is_some(), expected, "{}", text);
    }

    #[test]
    fn printing_and_parsing_are_inverse(scopes in scopes()) {
        prop_assert_eq!(Scopes::parse(&scopes.to_string()), scopes);
    }

    #[test]
    fn an_intersection_reaches_exactly_what_both_reach(a in scopes(), b in scopes()) {
        // One context: across contexts a scope of one side never meets one of the other.
        let (a, b) = (a.only(&[Context::System]), b.only(&[Context::System]));
        let both = a.intersect(&b);
        for thing in things() {
            let expected = reaches(&a, thing) && reaches(&b, thing);
            prop_assert_eq!(reaches(&both, thing), expected, "{} & {} = {}: {:?}", a, b, both, thing);
        }
        prop_assert_eq!(Scopes::parse(&both.to_string()), both);
    }

    #[test]
    fn a_set_met_with_itself_stays_as_it_is_asked(a in scopes()) {
        let again = a.intersect(&a);
        for thing in things() {
            prop_assert_eq!(reaches(&again, thing), reaches(&a, thing));
        }
    }

    #[test]
    fn letters_are_an_ordered_subset(text in "[cruds]{0,6}") {
        let ordered = "cruds".chars().filter(|c| text.contains(*c)).collect::<String>() == text;
        prop_assert_eq!(Permissions::parse(&text).is_some(), ordered && !text.is_empty());
    }
}
