-- Links to spreadsheets that the template's author shared.
DELETE FROM ir_attachment
 WHERE res_model = 'spreadsheet.dashboard.share';

DELETE FROM spreadsheet_dashboard_share;
