-- The template's account at ECPay: invoices would be filed in its name.
UPDATE res_company
   SET l10n_tw_edi_ecpay_merchant_id = NULL,
       "l10n_tw_edi_ecpay_hashIV" = NULL,
       l10n_tw_edi_ecpay_hashkey = NULL
 WHERE l10n_tw_edi_ecpay_merchant_id IS NOT NULL
    OR "l10n_tw_edi_ecpay_hashIV" IS NOT NULL
    OR l10n_tw_edi_ecpay_hashkey IS NOT NULL;
