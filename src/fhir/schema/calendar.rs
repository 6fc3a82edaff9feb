//! Is a FHIR date a day of the calendar?
//!
//! Part of [`super`]: the format `fhir-calendar`, which the schema gives to `date`, `dateTime` and
//! `instant`. Source: <http://hl7.org/fhir/R4/datatypes.html#date>, "Dates SHALL be valid dates".
//! Form and ranges are the pattern's business; text that is no date at all passes here.

/// The name of the format in the schema.
pub(super) const FORMAT: &str = "fhir-calendar";

/// Is the day part one that the Gregorian calendar has? Partial dates have none, so they are.
pub(super) fn exists(text: &str) -> bool {
    let day = text.split('T').next().unwrap_or_default();
    let mut parts = day.splitn(3, '-').map(str::parse::<i16>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return true;
    };
    match (i8::try_from(month), i8::try_from(day)) {
        (Ok(month), Ok(day)) => jiff::civil::Date::new(year, month, day).is_ok(),
        (Err(_), _) | (_, Err(_)) => true,
    }
}
