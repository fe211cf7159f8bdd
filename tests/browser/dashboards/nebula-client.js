// A client of the nebula protocol, for browsers and Node.js alike, as its description has one: it comes back ten times, after
// 2, 4, 8 … 30 s of its clock, counts anew once it is open, and never subscribes again to what it had subscribed to.

export class NebulaClient {
  constructor(base, token, { second = 1000, WebSocket = globalThis.WebSocket } = {}) {
    this.base = base;
    this.token = token;
    this.second = second;
    this.WebSocket = WebSocket;
    this.socket = null;
    this.handlers = new Map();
    this.attempts = 0;
    /** Messages that it has no handler for, errors among them. */
    this.others = [];
    this.onother = () => {};
  }

  connect() {
    return new Promise((resolve, reject) => {
      const socket = new this.WebSocket(`${this.base}/api/v1/ws?token=${this.token}`);
      this.socket = socket;
      socket.onopen = () => {
        this.attempts = 0;
        this.heart = setInterval(() => this.send({ type: 'ping' }), 30 * this.second);
        resolve();
      };
      socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
      socket.onerror = reject;
      socket.onclose = () => {
        clearInterval(this.heart);
        this.#comeBack();
      };
    });
  }

  #take(message) {
    const { type } = message;
    const key = type === 'execution_update' ? `execution:${message.execution.id}`
      : type === 'log' ? `logs:${message.log.execution_id}`
      : type === 'workflow_event' ? `workflow:${message.event.workflow.id}` : null;
    for (const handler of this.handlers.get(key) ?? []) handler(message.execution ?? message.log ?? message.event);
    if (key === null) {
      this.others.push(message);
      this.onother(message);
    }
  }

  #comeBack() {
    if (this.attempts >= 10) return;
    this.attempts += 1;
    this.timer = setTimeout(() => this.connect().catch(() => {}), Math.min(2 ** this.attempts, 30) * this.second);
  }

  send(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  #on(key, handler, resource, id) {
    if (!this.handlers.has(key)) {
      this.handlers.set(key, []);
      if (resource) this.send({ type: 'subscribe', resource, id });
    }
    this.handlers.get(key).push(handler);
    return () => {
      const rest = (this.handlers.get(key) ?? []).filter((it) => it !== handler);
      if (rest.length) return this.handlers.set(key, rest);
      this.handlers.delete(key);
      if (resource) this.send({ type: 'unsubscribe', resource, id });
      return undefined;
    };
  }

  subscribeToExecution(id, handler) { return this.#on(`execution:${id}`, handler, 'execution', id); }
  subscribeToWorkflow(id, handler) { return this.#on(`workflow:${id}`, handler, 'workflow', id); }
  /** Lines come to whoever has subscribed to their execution. */
  subscribeToLogs(id, handler) { return this.#on(`logs:${id}`, handler); }

  /** Goes for good, which the original does not manage: it comes back. */
  disconnect() {
    this.attempts = Infinity;
    clearTimeout(this.timer);
    this.socket.close();
  }
}
