//! Who asks what: the mix, drawn from a seed.
//!
//! Beside the way; of the load driver. The same seed draws the same questions in the same order.

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    /// One document of one person.
    Read,
    /// Documents, or observations, of one person.
    Search,
    /// The next page of everybody.
    Page,
    /// One person's documents at two holders, asked at the portal.
    Federated,
    /// An assessment, pushed by its owner.
    Push,
    /// A grant that is written, widened, narrowed or taken back.
    Consent,
}

impl Kind {
    /// Each with its share of a hundred.
    pub(crate) const SHARES: [(Self, u64); 6] = [
        (Self::Read, 30),
        (Self::Search, 30),
        (Self::Page, 20),
        (Self::Federated, 10),
        (Self::Push, 5),
        (Self::Consent, 5),
    ];

    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read of one person",
            Self::Search => "search of one person",
            Self::Page => "page of everybody",
            Self::Federated => "read through the portal",
            Self::Push => "push",
            Self::Consent => "consent change",
        }
    }
}

/// Repeatable chance (`SplitMix64`).
pub(crate) struct Dice(u64);

impl Dice {
    /// Another seed draws otherwise.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 0 up to `end`, without it.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    /// What is asked next.
    pub(crate) fn kind(&mut self) -> Kind {
        let mut left = self.below(100);
        for (kind, share) in Kind::SHARES {
            if left < share {
                return kind;
            }
            left -= share;
        }
        Kind::Read
    }
}
