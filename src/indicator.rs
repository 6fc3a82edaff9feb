//! Outcome indicators: how many people there are in fixed cells, told so that nobody shows in them.
//!
//! Under `federation`. Pure: what one person counts as follows from released resources alone, counts of
//! sources are added up, and what is published is made of the sums by one rule ([`table`]). There is no
//! number over all themes and none over all ages, ever. Source: `consent` section 6.
//!
//! *What is guaranteed.* A number of fewer than five is withheld, zero too; any other is rounded to a
//! multiple of five. So one person more or less changes a report only where a number passes from 4 to 5 or
//! from one multiple to the next, or where a sum that can be told no longer can; everywhere else the bytes
//! are the same. And whatever stands in a report, each number that it withholds could be any from 0 to 4.
//! *What is not.* Rounding is no noise: who knows everybody else of a cell that stands at such an edge
//! learns from the report on which side the last one is. Two callers whom people permit differently get
//! different numbers.

pub mod cell;
pub mod measure;
pub mod person;
pub mod question;
pub mod report;
pub mod table;
