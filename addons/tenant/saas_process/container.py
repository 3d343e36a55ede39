"""The first process of a container: it asks the spawner for its tenant, and becomes the tenant's process.

To the spawner it is a plain zygote, which has no registry loaded, and which runs its only child itself.
"""

import os
import signal
import socket
import sys
from dataclasses import asdict

from odoo.addons.saas_agreed import Forked, ForkOrder, LoadOrder, Ready, receive, send

from . import zygote


def main(path):
    signal.signal(signal.SIGTERM, _exit)  # without a handler the first process of a container ignores it
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.connect(path)
    message, _descriptors = receive(channel)
    if message is None:
        return
    zygote.configure(LoadOrder(**message).options)
    handle = os.pidfd_open(os.getpid())
    send(channel, asdict(Ready(landlock_abi=0)), [handle])
    message, descriptors = receive(channel)
    if message is None:
        return
    order = ForkOrder(**message)
    send(channel, asdict(Forked(**asdict(order))), [handle])
    os.close(handle)
    channel.close()
    zygote.become(None, order.name, descriptors, is_contained=True)


def _exit(_number, _frame):
    sys.exit(0)
