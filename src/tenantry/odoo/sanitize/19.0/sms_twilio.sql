-- The template's Twilio account would pay for this customer's text messages.
UPDATE res_company
   SET sms_twilio_account_sid = NULL,
       sms_twilio_auth_token = NULL
 WHERE sms_twilio_account_sid IS NOT NULL
    OR sms_twilio_auth_token IS NOT NULL;

DELETE FROM sms_twilio_number;
