-- Payments by QR code would go to the template's merchant account.
UPDATE res_partner_bank
   SET l10n_kh_merchant_id = NULL
 WHERE l10n_kh_merchant_id IS NOT NULL;
