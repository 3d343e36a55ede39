-- A link that opens a document of the template must not open the instance's copy; Odoo makes a new one when
-- asked.
UPDATE account_move
   SET access_token = NULL
 WHERE access_token IS NOT NULL;

UPDATE account_journal
   SET access_token = NULL
 WHERE access_token IS NOT NULL;

-- The accounts of the template's company are archived; a journal that still refers to one would print it on
-- invoices.
UPDATE account_journal
   SET bank_account_id = NULL
 WHERE bank_account_id IN (SELECT id
                             FROM res_partner_bank
                            WHERE partner_id IN (SELECT partner_id FROM res_company));

-- The tax numbers of the template's company in other countries.
UPDATE account_fiscal_position
   SET foreign_vat = NULL
 WHERE foreign_vat IS NOT NULL;
