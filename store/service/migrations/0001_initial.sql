-- The index. The same statements run on SQLite and on D1. A statement ends with a semicolon at the end of a line, and
-- nowhere else stands one there.

-- Path instances. What is kept per record refers to them by number.
CREATE TABLE sites (
  number INTEGER PRIMARY KEY,
  repository TEXT NOT NULL,
  path TEXT NOT NULL,
  instance TEXT NOT NULL,
  UNIQUE (repository, path, instance)
) STRICT;

-- Snapshots, in the order of their commits. What is not in the signed payload is what the service itself must know.
CREATE TABLE records (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  repository TEXT NOT NULL,
  snapshot BLOB NOT NULL,
  site INTEGER NOT NULL,
  scope TEXT NOT NULL,
  key BLOB NOT NULL,
  tree BLOB NOT NULL,
  sketch BLOB NOT NULL,
  derivation BLOB NOT NULL,
  settled INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  objects INTEGER NOT NULL,
  run TEXT NOT NULL,
  sha TEXT,
  created INTEGER NOT NULL,
  payload BLOB NOT NULL,
  keyid TEXT NOT NULL,
  signature BLOB NOT NULL,
  forgotten INTEGER,
  UNIQUE (repository, snapshot)
) STRICT;

CREATE INDEX records_by_repository ON records (repository, number);

CREATE INDEX records_by_site ON records (site, scope, number);

CREATE INDEX records_by_run ON records (repository, run);

CREATE INDEX records_forgotten ON records (forgotten) WHERE forgotten IS NOT NULL;

-- The seven rungs of each record's ladder. A forgotten record has none, so resolve does not see it.
CREATE TABLE rungs (
  site INTEGER NOT NULL,
  digest BLOB NOT NULL,
  scope TEXT NOT NULL,
  settled INTEGER NOT NULL,
  record INTEGER NOT NULL,
  PRIMARY KEY (site, digest, scope, settled, record)
) STRICT, WITHOUT ROWID;

CREATE INDEX rungs_by_record ON rungs (record);

-- Which snapshots each snapshot descends from; one without parents has a row with an empty parent. Kept when the snapshot
-- is gone, so that a quarantine still reaches its descendants.
CREATE TABLE ancestry (
  repository TEXT NOT NULL,
  snapshot BLOB NOT NULL,
  parent BLOB NOT NULL,
  run TEXT NOT NULL,
  quarantined INTEGER NOT NULL,
  PRIMARY KEY (repository, snapshot, parent)
) STRICT, WITHOUT ROWID;

CREATE INDEX ancestry_by_parent ON ancestry (repository, parent);

CREATE INDEX ancestry_by_run ON ancestry (repository, run);

-- Objects. state: 0 arriving, 1 stored, 2 doomed: its blob is being deleted, and it exists for nobody.
-- A number is never used twice. idle: since when nothing needs the object.
CREATE TABLE objects (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  repository TEXT NOT NULL,
  object BLOB NOT NULL,
  size INTEGER NOT NULL,
  state INTEGER NOT NULL,
  idle INTEGER
) STRICT;

CREATE UNIQUE INDEX objects_by_id ON objects (repository, object) WHERE state < 2;

CREATE INDEX objects_doomed ON objects (number) WHERE state = 2;

CREATE TABLE record_objects (
  record INTEGER NOT NULL,
  object INTEGER NOT NULL,
  PRIMARY KEY (record, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX record_objects_by_object ON record_objects (object);

-- What keeps uploaded objects until something cites them: a save in flight, or a run for its plans.
CREATE TABLE holds (
  hold BLOB PRIMARY KEY,
  repository TEXT NOT NULL,
  run TEXT NOT NULL,
  touched INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- verified: the bytes were seen, so the holder may cite the object.
CREATE TABLE uploads (
  hold BLOB NOT NULL,
  object INTEGER NOT NULL,
  verified INTEGER NOT NULL,
  PRIMARY KEY (hold, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_object ON uploads (object);

-- Saves. One with an answer is kept for good, so that a repeated commit gets the same answer.
CREATE TABLE saves (
  save BLOB PRIMARY KEY,
  repository TEXT NOT NULL,
  scope TEXT NOT NULL,
  run TEXT NOT NULL,
  path TEXT NOT NULL,
  instance TEXT NOT NULL,
  key BLOB NOT NULL,
  bases TEXT NOT NULL,
  begun INTEGER NOT NULL,
  request BLOB,
  answer TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX saves_open ON saves (repository, scope, path, instance, key) WHERE answer IS NULL;

-- Which snapshots were served to which run, and until when their objects are kept for it.
CREATE TABLE served (
  repository TEXT NOT NULL,
  run TEXT NOT NULL,
  snapshot BLOB NOT NULL,
  record INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (repository, run, snapshot)
) STRICT, WITHOUT ROWID;

CREATE INDEX served_by_record ON served (record, until);

CREATE TABLE plans (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  plan BLOB NOT NULL UNIQUE,
  repository TEXT NOT NULL,
  scope TEXT NOT NULL,
  run TEXT NOT NULL,
  created INTEGER NOT NULL,
  paths INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE INDEX plans_by_repository ON plans (repository, number);

CREATE TABLE plan_objects (
  plan INTEGER NOT NULL,
  object INTEGER NOT NULL,
  PRIMARY KEY (plan, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_objects_by_object ON plan_objects (object);

CREATE TABLE quarantined_runs (
  repository TEXT NOT NULL,
  run TEXT NOT NULL,
  PRIMARY KEY (repository, run)
) STRICT, WITHOUT ROWID;

-- Always empty: a batch inserts 0 where the state it was made for is gone, which undoes the batch.
CREATE TABLE guard (
  held INTEGER NOT NULL CHECK (held = 1)
) STRICT;
