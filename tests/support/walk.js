/** Runs in every document of a walk: tells `walk.py` what was pressed, and what the page showed for it.

An answer to a press is held back until the page has shown something. So a page that shows nothing while it
waits is found on a fast machine, too, and no test needs a limit of time.
*/
(() => {
    const GIVEN_UP_MS = 5_000;
    const RED = ".o_error_dialog, .o_notification:has(.bg-danger)";
    const CRASH = /\bOops\b|Odoo Server Error|Odoo Client Error|Internal Server Error|Traceback \(most recent/;
    // The browser itself shows that these were pressed.
    const NATIVE = "input:not([type=submit], [type=button], [type=image]), textarea, select, option, summary, label, video, audio, [contenteditable=true]";

    const telling = new Set();
    const tell = (kind, facts, after = Promise.resolve(facts)) => {
        const at = Date.now();
        const told = after.then((facts) => window.tellWalk({ kind, at, ...facts })).catch(() => {});
        telling.add(told);
        told.then(() => telling.delete(told));
    };
    let waiting = null; // for the first thing that is shown after a press
    let shown = () => {};
    let isShown = Promise.resolve();
    const links = new Set();
    const asked = new Set(); // what is not answered yet

    const show = (how) => {
        if (waiting) {
            tell("shown", { how });
            waiting = null;
            shown();
        }
    };

    tell("document", { url: location.href });
    addEventListener("pagehide", () => show("another page"));

    // ------------------------------------------------------------ presses

    const labelOf = (element) =>
        String(element.getAttribute("aria-label") || element.innerText || element.title || element.value || element.tagName)
            .trim().replace(/\s+/g, " ").slice(0, 60);

    const press = (event) => {
        const pressed = event.target.closest("a, button, [role=button], [role=menuitem], td, li") || event.target;
        show("another press");
        waiting = pressed;
        isShown = new Promise((resolve) => (shown = resolve));
        tell("press", { label: labelOf(pressed), url: location.href });
        const link = pressed.closest("a[href]");
        if (event.target.closest(NATIVE)) {
            show("the field itself");
        } else if (link && link.target === "_blank") {
            show("another tab");
        }
    };
    // At the window, so before any listener of the page's.
    addEventListener("click", press, { capture: true });

    const open = window.open;
    window.open = function (...args) {
        show("another tab");
        return open.apply(this, args);
    };

    // ------------------------------------------------------------ what is shown

    const textOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.innerText || "" : node.data || "");
    const isCode = (node) => ["SCRIPT", "STYLE", "TEMPLATE", "LINK", "META", "HEAD"].includes(node.nodeName);

    const look = (node) => {
        if (node.nodeType !== Node.ELEMENT_NODE || isCode(node)) {
            return;
        }
        const red = node.matches(RED) ? node : node.querySelector(RED);
        if (red) {
            // A dialogue is filled in after it was added.
            const filled = new Promise((resolve) => setTimeout(resolve, 200));
            tell("fault", {}, filled.then(() => ({ text: `it showed an error: ${textOf(red).trim().slice(0, 500)}` })));
        } else if (CRASH.test(node.textContent) && CRASH.test(textOf(node))) {
            tell("fault", { text: `it showed a crash: ${textOf(node).trim().slice(0, 500)}` });
        }
    };

    let isCollecting = false;
    const collect = () => {
        isCollecting = false;
        for (const link of document.querySelectorAll("a[href]")) {
            if (!links.has(link.href) && link.checkVisibility()) {
                links.add(link.href);
                tell("link", { href: link.href, page: location.href, label: labelOf(link) });
            }
        }
    };

    /** For the end: wait for what is still to be shown, and for what was told. */
    window.settleWalk = async () => {
        const isOver = new Promise((resolve) => setTimeout(resolve, GIVEN_UP_MS));
        await Promise.race([Promise.all([isShown, ...asked]), isOver]);
        collect();
        await Promise.all(telling);
    };

    const changed = (records) => {
        show("a change of the page");
        for (const record of records) {
            record.addedNodes.forEach(look);
        }
        if (!isCollecting) {
            isCollecting = true;
            setTimeout(collect, 100);
        }
    };
    const observer = new MutationObserver(changed);
    const WHAT = {
        subtree: true, childList: true, characterData: true,
        attributeFilter: ["class", "style", "hidden", "disabled", "open", "href", "aria-busy", "aria-expanded"],
    };
    observer.observe(document, WHAT);
    const attachShadow = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (...args) {
        const root = attachShadow.apply(this, args);
        observer.observe(root, WHAT);
        return root;
    };

    // ------------------------------------------------------------ answers

    const held = (what) => {
        if (!waiting) {
            return null;
        }
        const givenUp = new Promise((resolve) => setTimeout(resolve, GIVEN_UP_MS, true));
        const label = labelOf(waiting);
        return Promise.race([isShown, givenUp]).then((isGivenUp) => {
            if (isGivenUp === true) {
                tell("fault", { text: `"${label}" showed nothing while it waited for ${what}` });
            }
        });
    };

    const judge = (url, answer) => {
        if (answer && typeof answer === "object" && answer.jsonrpc && answer.error) {
            const { message, data } = answer.error;
            tell("fault", { text: `${url} was refused: ${(data && data.message) || message}` });
        }
    };

    const note = (answered) => {
        asked.add(answered);
        answered.then(() => asked.delete(answered));
    };

    const { open: openRequest, send, abort } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.open = function (method, url, ...more) {
        this.walkUrl = String(url);
        this.walkIsSync = more[0] === false;
        return openRequest.call(this, method, url, ...more);
    };
    XMLHttpRequest.prototype.abort = function () {
        this.walkIsAborted = true;
        return abort.call(this);
    };
    XMLHttpRequest.prototype.send = function (...args) {
        this.addEventListener("load", () => {
            if ((this.getResponseHeader("content-type") || "").includes("json") && this.responseType in { "": 1, text: 1 }) {
                try {
                    judge(this.walkUrl, JSON.parse(this.responseText));
                } catch {
                    tell("fault", { text: `${this.walkUrl} is not JSON` });
                }
            }
        });
        note(new Promise((resolve) => this.addEventListener("loadend", resolve)));
        const holding = this.walkIsSync ? null : held(this.walkUrl);
        if (!holding) {
            return send.apply(this, args);
        }
        holding.then(() => this.walkIsAborted || send.apply(this, args));
    };

    const fetchIt = window.fetch;
    window.fetch = async function (resource, ...more) {
        const url = String(resource.url || resource);
        await held(url);
        const response = await fetchIt.call(this, resource, ...more);
        if ((response.headers.get("content-type") || "").includes("json")) {
            response.clone().json().then((answer) => judge(url, answer), () => {});
        }
        return response;
    };
})();
