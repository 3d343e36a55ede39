-- Statements that were signed for another database are not valid here. Its support sessions, and its consent to
-- support, do not belong to this customer.
DELETE FROM ir_config_parameter
 WHERE key LIKE 'saas\_tenant.%';

DELETE FROM saas_tenant_access;
