//! Configuration: one TOML file, overlaid by `PORTICO_*` variables, read here and nowhere else.
//!
//! Every fault is collected and reported at once with its key, so that nobody mends a file one start at a time.
//! Secrets are never printed: values of secret keys do not appear in faults or in `Debug`.

mod authorities;
mod reader;
mod sections;

pub use reader::Faults;
pub use sections::Config;
