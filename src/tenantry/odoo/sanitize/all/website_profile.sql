-- This secret signs the links that validate a member's address: the template's would validate any address in
-- every clone.
DELETE FROM ir_config_parameter
 WHERE key = 'website_profile.uuid';
