//! Every mistake of a law table is told in one run, with its line and what to write instead.

use mylife::{cli::exit::Exit, config::law};

use super::config::{Dir, around, gateway, run};

/// What is wrong with a law table, each with line and key.
fn told(table: &str) -> Vec<String> {
    let dir = Dir::new("law-table");
    let path = dir.write("law.toml", table);
    let all = law::of_file(&path).err().unwrap_or_default();
    let name = format!("{}:", path.display());
    all.iter().map(|m| m.to_string().strip_prefix(&name).unwrap().to_owned()).collect()
}

#[test]
fn every_mistake_is_told_in_one_run() {
    let table = r#"officer_roles = ["officer"]
[[grounds]]
id = "writer"
purposes = ["TREATY"]
themes = ["homes"]
classes = ["free-txt"]
resources = ["Observations"]
orgs = ["city"]
period = { start = "2026-05-01", end = "2026-03-01" }
[[grounds]]
id = "rescue"
emergency = true
overrides_prohibition = true
reference = { fi = "laki", sv = "", en = "act" }
[[grounds]]
id = "rescue"
roles = []
themes = []
sectors = { from = [] }
reference = { fi = "laki", sv = "lag", en = "act" }
reviewer = "boss"
review_days = 0
[[bars]]
id = "rescue"
[[bars]]
id = "sealed"
labels = ["sealed"]
persons = ["Aino"]
"#;
    let expected = [
        "2: grounds[0].reference is missing: ",
        "3: grounds[0].id is what records call something else: choose another",
        "4: grounds[0].purposes \"TREATY\" is no purpose of v3-ActReason, such as TREAT",
        "5: grounds[0].themes names what is none of the ten: studies-work, family, ",
        "6: grounds[0].classes \"free-txt\" is no withheld class; did you mean \"free-text\"?",
        "7: grounds[0].resources \"Observations\" is no resource type of a person; did you mean",
        "8: grounds[0].orgs \"city\" must be urn:oid:... or Organization/...",
        "9: grounds[0].period holds at no time: start must be before end",
        "10: grounds[1].reviewer is missing: name the officer role that reviews each use",
        "10: grounds[1].roles is missing: name who may declare this emergency",
        "14: grounds[1].reference is empty in a language",
        "16: grounds[2].id \"rescue\" stands twice: give each ground and bar an id of its own",
        "17: grounds[2].roles is empty, which nobody can meet: name some or leave it out",
        "18: grounds[2].themes is empty, so it permits nothing",
        "19: grounds[2].sectors has an empty list: name some or leave it out",
        "21: grounds[2].reviewer \"boss\" is none of officer_roles: add it there",
        "22: grounds[2].review_days must be 1 or more: days from a use to its review",
        "23: bars[0].labels is missing, as are persons and turvakielto: the bar bars nothing",
        "24: bars[0].id \"rescue\" stands twice",
        "27: bars[1].labels \"sealed\" is no theme or withheld class",
        "28: bars[1].persons must each be Patient/ and the id of a Patient here",
    ];
    let told = told(table);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (said, expected) in told.iter().zip(expected) {
        assert!(said.starts_with(expected), "{expected}\n{told:#?}");
    }
}

#[test]
fn a_whole_table_has_none() {
    let good = r#"officer_roles = ["officer"]
[[grounds]]
id = "rescue"
roles = ["nurse"]
purposes = ["ETREAT"]
themes = "*"
classes = "*"
emergency = true
overrides_prohibition = true
reviewer = "officer"
period = { start = "2026-01-01" }
reference = { fi = "laki", sv = "lag", en = "act" }
[[bars]]
id = "address"
turvakielto = true
except_roles = ["officer"]
"#;
    assert_eq!(told(good), Vec::<String>::new());
    let said = told(&good.replace("id = \"address\"", "id = \"address\"\nlables = [\"health\"]"));
    assert_eq!(said, ["15: bars[0].lables is not known; did you mean \"labels\"?"]);
}

#[test]
fn a_client_may_declare_only_what_the_table_has() {
    let dir = Dir::new("law-clients");
    let key = dir.path().join("ward.jwk").display().to_string();
    let (_, jwks, _) = run(&around(), &["pki", "client", &key]);
    let mut text = gateway(&dir, 8443);
    text.push_str(&format!(
        "\n[[clients]]\nclient_id = \"ward\"\nname = \"Ward\"\norganization = \"urn:oid:1.2.3\"\nscopes = \
         [\"system/*.rs\"]\ndeclares = [\"rescue\"]\nbreak_glass = true\n{jwks}\n"
    ));
    let path = dir.write("gateway.toml", &text).display().to_string();
    let (exit, said, complaint) = run(&around(), &["check", &path]);
    assert_eq!(exit, Exit::Usage);
    let all = said + &complaint;
    assert!(
        all.contains("clients \"ward\" declares \"rescue\": [law] needs a ground of this id"),
        "{all}"
    );
    assert!(
        all.contains("clients \"ward\" has break_glass: [law] needs a ground with emergency"),
        "{all}"
    );
    text.push_str(
        "[law]\nofficer_roles = [\"officer\"]\n[[law.grounds]]\nid = \"rescue\"\nroles = [\"nurse\"]\nemergency = \
         true\noverrides_prohibition = true\nreviewer = \"officer\"\nreference = { fi = \"l\", sv = \"l\", en = \
         \"a\" }\n",
    );
    let path = dir.write("gateway.toml", &text).display().to_string();
    let (exit, said, complaint) = run(&around(), &["check", &path]);
    assert_eq!(exit, Exit::Fine, "{said}{complaint}");
}
