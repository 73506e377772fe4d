//! The DNS as the probe meets it: real questions over loopback to servers that answer, differ, fail and keep silent.

mod situations;
mod walk;
