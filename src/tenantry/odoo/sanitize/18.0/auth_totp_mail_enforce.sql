-- Failed codes in the template must not count as failed attempts here.
DELETE FROM auth_totp_rate_limit_log;
