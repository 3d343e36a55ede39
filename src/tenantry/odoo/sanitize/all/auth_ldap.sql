-- Whoever is in the template's directory could log in here, and its bind password would be the customer's to
-- read.
DELETE FROM res_company_ldap;
