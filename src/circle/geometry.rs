//! Where things stand in the picture: sectors of equal angle whose area says the number.
//!
//! Part of `circle`. Pure arithmetic; lengths in the picture's own units, angles in degrees from the
//! top, clockwise.

use std::f64::consts::PI;

/// The middle of the circle.
pub(super) const MIDDLE: (f64, f64) = (360.0, 300.0);
/// Where 0 is.
pub(super) const INNER: f64 = 26.0;
/// Where 10 is.
pub(super) const OUTER: f64 = 190.0;
/// What a sector is narrower by at each side, at every radius.
const GAP: f64 = 1.6;

/// The radius up to which a sector's area says `score` of 10.
pub(super) fn radius(score: u8) -> f64 {
    let part = f64::from(score.min(10)) / 10.0;
    part.mul_add(OUTER.mul_add(OUTER, -(INNER * INNER)), INNER * INNER).sqrt()
}

/// A point on the circle.
pub(super) fn point(radius: f64, degrees: f64) -> (f64, f64) {
    let turn = degrees * PI / 180.0;
    (radius.mul_add(turn.sin(), MIDDLE.0), (-radius).mul_add(turn.cos(), MIDDLE.1))
}

/// First and last degree of the n-th sector at a radius.
fn edges(number: u8, radius: f64) -> (f64, f64) {
    let gap = (GAP / radius).asin() * 180.0 / PI;
    let first = 36.0 * f64::from(number);
    (first + gap, first + 36.0 - gap)
}

/// The degree in the middle of the n-th sector.
pub(super) fn bearing(number: u8) -> f64 {
    36.0_f64.mul_add(f64::from(number), 18.0)
}

/// The outline of the n-th sector from one radius to another.
pub(super) fn sector(number: u8, from: f64, to: f64) -> String {
    let (out_first, out_last) = edges(number, to);
    let (in_first, in_last) = edges(number, from);
    format!(
        "M{}L{}A{to:.1} {to:.1} 0 0 1 {}L{}A{from:.1} {from:.1} 0 0 0 {}Z",
        at(point(from, in_first)),
        at(point(to, out_first)),
        at(point(to, out_last)),
        at(point(from, in_last)),
        at(point(from, in_first)),
    )
}

/// The arc of the n-th sector at a radius.
pub(super) fn arc(number: u8, radius: f64) -> String {
    let (first, last) = edges(number, radius);
    format!(
        "M{}A{radius:.1} {radius:.1} 0 0 1 {}",
        at(point(radius, first)),
        at(point(radius, last))
    )
}

fn at((x, y): (f64, f64)) -> String {
    format!("{x:.1} {y:.1}")
}
