from . import (
    ir_asset,
    ir_attachment,
    ir_http,
    ir_module_module,
    res_config_settings,
    res_groups,
    res_users,
    res_users_apikeys,
    saas_banner,
    saas_entitlements,
    saas_tenant_access,
)
