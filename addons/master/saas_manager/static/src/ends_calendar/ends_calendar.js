/**
 * A calendar of days to come: it opens on the month of the next one, as the current month may have none.
 * Subscriptions that were cancelled are hidden until they are asked for.
 */

import { Domain } from "@web/core/domain";
import { deserializeDate, serializeDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { CalendarModel } from "@web/views/calendar/calendar_model";
import { calendarView } from "@web/views/calendar/calendar_view";

const { DateTime } = luxon;
const HIDDEN = "cancelled";

export class SaasEndsCalendarModel extends CalendarModel {
    async load(params = {}) {
        const isFirst = !this.meta.date && !params.date && !params.context?.initial_date;
        return super.load(isFirst ? { ...params, date: await this.nextDay(params.domain || []) } : params);
    }

    /** The first day to come of these records; today if there is none. */
    async nextDay(domain) {
        const field = this.meta.fieldMapping.date_start;
        const today = DateTime.local().startOf("day");
        const wanted = [[field, ">=", serializeDate(today)], ["state", "!=", HIDDEN]];
        const toCome = Domain.and([domain, wanted]).toList();
        const [next] = await this.orm.searchRead(this.meta.resModel, toCome, [field], { limit: 1, order: field });
        return next ? deserializeDate(next[field]) : today;
    }

    /** Its box beside the calendar is there, but not ticked. */
    makeFilterDynamic(filterInfo, previousFilter, ...others) {
        const filter = super.makeFilterDynamic(filterInfo, previousFilter, ...others);
        const isHidden = !previousFilter && filterInfo.fieldName === "state" && filter.value === HIDDEN;
        return isHidden ? { ...filter, active: false } : filter;
    }

    /** A day shows whose subscription ends, not its number. */
    normalizeRecord(rawRecord) {
        const record = super.normalizeRecord(rawRecord);
        return { ...record, title: rawRecord.instance_id?.[1] || record.title };
    }
}

registry.category("views").add("saas_ends_calendar", { ...calendarView, Model: SaasEndsCalendarModel });
