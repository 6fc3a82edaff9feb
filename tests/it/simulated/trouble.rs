//! What befalls a federation in one schedule, all of it drawn before it begins: gateways are killed and
//! started, and what passes between two hosts waits, is lost or is slow.

use std::{fmt, time::Duration};

use super::federation::{CLIENTS, CODES, Federation, PORTAL, dice, name};
use crate::load::mix::Dice;

/// What a message takes at most when nothing is wrong.
pub(super) const USUAL: Duration = Duration::from_millis(60);

/// Two hosts, the portal and a holder twice as often as one who asks and a gateway.
const LINKS: [(usize, usize); 7] = [
    (PORTAL, 1),
    (PORTAL, 2),
    (PORTAL, 1),
    (PORTAL, 2),
    (CLIENTS, PORTAL),
    (CLIENTS, 1),
    (CLIENTS, 2),
];

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Crash(usize),
    Start(usize),
    /// What passes between two hosts waits until it is mended.
    Hold(usize, usize),
    /// What would pass is lost, and with it what every connection of now has still to say.
    Part(usize, usize),
    /// The same, one way.
    Mute(usize, usize),
    /// It takes up to so many milliseconds.
    Slow(usize, usize, u64),
    Mend(usize, usize),
}

/// All that happens, and when, in milliseconds since it began.
pub(super) struct Trouble(Vec<(u64, Deed)>);

impl Trouble {
    /// Of a seed; until `end`, by when all is well again.
    pub(super) fn new(seed: u64, end: u64) -> Self {
        let mut all = Vec::new();
        let mut one = dice(seed, 10);
        spells(&mut one, end, |dice, at, over| {
            let place = place(dice, CODES.len());
            all.extend([(at, Deed::Crash(place)), (over, Deed::Start(place))]);
        });
        for purpose in [11, 12] {
            let mut one = dice(seed, purpose);
            spells(&mut one, end, |dice, at, over| {
                let (a, b) = LINKS[place(dice, LINKS.len())];
                let deed = match dice.below(6) {
                    0 | 1 => Deed::Hold(a, b),
                    2 => Deed::Part(a, b),
                    3 if dice.below(2) == 0 => Deed::Mute(a, b),
                    3 => Deed::Mute(b, a),
                    _ => Deed::Slow(a, b, 200 + dice.below(2000)),
                };
                all.extend([(at, deed), (over, Deed::Mend(a, b))]);
            });
        }
        all.sort_by_key(|(at, _)| *at);
        Self(all)
    }

    /// Lets everything happen in its time, and all be well again at the end.
    pub(super) fn happens(&self, to: &mut Federation) {
        let begun = to.now();
        for (at, deed) in &self.0 {
            to.lives_until(begun + Duration::from_millis(*at), |_| false);
            to.network.note(to.now(), &deed.to_string());
            match *deed {
                Deed::Crash(place) => to.crash(place),
                Deed::Start(place) => to.start(place),
                Deed::Hold(a, b) => to.links().hold(name(a), name(b)),
                Deed::Part(a, b) => to.links().partition(name(a), name(b)),
                Deed::Mute(from, to_) => to.links().partition_oneway(name(from), name(to_)),
                Deed::Slow(a, b, most) => slow(to, a, b, Duration::from_millis(most)),
                Deed::Mend(a, b) => {
                    slow(to, a, b, USUAL);
                    to.links().release(name(a), name(b));
                }
            }
        }
    }
}

fn slow(to: &Federation, a: usize, b: usize, most: Duration) {
    to.links().set_link_max_message_latency(name(a), name(b), most);
}

/// One spell after another until `end`, each with when it begins and when it is over.
fn spells(dice: &mut Dice, end: u64, mut spell: impl FnMut(&mut Dice, u64, u64)) {
    let mut at = dice.below(1500);
    while at < end {
        let over = (at + 100 + dice.below(4000)).min(end);
        spell(dice, at, over);
        at = over + 100 + dice.below(2000);
    }
}

fn place(dice: &mut Dice, of: usize) -> usize {
    usize::try_from(dice.below(of as u64)).unwrap()
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Crash(place) => write!(f, "{} is gone", name(place)),
            Self::Start(place) => write!(f, "{} starts", name(place)),
            Self::Hold(a, b) => write!(f, "what passes between {} and {} waits", name(a), name(b)),
            Self::Part(a, b) => write!(f, "{} and {} are parted", name(a), name(b)),
            Self::Mute(from, to) => write!(f, "{} does not reach {}", name(from), name(to)),
            Self::Slow(a, b, most) => write!(f, "{} and {} are slow: {most}", name(a), name(b)),
            Self::Mend(a, b) => write!(f, "{} and {} reach each other", name(a), name(b)),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(at, deed)| writeln!(f, "{at:>7} {deed}"))
    }
}
