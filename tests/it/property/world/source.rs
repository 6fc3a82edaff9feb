//! Where the documents of the properties' people come from: who answered, whose register it is.

use mylife::domain::{
    assessment::{AnsweredBy, Identifier, Register},
    words::{Code, Plain},
};
use proptest::{option, prelude::*, sample::select};

/// Who answered, and what the system says that had it filled in.
pub(super) fn told() -> impl Strategy<Value = (AnsweredBy, Option<Identifier>, bool)> {
    (select(AnsweredBy::ALL), option::of(identifier()), any::<bool>())
}

pub(super) fn identifier() -> impl Strategy<Value = Identifier> {
    (0..3_u8).prop_map(identified)
}

/// By what a system knows what it made.
pub(in super::super) fn identified(number: u8) -> Identifier {
    let plain = |text: String| Plain::parse(&text).unwrap();
    Identifier {
        system: plain("urn:ietf:rfc:3986".to_owned()),
        value: plain(format!("urn:uuid:00000000-0000-4000-8000-00000000000{number}")),
    }
}

/// To which register a document belongs.
pub(super) fn register() -> impl Strategy<Value = Register> {
    select(vec!["youth-services", "social-welfare"]).prop_map(|code| Register {
        code: Code::parse(code).unwrap(),
        service_task: None,
        sector: None,
    })
}
