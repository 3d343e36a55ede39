// Makes the signup page more comfortable; it also works without JavaScript.

const within = (root, selector) => root.querySelector(selector);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function ask(url) {
    const answer = await fetch(url, { credentials: "same-origin", cache: "no-store" });
    const told = await answer.json();
    return { status: answer.status, after: Number(answer.headers.get("Retry-After")), ...told };
}

// ------------------------------------------------------------ the subdomain

function slug(text) {
    const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/[đĐ]/g, "d").toLowerCase();
    return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 50).replace(/-+$/, "");
}

function watchSubdomain(field) {
    const form = field.closest("form");
    const input = within(field, "input");
    const verdict = within(field, "[role=status]");
    const others = within(field, ".suggestions");
    const company = form.elements.company_name;
    let chosen = Boolean(input.value);
    let last = 0;
    let timer;

    function show(told) {
        const known = told.available !== undefined;
        verdict.textContent = told.sentence;
        verdict.className = !known ? "hint" : told.available ? "free" : "fault";
        if (told.available === false) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
        const buttons = told.suggestions.map((name) => {
            const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
            button.value = name;
            return button;
        });
        within(others, ".names").replaceChildren(...buttons);
        others.hidden = !buttons.length;
    }

    async function check(parameters, fill) {
        const mine = ++last;
        try {
            const told = await ask(`${field.dataset.check}?${new URLSearchParams(parameters)}`);
            if (mine !== last) return;
            if (fill && !chosen) input.value = told.subdomain ?? input.value;
            show(told);
        } catch {
            // If the live check fails, the server checks when the form is sent.
        }
    }

    function soon(parameters, fill) {
        clearTimeout(timer);
        last++;
        // The result for the previous name does not apply to this one.
        show({ sentence: "\u2026", suggestions: [] });
        timer = setTimeout(check, 200, parameters, fill);
    }

    input.addEventListener("input", () => {
        chosen = Boolean(input.value);
        if (chosen) soon({ subdomain: input.value.trim().toLowerCase() });
    });
    company?.addEventListener("input", () => {
        if (chosen) return;
        input.value = slug(company.value);
        if (company.value.trim()) soon({ company: company.value.trim() }, true);
    });
    others.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        event.preventDefault();
        input.value = button.value;
        chosen = true;
        input.focus();
        check({ subdomain: button.value });
    });
}

// ------------------------------------------------------------ the country

// The time zone tells the country more often than the language; a choice of the visitor is kept.
async function guessCountry(field) {
    const select = within(field, "select");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
    const before = select.form.elements.tz.value;
    select.form.elements.tz.value = zone;
    let chosen = Boolean(before || select.form.dataset.kept);
    select.addEventListener("change", () => (chosen = true));
    if (chosen || !zone) return;
    const told = await ask(`${field.dataset.country}?${new URLSearchParams({ tz: zone })}`).catch(() => null);
    if (!chosen && told?.country) select.value = told.country;
}

// ------------------------------------------------------------ the form

// A link to another language loads a new page: keep what was typed, in this tab only.
function keepTyped(form) {
    const typed = JSON.parse(sessionStorage.getItem("signup") ?? "[]");
    sessionStorage.removeItem("signup");
    if (typed.length) form.dataset.kept = "1";
    for (const [name, value] of typed) if (form.elements[name]) form.elements[name].value = value;
    document.querySelectorAll("nav [hreflang]").forEach((link) => link.addEventListener("click", () => {
        const fields = [...new FormData(form)].filter(([name]) => form.elements[name].type !== "hidden");
        sessionStorage.setItem("signup", JSON.stringify(fields));
    }));
}

function limitTemplates(form) {
    const plans = [...form.querySelectorAll("[name=plan]")];
    const templates = [...form.querySelectorAll("[name=template]")];
    const limit = () => {
        const plan = plans.find((radio) => radio.checked)?.closest("[data-templates]");
        const allowed = plan?.dataset.templates.split(" ");
        for (const radio of templates) {
            radio.disabled = Boolean(allowed && !allowed.includes(radio.value));
            radio.closest(".choice").classList.toggle("impossible", radio.disabled);
        }
        const gone = templates.find((radio) => radio.checked && radio.disabled);
        if (gone) (templates.find((radio) => !radio.disabled) ?? gone).checked = true;
    };
    plans.forEach((radio) => radio.addEventListener("change", limit));
    limit();
}

function sendOnce(form) {
    const opened = performance.now();
    const button = within(form, "button.primary");
    let sent = false;
    form.addEventListener("submit", async (event) => {
        if (sent) return event.preventDefault();
        sent = true;
        button.setAttribute("aria-disabled", "true");
        button.textContent = button.dataset.busy ?? button.textContent;
        const early = Number(form.dataset.minimum ?? 0) * 1000 - (performance.now() - opened);
        if (early > 0) {
            // People whose browser fills in the form are fast, too: wait, instead of failing as too fast.
            event.preventDefault();
            await wait(early + 50);
            form.submit();
        }
    });
    // Enable the button again if the user comes back to this page.
    const label = button.textContent;
    addEventListener("pageshow", () => {
        sent = false;
        button.removeAttribute("aria-disabled");
        button.textContent = label;
    });
}

// ------------------------------------------------------------ waiting

const cameBack = () => performance.getEntriesByType("navigation")[0]?.type === "back_forward";

async function follow(card) {
    const enter = within(card, "[data-enter]");
    const first = card.dataset.state;
    const began = performance.now();
    let pause = first === "delayed" ? 5000 : 250;
    while (first === "creating" || first === "delayed") {
        await wait(pause);
        const told = await ask(card.dataset.poll).catch(() => null);
        // Most instances are ready within three seconds.
        if (performance.now() - began > 3000) pause = Math.max(pause, Math.min(pause * 1.2, 3000));
        if (told?.after) pause = told.after * 1000;
        if (!told || told.status !== 200) continue;
        if (told.state !== first) {
            if (told.state === "ready" && enter) return enter.submit();
            return location.replace(card.dataset.here);
        }
        if (first === "creating") showProgress(card, told);
    }
}

function showProgress(card, told) {
    const bar = within(card, "[role=progressbar]");
    bar.setAttribute("aria-valuenow", told.percent);
    bar.firstElementChild.className = `p${Math.floor(told.percent / 5) * 5}`;
    within(card, "h1").textContent = told.sentence;
    const spoken = within(card, "[data-spoken]");
    if (spoken.textContent !== told.sentence) spoken.textContent = told.sentence;
    card.querySelectorAll(".stages li").forEach((stage, index) => {
        stage.className = index < told.stage ? "done" : index === told.stage ? "current" : "";
        stage.toggleAttribute("aria-current", false);
        if (index === told.stage) stage.setAttribute("aria-current", "step");
    });
}

function showMail(card, mail) {
    card.dataset.mail = mail;
    card.querySelectorAll("[data-mail-is]").forEach((part) => {
        part.hidden = part.dataset.mailIs !== mail;
    });
}

async function awaitConfirmation(card) {
    // Most mails are sent within a second.
    for (let pause = card.dataset.mail === "sending" ? 500 : 2000; ; pause = Math.min(pause * 1.2, 15000)) {
        await wait(pause);
        const told = document.hidden ? null : await ask(card.dataset.wait).catch(() => null);
        if (told?.status === 200 && told.state !== "unconfirmed") return location.replace(card.dataset.then);
        if (told?.mail && told.mail !== card.dataset.mail) showMail(card, told.mail);
    }
}

// ------------------------------------------------------------

document.querySelectorAll("[data-form]").forEach(keepTyped);
document.querySelectorAll("[data-country]").forEach(guessCountry);
document.querySelectorAll("[data-subdomain]").forEach(watchSubdomain);
document.querySelectorAll("[data-form], [data-once]").forEach(sendOnce);
document.querySelectorAll("[data-form]").forEach(limitTemplates);
document.querySelectorAll("[data-poll]").forEach((card) => {
    const enter = within(card, "[data-enter]");
    // Open Odoo at once, unless the user came back from there.
    const straight = card.dataset.state === "ready" && !card.dataset.stay && !cameBack();
    if (enter && straight) enter.submit();
    else follow(card);
});
document.querySelectorAll("[data-wait]").forEach(awaitConfirmation);
document.querySelector("#summary")?.focus();
