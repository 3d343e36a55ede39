-- Run by a superuser in the database `tenantry_base`, from which every template is copied.

-- For search that ignores accents: Odoo's indexes use `unaccent` only if it is declared immutable, which only its
-- owner, a superuser, can do. It is immutable as long as nobody changes its rules file.
DO $$
DECLARE
    wanted text;
BEGIN
    FOR wanted IN SELECT name FROM pg_available_extensions WHERE name IN ('pg_trgm', 'unaccent') LOOP
        EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I', wanted);
    END LOOP;
    IF to_regprocedure('unaccent(text)') IS NOT NULL THEN
        ALTER FUNCTION unaccent(text) IMMUTABLE;
    END IF;
END $$;

-- A tenant's administrator can run SQL. These views would show them the names of the other customers, and which
-- of them are active.
REVOKE SELECT ON pg_catalog.pg_database, pg_catalog.pg_shdescription, pg_catalog.pg_db_role_setting,
    pg_catalog.pg_auth_members, pg_catalog.pg_shdepend,
    pg_catalog.pg_roles, pg_catalog.pg_user, pg_catalog.pg_group,
    pg_catalog.pg_stat_activity, pg_catalog.pg_stat_database, pg_catalog.pg_stat_database_conflicts,
    pg_catalog.pg_locks, pg_catalog.pg_stat_ssl, pg_catalog.pg_stat_gssapi, pg_catalog.pg_stat_replication
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION
    pg_catalog.pg_stat_get_activity(integer), pg_catalog.pg_lock_status(),
    pg_catalog.shobj_description(oid, name), pg_catalog.pg_get_userbyid(oid),
    pg_catalog.pg_describe_object(oid, oid, integer), pg_catalog.pg_identify_object(oid, oid, integer),
    pg_catalog.pg_identify_object_as_address(oid, oid, integer)
    FROM PUBLIC;
-- A tenant's data is in its tables and its filestore; large objects would be outside of both.
REVOKE EXECUTE ON FUNCTION pg_catalog.lo_create(oid), pg_catalog.lo_creat(integer),
    pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
