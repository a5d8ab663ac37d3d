-- Registered repositories: what an administrator says of them, as JSON.
CREATE TABLE repositories (
  repository TEXT PRIMARY KEY,
  registration TEXT NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens made by an administrator: who holds one, and whether it still counts. What a token opens is in the token, signed.
CREATE TABLE tokens (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  token TEXT NOT NULL UNIQUE,
  summary TEXT NOT NULL,
  revoked INTEGER
) STRICT;
