-- The digest is overdue since the template was built: the customer would get it on their first day, without any
-- content.
UPDATE digest_digest
   SET next_run_date = current_date + CASE periodicity
                                      WHEN 'daily' THEN interval '1 day'
                                      WHEN 'weekly' THEN interval '1 week'
                                      WHEN 'monthly' THEN interval '1 month'
                                      ELSE interval '3 months'
                                      END
 WHERE state = 'activated';
