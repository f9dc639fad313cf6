// What stands behind an alert: its course, price and stock beside, goods, other explanations, rules. Parts that the
// alert does not carry are left out.
import { el } from "./dom.js";
import { dayTime, measure, percent, ratio } from "./format.js";
import { nameOf, t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 90;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const section = (title, ...children) => el("section", {}, el("h3", {}, title), ...children);

/** Rows of the facts: the usual range, and price and stock beside. */
export function beside(alert, baseUnit) {
  const { low, high, price_ratio: price, stock_ratio: stock, run } = alert.evidence ?? {};
  const rows = [];
  if (typeof low === "number" && typeof high === "number")
    rows.push(["band", `${measure(alert, low, baseUnit)} – ${measure(alert, high, baseUnit)}`]);
  const said = [];
  if (typeof price === "number") said.push(t("priceBeside", ratio(price)));
  if (typeof stock === "number") said.push(t("stockBeside", ratio(stock)));
  if (run > 1) said.push(t(alert.kind === "price_drop" ? "fellDays" : "roseDays", run));
  if (said.length) rows.push(["beside", said.join(" · ")]);
  return rows;
}

/** The last window: a line for what was seen, one for what was expected. */
export function course(alert, baseUnit) {
  const series = alert.evidence?.series ?? [];
  if (series.length < 2) return null;
  const most = Math.max(...series.flatMap((point) => [point.observed, point.expected])) || 1;
  const line = (key) =>
    series
      .map((point, i) => {
        const x = (WIDTH * i) / (series.length - 1);
        const y = HEIGHT - 4 - ((HEIGHT - 8) * Math.max(0, point[key])) / most;
        return `${x.toFixed(1)},${y.toFixed(1)}`;
      })
      .join(" ");
  const last = series[series.length - 1];
  const [seen, usual] = [last.observed, last.expected].map((value) => measure(alert, value, baseUnit));
  const said = t("courseSaid", series.length, seen, usual);
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": said },
    svg("polyline", { class: "usual", points: line("expected") }),
    svg("polyline", { class: `level-${alert.level}`, points: line("observed") }),
  );
  return el(
    "figure",
    { class: "course" },
    el("figcaption", {}, `${t("course")}: ${dayTime(series[0].at)} – ${dayTime(last.at)}`),
    picture,
    el("p", {}, said),
  );
}

/** The commodities by their part in it. */
export function goods(alert) {
  const parts = alert.evidence?.commodities ?? [];
  if (!parts.length) return null;
  const row = (part) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, (part.name && nameOf(part.name)) || part.commodity),
      el("td", { class: "number" }, percent(part.share)),
      el("td", { class: "number" }, `${ratio(part.ratio)} ×`),
    );
  return section(t("goods"), el("table", {}, el("tbody", {}, ...parts.map(row))));
}

/** What else would explain it, and why not. */
export function otherwise(alert) {
  const others = alert.evidence?.otherwise ?? [];
  if (!others.length) return null;
  const item = (other) =>
    el("li", {}, el("b", {}, t("cause")[other.cause]), ` ${t("explains")[other.explains]}: ${nameOf(other.why)}`);
  return section(t("otherwise"), el("ul", { class: "notes" }, ...others.map(item)));
}

/** What each rulebook says that holds there. */
export function rules(alert) {
  const rulings = alert.rulings ?? [];
  if (!rulings.length) return null;
  const item = (ruling) =>
    el(
      "li",
      {},
      el("span", { class: `badge small level-${ruling.level}` }, ruling.level),
      ` ${ruling.rulebook} · ${t("clausesHeld", (ruling.held ?? [ruling.clause]).join(", "))}`,
    );
  return section(t("rules"), el("ul", { class: "notes" }, ...rulings.map(item)));
}
