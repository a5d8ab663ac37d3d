-- Whose the object is, that is, whose quota it is charged to: the scope of the highest class among those whose records cite it,
-- and while none does, the scope that put it last.
ALTER TABLE objects ADD COLUMN scope TEXT NOT NULL DEFAULT '';

UPDATE objects SET scope = coalesce((SELECT records.scope FROM record_objects JOIN records ON records.number = record
  WHERE record_objects.object = objects.number
  ORDER BY instr('branch: queue: trusted: release:', substr(records.scope, 1, instr(records.scope, ':'))) DESC, record LIMIT 1), '');

CREATE INDEX objects_by_owner ON objects (repository, scope, size, object) WHERE state < 2;
