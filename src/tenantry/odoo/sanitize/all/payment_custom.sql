-- The instructions for a transfer list the bank accounts of the template's company.
UPDATE payment_provider
   SET pending_msg = regexp_replace(pending_msg::text, '<li><pre>.*?</pre></li>', '', 'g')::jsonb
 WHERE custom_mode = 'wire_transfer'
   AND pending_msg::text LIKE '%<li><pre>%';
