/** How far away a day is, in days: "Next month" may be tomorrow, or in eight weeks. */

import { _t } from "@web/core/l10n/translation";

export function daysText(days) {
    if (days < -1) {
        return _t("%s days ago", -days);
    }
    const near = { [-1]: _t("yesterday"), 0: _t("today"), 1: _t("tomorrow") };
    return near[days] || _t("in %s days", days);
}
