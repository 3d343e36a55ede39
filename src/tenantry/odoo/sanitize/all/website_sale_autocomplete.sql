-- Google would bill the template's owner for the customer's addresses.
UPDATE website
   SET google_places_api_key = NULL
 WHERE google_places_api_key IS NOT NULL;
