{
    "name": "SaaS Manager",
    "summary": "Sell and run Odoo instances: templates, plans, instances, subscriptions",
    "version": "19.0.1.0.0",
    "category": "Services/SaaS",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["mail", "portal", "queue_job"],
    "application": True,
}
