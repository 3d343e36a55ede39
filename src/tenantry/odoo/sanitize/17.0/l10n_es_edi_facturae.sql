-- Certificates sign in the name of the template's company.
DELETE FROM ir_attachment
 WHERE res_model = 'l10n_es_edi_facturae.certificate';

DELETE FROM l10n_es_edi_facturae_certificate;
