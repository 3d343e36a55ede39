-- The clone would read and write the calendars of the template's users.
UPDATE res_users
   SET microsoft_calendar_rtoken = NULL,
       microsoft_calendar_token = NULL,
       microsoft_calendar_token_validity = NULL
 WHERE microsoft_calendar_rtoken IS NOT NULL
    OR microsoft_calendar_token IS NOT NULL
    OR microsoft_calendar_token_validity IS NOT NULL;
