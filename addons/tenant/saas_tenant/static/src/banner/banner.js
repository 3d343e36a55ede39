import { browser } from "@web/core/browser/browser";
import { session } from "@web/session";
import { WebClient } from "@web/webclient/webclient";
import { Component, useState } from "@odoo/owl";

/** The provider's banners, above everything else. A closed banner stays closed for the browser session. */
export class SaasBanner extends Component {
    static template = "saas_tenant.Banner";
    static props = {};

    setup() {
        this.state = useState({ banners: (session.saas_banners || []).filter((banner) => !this.isClosed(banner)) });
    }

    storageKey(banner) {
        return `saas_tenant.closed.${banner.key}`;
    }

    isClosed(banner) {
        return Boolean(browser.sessionStorage.getItem(this.storageKey(banner)));
    }

    /** The banner of a support session cannot be closed. */
    canClose(banner) {
        return banner.level !== "support";
    }

    close(banner) {
        browser.sessionStorage.setItem(this.storageKey(banner), "1");
        this.state.banners = this.state.banners.filter((other) => other.key !== banner.key);
    }
}

WebClient.components = { ...WebClient.components, SaasBanner };
