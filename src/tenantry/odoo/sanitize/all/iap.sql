-- The template's prepaid credits must not be spent by its clones; Odoo opens a new account at first use.
DELETE FROM iap_account;
