-- Overdue since the template was built, a digest would reach the customer on his first day with nothing to
-- tell.
UPDATE digest_digest
   SET next_run_date = current_date + CASE periodicity
                                      WHEN 'daily' THEN interval '1 day'
                                      WHEN 'weekly' THEN interval '1 week'
                                      WHEN 'monthly' THEN interval '1 month'
                                      ELSE interval '3 months'
                                      END
 WHERE state = 'activated';
