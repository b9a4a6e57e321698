//! placeholder

pub mod peers;
pub mod sample;
