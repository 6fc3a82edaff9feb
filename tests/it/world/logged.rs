//! What is logged on this thread while something happens.
//!
//! One subscriber serves the whole run and asks, line by line, whether its thread is listened to. One of
//! each test's own would not do: a line that is met first on a thread without any is taken to be of
//! interest to nobody, and is then missing from the log of the test beside it.

use std::{cell::RefCell, io, sync::Once};

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, dynamic_filter_fn},
    fmt,
    layer::SubscriberExt as _,
};

/// Who listens: the beginning of the targets, and what was heard.
struct Heard {
    of: &'static str,
    text: Vec<u8>,
}

thread_local! {
    static HEARD: RefCell<Option<Heard>> = const { RefCell::new(None) };
}

/// Writes to whoever listens on the thread.
struct Ear;

impl io::Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HEARD.with_borrow_mut(|heard| {
            if let Some(heard) = heard {
                heard.text.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that is logged while something happens, of every level, by targets that begin so (`""` is all), as
/// JSON lines.
pub(crate) fn logged<T>(of: &'static str, during: impl FnOnce() -> T) -> (T, String) {
    static ONE: Once = Once::new();
    ONE.call_once(|| {
        let wanted = dynamic_filter_fn(|line, _| {
            HEARD.with_borrow(|heard| {
                heard.as_ref().is_some_and(|heard| line.target().starts_with(heard.of))
            })
        });
        let wanted = wanted.with_max_level_hint(LevelFilter::TRACE);
        let log = fmt::layer().json().flatten_event(true).with_writer(|| Ear).with_filter(wanted);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log)).unwrap();
    });
    HEARD.set(Some(Heard { of, text: Vec::new() }));
    let done = during();
    let heard = HEARD.take().expect("nobody else listens on this thread");
    (done, String::from_utf8(heard.text).unwrap())
}
