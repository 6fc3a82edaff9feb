//! What users live: one file per story, in the language of `world`.

mod bad_consents;
mod bad_input;
mod consent_as_fhir;
mod consent_at_the_portal;
mod consent_over_time;
mod consent_to_many;
mod given_again;
mod every_parameter;
mod emergency;
mod explained;
mod housing_is_shared;
mod known_already;
mod looks_in_the_directory;
mod peers_misbehave;
mod portal_pulls_survey;
mod namesakes;
mod operator_looks_at_peers;
mod passes_through;
mod region_reads_plan;
mod revoked;
mod server;
mod too_many_requests;
mod versions;
mod walk_in_blocks;
mod who_saw_what;
mod written_down;
