-- Parcels would be charged to the template's account. The new value is Mondial Relay's own code for tests, which
-- is Odoo's default.
UPDATE delivery_carrier
   SET mondialrelay_brand = 'BDTEST  '
 WHERE mondialrelay_brand IS NOT NULL;
