//! Text where markup is: what means something to HTML, SVG or XML is written as a reference.
//!
//! Floor of the house. Holds between tags and within quoted attributes alike. What XML 1.0 (section
//! 2.2) has no place for becomes the replacement character, so that nobody's words make a page that
//! cannot be read. It knows nothing of pages.

use std::borrow::Cow;

/// The text, to stand between tags or within quotes.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|letter| replaced(letter).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match replaced(letter) {
            Some(other) => escaped.push_str(other),
            None => escaped.push(letter),
        }
    }
    Cow::Owned(escaped)
}

const fn replaced(letter: char) -> Option<&'static str> {
    match letter {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\t' | '\n' | '\r' => None,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    }
}
