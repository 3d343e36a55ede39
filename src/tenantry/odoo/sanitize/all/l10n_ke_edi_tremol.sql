-- The template's fiscal device stands in somebody else's shop.
UPDATE res_company
   SET l10n_ke_cu_proxy_address = NULL
 WHERE l10n_ke_cu_proxy_address IS NOT NULL;
