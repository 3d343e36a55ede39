-- A mailing the template had under way would go out once more from every clone.
UPDATE mailing_mailing
   SET state = 'draft'
 WHERE state IN ('in_queue', 'sending');

DELETE FROM ir_config_parameter
 WHERE key = 'mass_mailing.mail_server_id';
