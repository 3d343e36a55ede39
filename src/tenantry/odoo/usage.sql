-- What an instance uses. The same file twice in Odoo is once on disk: files are counted by their name there.
SELECT (SELECT count(*) FROM res_users WHERE active AND NOT share AND id <> 1),
       pg_database_size(current_database())
       + (SELECT COALESCE(sum(file_size), 0)
            FROM (SELECT DISTINCT ON (store_fname) file_size
                    FROM ir_attachment
                   WHERE store_fname IS NOT NULL) AS stored)::bigint,
       (SELECT max(create_date) FROM res_users_log)
