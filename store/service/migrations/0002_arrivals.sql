-- How often the object's bytes have arrived. What was found damaged is dropped only while the count is what it was before
-- the look: bytes that were put again since are sound.
ALTER TABLE objects ADD COLUMN arrivals INTEGER NOT NULL DEFAULT 0;
