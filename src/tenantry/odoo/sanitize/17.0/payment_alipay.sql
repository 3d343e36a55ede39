-- The template's account at Alipay would collect this customer's payments.
UPDATE payment_provider
   SET alipay_merchant_partner_id = NULL,
       alipay_md5_signature_key = NULL,
       alipay_seller_email = NULL
 WHERE alipay_merchant_partner_id IS NOT NULL
    OR alipay_md5_signature_key IS NOT NULL
    OR alipay_seller_email IS NOT NULL;
