"""The way from a container to the provider's mail relay, which its network does not reach.

The spawner connects to the relay, and sends the connected socket to the process.
"""

import functools
import smtplib
import socket

from odoo.addons.saas_agreed import receive


def connect_by(path, relay):
    """Let smtplib connect to the relay by the spawner's socket. relay: the host and port that Odoo uses."""
    smtplib.SMTP._get_socket = _by_the_spawner(smtplib.SMTP._get_socket, path, relay)


def _by_the_spawner(get_socket, path, relay):
    @functools.wraps(get_socket)
    def wrapper(self, host, port, timeout):
        if (host, port) != relay:
            return get_socket(self, host, port, timeout)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as spawner:
            spawner.settimeout(timeout)
            spawner.connect(path)
            _message, descriptors = receive(spawner)
        if not descriptors:
            raise ConnectionRefusedError("the provider's mail relay does not answer")
        connection = socket.socket(fileno=descriptors[0])
        connection.settimeout(timeout)
        return connection

    return wrapper
