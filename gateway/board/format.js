// Numbers, times and rarity in words.
import { memory } from "./dom.js";
import { locale, t } from "./i18n.js";

const BEIJING = "Asia/Shanghai";
const DAYS_A_YEAR = 365.25;
let zone = memory.get("zone") === "local" ? "local" : "beijing";
const formats = new Map();

export function switchZone() {
  zone = zone === "local" ? "beijing" : "local";
  memory.set("zone", zone);
}

/** What the switch of the zone leads to. */
export const otherZone = () => t("zoneOther")[zone];

/** The zone that times are shown in, as a label. */
export function zoneLabel() {
  if (zone === "beijing") return t("beijing");
  const minutes = -new Date().getTimezoneOffset();
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${String(size % 60).padStart(2, "0")}` : "";
  return t("local", `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`);
}

function format(options) {
  const key = `${locale()} ${zone} ${Object.keys(options)}`;
  if (!formats.has(key)) {
    const timeZone = zone === "beijing" ? BEIJING : undefined;
    formats.set(key, new Intl.DateTimeFormat(locale(), { timeZone, hourCycle: "h23", ...options }));
  }
  return formats.get(key);
}

const two = "2-digit";
export const clockTime = (ms) => format({ hour: two, minute: two, second: two }).format(ms);

/** Day and time; the year where it is not this one. */
export function dayTime(ms) {
  const year = format({ year: "numeric" });
  const parts = { month: "short", day: "numeric", hour: two, minute: two };
  return format(year.format(ms) === year.format(Date.now()) ? parts : { year: "numeric", ...parts }).format(ms);
}

/** How many times the normal, with as many digits as one would say. */
export function ratio(value) {
  if (!(value > 0)) return "—"; // nothing was expected, so there is no ratio
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** A share, 0 to 1, in percent. */
export const percent = (share) => new Intl.NumberFormat(locale(), { style: "percent" }).format(share);

export const number = (value) =>
  new Intl.NumberFormat(locale(), { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 }).format(value);

/** Observed or expected of an alert: base units a day, or a price relative. */
export function measure(alert, value, baseUnit) {
  const isPrice = alert.kind === "price_spike" || alert.kind === "price_drop";
  return isPrice ? t("usual", ratio(value)) : t("perDay", number(value), alert.commodity === "*" ? "" : t("unit")[baseUnit]);
}

/** How often chance alone would raise it, in words. */
export function rarity(days) {
  const words = t("rarity");
  if (days < 2) return words.often;
  if (days < 90) return words.days(Math.round(days));
  if (days < 2 * DAYS_A_YEAR) return words.months(Math.round(days / (DAYS_A_YEAR / 12)));
  if (days < 100 * DAYS_A_YEAR) return words.years(Math.round(days / DAYS_A_YEAR));
  return words.never;
}
