//! Reads HL7's suite, and says of a test whether it passes.

use std::sync::LazyLock;

use mylife::fhirpath::{Expression, Scope, item::Item, model::Model, temporal::Temporal};
use serde_json::Value;

const XML: &str = include_str!("../../../fixtures/fhirpath/tests-fhir-r4.xml");

static TESTS: LazyLock<Vec<Test>> = LazyLock::new(|| tests(XML));

/// One test.
pub(super) struct Test {
    pub(super) group: String,
    pub(super) name: String,
    input: Value,
    expression: String,
    /// Must it be refused?
    invalid: bool,
    /// Is it asked only whether there is something?
    predicate: bool,
    /// An expression whose items it is about.
    context: Option<String>,
    /// Type and text of what must come.
    outputs: Vec<(String, String)>,
}

/// All active tests.
pub(super) fn all() -> &'static [Test] {
    &TESTS
}

impl Test {
    pub(super) fn passes(&self, model: &Model<'_>) -> bool {
        let Ok(expression) = Expression::parse(&self.expression, model) else {
            return self.invalid;
        };
        let context = Expression::parse(self.context.as_deref().unwrap_or("$this"), model).unwrap();
        let mut scope = Scope::of(model, &self.input).unwrap();
        scope.now = Temporal::date_time("2026-11-22T09:30:00+02:00");
        let focus = context.evaluate(&scope, &[Item::Node(scope.resource)]).unwrap();
        let found = expression.evaluate(&scope, &focus);
        // What asks whether it is false alone is told the same.
        let is_false = |found: &Vec<Item<'_>>| matches!(found.as_slice(), [Item::Boolean(false)]);
        let denied = expression.denies(&scope, &focus).ok();
        assert_eq!(denied, found.as_ref().ok().map(is_false), "{}", self.expression);
        let Ok(found) = found else { return self.invalid };
        let mut found: Vec<_> = if self.predicate {
            vec![("boolean".to_owned(), (!found.is_empty()).to_string())]
        } else {
            found.iter().map(|item| shown(item, model)).collect()
        };
        let mut outputs = self.outputs.clone();
        // Distinct items come in any order.
        found.sort();
        outputs.sort();
        !self.invalid && found == outputs
    }
}

/// Type and text of an item.
pub(super) fn shown(item: &Item<'_>, model: &Model<'_>) -> (String, String) {
    let (kind, text) = match item {
        Item::Node(node) => {
            let text = node.value.map(|value| value.as_str().map_or(value.to_string(), Into::into));
            (model.name(node.kind), text.unwrap_or_default())
        }
        Item::Boolean(value) => ("boolean", value.to_string()),
        Item::Integer(value) => ("integer", value.to_string()),
        Item::Decimal(value) => ("decimal", value.to_string()),
        Item::Text(value) => ("string", value.to_string()),
        Item::Temporal(value) => ("temporal", value.to_string()),
        Item::Quantity(value) => ("Quantity", format!("{} '{}'", value.value, value.unit)),
        Item::Type(space, name) => (*space, (*name).to_owned()),
        Item::Elsewhere(kind) => ("elsewhere", model.name(*kind).to_owned()),
    };
    (kind.to_owned(), text)
}

fn tests(xml: &str) -> Vec<Test> {
    let mut text = String::new();
    let mut rest = xml;
    while let Some((before, remark)) = rest.split_once("<!--") {
        text.push_str(before);
        rest = remark.split_once("-->").unwrap().1;
    }
    text.push_str(rest);
    let groups = text.split("<group ").skip(1).map(str::to_owned).collect::<Vec<_>>();
    groups.iter().flat_map(|group| in_group(group)).collect()
}

fn in_group(text: &str) -> Vec<Test> {
    let (head, body) = text.split_once('>').unwrap();
    let group = attribute(head, "name").unwrap();
    let one = |text: &str| {
        let (head, body) = text.split_once('>').unwrap();
        let body = body.split_once("</test>").unwrap().0;
        let (tag, rest) = body.split_once("<expression").unwrap().1.split_once('>').unwrap();
        let invalid = attribute(tag, "invalid").is_some() || attribute(head, "invalid").is_some();
        Test {
            group: group.clone(),
            name: attribute(head, "name").unwrap(),
            input: input(&attribute(head, "inputfile").unwrap()),
            expression: plain(rest.split_once("</expression>").unwrap().0),
            invalid,
            predicate: attribute(head, "predicate").is_some_and(|value| value == "true"),
            context: attribute(head, "context"),
            outputs: body.split("<output").skip(1).map(output).collect(),
        }
    };
    body.split("<test ").skip(1).map(one).collect()
}

fn output(text: &str) -> (String, String) {
    let (tag, rest) = text.split_once('>').unwrap();
    let text = rest.split_once("</output>").map_or("", |(text, _)| text);
    (attribute(tag, "type").unwrap_or_default(), plain(text))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = format!(" {tag}");
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(plain(rest.split_once('"')?.0))
}

fn plain(text: &str) -> String {
    let references =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    references.iter().fold(text.to_owned(), |text, (name, sign)| text.replace(name, sign))
}

fn input(name: &str) -> Value {
    let text = match name {
        "observation-example.json" => {
            include_str!("../../../fixtures/fhirpath/observation-example.json")
        }
        "parameters-quantity-unit-text.json" => {
            include_str!("../../../fixtures/fhirpath/parameters-quantity-unit-text.json")
        }
        "patient-example.json" => include_str!("../../../fixtures/fhirpath/patient-example.json"),
        "questionnaire-example.json" => {
            include_str!("../../../fixtures/fhirpath/questionnaire-example.json")
        }
        "valueset-example-expansion.json" => {
            include_str!("../../../fixtures/fhirpath/valueset-example-expansion.json")
        }
        _ => panic!("{name} is no input of the suite"),
    };
    serde_json::from_str(text).unwrap()
}
