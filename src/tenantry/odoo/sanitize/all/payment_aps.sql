-- The template's account at Amazon Payment Services would collect this customer's payments.
UPDATE payment_provider
   SET aps_merchant_identifier = NULL,
       aps_access_code = NULL,
       aps_sha_request = NULL,
       aps_sha_response = NULL
 WHERE aps_merchant_identifier IS NOT NULL
    OR aps_access_code IS NOT NULL
    OR aps_sha_request IS NOT NULL
    OR aps_sha_response IS NOT NULL;
