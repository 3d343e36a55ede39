-- The template's domain would replace this site's address, and its visitors and statistics are not this
-- customer's.
UPDATE website
   SET domain = NULL,
       cdn_activated = false,
       cdn_url = NULL,
       google_analytics_key = NULL,
       google_search_console = NULL,
       google_maps_api_key = NULL,
       plausible_shared_key = NULL,
       plausible_site = NULL;

DELETE FROM website_visitor;

-- Pages with a password stay locked, until the customer sets a new password.
UPDATE ir_ui_view
   SET visibility_password = NULL
 WHERE visibility_password IS NOT NULL;
