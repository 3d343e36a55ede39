-- SQL without Odoo's ORM leaves its caches stale. Odoo reads these tables before each request, and clears them.
INSERT INTO orm_signaling_default DEFAULT VALUES;
INSERT INTO orm_signaling_stable DEFAULT VALUES;
