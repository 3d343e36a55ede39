-- With a passkey of the template, its owner could log in to every clone that keeps it.
DELETE FROM auth_passkey_key;
