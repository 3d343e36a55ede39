{
    "name": "SaaS Process",
    "summary": "One process for each tenant that is awake, forked from an Odoo that has loaded its template",
    "version": "19.0.1.0.0",
    "category": "Hidden/Tools",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["web"],
}
