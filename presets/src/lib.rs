//! What each ecosystem keeps on disk and what that is derived from, as data
