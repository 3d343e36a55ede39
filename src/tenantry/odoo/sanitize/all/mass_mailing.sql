-- Every clone would send again a mailing that the template had begun.
UPDATE mailing_mailing
   SET state = 'draft'
 WHERE state IN ('in_queue', 'sending');

DELETE FROM ir_config_parameter
 WHERE key = 'mass_mailing.mail_server_id';
