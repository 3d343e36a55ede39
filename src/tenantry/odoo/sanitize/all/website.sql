-- The template's domain would take over this site's addresses, and its visitors and statistics are others'.
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

-- Pages locked with a password stay locked, and open with a password the customer sets.
UPDATE ir_ui_view
   SET visibility_password = NULL
 WHERE visibility_password IS NOT NULL;
