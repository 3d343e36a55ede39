/** Asks for fresh figures when something changed, but not at every change of a busy hour. */

import { browser } from "@web/core/browser/browser";
import { useBus, useService } from "@web/core/utils/hooks";
import { onWillUnmount } from "@odoo/owl";

const AT_MOST_EVERY_MS = 5000;
const AT_LEAST_EVERY_MS = 60000;

export function useRefresh(refresh) {
    const bus = useService("bus_service");
    let waiting = null;
    const soon = () => {
        waiting ??= browser.setTimeout(() => {
            waiting = null;
            if (!document.hidden) {
                refresh();
            }
        }, AT_MOST_EVERY_MS);
    };
    const regularly = browser.setInterval(soon, AT_LEAST_EVERY_MS);
    bus.subscribe("saas.changed", soon);
    bus.start();
    useBus(bus, "BUS:RECONNECT", soon);
    onWillUnmount(() => {
        bus.unsubscribe("saas.changed", soon);
        browser.clearInterval(regularly);
        browser.clearTimeout(waiting);
    });
}
