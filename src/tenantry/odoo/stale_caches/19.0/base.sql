-- What was written past Odoo's ORM makes its caches stale: it looks at these tables before each request.
INSERT INTO orm_signaling_default DEFAULT VALUES;
INSERT INTO orm_signaling_stable DEFAULT VALUES;
