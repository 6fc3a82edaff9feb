//! Commands on a gateway whose store is in a database, with a real `PostgreSQL`.

mod audit;
mod doctoring;
mod moving;
mod tracing;
