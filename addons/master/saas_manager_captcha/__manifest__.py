{
    "name": "SaaS Manager: Captcha",
    "summary": "Programs that sign up have to work for it; people notice nothing, and no other site is asked",
    "version": "19.0.1.0.0",
    "category": "Services/SaaS",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["saas_manager_portal"],
    "external_dependencies": {"python": ["altcha"]},
    "data": [
        "security/ir.model.access.csv",
        "views/captcha_templates.xml",
        "views/res_config_settings_views.xml",
    ],
}
