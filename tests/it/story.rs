//! What users live: one file per story, in the language of `world`.

mod bad_input;
mod consent_over_time;
mod housing_is_shared;
mod peers_misbehave;
mod portal_pulls_survey;
mod region_reads_plan;
mod written_down;
