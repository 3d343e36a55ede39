{
    "name": "SaaS Router",
    "summary": "Serve every tenant's database at its own host, over its own PostgreSQL role",
    "version": "19.0.1.0.0",
    "category": "Hidden/Tools",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["web"],
    "post_load": "post_load",
}
