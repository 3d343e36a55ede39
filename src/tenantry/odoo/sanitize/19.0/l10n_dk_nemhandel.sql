-- Without the template's registration, the company is not registered.
UPDATE res_company
   SET l10n_dk_nemhandel_proxy_state = 'not_registered',
       nemhandel_contact_email = NULL,
       nemhandel_phone_number = NULL
 WHERE l10n_dk_nemhandel_proxy_state IS DISTINCT FROM 'not_registered'
    OR nemhandel_contact_email IS NOT NULL
    OR nemhandel_phone_number IS NOT NULL;

UPDATE res_partner
   SET nemhandel_identifier_value = NULL
 WHERE nemhandel_identifier_value IS NOT NULL
   AND id IN (SELECT partner_id FROM res_company);
