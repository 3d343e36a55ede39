-- What was signed for another database is not valid here; who was let in there, and whether its owner lets the
-- provider in, is nothing of this customer's.
DELETE FROM ir_config_parameter
 WHERE key LIKE 'saas\_tenant.%';

DELETE FROM saas_tenant_access;
