-- The kiosk's address is its only lock: the template's would open every clone's list of employees.
UPDATE res_company
   SET attendance_kiosk_key = replace(gen_random_uuid()::text, '-', '')
 WHERE attendance_kiosk_key IS NOT NULL;
