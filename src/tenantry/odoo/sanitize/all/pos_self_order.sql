-- Printed on the tables: whoever has a code of the template could order in every clone.
UPDATE restaurant_table
   SET identifier = left(replace(gen_random_uuid()::text, '-', ''), 8);
