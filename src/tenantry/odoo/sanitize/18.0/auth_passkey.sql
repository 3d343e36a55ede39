-- A passkey of the template's author opens every clone that still knows it.
DELETE FROM auth_passkey_key;
