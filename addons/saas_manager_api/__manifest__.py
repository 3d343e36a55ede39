{
    "name": "SaaS Manager: REST API",
    "summary": "Create and run instances from other programs, and sign up from a web site",
    "version": "19.0.1.0.0",
    "category": "Services/SaaS",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["saas_manager", "fastapi"],
    "external_dependencies": {
        "python": [
            "fastapi",
            "fastapi-offline",
            "httpcore",
            "pydantic",
            "requests-hardened",
            "standardwebhooks",
        ]
    },
    "data": [
        "security/ir.model.access.csv",
        "security/saas_manager_api_security.xml",
        "data/queue_job_data.xml",
        "data/ir_cron_data.xml",
        "data/saas_webhook_event_data.xml",
        "views/confirmation_templates.xml",
        "views/saas_api_key_publishable_views.xml",
        "views/saas_webhook_delivery_views.xml",
        "views/saas_webhook_views.xml",
        "wizards/res_users_apikeys_description_views.xml",
        "wizards/saas_webhook_secret_views.xml",
        "data/fastapi_endpoint_data.xml",
    ],
}
