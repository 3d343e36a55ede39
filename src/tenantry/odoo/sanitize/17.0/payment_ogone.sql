-- The template's account at Ogone would collect this customer's payments.
UPDATE payment_provider
   SET ogone_pspid = NULL,
       ogone_userid = NULL,
       ogone_password = NULL,
       ogone_shakey_in = NULL,
       ogone_shakey_out = NULL
 WHERE ogone_pspid IS NOT NULL
    OR ogone_userid IS NOT NULL
    OR ogone_password IS NOT NULL
    OR ogone_shakey_in IS NOT NULL
    OR ogone_shakey_out IS NOT NULL;
