-- Certificates and private keys sign in the name of the template's company.
DELETE FROM ir_attachment
 WHERE res_model IN ('certificate.certificate', 'certificate.key');

DELETE FROM certificate_certificate;
DELETE FROM certificate_key;
