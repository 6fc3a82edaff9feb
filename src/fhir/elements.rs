//! The elements of the resource types, as far as shortened forms need to know them.
//!
//! Floor of the house. Taken from the `StructureDefinition`s of HL7 FHIR R4 4.0.1 (CC0-1.0): the elements
//! of a resource itself, with `m` where at least one must stand and `s` where it is of the summary;
//! `*` stands for the type in the name of a choice. Source: FHIR R4 search.html#summary, #elements.

use crate::fhir::types::ResourceType;

/// One element of a resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Element {
    /// Its name; of a choice without the type.
    pub name: &'static str,
    /// Must it stand?
    pub mandatory: bool,
    /// Is it of the summary?
    pub summary: bool,
}

/// What every resource has; what changes the meaning of the rest always goes with it.
const COMMON: &str = "id:ms meta:ms implicitRules:ms language text contained extension \
                      modifierExtension:m";

/// The element that a member of a resource's JSON belongs to, `_birthDate` to `birthDate` and
/// `valueInteger` to `value`; `None` if the type has none such.
pub fn element(kind: ResourceType, member: &str) -> Option<Element> {
    let member = member.strip_prefix('_').unwrap_or(member);
    let all = COMMON.split(' ').chain(own(kind).split(' ')).filter(|text| !text.is_empty());
    all.map(|text| text.split_once(':').unwrap_or((text, ""))).find_map(|(name, flags)| {
        let (base, is_it) = match name.strip_suffix('*') {
            Some(base) => {
                let of = member.strip_prefix(base);
                (base, of.is_some_and(|of| of.is_empty() || of.starts_with(char::is_uppercase)))
            }
            None => (name, name == member),
        };
        let (mandatory, summary) = (flags.contains('m'), flags.contains('s'));
        is_it.then_some(Element { name: base, mandatory, summary })
    })
}

/// The elements of one type alone.
#[expect(clippy::too_many_lines, reason = "it is one table")]
const fn own(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::AuditEvent => {
            "type:ms subtype:s action:s period recorded:ms outcome:s outcomeDesc:s \
             purposeOfEvent:s agent:m source:m entity"
        }
        ResourceType::CarePlan => {
            "identifier:s instantiatesCanonical:s instantiatesUri:s basedOn:s \
             replaces:s partOf:s status:ms intent:ms category:s title:s \
             description:s subject:ms encounter:s period:s created:s author:s \
             contributor careTeam addresses:s supportingInfo goal activity note"
        }
        ResourceType::CareTeam => {
            "identifier:s status:s category:s name:s subject:s encounter:s period:s \
             participant reasonCode reasonReference managingOrganization:s telecom \
             note"
        }
        ResourceType::Consent => {
            "identifier:s status:ms scope:ms category:ms patient:s dateTime:s \
             performer:s organization:s source*:s policy policyRule:s \
             verification:s provision:s"
        }
        ResourceType::Goal => {
            "identifier lifecycleStatus:ms achievementStatus:s category:s \
             priority:s description:ms subject:ms start*:s target statusDate:s \
             statusReason expressedBy:s addresses note outcomeCode outcomeReference"
        }
        ResourceType::HealthcareService => {
            "identifier:s active:s providedBy:s category:s type:s specialty:s \
             location:s name:s comment:s extraDetails photo:s telecom coverageArea \
             serviceProvisionCode eligibility program characteristic communication \
             referralMethod appointmentRequired availableTime notAvailable \
             availabilityExceptions endpoint"
        }
        ResourceType::Location => {
            "identifier:s status:s operationalStatus:s name:s alias description:s \
             mode:s type:s telecom address physicalType:s position \
             managingOrganization:s partOf hoursOfOperation availabilityExceptions \
             endpoint"
        }
        ResourceType::Observation => {
            "identifier:s basedOn:s partOf:s status:ms category code:ms subject:s \
             focus:s encounter:s effective*:s issued:s performer:s value*:s \
             dataAbsentReason interpretation note bodySite method specimen device \
             referenceRange hasMember:s derivedFrom:s component:s"
        }
        ResourceType::Organization => {
            "identifier:s active:s type:s name:s alias telecom address partOf:s \
             contact endpoint"
        }
        ResourceType::Patient => {
            "identifier:s active:s name:s telecom:s gender:s birthDate:s \
             deceased*:s address:s maritalStatus multipleBirth* photo contact \
             communication generalPractitioner managingOrganization:s link:s"
        }
        ResourceType::Practitioner => {
            "identifier:s active:s name:s telecom:s address:s gender:s birthDate:s \
             photo qualification communication"
        }
        ResourceType::PractitionerRole => {
            "identifier:s active:s period:s practitioner:s organization:s code:s \
             specialty:s location:s healthcareService telecom:s availableTime \
             notAvailable availabilityExceptions endpoint"
        }
        ResourceType::Provenance => {
            "target:ms occurred* recorded:ms policy location reason activity \
             agent:m entity signature"
        }
        ResourceType::Questionnaire => {
            "url:s identifier:s version:s name:s title:s derivedFrom status:ms \
             experimental:s subjectType:s date:s publisher:s contact:s description \
             useContext:s jurisdiction:s purpose copyright approvalDate \
             lastReviewDate effectivePeriod:s code:s item"
        }
        ResourceType::QuestionnaireResponse => {
            "identifier:s basedOn:s partOf:s questionnaire:s status:ms subject:s \
             encounter:s authored:s author:s source:s item"
        }
        ResourceType::RelatedPerson => {
            "identifier:s active:s patient:ms relationship:s name:s telecom:s \
             gender:s birthDate:s address:s photo period communication"
        }
        ResourceType::ServiceRequest => {
            "identifier:s instantiatesCanonical:s instantiatesUri:s basedOn:s \
             replaces:s requisition:s status:ms intent:ms category:s priority:s \
             doNotPerform:s code:s orderDetail:s quantity*:s subject:ms encounter:s \
             occurrence*:s asNeeded*:s authoredOn:s requester:s performerType:s \
             performer:s locationCode:s locationReference:s reasonCode:s \
             reasonReference:s insurance supportingInfo specimen:s bodySite:s note \
             patientInstruction:s relevantHistory"
        }
        ResourceType::Subscription => {
            "status:ms contact:s end:s reason:ms criteria:ms error:s channel:ms"
        }
        ResourceType::Task => {
            "identifier instantiatesCanonical:s instantiatesUri:s basedOn:s \
             groupIdentifier:s partOf:s status:ms statusReason:s businessStatus:s \
             intent:ms priority code:s description:s focus:s for:s encounter:s \
             executionPeriod:s authoredOn lastModified:s requester:s performerType \
             owner:s location:s reasonCode reasonReference insurance note \
             relevantHistory restriction input output"
        }
    }
}
