-- The template's fiscal device is in another company's shop.
UPDATE res_company
   SET l10n_ke_cu_proxy_address = NULL
 WHERE l10n_ke_cu_proxy_address IS NOT NULL;
