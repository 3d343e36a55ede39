/* Sign up for an instance from another web site: <tenantry-signup>, and its functions.
   Served at /api/signup.js; see docs/howto/api.md. */

const TEXTS = {
  en: {
    name: "Your name", country: "Country", template: "What to start with", days: "{0} days free", popular: "popular", language: "Your Odoo will be in {0}.",
    company: "Company", email: "Email", subdomain: "Name in its address", plan: "Plan", month: "{0} a month",
    send: "Create my Odoo", busy: "One moment…", free: "{0} is free.", ready: "Your Odoo is ready; the mail has your first login.", open: "Open {0}",
    mailbox: "Look into your mailbox and follow the link we send to {0}.", creating: "Your Odoo is being created.",
    failed: "It could not be created. We will write to you.", gone: "The link was not followed in time.",
    wait: "Too many attempts. Please try again {0}.", network: "We could not be reached. Please try again.",
    origin: "This web site may not sign up here.",
  },
  fr: {
    name: "Votre nom", country: "Pays", template: "Par quoi commencer", days: "{0} jours d’essai gratuit", popular: "populaire", language: "Langue de votre Odoo : {0}.",
    company: "Société", email: "E-mail", subdomain: "Nom dans son adresse", plan: "Formule", month: "{0} par mois",
    send: "Créer mon Odoo", busy: "Un instant…", free: "{0} est libre.", ready: "Votre Odoo est prêt ; votre premier accès est dans l’e-mail.", open: "Ouvrir {0}",
    mailbox: "Consultez votre boîte de réception et suivez le lien que nous envoyons à {0}.", creating: "Votre Odoo est en cours de création.",
    failed: "La création a échoué. Nous vous écrirons.", gone: "Le lien n’a pas été suivi à temps.",
    wait: "Trop de tentatives. Veuillez réessayer {0}.", network: "Le service est injoignable. Veuillez réessayer.",
    origin: "Ce site n’a pas le droit d’inscrire ici.",
  },
  vi: {
    name: "Họ và tên", country: "Quốc gia", template: "Bắt đầu với", days: "{0} ngày dùng thử miễn phí", popular: "phổ biến", language: "Ngôn ngữ Odoo của quý khách: {0}.",
    company: "Công ty", email: "Email", subdomain: "Tên trong địa chỉ", plan: "Gói dịch vụ", month: "{0} mỗi tháng",
    send: "Tạo Odoo của tôi", busy: "Xin chờ giây lát…", free: "{0} còn trống.", ready: "Odoo của quý khách đã sẵn sàng; thông tin đăng nhập có trong email.", open: "Mở {0}",
    mailbox: "Xin kiểm tra hộp thư và mở liên kết chúng tôi gửi tới {0}.", creating: "Odoo của quý khách đang được tạo.",
    failed: "Không tạo được. Chúng tôi sẽ gửi email cho quý khách.", gone: "Liên kết đã hết hạn.",
    wait: "Quá nhiều lần thử. Vui lòng thử lại {0}.", network: "Không kết nối được. Vui lòng thử lại.",
    origin: "Trang web này không được phép đăng ký ở đây.",
  },
};
const FIELDS = {
  companyName: "company", adminEmail: "email", customer_email: "email", clientName: "subdomain", customerName: "name",
};
const WAITING_S = [2, 3, 5, 8, 13, 21, 34, 60];
const CREATING_S = [0.2, 0.3, 0.5, 1, 2, 3, 5, 8, 13, 30, 60];

const languageOf = ({ lang }) => lang || document.documentElement.lang || "en";
const textsOf = (service) => TEXTS[languageOf(service).slice(0, 2).toLowerCase()] ?? TEXTS.en;
const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
const fill = (text, value) => text.replace("{0}", () => value);

/** A refusal: `message` for people, `code`, `fields` with a sentence each, `suggestions`, `retryAfter` in seconds. */
export class SignupError extends Error {
  constructor(code, message, more) {
    super(message);
    Object.assign(this, { code, fields: {}, suggestions: [], retryAfter: 0 }, more);
  }
}

/** Ask for an instance: {instanceId}. `service` is {api, key, lang}; the default subdomain is the
    company's name. The same call, repeated on one page, creates one instance. */
export async function createInstance(service, { company, name, email, subdomain, ...choices }) {
  const { plan, template, country, language } = choices;
  const clientName = subdomain || (await freeName(service, company));
  const wish = { clientName, adminEmail: email, companyName: company, customerName: name };
  Object.assign(wish, { plan, template, country, language, timezone: timeZone() });
  const body = JSON.stringify(wish);
  const told = await call(service, "/instances", { body });
  wishes.set(told.instanceId, body);
  return told;
}

async function freeName(service, company) {
  const { available, subdomain, suggestions } = await checkSubdomain(service, slug(company) || company);
  return available ? subdomain : suggestions[0];
}

/** Check a subdomain: {available, subdomain, error, suggestions}. */
export async function checkSubdomain(service, subdomain, signal) {
  const path = `/provisioning/validate_subdomain?subdomain=${encodeURIComponent(subdomain)}`;
  return (await call(service, path, { signal })).data;
}

/** Wait until it is ready: {url}. `onProgress` gets {state, progress, step}; in "draft" the mail's link
    was not followed yet. Polls less and less often, and not in a hidden page. Throws SignupError if it fails. */
export async function followInstance(service, instanceId, onProgress, signal) {
  const texts = textsOf(service);
  for (let state, round = 0; ; round++) {
    let waitS = 0;
    try {
      const { data } = await call(service, `/provisioning/request_status/${instanceId}`, { signal });
      if (data.state !== state) round = 0;
      state = data.state;
      onProgress?.(data);
      if (state === "completed") return data.instance;
      if (state === "failed" || state === "cancelled") throw new SignupError("FAILED", texts.failed);
    } catch (error) {
      const isOver = error.code === "FAILED" || error.code === "REQUEST_NOT_FOUND";
      if (isOver) sent.delete(wishes.get(instanceId));
      if (error.code === "REQUEST_NOT_FOUND") throw new SignupError("GONE", texts.gone);
      if (error.code !== "NETWORK" && !error.retryAfter) throw error;
      waitS = error.retryAfter;
    }
    const pausesS = state === "draft" ? WAITING_S : CREATING_S;
    if (await pause(waitS || pausesS[Math.min(round, pausesS.length - 1)], waitS, signal)) round = -1;
  }
}

/** A name that is valid in an address. */
export function slug(text) {
  const plain = text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/đ/g, "d");
  return plain.replace(/[^a-z0-9]+/g, "-").slice(0, 50).replace(/^-|-$/g, "");
}

/* True if the visitor came back to the page; a firm pause is waited for in full. */
function pause(seconds, isFirm, signal) {
  return new Promise((resolve) => {
    const end = (isBack) => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      resolve(isBack);
    };
    const look = () => document.hidden || isFirm || end(true);
    const timer = setTimeout(() => {
      isFirm = false;
      if (!document.hidden) end(false);
    }, 1000 * seconds);
    document.addEventListener("visibilitychange", look);
    signal?.addEventListener("abort", () => end(false));
  });
}

/* The idempotency keys of requests, and each instance's request: one that failed may be sent again. */
const sent = new Map(), wishes = new Map();
function idempotencyKey(body) {
  if (!sent.has(body)) sent.set(body, crypto.getRandomValues(new Uint32Array(4)).join("-"));
  return sent.get(body);
}

async function call(service, path, { body, signal }) {
  const api = (service.api ?? new URL(".", import.meta.url).href).replace(/\/$/, "");
  const headers = { "X-API-Key": service.key, "Accept-Language": languageOf(service) };
  if (body) Object.assign(headers, { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey(body) });
  let answer, told;
  try {
    answer = await fetch(api + path, { method: body ? "POST" : "GET", headers, body, signal });
    told = await answer.json();
  } catch (error) {
    throw signal?.aborted ? error : await unreachable(api, textsOf(service));
  }
  if (!answer.ok) throw refusal(told, Number(answer.headers.get("Retry-After")), service);
  return told;
}

function refusal({ error, error_code: code, details }, retryAfter, service) {
  const texts = textsOf(service), fields = {};
  for (const name in details.fields) fields[FIELDS[name] ?? name] = details.fields[name];
  const message = code === "RATE_LIMITED" ? fill(texts.wait, inTime(retryAfter, languageOf(service))) : error;
  return new SignupError(code, message, { fields, suggestions: details.suggestions ?? [], retryAfter });
}

function inTime(seconds, lang) {
  return new Intl.RelativeTimeFormat(lang).format(Math.ceil(seconds / 60), "minute");
}

/* Browsers report network errors and refused origins alike. Any origin may load this file, so it tells which. */
async function unreachable(api, texts) {
  const isThere = await fetch(`${api}/signup.js`, { cache: "no-store" }).then((answer) => answer.ok, () => false);
  return isThere ? new SignupError("ORIGIN", texts.origin) : new SignupError("NETWORK", texts.network);
}

/* ------------------------------------------------------------------ the form */

const STYLE = `
  :host { display: block; max-width: 28rem; font: inherit; }
  form { display: grid; gap: .4rem; }
  [hidden] { display: none; }
  input, select, button { font: inherit; padding: .5rem; box-sizing: border-box; width: 100%; }
  span { margin-bottom: .5rem; }
  input, select { border: 1px solid #767676; border-radius: var(--tenantry-radius, .3rem); }
  button { border: 0; border-radius: var(--tenantry-radius, .3rem); cursor: pointer;
    color: var(--tenantry-on-accent, #fff); background: var(--tenantry-accent, #714b67); }
  [aria-disabled=true] { opacity: .75; cursor: progress; }
  [part=suggestion] { width: auto; margin: 0 .4rem .4rem 0; padding: .2rem .6rem; }
  [part=error] { color: var(--tenantry-error, #b3261e); }
  progress { width: 100%; accent-color: var(--tenantry-accent, #714b67); }`;

function make(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

class TenantrySignup extends (globalThis.HTMLElement ?? Object) {
  connectedCallback() {
    this.stop = new AbortController();
    if (this.form) return;
    const attribute = (name) => this.getAttribute(name) ?? undefined;
    this.service = { api: attribute("api"), key: attribute("key"), lang: this.closest("[lang]")?.lang };
    this.texts = textsOf(this.service);
    this.form = make("form", { part: "form", onsubmit: (event) => this.submit(event) });
    this.addInput("company", { autocomplete: "organization", maxLength: 200, onchange: () => this.suggest() });
    this.addInput("name", { autocomplete: "name", maxLength: 200, required: false });
    this.addInput("email", { type: "email", autocomplete: "email", pattern: ".+@.+\\..+" });
    this.addInput("subdomain", { minLength: 3, maxLength: 50, autocapitalize: "none", onchange: () => this.check() });
    for (const name of ["country", "template", "plan"]) if (!attribute(name)) this.addSelect(name);
    this.button = make("button", { part: "button", textContent: this.texts.send });
    this.form.append(this.button);
    this.note = make("p", { id: "form", part: "status", role: "status", tabIndex: -1 });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [style];
    root.append(this.form, this.note);
    this.offer();
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  addInput(name, properties) {
    this.add(make("input", { id: name, name, part: "input", required: true, ...properties }));
  }

  add(control) {
    const note = make("span", { id: `${control.id}-note`, role: "status" });
    const label = make("label", { htmlFor: control.id, part: "label", textContent: this.texts[control.id] });
    control.setAttribute("aria-describedby", note.id);
    this.form.append(label, control, note);
  }

  addSelect(name) {
    this.add(make("select", { id: name, name, part: "input" }));
    this.fillSelect(name, []);
  }

  /* A choice of one is not shown. options: [value, text, isProposed]. */
  fillSelect(name, options) {
    const select = this.form.elements[name];
    if (!select) return;
    select.replaceChildren(...options.map(([value, text, isProposed]) => new Option(text, value, isProposed, isProposed)));
    const label = select.previousSibling, note = select.nextSibling;
    label.hidden = select.hidden = note.hidden = options.length < 2;
  }

  /* Ask what there is to choose. If this web site may not sign up here, its visitors see so at once. */
  async offer() {
    const { signal } = this.stop;
    const ask = (path) => call(this.service, `/provisioning/${path}`, { signal });
    const countries = `countries?timezone=${encodeURIComponent(timeZone() ?? "UTC")}`;
    try {
      const found = await Promise.all(["plans", "templates", countries].map(ask));
      [this.plans, this.templates] = found.map(({ data }) => data);
      const { data, guess } = found[2];
      this.fillSelect("country", [["", "", !guess], ...data.map(({ code, name }) => [code, name, code === guess])]);
      this.offerPlans();
    } catch (error) {
      if (signal.aborted) return;
      this.note.replaceChildren(error.message);
      this.form.inert = error.code !== "NETWORK" && !error.retryAfter;
    }
  }

  offerPlans() {
    const lang = languageOf(this.service);
    const proposed = this.plans.find(({ popular }) => popular) ?? this.plans[0];
    const described = (plan) => {
      const { price_monthly: price, currency, trial_days: days, popular } = plan;
      const money = new Intl.NumberFormat(lang, { style: "currency", currency }).format(price);
      const more = [days && fill(this.texts.days, days), popular && this.texts.popular].filter(Boolean);
      return [plan.code, `${plan.name}: ${[fill(this.texts.month, money), ...more].join(", ")}`, plan === proposed];
    };
    this.fillSelect("plan", this.plans.map(described));
    this.form.addEventListener("change", ({ target }) => {
      if (target.name === "plan") this.offerTemplates();
      if (target.name === "template") this.showTemplate();
    });
    this.offerTemplates();
  }

  /* Those of the plan. */
  offerTemplates() {
    const chosen = this.chosen("plan");
    const included = this.plans.find(({ code }) => code === chosen)?.templates ?? [];
    const offered = this.templates.filter(({ code }) => !included.length || included.includes(code));
    this.fillSelect("template", offered.map(({ code, name }, index) => [code, name, index === 0]));
    this.showTemplate();
  }

  chosen(name) {
    return this.getAttribute(name) ?? this.form.elements[name]?.value;
  }

  /* Where its address is, and the language if it is not the page's. */
  showTemplate() {
    const template = this.templates?.find(({ code }) => code === this.chosen("template"));
    if (!template) return;
    const label = this.form.elements.subdomain.previousSibling;
    label.textContent = `${this.texts.subdomain} (\u2026.${template.domain})`;
    const lang = languageOf(this.service), other = template.languages.find((code) => code.startsWith("en")) ?? template.languages[0];
    const named = (code) => new Intl.DisplayNames(lang, { type: "language" }).of(code.slice(0, 2));
    const note = this.form.elements.template?.nextSibling ?? this.note;
    note.hidden = false;
    note.replaceChildren(this.language() || !other ? "" : fill(this.texts.language, named(other)));
  }

  /* The template's language for this page; undefined if it has none. */
  language() {
    const template = this.templates?.find(({ code }) => code === this.chosen("template"));
    const [lang, region] = languageOf(this.service).toLowerCase().split(/[-_]/);
    const alike = template?.languages.filter((code) => code.split("_")[0] === lang) ?? [];
    return alike.find((code) => code.toLowerCase() === `${lang}_${region}`) ?? alike[0];
  }

  suggest() {
    const { company, subdomain } = this.form.elements;
    if (subdomain.value) return;
    subdomain.value = slug(company.value);
    this.check();
  }

  async check() {
    const { subdomain } = this.form.elements;
    const name = (subdomain.value = slug(subdomain.value));
    if (!name) return;
    try {
      const { available, error, suggestions } = await checkSubdomain(this.service, name);
      if (subdomain.value !== name) return;
      this.say("subdomain", available ? fill(this.texts.free, name) : error, !available, suggestions);
    } catch (error) {
      this.note.replaceChildren(error.message);
    }
  }

  async submit(event) {
    event.preventDefault();
    if (this.isBusy) return;
    this.wait(true);
    const { signal } = this.stop;
    try {
      const typed = Object.fromEntries([...new FormData(this.form)].filter(([, value]) => value));
      for (const name of ["plan", "template", "country"]) typed[name] ??= this.getAttribute(name) ?? undefined;
      const wish = { language: this.language(), ...typed };
      const { instanceId } = await createInstance(this.service, wish);
      this.tell("sent", { instanceId });
      this.form.hidden = true;
      const show = (told) => this.show(told, wish.email);
      const { url } = await followInstance(this.service, instanceId, show, signal);
      const link = make("a", { href: url, part: "link", textContent: fill(this.texts.open, url) });
      this.note.replaceChildren(this.texts.ready, " ", link);
      this.tell("ready", { instanceId, url });
    } catch (error) {
      if (signal.aborted) return;
      this.form.hidden = false;
      this.refuse(error);
      this.tell("error", { code: error.code, message: error.message });
    } finally {
      this.wait(false);
    }
  }

  wait(isBusy) {
    this.isBusy = isBusy;
    this.button.ariaDisabled = isBusy;
    this.button.textContent = isBusy ? this.texts.busy : this.texts.send;
  }

  show({ state, progress }, email) {
    if (state === "draft") return this.note.replaceChildren(fill(this.texts.mailbox, email));
    const bar = make("progress", { max: 100, value: progress, ariaLabel: this.texts.creating });
    this.note.replaceChildren(this.texts.creating, bar);
  }

  /* Show errors at their fields, else below the form. Keep what was typed. */
  refuse({ message, fields = {}, suggestions }) {
    const named = Object.keys(fields).filter((name) => this.form.elements[name]);
    for (const name of named) this.say(name, fields[name], true, name === "subdomain" ? suggestions : []);
    this.note.replaceChildren(named.length ? "" : message);
    (this.form.elements[named[0]] ?? this.note).focus();
  }

  say(name, sentence, isWrong, suggestions = []) {
    const input = this.form.elements[name], note = input.nextSibling;
    input.ariaInvalid = isWrong;
    note.part = isWrong ? "error" : "hint";
    const take = (other) => {
      input.value = other;
      this.check();
    };
    const button = (other) => make("button", { type: "button", part: "suggestion", textContent: other, onclick: () => take(other) });
    note.replaceChildren(sentence, " ", ...suggestions.map(button));
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(`tenantry:${what}`, { detail, bubbles: true, composed: true }));
  }
}

globalThis.customElements?.define("tenantry-signup", TenantrySignup);
