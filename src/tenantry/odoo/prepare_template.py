# Read by `odoo shell`, which gives `env`: the last touches a template needs from Odoo's ORM.
# What the login page, the web client and the portal load. Made here once, they are served from
# every clone; made on first use they would cost each customer's first page some three seconds.
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

# A PDF's styles, which are served with prefixes for old browsers.
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
