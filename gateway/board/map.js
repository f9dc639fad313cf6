// The tile grid: one tile a province, where the server says it stands, coloured by its worst live level.
import { byId, el } from "./dom.js";
import { language, nameOf, t } from "./i18n.js";

/** Characters that fit on a tile beside a level. */
const LONG = 8;

export class TileMap {
  constructor() {
    this.root = byId("tiles");
    this.provinces = [];
  }

  /** provinces as /api/provinces answers; levels by code as Alerts.provinces() does. */
  render(provinces, levels) {
    const tiles = provinces.map((province) => this.tile(province, levels.get(province.code)));
    const hit = provinces.filter((province) => levels.has(province.code)).length;
    const spread = el("li", { class: "spread" }, el("b", {}, String(hit)), el("span", {}, t("spread", hit, provinces.length)));
    this.root.replaceChildren(...(provinces.length ? [spread] : []), ...tiles);
  }

  tile(province, worst) {
    const name = nameOf(province.short);
    const said = worst
      ? t("provinceSaid", nameOf(province.name), `${t("levelName", worst.level)} ${t("level")[worst.level]}`, worst.count)
      : t("provinceSaid", nameOf(province.name), t("calm"), 0);
    const tile = el(
      "li",
      { class: `tile ${worst ? `level-${worst.level}` : "calm"}${name.length > (worst ? LONG : LONG + 2) ? " long" : ""}`, title: said },
      el("span", { class: "tile-name", ariaHidden: "true" }, name),
      language() === "en" ? el("span", { class: "tile-letters", ariaHidden: "true" }, province.letters) : null,
      worst ? el("b", { ariaHidden: "true" }, worst.level) : null,
      el("span", { class: "unseen" }, said),
    );
    tile.style.gridRow = String(province.row);
    tile.style.gridColumn = String(province.column);
    tile.dataset.code = province.code;
    return tile;
  }
}
