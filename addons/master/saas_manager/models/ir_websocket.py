"""Lets a screen follow a record: users who may read a record may listen to it."""

import re
from collections import defaultdict

from odoo import models

_CHANNEL = re.compile(r"(saas\.instance|saas\.template|saas\.instance\.request)_(\d{1,9})")


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Replace `saas.instance_5` and the like by the record's own channel."""
        return super()._build_bus_channel_list([*channels, *self._saas_channels(channels)])

    def _saas_channels(self, channels):
        """The requested records that the user may read; others are left out silently.

        Customers are left out, too: messages of failed steps are for operators.
        """
        if not self.env.user._is_internal():
            return
        wanted = defaultdict(list)
        for channel in channels:
            if isinstance(channel, str) and (match := _CHANNEL.fullmatch(channel)):
                wanted[match[1]].append(int(match[2]))
        for model, ids in wanted.items():
            yield from self.env[model].browse(ids).exists()._filtered_access("read")
