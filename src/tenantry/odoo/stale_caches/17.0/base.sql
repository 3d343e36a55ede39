-- What was written past Odoo's ORM makes its caches stale: it looks at this sequence before each request.
SELECT nextval('base_cache_signaling_default');
