-- Lineage: whose snapshots each run was served that saved, by run, so that it takes up a row for each pair of runs and not
-- one for each pair of snapshots. Kept while something could descend through it, also when the snapshots are gone.
CREATE TABLE lineage (
  repository TEXT NOT NULL,
  run TEXT NOT NULL,
  parent TEXT NOT NULL,
  PRIMARY KEY (repository, run, parent)
) STRICT, WITHOUT ROWID;

CREATE INDEX lineage_by_parent ON lineage (repository, parent);

INSERT INTO lineage (repository, run, parent) SELECT DISTINCT child.repository, child.run, parent.run
  FROM (SELECT DISTINCT repository, run, parent FROM ancestry) AS child
  JOIN (SELECT DISTINCT repository, snapshot, run FROM ancestry) AS parent
    ON parent.repository = child.repository AND parent.snapshot = child.parent
  WHERE parent.run <> child.run;

-- Who saved the snapshot, and in which scope: known when its record is gone, too. NULL where that was before it was noted.
ALTER TABLE served ADD COLUMN origin TEXT;

ALTER TABLE served ADD COLUMN scope TEXT;

UPDATE served SET scope = (SELECT records.scope FROM records WHERE number = record), origin = (SELECT ancestry.run
  FROM ancestry WHERE ancestry.repository = served.repository AND ancestry.snapshot = served.snapshot LIMIT 1);

-- A record is quarantined when its run is, which comes from a run to all that descend from it.
WITH RECURSIVE tainted (repository, run) AS (
  SELECT repository, run FROM ancestry WHERE quarantined = 1
  UNION SELECT lineage.repository, lineage.run FROM tainted JOIN lineage
    ON lineage.repository = tainted.repository AND lineage.parent = tainted.run)
  INSERT INTO quarantined_runs (repository, run) SELECT repository, run FROM tainted WHERE TRUE
  ON CONFLICT (repository, run) DO NOTHING;

UPDATE records SET quarantined = 1 WHERE quarantined = 0
  AND (repository, run) IN (SELECT repository, run FROM quarantined_runs);

DROP TABLE ancestry;

-- What the record takes up in the index, in bytes: its payload, with all its parents; its rungs, its sketch and its row; and
-- what cites each of its objects. It is reckoned and not kept, since a column behind the payload is reached through all of that.
ALTER TABLE records ADD COLUMN listed INTEGER NOT NULL AS (2000 + 40 * objects + length(payload)) VIRTUAL;

DROP TRIGGER record_added;

DROP TRIGGER record_gone;

DELETE FROM charges;

INSERT INTO charges (repository, scope, bytes) SELECT repository, scope, sum(bytes) FROM (
  SELECT repository, scope, size AS bytes FROM objects WHERE state < 2
  UNION ALL SELECT repository, scope, listed FROM records) GROUP BY repository, scope;

CREATE TRIGGER record_added AFTER INSERT ON records BEGIN
  INSERT INTO charges (repository, scope, bytes) VALUES (new.repository, new.scope, new.listed)
  ON CONFLICT (repository, scope) DO UPDATE SET bytes = bytes + excluded.bytes; END;

CREATE TRIGGER record_gone AFTER DELETE ON records BEGIN
  UPDATE charges SET bytes = bytes - old.listed WHERE repository = old.repository AND scope = old.scope; END;
