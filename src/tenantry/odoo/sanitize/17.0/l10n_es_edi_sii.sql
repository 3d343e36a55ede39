-- Certificates sign in the name of the template's company.
DELETE FROM ir_attachment
 WHERE res_model = 'l10n_es_edi.certificate';

DELETE FROM l10n_es_edi_certificate;
