-- SQL without Odoo's ORM leaves its caches stale. Odoo reads this sequence before each request, and clears them.
SELECT nextval('base_cache_signaling_default');
