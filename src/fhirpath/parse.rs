//! From words to steps, by the strength of the operators.
//!
//! Part of `fhirpath`. Everything that can be known before there is data is settled here: names of types
//! and functions, how many arguments, patterns. Grammar: `FHIRPath` 2.0.0, appendix B; strength: 6.8.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::{
    item::Item,
    lex::{self, Token},
    model::Model,
    quantity::{self, Quantity},
    refuse, run,
    tree::{Call, Expr, Label, Operator, Spec, System, Test, Variable},
};
use crate::error::Result;

/// Steps within one another.
const DEEPEST: usize = 100;
/// Bytes that a compiled pattern may take.
const PATTERN: usize = 1 << 23;

/// Reads an expression.
pub(super) fn parse(text: &str, model: &Model<'_>) -> Result<Expr> {
    let tokens = lex::tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, within: 0, model };
    let all = parser.binary(0)?;
    if parser.peek().is_some() {
        return Err(refuse("something stands behind its end"));
    }
    Ok(all)
}

/// A pattern in linear time.
pub(super) fn pattern(text: &str) -> Result<Regex> {
    let built = RegexBuilder::new(text).dot_matches_new_line(true).size_limit(PATTERN).build();
    built.map_err(|_| refuse("a pattern is not one that runs in linear time"))
}

struct Parser<'p, 'm> {
    tokens: &'p [Token<'p>],
    at: usize,
    depth: usize,
    /// Arguments within one another.
    within: usize,
    model: &'p Model<'m>,
}

type Parsed = Result<Expr>;

impl<'p> Parser<'p, '_> {
    fn peek(&self) -> Option<&'p Token<'p>> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'p Token<'p>> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn must(&mut self, sign: &str) -> Result<()> {
        if self.takes(sign) { Ok(()) } else { Err(refuse(format!("{sign} is missing"))) }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(refuse("it nests too deep")) } else { Ok(()) }
    }

    /// Operators of at least this strength.
    fn binary(&mut self, least: u8) -> Parsed {
        let entered = self.depth;
        self.deeper()?;
        let mut left = self.unary()?;
        while let Some((strength, operator)) = self.operator().filter(|(s, _)| *s >= least) {
            self.at += 1;
            self.deeper()?;
            left = match operator {
                None => {
                    let test = self.word_before() == Some("is");
                    let test = if test { Test::Is } else { Test::As };
                    let spec = self.spec()?;
                    Expr::Type(test, Box::new(left), spec)
                }
                Some(operator) => {
                    let right = self.binary(strength + 1)?;
                    Expr::Binary(operator, Box::new(left), Box::new(right))
                }
            };
        }
        self.depth = entered;
        Ok(left)
    }

    fn word_before(&self) -> Option<&'p str> {
        match self.tokens.get(self.at.checked_sub(1)?) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// The operator that comes next, with its strength; none for a test of types.
    fn operator(&self) -> Option<(u8, Option<Operator>)> {
        use Operator as O;
        let (Token::Sign(name) | Token::Word(name)) = self.peek()? else { return None };
        Some(match *name {
            "implies" => (0, Some(O::Implies)),
            "or" => (1, Some(O::Or)),
            "xor" => (1, Some(O::Xor)),
            "and" => (2, Some(O::And)),
            "in" => (3, Some(O::In)),
            "contains" => (3, Some(O::Contains)),
            "=" => (4, Some(O::Equal)),
            "!=" => (4, Some(O::NotEqual)),
            "~" => (4, Some(O::Equivalent)),
            "!~" => (4, Some(O::NotEquivalent)),
            "<" => (5, Some(O::Less)),
            "<=" => (5, Some(O::LessOrEqual)),
            ">" => (5, Some(O::Greater)),
            ">=" => (5, Some(O::GreaterOrEqual)),
            "|" => (6, Some(O::Union)),
            "is" | "as" => (7, None),
            "+" => (8, Some(O::Plus)),
            "-" => (8, Some(O::Minus)),
            "&" => (8, Some(O::Join)),
            "*" => (9, Some(O::Times)),
            "/" => (9, Some(O::Over)),
            "div" => (9, Some(O::Div)),
            "mod" => (9, Some(O::Mod)),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parsed {
        if self.takes("-") {
            self.deeper()?;
            return Ok(Expr::Negative(Box::new(self.unary()?)));
        }
        if self.takes("+") {
            self.deeper()?;
            return Ok(Expr::Positive(Box::new(self.unary()?)));
        }
        self.path()
    }

    /// A term and what is asked of it.
    fn path(&mut self) -> Parsed {
        let mut path = self.term()?;
        let entered = self.depth;
        loop {
            self.deeper()?;
            if self.takes(".") {
                path = match self.next() {
                    Some(Token::Word(name)) => self.invocation(path, name)?,
                    Some(Token::Quoted(name)) => self.member(path, name),
                    _ => return Err(refuse("a name must follow a point")),
                };
            } else if self.takes("[") {
                let index = self.binary(0)?;
                self.must("]")?;
                path = Expr::At(Box::new(path), Box::new(index));
            } else {
                self.depth = entered;
                return Ok(path);
            }
        }
    }

    fn term(&mut self) -> Parsed {
        Ok(match self.next() {
            Some(Token::Literal(value)) => self.literal(value),
            Some(Token::Sign("(")) => {
                let inner = self.binary(0)?;
                self.must(")")?;
                inner
            }
            Some(Token::Sign("{")) => {
                self.must("}")?;
                Expr::Nothing
            }
            Some(Token::Dollar("this")) => Expr::This,
            Some(Token::Dollar("index")) => Expr::Index,
            Some(Token::Dollar("total")) => Expr::Total,
            Some(Token::Percent(name)) => Expr::Variable(variable(name)?),
            Some(Token::Word("true")) => Expr::Literal(Item::Boolean(true)),
            Some(Token::Word("false")) => Expr::Literal(Item::Boolean(false)),
            Some(Token::Word(name)) => match self.root(name) {
                Some(root) => root,
                None => self.invocation(Expr::This, name)?,
            },
            Some(Token::Quoted(name)) => match self.root(name) {
                Some(root) => root,
                None => self.member(Expr::This, name),
            },
            _ => return Err(refuse("a name or a value is missing")),
        })
    }

    /// A number may be followed by its unit.
    fn literal(&mut self, value: &Item<'static>) -> Expr {
        let unit = value.number().and_then(|value| match self.peek() {
            Some(Token::Literal(Item::Text(unit))) => {
                Some(Quantity::ucum(value, unit.clone().into_owned()))
            }
            Some(Token::Word(word)) => quantity::calendar(word).map(|word| Quantity {
                value,
                unit: Cow::Borrowed(word),
                calendar: true,
            }),
            _ => None,
        });
        match unit {
            Some(quantity) => {
                self.at += 1;
                Expr::Literal(Item::Quantity(Box::new(quantity)))
            }
            None => Expr::Literal(value.clone()),
        }
    }

    fn root(&self, name: &str) -> Option<Expr> {
        let called = matches!(self.peek(), Some(Token::Sign("(")));
        let capital = name.starts_with(|c: char| c.is_ascii_uppercase());
        self.model.find(name).filter(|_| capital && !called).map(Expr::Root)
    }

    /// A member or a call.
    fn invocation(&mut self, on: Expr, name: &str) -> Parsed {
        if !self.takes("(") {
            return Ok(self.member(on, name));
        }
        if let Some(test) = match name {
            "is" => Some(Test::Is),
            "as" => Some(Test::As),
            "ofType" => Some(Test::Of),
            _ => None,
        } {
            let spec = self.spec()?;
            self.must(")")?;
            return Ok(Expr::Type(test, Box::new(on), spec));
        }
        let function = run::function(name)
            .ok_or_else(|| refuse(format!("the function {name} is not supported")))?;
        let mut arguments = Vec::new();
        self.within += 1;
        while !self.takes(")") {
            if !arguments.is_empty() {
                self.must(",")?;
            }
            arguments.push(self.binary(0)?);
        }
        self.within -= 1;
        if !function.takes.contains(&arguments.len()) {
            return Err(refuse(format!("{name} takes another number of arguments")));
        }
        let pattern = match (arguments.first(), name) {
            (Some(Expr::Literal(Item::Text(text))), "matches" | "replaceMatches") => {
                Some(pattern(text)?)
            }
            _ => None,
        };
        Ok(Expr::Call(Box::new(Call { on, function, arguments, pattern })))
    }

    fn member(&self, on: Expr, name: &str) -> Expr {
        let path = if let Expr::At(on, _) = &on { on } else { &on };
        let begins = matches!(path, Expr::This) && self.within == 0;
        let plain = begins || matches!(path, Expr::Root(_) | Expr::Member(.., true));
        let label = Label { text: name.to_owned(), name: self.model.named(name) };
        Expr::Member(Box::new(on), label, plain)
    }

    /// `Patient`, `FHIR.Patient`, `System.String`, `Boolean`.
    fn spec(&mut self) -> Result<Spec> {
        let first = self.name()?;
        let mut names = vec![first];
        while self.takes(".") {
            names.push(self.name()?);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let unknown = || refuse("a type is unknown");
        match names.as_slice() {
            ["FHIR", name] => self.model.find(name).map(Spec::Fhir),
            // A name that is FHIR's alone is never one of FHIRPath's own.
            ["System", name] => System::find(name)
                .or_else(|| self.model.find(name).map(|_| System::Any))
                .map(Spec::System),
            [name] => match (self.model.find(name), System::find(name)) {
                (Some(fhir), Some(system)) => Some(Spec::Either(fhir, system)),
                (Some(fhir), None) => Some(Spec::Fhir(fhir)),
                (None, system) => system.map(Spec::System),
            },
            _ => None,
        }
        .ok_or_else(unknown)
    }

    fn name(&mut self) -> Result<String> {
        match self.next() {
            Some(Token::Word(name)) => Ok((*name).to_owned()),
            Some(Token::Quoted(name)) => Ok(name.clone()),
            _ => Err(refuse("a type's name is missing")),
        }
    }
}

/// Those that FHIR names; any other is refused.
fn variable(name: &str) -> Result<Variable> {
    Ok(match name {
        "resource" => Variable::Resource,
        "rootResource" => Variable::Root,
        "context" => Variable::Context,
        "ucum" => Variable::Fixed("http://unitsofmeasure.org".to_owned()),
        "sct" => Variable::Fixed("http://snomed.info/sct".to_owned()),
        "loinc" => Variable::Fixed("http://loinc.org".to_owned()),
        _ => {
            let of = [("vs-", "ValueSet"), ("ext-", "StructureDefinition")];
            let found = of.iter().find_map(|(prefix, kind)| {
                let rest = name.strip_prefix(prefix)?;
                Some(Variable::Fixed(format!("http://hl7.org/fhir/{kind}/{rest}")))
            });
            return found.ok_or_else(|| refuse("a variable is unknown"));
        }
    })
}
