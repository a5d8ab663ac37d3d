//! The backend: resolve, saves, commit and collection over Blobs, Sql, Clock and Keys
