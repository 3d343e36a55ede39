-- SQL without Odoo's ORM leaves its caches stale. Odoo reads these before each request, and clears them: sequences
-- until 18.0, tables since. The registry itself is not stale.
DO $$
DECLARE
    signal record;
BEGIN
    FOR signal IN
        SELECT relname, relkind
          FROM pg_class
         WHERE relnamespace = 'public'::regnamespace
           AND (relkind = 'S' AND relname LIKE 'base\_cache\_signaling\_%'
                OR relkind = 'r' AND relname LIKE 'orm\_signaling\_%' AND relname <> 'orm_signaling_registry')
    LOOP
        IF signal.relkind = 'S' THEN
            PERFORM nextval(format('public.%I', signal.relname)::regclass);
        ELSE
            EXECUTE format('INSERT INTO public.%I DEFAULT VALUES', signal.relname);
        END IF;
    END LOOP;
END $$;
