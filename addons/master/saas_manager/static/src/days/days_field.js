/** A day as "in 14 days"; a far one as its date. The other form is its title. */

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { RemainingDaysField, remainingDaysField } from "@web/views/fields/remaining_days/remaining_days_field";
import { daysText } from "./days";

const FAR_DAYS = 99;

export class SaasDaysField extends RemainingDaysField {
    get diffString() {
        const days = this.diffDays;
        return days === null || Math.abs(days) > FAR_DAYS ? this.formattedValue : daysText(days);
    }
}

export const saasDaysField = { ...remainingDaysField, component: SaasDaysField, displayName: _t("Days Left") };

registry.category("fields").add("saas_days", saasDaysField);
