/** A calendar of days to come: it opens on the month of the next one, as the current month may have none. */

import { Domain } from "@web/core/domain";
import { deserializeDate, serializeDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { CalendarModel } from "@web/views/calendar/calendar_model";
import { calendarView } from "@web/views/calendar/calendar_view";

const { DateTime } = luxon;

export class SaasEndsCalendarModel extends CalendarModel {
    async load(params = {}) {
        const isFirst = !this.meta.date && !params.date && !params.context?.initial_date;
        return super.load(isFirst ? { ...params, date: await this.nextDay(params.domain || []) } : params);
    }

    /** The first day to come of these records; today if there is none. */
    async nextDay(domain) {
        const field = this.meta.fieldMapping.date_start;
        const today = DateTime.local().startOf("day");
        const toCome = Domain.and([domain, [[field, ">=", serializeDate(today)]]]).toList();
        const [next] = await this.orm.searchRead(this.meta.resModel, toCome, [field], { limit: 1, order: field });
        return next ? deserializeDate(next[field]) : today;
    }

    /** A day shows whose subscription ends, not its number. */
    normalizeRecord(rawRecord) {
        const record = super.normalizeRecord(rawRecord);
        return { ...record, title: rawRecord.instance_id?.[1] || record.title };
    }
}

registry.category("views").add("saas_ends_calendar", { ...calendarView, Model: SaasEndsCalendarModel });
