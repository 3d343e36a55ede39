-- A link that opens a document of the template must not open the instance's copy; Odoo makes a new one when
-- asked.
UPDATE purchase_order
   SET access_token = NULL
 WHERE access_token IS NOT NULL;
