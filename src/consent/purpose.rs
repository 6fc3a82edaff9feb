//! Purposes of use and which of them is a kind of which.
//!
//! One stated purpose is compared with the purposes a rule names. Source: HL7 v3 `ActReason`,
//! version 2018-08-12 as published with FHIR R4 4.0.1 (CC0), the branch `PurposeOfUse` with its
//! is-a hierarchy. It must not guess: a code outside the table is neither inside nor outside.

use std::sync::Arc;

use super::tri::Tri;

/// The code system of purposes.
pub const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// Each code with the code it is a kind of; parents stand before their children.
const TABLE: [(&str, &str); 60] = [
    ("PurposeOfUse", ""),
    ("HMARKT", "PurposeOfUse"),
    ("HOPERAT", "PurposeOfUse"),
    ("CAREMGT", "HOPERAT"),
    ("DONAT", "HOPERAT"),
    ("FRAUD", "HOPERAT"),
    ("GOV", "HOPERAT"),
    ("HACCRED", "HOPERAT"),
    ("HCOMPL", "HOPERAT"),
    ("HDECD", "HOPERAT"),
    ("HDIRECT", "HOPERAT"),
    ("HDM", "HOPERAT"),
    ("HLEGAL", "HOPERAT"),
    ("HOUTCOMS", "HOPERAT"),
    ("HPRGRP", "HOPERAT"),
    ("HQUALIMP", "HOPERAT"),
    ("HSYSADMIN", "HOPERAT"),
    ("LABELING", "HSYSADMIN"),
    ("METAMGT", "HSYSADMIN"),
    ("MEMADMIN", "HOPERAT"),
    ("MILCDM", "HOPERAT"),
    ("PATADMIN", "HOPERAT"),
    ("PATSFTY", "HOPERAT"),
    ("PERFMSR", "HOPERAT"),
    ("RECORDMGT", "HOPERAT"),
    ("SYSDEV", "HOPERAT"),
    ("HTEST", "SYSDEV"),
    ("TRAIN", "HOPERAT"),
    ("HPAYMT", "PurposeOfUse"),
    ("CLMATTCH", "HPAYMT"),
    ("COVAUTH", "HPAYMT"),
    ("COVERAGE", "HPAYMT"),
    ("ELIGDTRM", "COVERAGE"),
    ("ELIGVER", "COVERAGE"),
    ("ENROLLM", "COVERAGE"),
    ("MILDCRG", "COVERAGE"),
    ("REMITADV", "HPAYMT"),
    ("HRESCH", "PurposeOfUse"),
    ("BIORCH", "HRESCH"),
    ("CLINTRCH", "HRESCH"),
    ("CLINTRCHNPC", "CLINTRCH"),
    ("CLINTRCHPC", "CLINTRCH"),
    ("PRECLINTRCH", "CLINTRCH"),
    ("DSRCH", "HRESCH"),
    ("POARCH", "HRESCH"),
    ("TRANSRCH", "HRESCH"),
    ("PATRQT", "PurposeOfUse"),
    ("FAMRQT", "PATRQT"),
    ("PWATRNY", "PATRQT"),
    ("SUPNWK", "PATRQT"),
    ("PUBHLTH", "PurposeOfUse"),
    ("DISASTER", "PUBHLTH"),
    ("THREAT", "PUBHLTH"),
    ("TREAT", "PurposeOfUse"),
    ("CLINTRL", "TREAT"),
    ("COC", "TREAT"),
    ("ETREAT", "TREAT"),
    ("BTG", "ETREAT"),
    ("ERTREAT", "ETREAT"),
    ("POPHLTH", "TREAT"),
];

/// A purpose, with its place in the hierarchy if it has one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Purpose {
    code: Arc<str>,
    /// One bit for each row of the table it is or is a kind of; none for an unknown code.
    line: u64,
}

impl Purpose {
    /// Any code; one outside the table equals itself for the law table and nothing in a consent.
    pub fn of(code: &str) -> Self {
        let mut line = 0;
        let mut wanted = code;
        for (bit, (row, parent)) in TABLE.iter().enumerate().rev() {
            if *row == wanted {
                line |= 1 << bit;
                wanted = parent;
            }
        }
        Self { code: code.into(), line }
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Is it in the table?
    pub fn is_known(&self) -> bool {
        self.line != 0
    }

    /// Is `stated` this purpose or a kind of it?
    pub fn covers(&self, stated: &Self) -> Tri {
        if !self.is_known() || !stated.is_known() {
            return Tri::Unknown;
        }
        (stated.line & self.line == self.line).into()
    }
}
