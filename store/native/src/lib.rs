//! The service on one machine: disk, SQLite and a key file
