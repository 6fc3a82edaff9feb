//! From steps to an answer.
//!
//! Part of `fhirpath`. Every step costs one, every item that is looked at another, so an expression ends
//! whatever it is asked about.

mod convert;
mod existence;
mod html;
mod math;
mod subset;
mod text;
mod tree_of;

use std::{borrow::Cow, cmp::Ordering, ops::RangeInclusive};

use super::{
    Scope,
    compare::{alike, among, equal, order, truth, unique},
    decimal::Decimal,
    item::{Item, Node},
    model::Name,
    quantity::Quantity,
    refuse,
    tree::{Call, Expr, Operator, Spec, System, Test, Variable},
};
use crate::error::Result;

/// What an expression gives.
type Items<'a> = Vec<Item<'a>>;

/// A function of the language.
pub(super) struct Function {
    name: &'static str,
    pub(super) takes: RangeInclusive<usize>,
    body: Body,
}

/// What a function does.
#[derive(Clone, Copy)]
enum Body {
    /// It gives things.
    Gives(Gives),
    /// It tells whether, or nothing: that need not stand in a list.
    Tells(Tells),
}

type Gives = for<'c, 'a> fn(&On<'c, 'a>, &[Item<'a>]) -> Result<Items<'a>>;
type Tells = for<'c, 'a> fn(&On<'c, 'a>, &[Item<'a>]) -> Result<Option<bool>>;

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    const fn new(name: &'static str, takes: RangeInclusive<usize>, gives: Gives) -> Self {
        Self { name, takes, body: Body::Gives(gives) }
    }

    const fn telling(name: &'static str, takes: RangeInclusive<usize>, tells: Tells) -> Self {
        Self { name, takes, body: Body::Tells(tells) }
    }
}

/// The function of a name.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    let themes =
        [existence::ALL, subset::ALL, text::ALL, convert::ALL, math::ALL, tree_of::ALL, html::ALL];
    themes.into_iter().flatten().find(|function| function.name == name)
}

/// What a part of an expression is asked about.
#[derive(Clone, Copy)]
struct Frame<'c, 'a> {
    focus: &'c [Item<'a>],
    index: usize,
    total: &'c [Item<'a>],
}

/// A function at work.
struct On<'c, 'a> {
    scope: &'c Scope<'a>,
    frame: Frame<'c, 'a>,
    call: &'a Call,
}

impl<'a> On<'_, 'a> {
    /// What an argument says of what surrounds the call.
    fn argument(&self, at: usize) -> Result<Items<'a>> {
        self.call.arguments.get(at).map_or(Ok(Vec::new()), |one| eval(one, self.scope, &self.frame))
    }

    /// What an argument says of one item.
    fn each(&self, at: usize, item: &Item<'a>, index: usize) -> Result<Items<'a>> {
        let Some(argument) = self.call.arguments.get(at) else { return Ok(Vec::new()) };
        let focus = std::slice::from_ref(item);
        eval(argument, self.scope, &Frame { focus, index, total: self.frame.total })
    }

    /// Is an argument true of one item?
    fn holds(&self, at: usize, item: &Item<'a>, index: usize) -> Result<bool> {
        let Some(argument) = self.call.arguments.get(at) else { return Ok(false) };
        let focus = std::slice::from_ref(item);
        let frame = Frame { focus, index, total: self.frame.total };
        Ok(decide(argument, self.scope, &frame)? == Some(true))
    }
}

/// What an expression says of some items.
pub(super) fn evaluate<'a>(
    expr: &'a Expr,
    scope: &Scope<'a>,
    focus: &[Item<'a>],
) -> Result<Items<'a>> {
    eval(expr, scope, &Frame { focus, index: 0, total: &[] })
}

/// Does an expression say false of some items, and nothing else?
pub(super) fn denies<'a>(expr: &'a Expr, scope: &Scope<'a>, focus: &[Item<'a>]) -> Result<bool> {
    let frame = Frame { focus, index: 0, total: &[] };
    match decided(expr, scope, &frame) {
        Some(told) => Ok(told? == Some(false)),
        None => Ok(matches!(*held(expr, scope, &frame)?, [Item::Boolean(false)])),
    }
}

/// As [`truth`] of what an expression gives, without a list for it where there need be none.
fn decide<'a>(expr: &'a Expr, scope: &Scope<'a>, frame: &Frame<'_, 'a>) -> Result<Option<bool>> {
    decided(expr, scope, frame).unwrap_or_else(|| truth(scope, &held(expr, scope, frame)?))
}

/// What an expression says that can say nothing but true, false or nothing; none for any other.
fn decided<'a>(
    expr: &'a Expr,
    scope: &Scope<'a>,
    frame: &Frame<'_, 'a>,
) -> Option<Result<Option<bool>>> {
    let told = if let Expr::Binary(operator, left, right) = expr
        && operator.joins_truths()
    {
        scope.step(1).and_then(|()| joined(*operator, left, right, scope, frame))
    } else if let Expr::Call(call) = expr
        && let Body::Tells(tells) = call.function.body
    {
        scope.step(1).and_then(|()| told(call, tells, scope, frame))
    } else {
        return None;
    };
    Some(told)
}

/// What a function tells.
fn told<'a>(
    call: &'a Call,
    tells: Tells,
    scope: &Scope<'a>,
    frame: &Frame<'_, 'a>,
) -> Result<Option<bool>> {
    let on = On { scope, frame: *frame, call };
    match decided(&call.on, scope, frame) {
        Some(one) => tells(&on, one?.map(Item::Boolean).as_slice()),
        None => tells(&on, &held(&call.on, scope, frame)?),
    }
}

/// What two truths say together.
fn joined<'a>(
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    scope: &Scope<'a>,
    frame: &Frame<'_, 'a>,
) -> Result<Option<bool>> {
    let left = decide(left, scope, frame)?;
    logic(operator, left, scope, || decide(right, scope, frame))
}

fn eval<'a>(expr: &'a Expr, scope: &Scope<'a>, frame: &Frame<'_, 'a>) -> Result<Items<'a>> {
    held(expr, scope, frame).map(Cow::into_owned)
}

/// As [`eval`], without a copy of what is only passed on.
fn held<'c, 'a>(
    expr: &'a Expr,
    scope: &Scope<'a>,
    frame: &Frame<'c, 'a>,
) -> Result<Cow<'c, [Item<'a>]>> {
    scope.step(1)?;
    Ok(Cow::Owned(match expr {
        Expr::This => return Ok(Cow::Borrowed(frame.focus)),
        Expr::Total => return Ok(Cow::Borrowed(frame.total)),
        Expr::Nothing => Vec::new(),
        Expr::Index => vec![whole(frame.index)],
        Expr::Literal(Item::Text(text)) => vec![Item::Text(Cow::Borrowed(text))],
        Expr::Literal(value) => vec![value.clone()],
        Expr::Variable(variable) => vec![match variable {
            Variable::Resource | Variable::Context => Item::Node(scope.resource),
            Variable::Root => Item::Node(scope.root),
            Variable::Fixed(text) => Item::Text(Cow::Borrowed(text)),
        }],
        Expr::Root(of) => {
            let is =
                |item: &&Item<'a>| item.node().is_some_and(|node| scope.model.is(node.kind, *of));
            frame.focus.iter().filter(is).cloned().collect()
        }
        Expr::Member(on, label, plain) => {
            let on = held(on, scope, frame)?;
            if *plain && strays(scope, &on, label.name) {
                return Err(refuse("a path names an element that no type there has"));
            }
            member(scope, &on, &label.text, label.name)?
        }
        Expr::At(on, index) => {
            let on = held(on, scope, frame)?;
            let index = one_whole(scope, &eval(index, scope, frame)?)?;
            let at = index.and_then(|index| usize::try_from(index).ok());
            at.and_then(|at| on.get(at)).cloned().into_iter().collect()
        }
        Expr::Negative(on) => match signed(&held(on, scope, frame)?, scope)? {
            Some(Item::Integer(whole)) => vec![Item::Integer(-whole)],
            Some(Item::Decimal(number)) => vec![Item::Decimal(number.negative())],
            Some(Item::Quantity(mut quantity)) => {
                quantity.value = quantity.value.negative();
                vec![Item::Quantity(quantity)]
            }
            _ => Vec::new(),
        },
        Expr::Positive(on) => signed(&held(on, scope, frame)?, scope)?.into_iter().collect(),
        Expr::Type(test, on, spec) => typed(scope, *test, &held(on, scope, frame)?, *spec)?,
        Expr::Binary(operator, left, right) => binary(*operator, left, right, scope, frame)?,
        Expr::Call(call) => match call.function.body {
            Body::Gives(gives) => {
                let on = held(&call.on, scope, frame)?;
                gives(&On { scope, frame: *frame, call }, &on)?
            }
            Body::Tells(tells) => listed(told(call, tells, scope, frame)?),
        },
    }))
}

/// The one thing that a sign may stand before.
fn signed<'a>(items: &[Item<'a>], scope: &Scope<'a>) -> Result<Option<Item<'a>>> {
    let Some(one) = single(items)? else { return Ok(None) };
    match one.system(scope.model)? {
        Some(value @ (Item::Integer(_) | Item::Decimal(_) | Item::Quantity(_))) => Ok(Some(value)),
        _ => Err(refuse("a sign stands before what is no number")),
    }
}

/// Is it an element of none of the types that stand there?
fn strays(scope: &Scope<'_>, on: &[Item<'_>], name: Option<Name>) -> bool {
    let stray = |item: &Item<'_>| {
        let of = |node: &Node<'_>| name.and_then(|name| scope.model.element(node.kind, name));
        item.node().is_some_and(|node| of(node).is_none())
    };
    !on.is_empty() && on.iter().all(stray)
}

fn member<'a>(
    scope: &Scope<'a>,
    on: &[Item<'a>],
    text: &str,
    name: Option<Name>,
) -> Result<Items<'a>> {
    let mut all = Vec::new();
    scope.step(on.len())?;
    for item in on {
        match item {
            Item::Node(node) => node.member(scope.model, name, &mut all)?,
            Item::Type(space, of) => match text {
                "namespace" => all.push(Item::Text(Cow::Borrowed(space))),
                "name" => all.push(Item::Text(Cow::Borrowed(of))),
                _ => {}
            },
            Item::Quantity(quantity) => match text {
                "value" => all.push(Item::Decimal(quantity.value)),
                "unit" => all.push(Item::Text(quantity.unit.clone())),
                _ => {}
            },
            Item::Elsewhere(_) => {
                return Err(refuse("of what is not at hand only the type is known"));
            }
            Item::Boolean(_)
            | Item::Integer(_)
            | Item::Decimal(_)
            | Item::Text(_)
            | Item::Temporal(_) => {}
        }
    }
    Ok(all)
}

/// Nothing or one thing.
fn single<'i, 'a>(items: &'i [Item<'a>]) -> Result<Option<&'i Item<'a>>> {
    match items {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(refuse("one thing is asked for where several stand")),
    }
}

/// One value, as `FHIRPath` has it.
fn single_value<'a>(scope: &Scope<'a>, items: &[Item<'a>]) -> Result<Option<Item<'a>>> {
    single(items)?.map_or(Ok(None), |one| one.system(scope.model))
}

fn one_whole(scope: &Scope<'_>, items: &[Item<'_>]) -> Result<Option<i64>> {
    let Some(one) = single(items)? else { return Ok(None) };
    match one.system(scope.model)? {
        Some(Item::Integer(whole)) => Ok(Some(whole)),
        _ => Err(refuse("a whole number is asked for")),
    }
}

fn whole<'a>(count: usize) -> Item<'a> {
    Item::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a function gives")]
fn boolean<'a>(value: bool) -> Result<Items<'a>> {
    Ok(vec![Item::Boolean(value)])
}

fn listed<'a>(told: Option<bool>) -> Items<'a> {
    told.map(Item::Boolean).into_iter().collect()
}

fn typed<'a>(scope: &Scope<'a>, test: Test, items: &[Item<'a>], spec: Spec) -> Result<Items<'a>> {
    scope.step(items.len())?;
    let of = |item: &Item<'a>| match (item, spec) {
        (Item::Node(node), Spec::Fhir(of) | Spec::Either(of, _)) => scope.model.is(node.kind, of),
        (Item::Elsewhere(kind), Spec::Fhir(of) | Spec::Either(of, _)) => scope.model.is(*kind, of),
        (item, Spec::System(of) | Spec::Either(_, of)) => {
            item.system_type().is_some_and(|own| own == of)
        }
        (_, Spec::Fhir(_)) => false,
    };
    match test {
        Test::Is => single(items)?.map_or(Ok(Vec::new()), |one| boolean(of(one))),
        // R4's own expressions call `as` on several, and mean those that are.
        Test::As | Test::Of => Ok(items.iter().filter(|item| of(item)).cloned().collect()),
    }
}

fn binary<'a>(
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    scope: &Scope<'a>,
    frame: &Frame<'_, 'a>,
) -> Result<Items<'a>> {
    use Operator as O;
    if operator.joins_truths() {
        return joined(operator, left, right, scope, frame).map(listed);
    }
    let one = held(left, scope, frame)?;
    let two = held(right, scope, frame)?;
    Ok(match operator {
        O::Equal => listed(equal(scope, &one, &two)?),
        O::NotEqual => listed(equal(scope, &one, &two)?.map(|same| !same)),
        O::Equivalent => listed(Some(alike(scope, &one, &two)?)),
        O::NotEquivalent => listed(Some(!alike(scope, &one, &two)?)),
        O::Less => listed(order(scope, &one, &two)?.map(Ordering::is_lt)),
        O::LessOrEqual => listed(order(scope, &one, &two)?.map(Ordering::is_le)),
        O::Greater => listed(order(scope, &one, &two)?.map(Ordering::is_gt)),
        O::GreaterOrEqual => listed(order(scope, &one, &two)?.map(Ordering::is_ge)),
        O::In => contained(scope, &one, &two)?,
        O::Contains => contained(scope, &two, &one)?,
        O::Union => unique(scope, &[&*one, &*two].concat())?,
        O::Join => {
            let text = |items: &[Item<'a>]| text::one(scope, items);
            let (one, two) = (text(&one)?, text(&two)?);
            vec![Item::Text(one.unwrap_or_default() + two.unwrap_or_default())]
        }
        O::Times | O::Over | O::Div | O::Mod | O::Plus | O::Minus => {
            calculate(operator, single_value(scope, &one)?, single_value(scope, &two)?)?
        }
        O::And | O::Or | O::Xor | O::Implies => Vec::new(),
    })
}

/// What is true, whatever is unknown; the right side is asked only if it matters.
fn logic(
    operator: Operator,
    left: Option<bool>,
    scope: &Scope<'_>,
    right: impl FnOnce() -> Result<Option<bool>>,
) -> Result<Option<bool>> {
    use Operator as O;
    scope.step(1)?;
    match (operator, left) {
        (O::And, Some(false)) => return Ok(Some(false)),
        (O::Or, Some(true)) | (O::Implies, Some(false)) => return Ok(Some(true)),
        (_, _) => {}
    }
    let right = right()?;
    Ok(match (operator, left, right) {
        (O::And, _, Some(false))
        | (O::Or, Some(false), Some(false))
        | (O::Implies, Some(true), Some(false)) => Some(false),
        (O::And, Some(true), Some(true)) | (O::Or | O::Implies, _, Some(true)) => Some(true),
        (O::Xor, Some(one), Some(two)) => Some(one != two),
        (_, _, _) => None,
    })
}

fn contained<'a>(scope: &Scope<'a>, one: &[Item<'a>], all: &[Item<'a>]) -> Result<Items<'a>> {
    single(one)?.map_or(Ok(Vec::new()), |one| boolean(among(scope, one, all)?))
}

/// Arithmetic; a result that does not exist or does not fit is nothing.
fn calculate<'a>(
    operator: Operator,
    left: Option<Item<'a>>,
    right: Option<Item<'a>>,
) -> Result<Items<'a>> {
    let (Some(left), Some(right)) = (left, right) else { return Ok(Vec::new()) };
    let found = match (operator, &left, &right) {
        (Operator::Plus, Item::Text(one), Item::Text(two)) => {
            Some(Item::Text(Cow::Owned(format!("{one}{two}"))))
        }
        (Operator::Plus | Operator::Minus, Item::Temporal(at), Item::Quantity(by)) => {
            let sign = if operator == Operator::Plus { 1 } else { -1 };
            let moved = at.plus(by, sign);
            return moved
                .map(|at| vec![Item::Temporal(at)])
                .ok_or_else(|| refuse("a time cannot be moved by this amount"));
        }
        (_, Item::Quantity(one), Item::Quantity(two)) => amounts(operator, one, two)?,
        (Operator::Times, Item::Quantity(one), two)
        | (Operator::Times, two, Item::Quantity(one)) => scaled(one, two.number(), Decimal::times)?,
        (Operator::Over, Item::Quantity(one), two) => scaled(one, two.number(), Decimal::over)?,
        (_, one, two) => match (one.number(), two.number()) {
            (Some(one), Some(two)) => numbers(operator, (one, &left), (two, &right)),
            (_, _) => return Err(refuse("things are reckoned with that are no numbers")),
        },
    };
    Ok(found.into_iter().collect())
}

fn scaled<'a>(
    quantity: &Quantity<'a>,
    by: Option<Decimal>,
    how: fn(Decimal, Decimal) -> Option<Decimal>,
) -> Result<Option<Item<'a>>> {
    let by = by.ok_or_else(|| refuse("things are reckoned with that are no numbers"))?;
    let value = how(quantity.value, by);
    Ok(value.map(|value| Item::Quantity(Box::new(Quantity { value, ..quantity.clone() }))))
}

fn amounts<'a>(
    operator: Operator,
    one: &Quantity<'a>,
    two: &Quantity<'a>,
) -> Result<Option<Item<'a>>> {
    let alike = one.unit == two.unit && one.calendar == two.calendar;
    let with = |value: Option<Decimal>| value.map(|value| Quantity { value, ..one.clone() });
    let found = if operator == Operator::Times {
        one.times(two)
    } else if operator == Operator::Over {
        one.over(two)
    } else if operator == Operator::Plus && alike {
        with(one.value.plus(two.value))
    } else if operator == Operator::Minus && alike {
        with(one.value.minus(two.value))
    } else {
        return Err(refuse("amounts of different units are reckoned with"));
    };
    Ok(found.map(|quantity| Item::Quantity(Box::new(quantity))))
}

fn numbers<'a>(
    operator: Operator,
    (one, left): (Decimal, &Item<'a>),
    (two, right): (Decimal, &Item<'a>),
) -> Option<Item<'a>> {
    let whole = matches!((left, right), (Item::Integer(_), Item::Integer(_)));
    let found = if operator == Operator::Plus {
        one.plus(two)?
    } else if operator == Operator::Minus {
        one.minus(two)?
    } else if operator == Operator::Times {
        one.times(two)?
    } else if operator == Operator::Over {
        return one.over(two).map(Item::Decimal);
    } else if operator == Operator::Div {
        return one.whole_over(two)?.whole().map(Item::Integer);
    } else if operator == Operator::Mod {
        one.modulo(two)?
    } else {
        return None;
    };
    if whole { found.whole().map(Item::Integer) } else { Some(Item::Decimal(found)) }
}
