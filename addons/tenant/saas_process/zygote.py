"""A zygote: an Odoo that loads a template's registry, renders its first pages once, and then waits.

It forks a child for each tenant that wakes; the child is that tenant's process (`tenant.py`). When it forks,
it has no other threads, no connections and no secrets. It serves no visitors itself.

The first message on its channel is a `LoadOrder`, each further one a `ForkOrder`. The program is
`start_zygote.py`.
"""

import gc
import logging
import os
import selectors
import signal
import socket
import sys
import tempfile
import threading
from dataclasses import asdict

from odoo.addons.saas_agreed import Forked, ForkOrder, LoadOrder, Ready, receive, send

_logger = logging.getLogger(__name__)

# The template's caches that its clones may keep. The other caches contain records, parameters and secrets.
# Odoo's signaling invalidates the kept ones when they are out of date.
_KEPT_CACHES = frozenset({"templates", "assets", "routing", "routing.rewrites", "groups"})


def main(descriptor):
    channel = socket.socket(fileno=descriptor)
    from .confinement import landlock_abi

    message, _descriptors = receive(channel)
    if message is None:
        return
    order = LoadOrder(**message)
    configure(order.options)
    registry = load(order.database, order.password) if order.database else None
    forget_secrets(order.password)
    del message, order
    forks = Forks(channel, registry)
    handle = os.pidfd_open(os.getpid())
    send(channel, asdict(Ready(landlock_abi())), [handle])
    os.close(handle)
    forks.serve()


def configure(options):
    """Give Odoo the options of a tenant's process, by a configuration file."""
    from odoo.tools import config

    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        lines = (f"{key} = {value}\n" for key, value in options.items())
        file.write("[options]\n" + "".join(lines))
        file.flush()
        config.parse_config(["-c", file.name], setup_logging=True)
    import odoo.http

    odoo.http.root.initialize()
    from . import patches, tenant  # import all code before the first fork

    assert tenant
    patches.install()


def load(database, password):
    """Load the registry with the database's role, and render a visitor's and a user's first page once."""
    from odoo.modules.registry import Registry
    from odoo.tools import config

    from . import patches
    from .drawing import draw

    config["db_user"], config["db_password"] = database, password
    patches.serve(database, tempfile.mkdtemp(), None)
    registry = Registry.new(database)
    with registry.cursor() as cursor:
        cursor.execute("SELECT code FROM res_lang WHERE active")
        languages = [code.replace("_", "-") for (code,) in cursor.fetchall()]
    with patches.read_only():
        for language in languages:
            draw(database, "/web/login", language)
        draw_web_client(registry)
    for name, cache in registry._Registry__caches.items():
        if name not in _KEPT_CACHES:
            cache.clear()
    return registry


def draw_web_client(registry):
    """The first page after a login, as the template's administrator."""
    import odoo.http
    from odoo import SUPERUSER_ID, api

    from .drawing import draw

    session = odoo.http.root.session_store.new()
    users = registry["res.users"]
    # In this method Odoo's modules write, for example a first message.
    users._on_webclient_bootstrap = lambda _user: None
    try:
        with registry.cursor() as cursor:
            admin = api.Environment(cursor, SUPERUSER_ID, {}).ref("base.user_admin")
            session.update(db=registry.db_name, uid=admin.id, login=admin.login)
            session.update(context=dict(admin.context_get()), _trace_disable=True)
            session.session_token = admin._compute_session_token(session.sid)
            language = admin.lang
        odoo.http.root.session_store.save(session)
        draw(registry.db_name, "/web", (language or "en_US").replace("_", "-"), f"session_id={session.sid}")
    except Exception:
        _logger.warning("the template's web client cannot be drawn", exc_info=True)
    finally:
        del users._on_webclient_bootstrap


def forget_secrets(password):
    import odoo.http
    import odoo.sql_db
    from odoo.tools import config

    from .memory import overwrite

    odoo.sql_db.close_all()
    odoo.sql_db._Pool = None
    config["db_password"] = False
    odoo.http.root.__dict__.pop("session_store", None)
    if password:
        overwrite(password)


class Forks:
    """Forks a child for each order, and reaps them."""

    def __init__(self, channel, registry):
        self.channel = channel
        self.registry = registry
        gc.collect()
        gc.freeze()
        if threading.active_count() > 1:
            others = [thread.name for thread in threading.enumerate()]
            raise RuntimeError(f"these threads would be lost by forking: {', '.join(others)}")

    def serve(self):
        waking, woken = socket.socketpair()
        woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            selector.register(waking, selectors.EVENT_READ)
            while True:
                for key, _events in selector.select():
                    if key.fileobj is waking:
                        waking.recv(4096)
                        self.reap()
                        continue
                    message, descriptors = receive(self.channel)
                    if message is None:
                        return
                    self.fork(ForkOrder(**message), descriptors)

    def fork(self, order, descriptors):
        """Fork the tenant's process, and send the spawner a pidfd of it.

        The tenant's secrets come through the last descriptor. Only the child reads it: what a zygote has in
        its memory, all later children get.
        """
        pid = os.fork()
        if pid == 0:
            become(self.registry, order.name, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        handle = os.pidfd_open(pid)
        try:
            send(self.channel, asdict(Forked(**asdict(order))), [handle])
        finally:
            os.close(handle)

    def reap(self):
        """Remove ended children from the process table; the spawner notices the end by its pidfds."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGTERM:
                _logger.warning("process %d was ended by signal %d", pid, os.WTERMSIG(status))


def become(registry, name, descriptors, *, is_contained=False):
    """Run the tenant in the child, and exit: the child must never return to the zygote's loop."""
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        from . import tenant

        *descriptors, order = descriptors
        status = tenant.run(registry, os.fdopen(order, "rb"), descriptors, is_contained=is_contained)
    except BaseException:
        _logger.critical("the process of %s cannot go on", name, exc_info=True)
    finally:
        logging.shutdown()
        sys.stderr.flush()
        os._exit(status)
