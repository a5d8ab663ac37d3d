-- Whose the object is while no record cites it: the scope of whoever put it last, which its quota is charged to.
ALTER TABLE objects ADD COLUMN scope TEXT NOT NULL DEFAULT '';
