-- 100 000 instances of 5 000 customers, a log line for each, and 10 000 subscriptions whose period ends tomorrow.
-- Made by SQL: the benchmark measures the back office with many records, not their creation.
INSERT INTO res_partner (name, complete_name, is_company, active, type, company_registry, create_date)
SELECT 'Customer ' || number, 'Customer ' || number, true, true, 'contact', 'bench', now()
  FROM generate_series(1, 5000) AS number;

INSERT INTO saas_instance (
    name, partner_id, company_id, subdomain, template_id, plan_id, server_id, database_name, series,
    reference, admin_email, state, run_state, health, occupies_server, url, user_count, storage_mb,
    activated_at, provisioning_s, create_date, write_date, create_uid, write_uid)
SELECT 'Customer ' || number, customers.ids[1 + number % 5000], 1, 'many-' || number,
       (SELECT min(id) FROM saas_template), (SELECT min(id) FROM saas_plan), (SELECT min(id) FROM saas_server),
       'many-' || number, '19.0', 'many-' || number, 'admin@many-' || number || '.example',
       (ARRAY['suspended', 'suspended', 'suspended', 'terminated', 'failed'])[1 + number % 5],
       'stopped', 'healthy', number % 5 < 3, 'http://many-' || number || '.localhost', number % 20, number % 5000,
       now() - number * interval '5 minutes', 0.3 + (number % 100) / 200.0,
       now() - number * interval '5 minutes', now(), 1, 1
  FROM generate_series(1, 100000) AS number,
       (SELECT array_agg(id) AS ids FROM res_partner WHERE company_registry = 'bench') AS customers;

INSERT INTO saas_instance_log (instance_id, company_id, level, operation, step, duration_s, message, create_date)
SELECT id, 1, 'info', 'provision', 'activate', 0.01, 'provision: activate done', now()
  FROM saas_instance WHERE subdomain LIKE 'many-%';

INSERT INTO saas_subscription (
    name, instance_id, partner_id, company_id, plan_id, period, date_start, date_end, period_count, auto_renew,
    state, payment_state, period_start, currency_id, price, mrr, create_date, write_date, create_uid, write_uid)
SELECT 'SUB/BENCH/' || id, id, partner_id, company_id, plan_id, 'monthly',
       (current_date - interval '1 month' + interval '1 day')::date, (current_date + interval '1 day')::date, 1,
       id % 2 = 0, 'active', 'paid', (current_date - interval '1 month' + interval '1 day')::date,
       (SELECT min(currency_id) FROM saas_plan), 29, 29, now(), now(), 1, 1
  FROM saas_instance WHERE subdomain LIKE 'many-%' AND state = 'suspended' ORDER BY id LIMIT 10000;

INSERT INTO saas_subscription_period (
    subscription_id, company_id, kind, date_start, date_end, plan_id, period, price, currency_id, mrr, create_date,
    write_date, create_uid, write_uid)
SELECT id, company_id, 'period', period_start, date_end, plan_id, period, price, currency_id, mrr, now(), now(), 1, 1
  FROM saas_subscription WHERE name LIKE 'SUB/BENCH/%';

ANALYZE res_partner, saas_instance, saas_instance_log, saas_subscription, saas_subscription_period;
