// What the tests stand on: the relay, engines and pages as programs and browsers of their own, ended with the test that
// started them. It must never answer in place of one of them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import WebSocket from 'ws';

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.join(here, '../..');
/** How long anything may take before it counts as never, in milliseconds. */
export const PATIENCE = 30_000;
const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

function needed(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; scripts/browser.sh sets it`);
  return value;
}
/** Settings that somebody has for a relay of his own are none of these relays. */
const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FOOTPLATE_')));

const endings = new WeakMap();
/** At the test's end, what was started last ends first: no page sees its relay go. */
export function atEnd(t, end) {
  if (!endings.has(t)) {
    endings.set(t, []);
    t.after(async () => {
      const faults = [];
      for (const it of endings.get(t).reverse()) await Promise.resolve().then(it).catch((fault) => faults.push(fault));
      if (faults.length) throw faults[0];
    });
  }
  endings.get(t).push(end);
}

/** A program of ours, whose lines are read as they come. */
class Program {
  #wake = new Set();
  constructor(t, command, args) {
    this.lines = [];
    this.process = spawn(command, args, { env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => this.process.on('close', (code, signal) => resolve(code ?? signal)));
    this.ended.then((code) => { this.code = code; this.#news(); });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        this.lines.push(...lines);
        this.#news();
      });
    }
    this.process.stdin.on('error', () => {});
    atEnd(t, () => this.kill());
  }
  #news() { for (const look of [...this.#wake]) look(); }
  /** Waits until `look` finds something in its lines. */
  find(look, what) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => { clearTimeout(timer); this.#wake.delete(again); settle(value); };
      const again = () => {
        const found = look(this.lines);
        if (found) end(resolve, found);
        else if (this.code !== undefined) end(reject, new Error(`${what}: it has ended with ${this.code}:\n${this.lines.slice(-20).join('\n')}`));
      };
      const timer = setTimeout(() => end(reject, new Error(`${what}: not in time:\n${this.lines.slice(-20).join('\n')}`)), PATIENCE);
      this.#wake.add(again);
      again();
    });
  }
  signal(name) { this.process.kill(name); }
  /** Ends it as a power cut would. */
  async kill() {
    if (this.code === undefined) this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** `footplate demo` on free ports: where its page is. */
export async function demo(t) {
  const program = new Program(t, needed('FOOTPLATE_BINARY'), ['demo', '--port', '0']);
  return program.find((lines) => lines.find((line) => line.startsWith('Open '))?.slice(5), 'the demo does not start');
}

/** `footplate serve`, which comes back on the ports that it had. */
export class Relay {
  static async start(t, ...flags) {
    const relay = new Relay(t, flags);
    await relay.start();
    return relay;
  }
  constructor(t, flags) { this.t = t; this.flags = flags; this.viewers = '127.0.0.1:0'; this.engines = '127.0.0.1:0'; }
  async start() {
    const args = ['serve', '--log-format', 'json', '--viewer-listen', this.viewers, '--engine-listen', this.engines, '--admin-listen', 'none', ...this.flags];
    this.program = new Program(this.t, needed('FOOTPLATE_BINARY'), args);
    const at = (door) => this.program.find((lines) => lines.map((line) => (line.startsWith('{') ? JSON.parse(line) : {})).find((it) => it.message === 'listening' && it.door === door)?.address, `no door for ${door}s`);
    [this.viewers, this.engines] = [await at('viewer'), await at('engine')];
  }
  get port() { return Number(this.viewers.split(':').at(-1)); }
  get url() { return `http://localhost:${this.port}`; }
  get target() { return `localhost:${this.engines.split(':').at(-1)}`; }
  kill() { return this.program.kill(); }
  /** Its process holds still: what is written to it stays unread. */
  hold() { this.program.signal('SIGSTOP'); }
  /** What the relay itself says of an execution. */
  async state(execution) {
    const answer = await fetch(`${this.url}/v1/executions/${execution}`);
    assert.equal(answer.status, 200);
    return (await answer.json()).state;
  }
}

/** The example that the README runs. */
export function example(t, relay, execution) {
  const file = path.join(root, 'clients/python/examples/engine.py');
  return new Program(t, needed('FOOTPLATE_PYTHON'), [file, '--target', relay.target, '--execution', execution, '--fast']);
}
/** An engine that does what it is told, and has done it when `tell` is over. */
class Obedient extends Program {
  #told = 0;
  constructor(t, file, ...args) { super(t, needed('FOOTPLATE_PYTHON'), [path.join(here, file), ...args]); }
  async tell(...orders) {
    for (const order of orders) this.process.stdin.write(`${JSON.stringify(order)}\n`);
    this.#told += orders.length;
    await this.find((lines) => lines.filter((line) => line.startsWith('{"did"')).length >= this.#told, `${orders.at(-1)[0]} is not done`);
  }
  /** What it has said about something. */
  says(what, value, fault) {
    const find = (lines) => lines.filter((line) => line.startsWith(`{"${what}"`)).map((line) => JSON.parse(line)).find((it) => value === undefined || it[what] === value);
    return this.find(find, fault);
  }
}
/** One with the committed client, for one execution. */
export class Puppet extends Obedient {
  constructor(t, relay, execution, name = execution) { super(t, 'engine.py', relay.target, execution, name); }
  /** What came of a gate. */
  async outcome(gate) { return this.says('gate_id', gate, `nothing came of ${gate}`); }
}
/** One without, for what it is asked to start. */
export class Starter extends Obedient {
  constructor(t, relay, workflow) { super(t, 'starter.py', relay.target, workflow); }
  ready() { return this.says('ready', true, 'the relay does not welcome it'); }
  /** What it was asked to start: the execution's name, the workflow, and what is to be done. */
  started() { return this.says('started', undefined, 'nobody starts anything'); }
}
/** Events as both of them can be told to state them. */
export const event = (kind, fields) => ['emit', { [kind]: fields }];
export const nodeIs = (nodeId, status, more) => event('nodeChanged', { nodeId, status: `NODE_STATUS_${status.toUpperCase()}`, ...more });
export const logged = (message, level = 'INFO') => event('logWritten', { message, level: `LOG_LEVEL_${level}` });
export const planned = (...ids) => event('graphDeclared', { replace: true, nodes: ids.map((nodeId) => ({ nodeId, label: `${nodeId} it` })), edges: ids.slice(1).map((targetNodeId, at) => ({ sourceNodeId: ids[at], targetNodeId })) });
export const OPTIONS = [
  { option_id: 'approve', label: 'Ship it', kind: 1, style: 2 },
  { option_id: 'reject', label: 'Reject it', kind: 2, style: 3 },
];

/** A way to a relay that can be held up: what is under way on it then does not arrive. */
export async function way(t, relay) {
  const pairs = new Set();
  let broken = false;
  const server = net.createServer((near) => {
    if (broken) return near.on('error', () => {}).resetAndDestroy();
    const far = net.connect(relay.port, '127.0.0.1');
    const pair = [near, far];
    pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => { pairs.delete(pair); near.destroy(); far.destroy(); });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => { for (const [near] of pairs) near.destroy(); server.close(); });
  return {
    url: `http://localhost:${server.address().port}`,
    /** From the relay nothing comes any more; what is said to it arrives. */
    deafen() { for (const [near, far] of pairs) { far.unpipe(near); far.pause(); } },
    /** Nothing is said to the relay any more on the connections that there are. */
    mute() { for (const [near, far] of pairs) { near.unpipe(far); near.pause(); } },
    /** It breaks, and nobody gets through until it is mended. */
    cut() {
      broken = true;
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    },
    mend() {
      broken = false;
      for (const [near, far] of pairs) far.pipe(near);
    },
  };
}

/** Things that come one by one, and can be waited for. */
export function news() {
  const all = [];
  const wake = new Set();
  return {
    all,
    /** One more; or nothing but an occasion to look again. */
    add(...more) {
      all.push(...more);
      for (const look of [...wake]) look();
    },
    /** Waits until `look` finds something among all of them. */
    until: (look, what) => new Promise((resolve, reject) => {
      const end = (settle, value) => { clearTimeout(timer); wake.delete(again); settle(value); };
      const again = () => {
        const found = look(all);
        if (found) end(resolve, found);
      };
      const timer = setTimeout(() => end(reject, new Error(`${what}: not in time; the last were:\n${all.slice(-20).map((it) => JSON.stringify(it)).join('\n')}`)), PATIENCE);
      wake.add(again);
      again();
    }),
  };
}

/** What the native protocol tells of an execution. */
export async function follow(t, relay, execution) {
  const told = news();
  const socket = new WebSocket(`${relay.url.replace('http', 'ws')}/v1/stream`, 'footplate.v1');
  socket.on('message', (text) => told.add(JSON.parse(text)));
  atEnd(t, () => socket.terminate());
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'subscribe', execution_id: execution }));
  return told;
}

let browser;
/** One browser for a file of tests, with a profile that is new and empty. */
export async function launch() {
  browser = await chromium.launch({ executablePath: needed('CHROMIUM'), chromiumSandbox: false, args: FLAGS });
  return browser;
}
export const close = () => browser.close();

/**
 * A page in a context of its own, under watch. When the test ends, nothing may have gone to the console, have thrown, have
 * offended against the policy, or have been asked of anybody but the relay. `lost`: the relay goes away on purpose, of which
 * the browser itself tells.
 */
export async function open(t, url, { lost = false, axe = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', timezoneId: 'UTC', bypassCSP: axe, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const faults = [];
  const asked = [];
  const said = [];
  const sockets = [];
  const heard = news();
  const gone = /^(WebSocket connection to|Failed to load resource)/;
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  page.on('console', (it) => { if (['error', 'warning'].includes(it.type()) && !(lost && gone.test(it.text()))) faults.push(`${it.type()}: ${it.text()}`); });
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
  page.on('dialog', (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => asked.push(request.url()));
  page.on('websocket', (socket) => {
    asked.push(socket.url());
    const number = sockets.push(socket) - 1;
    socket.on('framesent', ({ payload }) => said.push(payload.startsWith('{') ? JSON.parse(payload) : payload));
    socket.on('framereceived', ({ payload }) => heard.add({ ...JSON.parse(payload), socket: number }));
    socket.on('close', () => heard.add());
  });
  atEnd(t, async () => {
    await context.close();
    const { host } = new URL(url);
    assert.deepEqual(asked.filter((it) => !it.startsWith('data:') && new URL(it).host !== host), [], 'asked of somebody else');
    assert.deepEqual(faults, []);
  });
  const answer = await page.goto(url);
  assert.match(answer.headers()['content-security-policy'], /default-src 'none'/);
  return Object.assign(page, {
    /** The decisions that this page has sent, each as often as it was. */
    decisions: () => said.filter((it) => it.type === 'human_decision'),
    /** What it has sent, and what it was sent, each message with the number of its `socket`. */
    said,
    heard: heard.all,
    sockets: () => sockets.length,
    /** How many of its sockets are open, or are going to be. */
    openSockets: () => sockets.filter((it) => !it.isClosed()).length,
    /** Waits until it was sent what `look` finds. */
    hears: (look, what) => heard.until(look, what),
  });
}

/** Waits until an element says what it should; the error tells what it says instead. */
export async function says(locator, words) {
  await locator.filter({ hasText: words }).first().waitFor().catch(async () => {
    assert.fail(`“${words}” is never said, but: ${(await locator.allInnerTexts()).join(' | ') || 'nothing'}`);
  });
}
export const live = (page) => says(page.getByRole('status', { name: 'Connection' }), /^live/);
export const gate = (page, title) => page.getByRole('region', { name: `Decision: ${title}` });
