{
    "name": "SaaS Manager: REST API",
    "summary": "Create and run instances from other programs",
    "version": "19.0.1.1.0",
    "category": "Services/SaaS",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["saas_manager", "fastapi"],
    "external_dependencies": {
        "python": [
            "a2wsgi",
            "fastapi",
            "fastapi-offline",
            "pydantic",
        ]
    },
    "data": [
        "security/ir.model.access.csv",
        "security/saas_manager_api_security.xml",
        "views/docs_templates.xml",
        "views/res_config_settings_views.xml",
        "views/saas_api_key_publishable_views.xml",
        "wizards/res_users_apikeys_description_views.xml",
        "views/saas_menus.xml",
        "data/fastapi_endpoint_data.xml",
    ],
}
