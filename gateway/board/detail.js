// The panel of one alert: what was seen against what was expected, where, how rare, by which rule, and its history.
import { isLive } from "./alerts.js";
import { byId, el, setText } from "./dom.js";
import { beside, course, goods, otherwise, rules } from "./evidence.js";
import { dayTime, measure, rarity, ratio } from "./format.js";
import { nameOf, t } from "./i18n.js";
import { titleOf } from "./list.js";

/** How many shops and chains say so; never which. */
const shops = (alert) => {
  const chains = alert.evidence?.chains;
  return t("shopsValue", alert.terminals) + (chains ? ` · ${t("chains", chains)}` : "");
};

export class Detail {
  constructor() {
    this.root = byId("detail");
    this.title = byId("detail-title");
    this.lead = byId("detail-lead");
    this.body = byId("detail-body");
    this.history = { id: null, revisions: [], missing: false };
  }

  /** The alert, or null; following says that nobody chose it. baseUnit as in the taxonomy. */
  render(alert, following, baseUnit) {
    document.body.classList.toggle("detail-open", Boolean(alert) && !following);
    this.root.classList.toggle("nothing", !alert);
    setText(this.title, alert ? titleOf(alert) : t("none"));
    if (!alert) {
      this.lead.replaceChildren();
      this.body.replaceChildren();
      return;
    }
    const scrolled = this.body.scrollTop;
    const same = this.body.dataset.id === alert.alert_id;
    this.body.dataset.id = alert.alert_id;
    this.lead.replaceChildren(...this.leadOf(alert, following));
    this.body.replaceChildren(
      this.bars(alert, baseUnit),
      ...[course(alert, baseUnit)].filter(Boolean),
      this.facts(alert, baseUnit),
      el(
        "div",
        { class: "columns" },
        this.counties(alert),
        goods(alert),
        otherwise(alert),
        rules(alert),
        this.revisions(alert),
      ),
    );
    this.body.scrollTop = same ? scrolled : 0;
  }

  leadOf(alert, following) {
    return [
      el("span", { class: `badge level-${alert.level}` }, `${t("levelName", alert.level)} ${t("level")[alert.level]}`),
      el("span", { class: "where" }, nameOf(alert.region_name)),
      el("span", { class: `tag${isLive(alert) ? "" : " tag-ended"}` }, t("state")[alert.state]),
      ...(following ? [el("span", { class: "follow" }, t("following"))] : []),
    ];
  }

  bars(alert, baseUnit) {
    const most = Math.max(alert.observed, alert.expected) || 1;
    const bar = (label, value, kind) => {
      const fill = el("span", { class: `bar ${kind}` });
      fill.style.inlineSize = `${Math.max(0.5, (100 * value) / most)}%`;
      return [
        el("dt", {}, label),
        el("dd", {}, el("span", { class: "track" }, fill), el("b", {}, measure(alert, value, baseUnit))),
      ];
    };
    return el(
      "div",
      { class: "evidence" },
      el("p", { class: "big-ratio" }, el("b", {}, ratio(alert.ratio)), el("span", {}, t("times"))),
      el(
        "dl",
        { class: "bars" },
        ...bar(t("observed"), alert.observed, `level-${alert.level}`),
        ...bar(t("expected"), alert.expected, "usual"),
      ),
    );
  }

  facts(alert, baseUnit) {
    const rows = [
      ["onset", dayTime(alert.onset)],
      ["detected", dayTime(alert.detected)],
      ["updated", dayTime(alert.updated)],
      ["shops", shops(alert)],
      ...beside(alert, baseUnit),
      ["chance", rarity(alert.recurrence_days)],
      ["rule", `${alert.clause} · ${alert.rulebook}`],
    ];
    if (alert.peak_level !== alert.level) rows.push(["peak", t("levelName", alert.peak_level)]);
    if (alert.merged_into) rows.push(["merged", alert.merged_into]);
    if (alert.split_from) rows.push(["splitFrom", alert.split_from]);
    if (alert.absorbed?.length) rows.push(["absorbed", alert.absorbed.join(", ")]);
    if (alert.former?.length) rows.push(["former", t("counties", alert.former.length)]);
    return el(
      "dl",
      { class: "facts-grid" },
      ...rows.map(([key, value]) => el("div", { class: `fact-${key}` }, el("dt", {}, t(key)), el("dd", {}, value))),
    );
  }

  counties(alert) {
    const rows = [...alert.counties].sort((a, b) => b.ratio - a.ratio);
    const head = ["county", "countyRatio", "firstSign"].map((key) => el("th", { scope: "col" }, t(key)));
    return el(
      "section",
      {},
      el("h3", {}, `${t("evidence")} (${rows.length})`),
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ...head)),
        el(
          "tbody",
          {},
          ...rows.map((county) =>
            el(
              "tr",
              {},
              el("th", { scope: "row" }, nameOf(county.name)),
              el("td", { class: "number" }, `${ratio(county.ratio)} ×`),
              el("td", {}, dayTime(county.since)),
            ),
          ),
        ),
      ),
    );
  }

  revisions(alert) {
    const { id, revisions, missing } = this.history;
    const known = id === alert.alert_id ? revisions : [];
    const all = new Map([...known, alert].map((revision) => [revision.revision, revision]));
    const newest = [...all.values()].sort((a, b) => b.revision - a.revision);
    return el(
      "section",
      {},
      el("h3", {}, t("history")),
      el(
        "ol",
        { class: "history" },
        ...newest.map((r) =>
          el(
            "li",
            {},
            el("span", { class: `badge small level-${r.level}` }, r.level),
            el(
              "span",
              { class: "history-text" },
              el("span", {}, `${t("revision", r.revision)} · ${dayTime(r.updated)}`),
              el("span", {}, `${ratio(r.ratio)} × · ${t("counties", r.counties.length)} · ${t("state")[r.state]}`),
            ),
          ),
        ),
      ),
      missing ? el("p", { class: "missing" }, t("historyMissing")) : null,
    );
  }
}
