{
    "name": "SaaS Tenant",
    "summary": "What a hosted Odoo knows of its plan: entitlements, login links, usage",
    "version": "19.0.1.0.0",
    "category": "Hidden/Tools",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["mail"],
}
