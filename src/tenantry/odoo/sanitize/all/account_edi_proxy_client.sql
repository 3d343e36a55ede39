-- The template's registration in an invoicing network, with its private key: a clone would sign and receive
-- documents in its name.
DELETE FROM account_edi_proxy_client_user;
