-- An invitation or reset link mailed from the template would set a password here.
UPDATE res_partner
   SET signup_token = NULL,
       signup_type = NULL,
       signup_expiration = NULL
 WHERE signup_token IS NOT NULL
    OR signup_type IS NOT NULL
    OR signup_expiration IS NOT NULL;
