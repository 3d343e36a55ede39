-- Codes tried in the template must not count against a user's tries here.
DELETE FROM auth_totp_rate_limit_log;
