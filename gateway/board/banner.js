// The red banner. A style-sheet animation shows it by itself unless each message starts that anew: a page whose scripts
// hang cannot look alive.
import { QUIET_MS } from "./connection.js";
import { byId, setText } from "./dom.js";
import { clockTime } from "./format.js";
import { t } from "./i18n.js";

export class Banner {
  constructor() {
    this.root = byId("stale");
    this.turn = false;
    this.born = Date.now();
  }

  /** heard: a message has just come. */
  show(connection, heard) {
    if (heard) {
      this.turn = !this.turn;
      this.root.classList.toggle("wait-a", this.turn);
      this.root.classList.toggle("wait-b", !this.turn);
    }
    const wrong = this.whatIsWrong(connection);
    this.root.classList.toggle("shown", Boolean(wrong));
    document.body.classList.toggle("is-stale", Boolean(wrong));
    // Hidden it already holds what the animation would show.
    const [title, detail] = wrong ?? [t("frozen"), since(connection)];
    setText(byId("stale-title"), title);
    setText(byId("stale-detail"), detail);
    setText(byId("retry"), t(wrong && connection.state !== "refused" ? "retryNow" : "reload"));
    byId("retry").hidden = Boolean(wrong) && (connection.state === "live" || connection.state === "token");
  }

  /** Whether the style sheet has shown it although nothing is known to be wrong. */
  get frozen() {
    return !this.root.classList.contains("shown");
  }

  /** Title and detail, or null. */
  whatIsWrong(connection) {
    const { state, lastMessage, trouble, refusal } = connection;
    const quiet = Date.now() - (lastMessage ?? this.born) > QUIET_MS;
    if (state === "refused") {
      const old = refusal.code === "version";
      return [since(connection), old ? t("otherVersion") : t("refusedDetail", refusal.code, refusal.reason)];
    }
    if (state === "live" && trouble) return [t("staleSource"), t("sourceDetail", trouble)];
    if (state === "lost" || (quiet && (lastMessage || state !== "token"))) return [since(connection), retryText(connection)];
    return null;
  }
}

const since = ({ lastMessage }) => (lastMessage ? t("staleSince", clockTime(lastMessage)) : t("staleNever"));

function retryText({ retryAt, attempt }) {
  const seconds = retryAt ? Math.ceil((retryAt - Date.now()) / 1000) : 0;
  return seconds > 0 ? t("retryIn", seconds, attempt) : t("retrying", Math.max(1, attempt));
}
