// The WebSocket: resumes without a gap, and never lets silence pass for quiet.

export const QUIET_MS = 15_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const VERSION = 1;

/** What the range of a close code says: may we come back by ourselves? The catalogue stands in the README. */
const mayReconnect = (code) => code !== 1009 && !(code >= 4500 && code <= 4999);

export class Connection {
  /** handlers: hello, snapshot, event, changed (the state of the connection did). */
  constructor(handlers) {
    this.handlers = handlers;
    this.state = "connecting"; // connecting, live, lost, refused, token
    this.token = null;
    this.position = null;
    this.promised = null;
    this.lastMessage = null;
    this.trouble = "";
    this.refusal = null;
    this.attempt = 0;
    this.retryAt = null;
    this.timer = null;
    this.socket = null;
    setInterval(() => this.watch(), 1000);
    addEventListener("online", () => this.retry());
    addEventListener("pageshow", (shown) => shown.persisted && this.retry());
  }

  open() {
    clearTimeout(this.timer);
    this.drop();
    this.retryAt = null;
    this.opened = Date.now();
    const url = new URL("/ws", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.position) {
      url.searchParams.set("epoch", this.position.epoch);
      url.searchParams.set("offset", this.position.offset);
    }
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      if (this.token) socket.send(JSON.stringify({ token: this.token }));
    };
    socket.onmessage = (message) => this.hear(JSON.parse(message.data));
    socket.onclose = (closed) => this.closed(closed.code, closed.reason);
    this.become(this.state === "live" ? "lost" : this.state === "refused" ? "connecting" : this.state);
  }

  /** Try now, not after the pause. */
  retry() {
    if (this.state !== "live" && this.state !== "token") {
      this.attempt += 1;
      this.open();
    }
  }

  hear(message) {
    if ("event" in message && message.offset !== this.position?.offset + 1) {
      // Never a silent gap: come back with the offset that we have.
      this.lose();
      return;
    }
    this.lastMessage = Date.now();
    if ("hello" in message) {
      const { hello } = message;
      const at = { epoch: hello.epoch, offset: hello.offset };
      // Without its snapshot this place in the stream is worth nothing: a loss in between must ask for one again.
      this.position = hello.recovered ? at : null;
      this.promised = at;
      this.attempt = 0;
      this.refusal = null;
      if (hello.version !== VERSION) this.refuse("version", "");
      else this.become("live");
      this.handlers.hello(hello);
    } else if ("snapshot" in message) {
      this.position = this.promised;
      this.handlers.snapshot(message.snapshot, message.ranks);
    } else if ("event" in message) {
      this.position.offset = message.offset;
      this.handlers.event(message.event, message.rank);
    } else if ("ping" in message) {
      this.trouble = message.trouble ?? "";
    }
    this.handlers.changed(true);
  }

  closed(code, reason) {
    if (code === 4500) {
      this.drop();
      this.become("token");
    } else if (mayReconnect(code)) this.lose();
    else this.refuse(code, reason);
  }

  lose() {
    this.drop();
    this.attempt += 1;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.attempt - 1)) * (0.5 + Math.random() / 2);
    this.retryAt = Date.now() + pause;
    this.timer = setTimeout(() => this.open(), pause);
    this.become("lost");
  }

  refuse(code, reason) {
    this.drop();
    this.refusal = { code, reason };
    this.become("refused");
  }

  drop() {
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  watch() {
    const heard = Math.max(this.lastMessage ?? 0, this.opened ?? 0);
    if (this.socket && Date.now() - heard > QUIET_MS) this.lose();
    this.handlers.changed(false);
  }

  become(state) {
    this.state = state;
    this.handlers.changed(false);
  }
}
