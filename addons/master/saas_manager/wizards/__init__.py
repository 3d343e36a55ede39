from . import saas_instance_create
from . import saas_instance_bulk
from . import saas_instance_suspend
from . import saas_instance_change_plan
from . import saas_instance_change_subdomain
from . import saas_instance_install_modules
from . import saas_instance_process_log
from . import saas_instance_terminate
