-- Whose an object is, that is, whose quota it is charged to; empty for one from before there were owners, until a collection
-- finds out.
ALTER TABLE objects ADD COLUMN scope TEXT NOT NULL DEFAULT '';

CREATE INDEX objects_by_owner ON objects (repository, scope) WHERE state < 2;

CREATE INDEX records_by_scope ON records (repository, scope) WHERE forgotten IS NULL;

-- What is charged to each scope, in bytes: its objects that are not doomed, and what its records take up in the index.
CREATE TABLE charges (
  repository TEXT NOT NULL,
  scope TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (repository, scope)
) STRICT, WITHOUT ROWID;

INSERT INTO charges (repository, scope, bytes) SELECT repository, scope, sum(bytes) FROM (
  SELECT repository, scope, size AS bytes FROM objects WHERE state < 2
  UNION ALL SELECT repository, scope, 2000 + 120 * objects FROM records) GROUP BY repository, scope;

CREATE TRIGGER object_added AFTER INSERT ON objects WHEN new.state < 2 BEGIN
  INSERT INTO charges (repository, scope, bytes) VALUES (new.repository, new.scope, new.size)
  ON CONFLICT (repository, scope) DO UPDATE SET bytes = bytes + excluded.bytes; END;

CREATE TRIGGER object_changed AFTER UPDATE OF scope, size, state ON objects WHEN old.state < 2 OR new.state < 2 BEGIN
  UPDATE charges SET bytes = bytes - old.size WHERE old.state < 2 AND repository = old.repository AND scope = old.scope; INSERT INTO charges (repository, scope, bytes) SELECT new.repository, new.scope, new.size WHERE new.state < 2
  ON CONFLICT (repository, scope) DO UPDATE SET bytes = bytes + excluded.bytes; END;

CREATE TRIGGER object_gone AFTER DELETE ON objects WHEN old.state < 2 BEGIN
  UPDATE charges SET bytes = bytes - old.size WHERE repository = old.repository AND scope = old.scope; END;

CREATE TRIGGER record_added AFTER INSERT ON records BEGIN
  INSERT INTO charges (repository, scope, bytes) VALUES (new.repository, new.scope, 2000 + 120 * new.objects)
  ON CONFLICT (repository, scope) DO UPDATE SET bytes = bytes + excluded.bytes; END;

CREATE TRIGGER record_gone AFTER DELETE ON records BEGIN
  UPDATE charges SET bytes = bytes - (2000 + 120 * old.objects) WHERE repository = old.repository AND scope = old.scope; END;
