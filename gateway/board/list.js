// The ranked list: one button an alert, one tab stop for all, arrow keys in between.
import { isLive } from "./alerts.js";
import { byId, el } from "./dom.js";
import { dayTime, rarity, ratio } from "./format.js";
import { language, nameOf, t } from "./i18n.js";

const SHOWN = 200;

export const titleOf = (alert) =>
  language() === "zh"
    ? `${nameOf(alert.commodity_name)} · ${t("kind")[alert.kind]}`
    : `${nameOf(alert.commodity_name)}: ${t("kind")[alert.kind]}`;

export class AlertList {
  /** choose(id) is called when the viewer asks for the details. */
  constructor(choose) {
    this.root = byId("list");
    this.choose = choose;
    this.rows = new Map();
    this.current = null;
  }

  /** items in rank order; chosen is the id whose details are shown, or null. */
  render(items, chosen) {
    const focused = this.focusedId();
    const shown = items.slice(0, SHOWN);
    const rows = new Map(shown.map((item) => [item.alert.alert_id, this.row(item, chosen)]));
    if (!rows.has(this.current)) this.current = shown[0]?.alert.alert_id ?? null;
    this.rows = rows;
    const rest = items.length - shown.length;
    this.root.replaceChildren(...rows.values(), ...(rest > 0 ? [el("li", { class: "rest" }, t("listRest", rest))] : []));
    for (const [id, row] of rows) row.firstChild.tabIndex = id === this.current ? 0 : -1;
    if (focused) (rows.get(focused) ?? rows.get(this.current))?.firstChild.focus({ preventScroll: true });
  }

  row({ alert, mark }, chosen) {
    const id = alert.alert_id;
    const kept = this.rows.get(id);
    const button = kept?.firstChild ?? el("button", { type: "button" });
    if (!kept) {
      button.dataset.id = id;
      button.addEventListener("click", () => this.choose(id));
      button.addEventListener("focus", () => this.setCurrent(id));
    }
    button.className = `row level-${alert.level}${isLive(alert) ? "" : " ended"}${mark ? " marked" : ""}`;
    button.setAttribute("aria-pressed", String(id === chosen));
    button.replaceChildren(...this.cells(alert, mark));
    return kept ?? el("li", {}, button);
  }

  cells(alert, mark) {
    const tags = [];
    if (mark) tags.push(el("span", { class: `tag tag-${mark}` }, t("mark")[mark]));
    if (alert.state !== "open" && mark !== "ended") tags.push(el("span", { class: "tag" }, t("state")[alert.state]));
    return [
      el("span", { class: "level" }, el("b", {}, alert.level), el("span", {}, t("level")[alert.level])),
      el(
        "span",
        { class: "what" },
        el("span", { class: "title" }, el("span", {}, titleOf(alert)), ...tags),
        el("span", { class: "where" }, nameOf(alert.region_name)),
        el(
          "span",
          { class: "facts" },
          el("span", {}, t("since", dayTime(alert.onset))),
          el("span", {}, t("counties", alert.counties.length)),
          el("span", {}, t("byChance", rarity(alert.recurrence_days))),
        ),
      ),
      el("span", { class: "ratio" }, el("b", {}, ratio(alert.ratio)), el("span", {}, t("times"))),
    ];
  }

  /** The alert whose row has the focus, or null. */
  focusedId() {
    return this.root.contains(document.activeElement) ? (document.activeElement.dataset.id ?? null) : null;
  }

  setCurrent(id) {
    this.current = id;
    for (const [other, row] of this.rows) row.firstChild.tabIndex = other === id ? 0 : -1;
  }

  /** Move the focus by a number of rows; from outside the list it goes to the current row. */
  move(step) {
    const ids = [...this.rows.keys()];
    if (!ids.length) return;
    const inside = this.focusedId() !== null;
    const at = ids.indexOf(this.current);
    const next = inside ? Math.min(ids.length - 1, Math.max(0, at + step)) : Math.max(0, at);
    this.focus(ids[next]);
  }

  focus(id) {
    const button = this.rows.get(id)?.firstChild;
    button?.focus();
    button?.scrollIntoView({ block: "nearest" });
  }
}
