# Read by `odoo shell`, which gives `env`: the last touches a template needs from Odoo's ORM.
import json
import os

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

recipe = json.loads(os.environ["TENANTRY_RECIPE"])
if recipe.get("country"):
    country = env["res.country"].search([("code", "=", recipe["country"])])
    env.company.write({"country_id": country.id, "currency_id": country.currency_id.id})
for bundle in BUNDLES:
    for css, js in ((True, False), (False, True)):
        asset = env["ir.qweb"]._get_asset_bundle(bundle, css=css, js=js)
        if css and asset.stylesheets:
            asset.css()
        if js and (asset.javascripts or getattr(asset, "templates", None)):
            asset.js()
env.cr.commit()
