/** One chart: a canvas, and buttons with the same figures for screen readers and keyboards. */

import { loadBundle } from "@web/core/assets";
import { Component, onWillStart, onWillUnmount, useEffect, useRef } from "@odoo/owl";

export class SaasChart extends Component {
    static template = "saas_manager.Chart";
    static props = {
        type: String, // as Chart.js names it: bar, line or doughnut
        title: String,
        labels: Array,
        lists: Array, // what each label opens
        datasets: Array, // of {label, data, color or colors}: names of CSS variables
        onOpen: Function,
        format: { type: Function, optional: true },
        hasButtons: { type: Boolean, optional: true },
    };
    static defaultProps = { format: (value) => String(value), hasButtons: true };

    setup() {
        this.canvas = useRef("canvas");
        this.chart = null;
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => this.draw(),
            () => [JSON.stringify([this.props.labels, this.props.datasets])]
        );
        onWillUnmount(() => this.chart?.destroy());
    }

    get points() {
        return this.props.labels.map((label, index) => ({ label, index, text: this.text(index) }));
    }

    text(index) {
        const value = ({ label, data }) =>
            data[index] === null ? "–" : `${label ? `${label} ` : ""}${this.props.format(data[index])}`;
        return this.props.datasets.map(value).join(", ");
    }

    get description() {
        return `${this.props.title}: ${this.points.map((p) => `${p.label} ${p.text}`).join("; ")}`;
    }

    openAt(index) {
        this.props.onOpen(this.props.lists[index]);
    }

    /** The theme's colors, from the style sheet in use, light or dark. */
    color(name) {
        return getComputedStyle(this.canvas.el).getPropertyValue(name).trim() || "#888";
    }

    draw() {
        this.chart?.destroy();
        const { type, labels } = this.props;
        const datasets = this.props.datasets.map((dataset) => this.styled(dataset));
        // eslint-disable-next-line no-undef
        this.chart = new Chart(this.canvas.el, { type, data: { labels, datasets }, options: this.options });
    }

    styled({ label, data, color, colors }) {
        const fill = colors ? colors.map((name) => this.color(name)) : this.color(color);
        const line = { borderColor: fill, borderWidth: 2, tension: 0.25, pointRadius: 3, spanGaps: true };
        return { label, data, backgroundColor: fill, ...(this.props.type === "line" ? line : { borderWidth: 0 }) };
    }

    get options() {
        const round = this.props.type === "doughnut";
        return {
            maintainAspectRatio: false,
            animation: false,
            cutout: "68%",
            interaction: { mode: round ? "nearest" : "index", intersect: round },
            onClick: (_event, [element]) => element && this.openAt(element.index),
            onHover: ({ native }, elements) => {
                native.target.style.cursor = elements.length ? "pointer" : "default";
            },
            plugins: { legend: this.legend, tooltip: { callbacks: { label: (item) => this.tooltip(item) } } },
            scales: round ? {} : { x: this.axis(false), y: { ...this.axis(true), beginAtZero: true } },
        };
    }

    get legend() {
        const labels = { color: getComputedStyle(this.canvas.el).color, boxWidth: 12, boxHeight: 12 };
        return { display: this.props.datasets.length > 1, position: "bottom", labels };
    }

    tooltip({ dataset, raw }) {
        return dataset.label ? `${dataset.label}: ${this.props.format(raw)}` : this.props.format(raw);
    }

    axis(hasGrid) {
        return {
            grid: { display: hasGrid, color: this.color("--border-color") },
            border: { display: false },
            ticks: {
                color: getComputedStyle(this.canvas.el).color,
                maxTicksLimit: 6,
                maxRotation: 0,
                ...(hasGrid && { callback: (value) => this.props.format(value) }),
                ...(hasGrid && this.props.type === "bar" && { precision: 0 }),
            },
        };
    }
}
