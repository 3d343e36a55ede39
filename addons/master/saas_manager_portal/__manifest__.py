{
    "name": "SaaS Manager: Signup Page",
    "summary": "Visitors get an Odoo of their own: a form, a confirmed address, live progress, logged in",
    "version": "19.0.1.0.0",
    "category": "Services/SaaS",
    "author": "Tenantry",
    "website": "https://github.com/tenantry/tenantry",
    "license": "LGPL-3",
    "depends": ["saas_manager_api"],
    "external_dependencies": {"python": ["disposable-email-domains"]},
    "data": [
        "data/ir_cron_data.xml",
        "views/signup_layout.xml",
        "views/signup_form_templates.xml",
        "views/signup_progress_templates.xml",
        "views/res_config_settings_views.xml",
        "views/saas_instance_request_views.xml",
    ],
}
