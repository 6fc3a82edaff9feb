//! The types of FHIR R4: their elements, what each may hold, and the invariants.
//!
//! Part of `fhirpath`. Read once from `schemas/fhir/model.txt`, which `schemas/build.py` makes of HL7's
//! `StructureDefinition`s (4.0.1, CC0-1.0). Of types the gateway does not serve only name and parent are
//! known: what they hold cannot be asked. Its lines:
//!
//! ```text
//! names Account:DomainResource ...                       every type of R4 and its parent
//! type Patient.contact BackboneElement                   a type whose elements are known
//! element Patient.deceased[x] 0 1 boolean dateTime       least, most, types
//! rule Period  per-1  error  start <= end  If present, ...
//! ```

use std::{borrow::Cow, collections::HashMap};

use crate::error::{Error, Result};

/// A type of the model.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TypeId(u16);

impl TypeId {
    /// Its place among all types.
    pub fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// The name of an element or of a member, by its number: names are compared on every step.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Name(u16);

/// All types.
#[derive(Debug)]
pub struct Model<'m> {
    types: Vec<Type<'m>>,
    by_name: HashMap<&'m str, TypeId>,
    names: HashMap<Cow<'m, str>, Name, ahash::RandomState>,
    element: TypeId,
    resources: [TypeId; 2],
}

/// A type: `Patient`, `code`, `Patient.contact`.
#[derive(Debug)]
pub struct Type<'m> {
    /// Its name; of a part of a resource the path to it.
    pub name: &'m str,
    /// What it is made from.
    pub parent: Option<TypeId>,
    /// Its elements, by name; empty for a primitive.
    pub elements: Vec<Element<'m>>,
    /// What must be true of each value, in the order of the definition.
    pub rules: Vec<Rule<'m>>,
    /// Are its elements known?
    pub known: bool,
    /// What one value it is, if it is one.
    pub simple: Option<Simple>,
    /// Where each name leads, by its number.
    ways: Box<[Way]>,
}

/// Where a name leads in a type.
#[derive(Debug)]
struct Way {
    name: Name,
    element: u16,
    /// The form that it is the member's name of; none, if it is that of a choice without its type.
    form: Option<u16>,
}

/// The values that `FHIRPath` itself knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Simple {
    /// `Boolean`.
    Boolean,
    /// `Integer`.
    Integer,
    /// `Decimal`.
    Decimal,
    /// `String`.
    Text,
    /// `Date`.
    Date,
    /// `DateTime`.
    DateTime,
    /// `Time`.
    Time,
    /// `Quantity`, which has elements too.
    Quantity,
}

impl Simple {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::Boolean,
            "integer" | "positiveInt" | "unsignedInt" => Self::Integer,
            "decimal" => Self::Decimal,
            "base64Binary" | "canonical" | "code" | "id" | "markdown" | "oid" | "string"
            | "uri" | "url" | "uuid" | "xhtml" => Self::Text,
            "date" => Self::Date,
            "dateTime" | "instant" => Self::DateTime,
            "time" => Self::Time,
            "Age" | "Count" | "Distance" | "Duration" | "MoneyQuantity" | "Quantity"
            | "SimpleQuantity" => Self::Quantity,
            _ => return None,
        })
    }
}

/// An element of a type.
#[derive(Debug)]
pub struct Element<'m> {
    /// Its name, of a choice without `[x]`.
    pub name: &'m str,
    /// May more than one stand?
    pub many: bool,
    /// Is its type part of the member's name?
    pub is_choice: bool,
    /// What it may be.
    pub forms: Box<[Form<'m>]>,
    /// What must be true of each value here.
    pub rules: Vec<Rule<'m>>,
}

/// A type that an element may have.
#[derive(Debug)]
pub struct Form<'m> {
    /// The member's name: `deceasedBoolean`.
    pub member: Cow<'m, str>,
    /// The name of what stands beside it, `_deceasedBoolean`: a primitive's id and extensions.
    pub beside: Option<Box<str>>,
    /// Its type.
    pub kind: TypeId,
    /// Of a reference, the names of the types it may lead to, with `|` between them; any, if empty.
    pub targets: &'m str,
}

/// An invariant.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'m> {
    /// `per-1`.
    pub key: &'m str,
    /// Only a best practice?
    pub warning: bool,
    /// `FHIRPath`.
    pub expression: &'m str,
    /// What it says, in HL7's words.
    pub human: &'m str,
}

impl<'m> Model<'m> {
    /// Reads the table.
    ///
    /// # Errors
    /// `Internal` for a table this reader does not know.
    pub fn read(text: &'m str) -> Result<Self> {
        let none = TypeId(0);
        let mut model = Self {
            types: Vec::new(),
            by_name: HashMap::new(),
            names: HashMap::default(),
            element: none,
            resources: [none; 2],
        };
        let broken = |line: &str| Error::internal(format!("the model's line: {line}"));
        for line in text.lines() {
            model.line(line).ok_or_else(|| broken(line))?;
        }
        model.element = model.find("Element").ok_or_else(|| broken("Element"))?;
        let resource = |name| model.find(name).ok_or_else(|| broken(name));
        model.resources = [resource("Resource")?, resource("DomainResource")?];
        for of in &mut model.types {
            of.elements.sort_by(|a, b| a.name.cmp(b.name));
            of.elements.shrink_to_fit();
            let ways = ways(&of.elements, &mut model.names);
            of.ways = ways.ok_or_else(|| broken(of.name))?;
        }
        model.names.shrink_to_fit();
        Ok(model)
    }

    fn line(&mut self, line: &'m str) -> Option<()> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "names" => {
                let pairs = || rest.split(' ').filter_map(|pair| pair.split_once(':'));
                pairs().try_for_each(|(name, _)| self.add(name).map(|_| ()))?;
                for (name, parent) in pairs() {
                    let (of, parent) = (self.find(name)?, self.find(parent));
                    self.change(of)?.parent = parent;
                }
            }
            "type" => {
                let (name, parent) = rest.split_once(' ')?;
                let of = self.add(name)?;
                let parent = self.find(parent);
                let of = self.change(of)?;
                (of.parent, of.known) = (parent, true);
            }
            "element" => {
                let mut words = rest.split(' ');
                let (owner, name) = words.next()?.rsplit_once('.')?;
                // How few may stand is for the schema to judge.
                let (_, most) = (words.next()?, words.next()?);
                let bare = name.strip_suffix("[x]");
                let forms = words.map(|form| self.form(bare, name, form)).collect::<Option<_>>()?;
                let element = Element {
                    name: bare.unwrap_or(name),
                    many: most != "1",
                    is_choice: bare.is_some(),
                    forms,
                    rules: Vec::new(),
                };
                let owner = self.find(owner)?;
                self.change(owner)?.elements.push(element);
            }
            "rule" => {
                let mut parts = rest.split('\t');
                let path = parts.next()?;
                let (key, severity) = (parts.next()?, parts.next()?);
                let (expression, human) = (parts.next()?, parts.next()?);
                let rule = Rule { key, warning: severity != "error", expression, human };
                if let Some(of) = self.find(path) {
                    self.change(of)?.rules.push(rule);
                } else {
                    let (owner, name) = path.rsplit_once('.')?;
                    let owner = self.find(owner)?;
                    let elements = &mut self.change(owner)?.elements;
                    elements.iter_mut().find(|e| e.name == name)?.rules.push(rule);
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn form(&mut self, choice: Option<&str>, name: &'m str, form: &'m str) -> Option<Form<'m>> {
        let (kind, targets) = form.split_once('(').unwrap_or((form, ""));
        let mut letters = kind.chars();
        let member = match (choice, letters.next()) {
            (Some(bare), Some(first)) => {
                Cow::Owned(format!("{bare}{}{}", first.to_ascii_uppercase(), letters.as_str()))
            }
            (_, _) => Cow::Borrowed(name),
        };
        let kind = self.add(kind)?;
        let beside = self.is_primitive(kind).then(|| format!("_{member}").into());
        Some(Form { member, beside, kind, targets: targets.trim_end_matches(')') })
    }

    fn add(&mut self, name: &'m str) -> Option<TypeId> {
        if let Some(known) = self.find(name) {
            return Some(known);
        }
        let of = TypeId(u16::try_from(self.types.len()).ok()?);
        let simple = Simple::of(name);
        self.types.push(Type {
            name,
            parent: None,
            elements: Vec::new(),
            rules: Vec::new(),
            known: false,
            simple,
            ways: Box::default(),
        });
        self.by_name.insert(name, of);
        Some(of)
    }

    fn change(&mut self, of: TypeId) -> Option<&mut Type<'m>> {
        self.types.get_mut(usize::from(of.0))
    }

    /// The type of a name.
    pub fn find(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// The type itself.
    pub fn of(&self, of: TypeId) -> Option<&Type<'m>> {
        self.types.get(usize::from(of.0))
    }

    /// Every type whose elements are known.
    pub fn known(&self) -> impl Iterator<Item = (TypeId, &Type<'m>)> {
        let all = (0_u16..).map(TypeId).zip(&self.types);
        all.filter(|(_, of)| of.known)
    }

    /// Its name: `Patient`, `Patient.contact`.
    pub fn name(&self, of: TypeId) -> &'m str {
        self.of(of).map_or("", |of| of.name)
    }

    /// Is the one the other, or made from it?
    pub fn is(&self, of: TypeId, other: TypeId) -> bool {
        let mut next = Some(of);
        while let Some(at) = next {
            if at == other {
                return true;
            }
            next = self.of(at).and_then(|of| of.parent);
        }
        false
    }

    /// May any resource stand there?
    pub fn is_any_resource(&self, of: TypeId) -> bool {
        self.resources.contains(&of)
    }

    /// Is it a value without elements, beside which id and extensions stand?
    fn is_primitive(&self, of: TypeId) -> bool {
        let simple = self.of(of).and_then(|of| of.simple);
        simple.is_some_and(|simple| simple != Simple::Quantity)
    }

    /// The number of a name; none, if no type has an element or a member of that name.
    pub fn named(&self, name: &str) -> Option<Name> {
        self.names.get(name).copied()
    }

    /// The element of that name, of a primitive that which every element has.
    pub fn element(&self, of: TypeId, name: Name) -> Option<&Element<'m>> {
        let (element, way) = self.way(of, name)?;
        // A member's name that says the type of a choice is no element's.
        (way.form.is_none() || !element.is_choice).then_some(element)
    }

    /// The element and form of a member's name: of `valueQuantity` those of `value`.
    pub fn member(&self, of: TypeId, member: &str) -> Option<(&Element<'m>, &Form<'m>)> {
        let (element, way) = self.way(of, self.named(member)?)?;
        Some((element, element.forms.get(usize::from(way.form?))?))
    }

    fn way(&self, of: TypeId, name: Name) -> Option<(&Element<'m>, &Way)> {
        let own = self.of(of)?;
        let own = if own.elements.is_empty() { self.of(self.element)? } else { own };
        let at = own.ways.binary_search_by_key(&name, |way| way.name).ok()?;
        let way = own.ways.get(at)?;
        Some((own.elements.get(usize::from(way.element))?, way))
    }
}

/// Where the names of some elements lead; nothing, if there are too many to number.
fn ways<'m>(
    elements: &[Element<'m>],
    names: &mut HashMap<Cow<'m, str>, Name, ahash::RandomState>,
) -> Option<Box<[Way]>> {
    let mut number = |name: &Cow<'m, str>| {
        if let Some(known) = names.get(name) {
            return Some(*known);
        }
        let new = Name(u16::try_from(names.len()).ok()?);
        names.insert(name.clone(), new);
        Some(new)
    };
    let mut all = Vec::new();
    for (element, of) in (0_u16..).zip(elements) {
        if of.is_choice {
            all.push(Way { name: number(&Cow::Borrowed(of.name))?, element, form: None });
        }
        for (at, form) in (0_u16..).zip(&of.forms) {
            all.push(Way { name: number(&form.member)?, element, form: Some(at) });
        }
    }
    all.sort_by_key(|way| way.name);
    Some(all.into())
}
