# The input of `odoo shell`, which provides `env`: it generates web assets with Odoo's ORM.
# These bundles are loaded by the login page, the web client and the portal. All clones have them then;
# generated at first use, they would delay each customer's first page by some three seconds.
BUNDLES = (
    "web.assets_frontend",
    "web.assets_frontend_minimal",
    "web.assets_frontend_lazy",
    "web.assets_web",
    "web.assets_web_dark",
    "web.assets_web_print",
    "web.assets_backend_lazy",
    "web.assets_backend_lazy_dark",
    "web.assets_emoji",
    "bus.websocket_worker_assets",
    "web_tour.interactive",
)

# The styles of PDF files, which Odoo serves with prefixes for old browsers.
REPORT_BUNDLES = ("web.report_assets_common", "web.report_assets_pdf")

directions = set(env["res.lang"].search([]).mapped(lambda language: language.direction == "rtl"))
for bundle in BUNDLES:
    asset = env["ir.qweb"]._get_asset_bundle(bundle, css=False)
    if asset.javascripts or getattr(asset, "templates", None):
        asset.js()
for rtl in directions:
    for bundle in (*BUNDLES, *REPORT_BUNDLES):
        prefixed = {"autoprefix": True} if bundle in REPORT_BUNDLES else {}
        asset = env["ir.qweb"]._get_asset_bundle(bundle, js=False, rtl=rtl, **prefixed)
        if asset.stylesheets:
            asset.css()
env.cr.commit()
