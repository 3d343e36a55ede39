-- Parcels would be charged to the template's account; this is Mondial Relay's own code for tests, and Odoo's
-- default.
UPDATE delivery_carrier
   SET mondialrelay_brand = 'BDTEST  '
 WHERE mondialrelay_brand IS NOT NULL;
