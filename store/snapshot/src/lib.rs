//! Manifest and pack formats, and the save and restore engine
