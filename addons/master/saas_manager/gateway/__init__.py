"""The only folder of the back office that uses the engine; other addons use the engine through it, too.

Its functions take and return Odoo records and plain values. Errors of the engine are raised as `EngineError`:
a sentence and a remedy for people, `retryable` for the queue.
"""

from tenantry.model.server import MIN_FREE_PERCENT

from .abilities import Ability, can, refusal, runtimes_without
from .backups import (
    back_up,
    backups_of,
    confirm_restore,
    has_former_data,
    identity_of,
    prove_backup,
    prune_backups,
    put_back,
    restore_backup,
    sweep_kept,
)
from .countries import country_of_time_zone, is_time_zone, time_zone_of
from .errors import Conflict, EngineError, InvalidInput, retrying, translated
from .instances import (
    HOSTNAME_REFUSED,
    NameTaken,
    abandon,
    check_hostnames,
    check_limits,
    check_modules,
    confirm_move,
    entitle,
    find,
    has_moved,
    install_modules,
    modules_of,
    move,
    login_link,
    operate,
    provisioning,
    rename,
    reset_password,
    set_hostnames,
    terminate,
)
from .names import (
    check_hostname,
    check_outside,
    check_slug,
    is_caption,
    is_email,
    is_label,
    malformed,
    subdomain_fault,
    suggest_code,
    suggest_subdomains,
    taken,
    tidy_caption,
    tidy_email,
    tidy_hostname,
)
from .operations import OPERATIONS, REMOTE, transitions
from .processes import (
    BROKEN,
    activities,
    broken_databases,
    build_log,
    install_log,
    measure,
    process_log,
)
from .secrets import new_password, seal, unseal
from .sentences import retold, sentence
from .servers import (
    address_settings,
    base_domain_of,
    check_mail_server,
    check_server_address,
    in_one_installation,
    keep_railway,
    mail_traffic,
    save_address_settings,
    show_provider,
    RUNTIMES,
    server_status,
    set_mail_server,
    test_connection,
    url_of,
)
from .templates import (
    build_template,
    check_recipe,
    clone_template,
    edit_template,
    fill_pool,
    finish_editing,
    foreign_chart,
    offered,
    pool_status,
    rebuild_template,
)
