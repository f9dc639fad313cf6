// What the board knows of the alerts: newest revisions in rank order, counts, the worst level of each province.

export const LEVELS = ["I", "II", "III", "IV"];
const MARK_MS = 120_000;

export const isLive = (alert) => alert.state === "open" || alert.state === "acknowledged";

/** The order of the protocol: rank number by number, then the alert's id. */
function compare(a, b) {
  for (let i = 0; i < a.rank.length; i += 1) {
    if (a.rank[i] !== b.rank[i]) return a.rank[i] - b.rank[i];
  }
  return a.alert.alert_id < b.alert.alert_id ? -1 : 1;
}

export class Alerts {
  constructor() {
    this.known = new Map();
  }

  /** A snapshot: everything live that was known before is void. */
  reset(events, ranks) {
    this.known.clear();
    events.forEach((event, i) => this.put(event, ranks[i], null));
  }

  /** Ended ones, which no snapshot holds; a newer revision that is known stays. */
  addEnded(items) {
    for (const { event, rank } of items) {
      const known = this.known.get(event.data.alert_id);
      if (!known || known.alert.revision < event.data.revision) this.put(event, rank, null);
    }
  }

  /** A new revision. Returns its mark: new, raised, lowered, ended or null. */
  apply(event, rank) {
    const before = this.known.get(event.data.alert_id)?.alert;
    const mark = change(before, event.data);
    this.put(event, rank, mark);
    return mark;
  }

  put(event, rank, mark) {
    this.known.set(event.data.alert_id, { alert: event.data, rank, mark, markedAt: Date.now() });
  }

  get(id) {
    return this.known.get(id);
  }

  ranked() {
    return [...this.known.values()].sort(compare);
  }

  /** Take back marks that are no longer news. Returns whether there were any. */
  fadeMarks() {
    let faded = false;
    for (const item of this.known.values()) {
      if (item.mark && Date.now() - item.markedAt > MARK_MS) {
        item.mark = null;
        faded = true;
      }
    }
    return faded;
  }

  /** Live alerts by level. */
  counts() {
    const counts = Object.fromEntries(LEVELS.map((level) => [level, 0]));
    for (const { alert } of this.known.values()) if (isLive(alert)) counts[alert.level] += 1;
    return counts;
  }

  /** Of each province with live alerts: its worst level and their number. */
  provinces() {
    const found = new Map();
    for (const { alert } of this.known.values()) {
      if (!isLive(alert)) continue;
      for (const code of alert.provinces) {
        const { level, count } = found.get(code) ?? { level: alert.level, count: 0 };
        const worst = LEVELS.indexOf(alert.level) < LEVELS.indexOf(level) ? alert.level : level;
        found.set(code, { level: worst, count: count + 1 });
      }
    }
    return found;
  }
}

function change(before, after) {
  if (!isLive(after)) return "ended";
  if (!before || !isLive(before)) return "new";
  const step = LEVELS.indexOf(after.level) - LEVELS.indexOf(before.level);
  return step < 0 ? "raised" : step > 0 ? "lowered" : null;
}
