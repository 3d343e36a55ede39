-- Bank accounts of the template's QRIS registration would collect this customer's payments.
UPDATE res_partner_bank
   SET l10n_id_qris_api_key = NULL,
       l10n_id_qris_mid = NULL
 WHERE l10n_id_qris_api_key IS NOT NULL
    OR l10n_id_qris_mid IS NOT NULL;
