-- Users of the template's directory could log in here, and the customer could read the directory's bind
-- password.
DELETE FROM res_company_ldap;
