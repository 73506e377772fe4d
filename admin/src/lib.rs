//! Screens of tenant staff and operators.

pub mod operator;
