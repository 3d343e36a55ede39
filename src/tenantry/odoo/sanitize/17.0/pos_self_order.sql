-- These codes are printed on tables: a visitor with a code of the template could order in every clone.
UPDATE pos_config
   SET access_token = left(replace(gen_random_uuid()::text, '-', ''), 16);

UPDATE restaurant_table
   SET identifier = left(replace(gen_random_uuid()::text, '-', ''), 8);
