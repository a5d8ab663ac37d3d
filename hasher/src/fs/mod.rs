//! File hashing and the stat cache.
