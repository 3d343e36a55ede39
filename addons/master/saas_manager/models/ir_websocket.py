"""Lets a screen follow a record: who may read it may listen to it."""

import re
from collections import defaultdict

from odoo import models

_CHANNEL = re.compile(r"(saas\.instance|saas\.template|saas\.instance\.request)_(\d{1,9})")


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Turn `saas.instance_5` and its like into the record's own channel."""
        return super()._build_bus_channel_list([*channels, *self._saas_channels(channels)])

    def _saas_channels(self, channels):
        """The records asked for that the user may read; the others are left out silently.

        Customers are left out too: a step that failed is told in the operators' words.
        """
        if not self.env.user._is_internal():
            return
        wanted = defaultdict(list)
        for channel in channels:
            if isinstance(channel, str) and (match := _CHANNEL.fullmatch(channel)):
                wanted[match[1]].append(int(match[2]))
        for model, ids in wanted.items():
            yield from self.env[model].browse(ids).exists()._filtered_access("read")
