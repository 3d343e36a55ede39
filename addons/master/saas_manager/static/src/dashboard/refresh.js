/** Reloads the figures after changes, but not after each of many changes. */

import { browser } from "@web/core/browser/browser";
import { useBus, useService } from "@web/core/utils/hooks";
import { onWillUnmount, useExternalListener } from "@odoo/owl";

const AT_MOST_EVERY_MS = 5000;
const AT_LEAST_EVERY_MS = 60000;

export function useRefresh(refresh) {
    const bus = useService("bus_service");
    let waiting = null;
    let isStale = false;
    const refreshIfSeen = () => {
        waiting = null;
        isStale = document.hidden;
        if (!isStale) {
            refresh();
        }
    };
    const soon = () => {
        waiting ??= browser.setTimeout(refreshIfSeen, AT_MOST_EVERY_MS);
    };
    const regularly = browser.setInterval(soon, AT_LEAST_EVERY_MS);
    bus.subscribe("saas.changed", soon);
    bus.start();
    useBus(bus, "BUS:RECONNECT", soon);
    useExternalListener(document, "visibilitychange", () => isStale && refreshIfSeen());
    onWillUnmount(() => {
        bus.unsubscribe("saas.changed", soon);
        browser.clearInterval(regularly);
        browser.clearTimeout(waiting);
    });
}
