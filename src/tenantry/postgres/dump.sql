-- Run by a superuser in each hardened database: grant pg_dump's role what `base.sql` revoked from PUBLIC and
-- pg_dump reads. That role can log in during a dump only.
GRANT SELECT ON TABLE pg_catalog.pg_database, pg_catalog.pg_db_role_setting, pg_catalog.pg_roles,
    pg_catalog.pg_shdescription
    TO tenantry_dump;
GRANT EXECUTE ON FUNCTION pg_catalog.shobj_description(oid, name), pg_catalog.pg_get_userbyid(oid)
    TO tenantry_dump;
