-- Text messages the template had queued would be sent, and charged, by every clone.
DELETE FROM sms_sms;
