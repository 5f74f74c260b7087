-- From version 2 to 3: pages that a server says did not change.
ALTER TABLE fetch ADD COLUMN is_unchanged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE page ADD COLUMN reading INTEGER;
