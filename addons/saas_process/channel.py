"""How the spawner and a zygote talk: JSON in datagrams that keep their borders, with file descriptors.

`tenantry.spawner.channel` speaks the same.
"""

import array
import json
import socket

MAX_BYTES = 128 * 1024
_MAX_DESCRIPTORS = 8


def send(channel, message, descriptors=()):
    """Send one message. Raises OSError when nobody reads any more."""
    data = array.array("i", descriptors)
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, data)] if descriptors else []
    channel.sendmsg([json.dumps(message).encode()], ancillary)


def receive(channel):
    """The next message and its file descriptors; None for the message when the other side is gone."""
    space = socket.CMSG_LEN(_MAX_DESCRIPTORS * array.array("i").itemsize)
    data, ancillary, _flags, _address = channel.recvmsg(MAX_BYTES, space)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return (json.loads(data) if data else None), list(descriptors)
