//! From sci.toml to derivation keys, and the difference between two derivations
