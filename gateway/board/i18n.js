// Every text of the board in both languages, and which one is shown.
import { memory } from "./dom.js";

const texts = {
  zh: {
    skip: "跳到预警列表",
    subtitle: "生活必需品市场异常波动预警",
    counts: "各级别未结束预警数量",
    alerts: "预警（按紧急程度排序）",
    map: "各省最高级别",
    other: "English",
    close: "关闭",
    retryNow: "立即重连",
    reload: "重新加载",
    tokenAsk: "访问令牌",
    tokenSend: "进入",
    tokenWrong: "令牌不正确，请重新输入。",
    hint: "↑ ↓ 或 J K：选择　Enter：详情　Esc：返回　L：English　T：时区",
    quiet: "一切平稳",
    quietSince: (time) => `自 ${time} 开始监看，没有未结束的预警`,
    quietLoading: "正在等待网关的第一条消息……",
    beijing: "北京时间 UTC+8",
    local: (offset) => `本地时间 ${offset}`,
    zoneOther: { beijing: "本地时间", local: "北京时间" },
    linkConnecting: "正在连接",
    linkLive: (age) => `实时 · 最近消息 ${age} 秒前`,
    linkStale: "已中断",
    linkToken: "需要令牌",
    linkRefused: "已拒绝",
    staleSince: (time) => `画面自 ${time} 起未更新`,
    staleNever: "尚未连接到网关，画面没有数据",
    staleSource: "网关与数据源的连接中断，画面可能已过时",
    retryIn: (seconds, attempt) => `正在重连：第 ${attempt} 次，${seconds} 秒后`,
    retrying: (attempt) => `正在重连：第 ${attempt} 次`,
    sourceDetail: (reason) => `网关报告：${reason}`,
    refusedDetail: (code, reason) => `网关拒绝了连接（${code} ${reason}），请联系管理员。`,
    frozen: "页面已停止响应，请重新加载",
    otherVersion: "网关已升级，请重新加载页面。",
    level: { I: "特别重大", II: "重大", III: "较大", IV: "一般" },
    levelName: (level) => `${level} 级`,
    calm: "无预警",
    kind: { panic_buying: "抢购", price_spike: "价格飙升" },
    state: { open: "待处置", acknowledged: "已确认", closed: "已关闭", expired: "已解除" },
    mark: { new: "新", raised: "升级", lowered: "降级", ended: "结束" },
    times: "倍于平常",
    since: (time) => `始于 ${time}`,
    counties: (n) => `${n} 个县区`,
    rarity: {
      often: "每天",
      days: (n) => `约 ${n} 天一次`,
      months: (n) => `约 ${n} 个月一次`,
      years: (n) => `约 ${n} 年一次`,
      never: "百年不遇",
    },
    byChance: (rarity) => `偶然发生：${rarity}`,
    perDay: (value, unit) => `${value} ${unit}/天`,
    usual: (value) => `平常价的 ${value} 倍`,
    unit: { kg: "公斤", L: "升", pc: "件" },
    observed: "实测",
    expected: "预期",
    ratio: "倍数",
    shops: "数据来源",
    shopsValue: (n) => `${n} 家门店`,
    onset: "异动开始",
    detected: "首次发现",
    updated: "最近更新",
    chance: "偶然发生的频率",
    rule: "依据条款",
    peak: "曾达最高级别",
    stateTitle: "状态",
    county: "县区",
    countyRatio: "倍数",
    firstSign: "首次迹象",
    evidence: "受影响县区",
    history: "变更记录",
    historyMissing: "记录暂时无法读取。",
    revision: (n) => `第 ${n} 版`,
    none: "没有可显示的预警",
    following: "当前最紧急的预警",
    listRest: (n) => `另有 ${n} 条未显示`,
    said: (mark, level, what, where) => `${mark}：${level}，${what}，${where}`,
    provinceSaid: (name, level, n) => `${name}：${level}，${n} 条`,
    spread: (n, all) => `个省级地区（共 ${all} 个）有未结束的预警`,
  },
  en: {
    skip: "Skip to the alerts",
    subtitle: "Supply alerts for daily necessities",
    counts: "Live alerts by level",
    alerts: "Alerts, most urgent first",
    map: "Worst level by province",
    other: "中文",
    close: "Close",
    retryNow: "Reconnect now",
    reload: "Reload",
    tokenAsk: "Access token",
    tokenSend: "Enter",
    tokenWrong: "That token is not right. Please try again.",
    hint: "↑ ↓ or J K: choose   Enter: details   Esc: back   L: 中文   T: time zone",
    quiet: "All is quiet",
    quietSince: (time) => `Watching since ${time}; no live alert`,
    quietLoading: "Waiting for the gateway's first message …",
    beijing: "Beijing time UTC+8",
    local: (offset) => `Local time ${offset}`,
    zoneOther: { beijing: "Local time", local: "Beijing time" },
    linkConnecting: "Connecting",
    linkLive: (age) => `Live · last message ${age} s ago`,
    linkStale: "Cut off",
    linkToken: "Token needed",
    linkRefused: "Refused",
    staleSince: (time) => `This screen is stale since ${time}`,
    staleNever: "Not connected to the gateway: this screen has no data",
    staleSource: "The gateway has lost its source: this screen may be stale",
    retryIn: (seconds, attempt) => `Reconnecting: attempt ${attempt} in ${seconds} s`,
    retrying: (attempt) => `Reconnecting: attempt ${attempt}`,
    sourceDetail: (reason) => `The gateway reports: ${reason}`,
    refusedDetail: (code, reason) => `The gateway refuses this connection (${code} ${reason}). Please call the operator.`,
    frozen: "This page has stopped responding: reload it",
    otherVersion: "The gateway has been upgraded: reload this page.",
    level: { I: "Extreme", II: "Severe", III: "Moderate", IV: "Minor" },
    levelName: (level) => `Level ${level}`,
    calm: "no alert",
    kind: { panic_buying: "panic buying", price_spike: "price spike" },
    state: { open: "open", acknowledged: "acknowledged", closed: "closed", expired: "over" },
    mark: { new: "New", raised: "Raised", lowered: "Lowered", ended: "Ended" },
    times: "× normal",
    since: (time) => `since ${time}`,
    counties: (n) => (n === 1 ? "1 county" : `${n} counties`),
    rarity: {
      often: "daily",
      days: (n) => `once in ${n} days`,
      months: (n) => `once in ${n} months`,
      years: (n) => `once in ${n} years`,
      never: "not in a hundred years",
    },
    byChance: (rarity) => `by chance: ${rarity}`,
    perDay: (value, unit) => `${value} ${unit} a day`,
    usual: (value) => `${value} × the usual price`,
    unit: { kg: "kg", L: "L", pc: "pieces" },
    observed: "Observed",
    expected: "Expected",
    ratio: "Ratio",
    shops: "Evidence from",
    shopsValue: (n) => (n === 1 ? "1 shop" : `${n} shops`),
    onset: "Began",
    detected: "First raised",
    updated: "Last change",
    chance: "By chance alone",
    rule: "Rule",
    peak: "Highest level so far",
    stateTitle: "State",
    county: "County",
    countyRatio: "Ratio",
    firstSign: "First sign",
    evidence: "Counties hit",
    history: "Revisions",
    historyMissing: "The revisions cannot be read right now.",
    revision: (n) => `Revision ${n}`,
    none: "No alert to show",
    following: "The most urgent alert now",
    listRest: (n) => `${n} more are not shown`,
    said: (mark, level, what, where) => `${mark}: ${level}, ${what}, ${where}`,
    provinceSaid: (name, level, n) => `${name}: ${level}, ${n}`,
    spread: (n, all) => `${n === 1 ? "province" : "provinces"} of ${all} with live alerts`,
  },
};

const preferred = (navigator.languages ?? [navigator.language]).find((l) => /^(zh|en)/i.test(l)) ?? "en";
let current = memory.get("language") ?? (/^zh/i.test(preferred) ? "zh" : "en");
if (!(current in texts)) current = "en";

export const language = () => current;
export const locale = () => (current === "zh" ? "zh-CN" : "en-GB");

/** The text of a key; functions get the arguments. */
export function t(key, ...args) {
  const text = texts[current][key];
  return typeof text === "function" ? text(...args) : text;
}

/** The name in the language shown, of a record with zh and en. */
export const nameOf = (names) => names[current] || names.zh;

export function switchLanguage() {
  current = current === "zh" ? "en" : "zh";
  memory.set("language", current);
}

/** Put the fixed texts of the page into the language shown. */
export function translatePage() {
  document.documentElement.lang = locale();
  for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of document.querySelectorAll("[data-i18n-label]")) {
    node.setAttribute("aria-label", t(node.dataset.i18nLabel));
  }
}
