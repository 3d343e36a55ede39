-- Every clone would send the text messages in the template's queue, and be charged for them.
DELETE FROM sms_sms;
