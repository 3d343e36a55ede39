-- An invitation or reset link mailed from the template would set a password here: the links are signed with
-- database.secret, and this field says that a link is still valid.
UPDATE res_partner
   SET signup_type = NULL
 WHERE signup_type IS NOT NULL;
