{
    "name": "SaaS Tenant",
    "summary": "The plan's limits, login links and support sessions of a hosted Odoo",
    "version": "19.0.1.0.0",
    "category": "Hidden/Tools",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["mail"],
    "data": [
        "security/ir.model.access.csv",
        "views/saas_tenant_access_views.xml",
        "views/res_config_settings_views.xml",
        "views/login_templates.xml",
        "views/password_templates.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "saas_tenant/static/src/banner/**/*",
            "saas_tenant/static/src/welcome/**/*",
        ],
    },
}
