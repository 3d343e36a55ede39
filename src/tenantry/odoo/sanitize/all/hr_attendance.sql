-- The kiosk is protected by its secret address only: with the template's address, people could see every clone's
-- list of employees.
UPDATE res_company
   SET attendance_kiosk_key = replace(gen_random_uuid()::text, '-', '')
 WHERE attendance_kiosk_key IS NOT NULL;
