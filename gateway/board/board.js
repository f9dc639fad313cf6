// The board: puts the parts together, and keeps the screen true or says that it is not.
import { Alerts, isLive, LEVELS } from "./alerts.js";
import { Banner } from "./banner.js";
import { Connection } from "./connection.js";
import { Detail } from "./detail.js";
import { byId, el, memory, setText } from "./dom.js";
import { clockTime, dayTime, otherZone, switchZone, zoneLabel } from "./format.js";
import { nameOf, switchLanguage, t, translatePage } from "./i18n.js";
import { AlertList, titleOf } from "./list.js";
import { TileMap } from "./map.js";

const ENDED_SHOWN = 30;
const wide = matchMedia("(min-width: 75rem)");

const alerts = new Alerts();
const list = new AlertList(choose);
const map = new TileMap();
const detail = new Detail();
const banner = new Banner();
const facts = { provinces: [], units: new Map() };
let chosen = null;
let watchingSince = null;

const connection = new Connection({
  hello(hello) {
    watchingSince ??= Date.now();
    byId("note").hidden = !hello.note;
    setText(byId("note"), hello.note ?? "");
    if (!facts.provinces.length) loadFacts();
  },
  snapshot(events, ranks) {
    alerts.reset(events, ranks);
    render();
    loadEnded();
  },
  event(event, rank) {
    const mark = alerts.apply(event, rank);
    if (mark) announce(event.data, mark);
    if (event.data.alert_id === chosen) loadHistory(chosen);
    render();
  },
  changed(heard) {
    renderLink();
    banner.show(connection, heard);
  },
});

async function ask(path) {
  const headers = connection.token ? { Authorization: `Bearer ${connection.token}` } : {};
  const answer = await fetch(path, { headers });
  if (answer.status === 401) connection.closed(4500, "unauthorized");
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** What does not change while the page lives. Tried again at the next hello where it fails. */
async function loadFacts() {
  try {
    const [{ provinces }, { commodities }] = await Promise.all([ask("/api/provinces"), ask("/api/commodities")]);
    facts.units = new Map(commodities.map((good) => [good.code, good.base_unit]));
    facts.provinces = provinces;
    render();
  } catch (error) {
    console.warn(error.message);
  }
}

async function loadEnded() {
  try {
    alerts.addEnded((await ask(`/api/alerts?state=ended&limit=${ENDED_SHOWN}`)).alerts);
    render();
  } catch (error) {
    console.warn(error.message);
  }
}

async function loadHistory(id) {
  let history = { id, revisions: [], missing: false };
  try {
    const answer = await ask(`/api/alerts/${encodeURIComponent(id)}`);
    history.revisions = answer.revisions.map((event) => event.data);
  } catch {
    history = { id, revisions: detail.history.id === id ? detail.history.revisions : [], missing: true };
  }
  if (detail.history.id === id || shownItem()?.alert.alert_id === id) {
    detail.history = history;
    renderDetail();
  }
}

/** The taxonomy's unit of a commodity, or of the nearest one above it. */
function unitOf(code) {
  for (let c = code; c; c = c.slice(0, -2)) if (facts.units.has(c)) return facts.units.get(c);
  return "kg";
}

/** The alert whose details are shown: the chosen one, or, where there is room, the most urgent. */
function shownItem() {
  if (chosen) return alerts.get(chosen);
  const first = alerts.ranked()[0];
  return wide.matches && first && isLive(first.alert) ? first : undefined;
}

function render() {
  const items = alerts.ranked();
  const live = items.filter((item) => isLive(item.alert));
  list.render(items, chosen);
  map.render(facts.provinces, alerts.provinces());
  renderCounts();
  renderDetail();
  byId("quiet").hidden = live.length > 0;
  byId("quiet").classList.toggle("loading", watchingSince === null);
  setText(byId("quiet-since"), watchingSince ? t("quietSince", dayTime(watchingSince)) : t("quietLoading"));
  const worst = live[0] ? `(${live.length}) ${t("levelName", live[0].alert.level)} · ` : "";
  document.title = `${worst}infopump 信息泵`;
}

function renderCounts() {
  const counts = alerts.counts();
  byId("counts").replaceChildren(
    ...LEVELS.map((level) =>
      el(
        "li",
        { class: `count level-${level}${counts[level] ? "" : " zero"}` },
        el("span", { class: "count-level" }, el("b", {}, level), el("span", {}, t("level")[level])),
        el("span", { class: "count-number" }, String(counts[level])),
      ),
    ),
  );
}

function renderDetail() {
  const item = shownItem();
  const alert = item?.alert ?? null;
  detail.render(alert, !chosen, alert && unitOf(alert.commodity));
  if (alert && detail.history.id !== alert.alert_id) {
    detail.history = { id: alert.alert_id, revisions: [], missing: false };
    loadHistory(alert.alert_id);
  }
}

function renderLink() {
  const { state, lastMessage, trouble } = connection;
  const text = {
    connecting: () => t("linkConnecting"),
    live: () => t("linkLive", Math.max(0, Math.round((Date.now() - lastMessage) / 1000))),
    lost: () => t("linkStale"),
    refused: () => t("linkRefused"),
    token: () => t("linkToken"),
  }[state]();
  byId("link").dataset.state = state === "live" && trouble ? "lost" : state;
  setText(byId("link-text"), state === "live" && trouble ? t("linkStale") : text);
  const form = byId("token-form");
  if (form.hidden !== (state !== "token")) {
    form.hidden = state !== "token";
    setText(byId("token-wrong"), state === "token" && connection.token ? t("tokenWrong") : "");
    if (state === "token") byId("token").focus();
  }
}

function renderClock() {
  const now = new Date();
  setText(byId("clock"), clockTime(now));
  byId("clock").dateTime = now.toISOString();
  setText(byId("zone"), zoneLabel());
}

function announce(alert, mark) {
  const level = `${t("levelName", alert.level)} ${t("level")[alert.level]}`;
  setText(byId("live"), t("said", t("mark")[mark], level, titleOf(alert), nameOf(alert.region_name)));
}

function choose(id) {
  chosen = id;
  render();
  byId("detail-body").focus({ preventScroll: true });
}

function close() {
  if (!chosen) return;
  const id = chosen;
  chosen = null;
  render();
  list.focus(id);
}

function renderAll() {
  translatePage();
  setText(byId("language"), t("other"));
  byId("language").lang = t("other") === "中文" ? "zh-CN" : "en";
  setText(byId("timezone"), otherZone());
  renderClock();
  renderLink();
  banner.show(connection, false);
  render();
}

const actions = {
  ArrowDown: () => list.move(1),
  ArrowUp: () => list.move(-1),
  j: () => list.move(1),
  k: () => list.move(-1),
  Home: () => list.move(-Infinity),
  End: () => list.move(Infinity),
  Escape: close,
  l: () => {
    switchLanguage();
    renderAll();
  },
  t: () => {
    switchZone();
    renderAll();
  },
};

addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement;
  const scrolling = byId("detail").contains(event.target) && /^(Arrow|Home|End)/.test(event.key);
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || typing || scrolling || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
});
byId("language").addEventListener("click", actions.l);
byId("timezone").addEventListener("click", actions.t);
byId("close").addEventListener("click", close);
byId("retry").addEventListener("click", () =>
  connection.state === "refused" || banner.frozen ? location.reload() : connection.retry(),
);
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  connection.token = byId("token").value;
  memory.set("token", connection.token, sessionStorage);
  byId("token").value = "";
  connection.state = "connecting";
  connection.open();
});
wide.addEventListener("change", render);
setInterval(() => {
  renderClock();
  if (alerts.fadeMarks()) render();
}, 1000);

connection.token = memory.get("token", sessionStorage);
renderAll();
loadFacts();
connection.open();
