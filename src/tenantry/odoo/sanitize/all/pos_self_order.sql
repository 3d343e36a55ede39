-- These codes are printed on tables: a visitor with a code of the template could order in every clone.
UPDATE restaurant_table
   SET identifier = left(replace(gen_random_uuid()::text, '-', ''), 8);
