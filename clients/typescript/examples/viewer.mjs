// Watches one execution and decides at its gates, in a terminal: node examples/viewer.mjs [URL] [EXECUTION]
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { WebSocket } from "ws"; // Node.js 22 and browsers have their own
import { SUBPROTOCOL, isRecord, parseFrame } from "@footplate/client";

const [url = "ws://localhost:8000/v1/stream", execution_id = "demo"] = process.argv.slice(2);
const gates = new Map(); // gate_id → the gate as it is now
let ws, last, decision, silence; // the connection; the last record's place; what has no receipt yet; a timer

function connect() {
  const token = process.env.FOOTPLATE_TOKEN; // where the relay wants one
  ws = new WebSocket(url, token ? [SUBPROTOCOL, `bearer.${token}`] : SUBPROTOCOL);
  ws.on("open", () => (subscribe(), decision && say(decision))); // the same id: the same decision
  ws.on("message", (text) => frame(parseFrame(text.toString())));
  ws.on("error", (error) => console.error(error.message)); // "close" follows
  // If the relay went, all come back: not all at once.
  ws.on("close", () => setTimeout(connect, 500 + 1500 * Math.random()));
}

const say = (message) => ws.readyState === WebSocket.OPEN && ws.send(JSON.stringify(message));
// With `since`: what was missed comes, once and in order; or a snapshot, if that is too long ago.
const subscribe = () => say({ type: "subscribe", execution_id, ...(last && { since: last }) });

function frame(it) {
  clearTimeout(silence), (silence = setTimeout(() => ws.terminate(), 60_000)); // a heartbeat comes every 25 s
  if (it === undefined) return; // of a later version
  if (it.type === "snapshot") {
    if (it.part === 1) gates.clear(), console.log(`snapshot ${it.seq}: ${it.state.progress.status}`);
    it.state.nodes.forEach(node), it.state.gates.forEach(gate);
    if (it.part === it.parts) last = { epoch: it.epoch, seq: it.seq };
  } else if (isRecord(it)) {
    if (it.epoch !== last.epoch || it.seq > last.seq + 1) return ws.close(); // a gap: subscribe anew
    if (it.seq <= last.seq) return; // known already
    last = { epoch: it.epoch, seq: it.seq };
    console.log(`record ${it.seq} ${it.type}${it.type === "log" ? ` ${it.level}: ${it.message}` : ""}`);
    for (const changed of it.node ? [it.node] : (it.nodes ?? [])) node(changed);
    if (it.gate) gate(it.gate);
  } else if (it.type === "subscribed") console.log(it.recovered ? `goes on behind ${it.from}` : "begins");
  else if (it.type === "receipt") (decision = undefined), console.log(`receipt: ${it.stage} ${it.reason ?? ""}`);
  else if (it.type === "error") {
    console.error(`${it.code}: ${it.message}`);
    if (it.code === "not_found") setTimeout(subscribe, 1000); // its engine has yet to come
  }
}

const node = (it) => console.log(`  ${it.label ?? it.graph?.label ?? it.node_id}: ${it.status}`);
function gate(it) {
  gates.set(it.gate_id, it);
  const keys = it.options.map((option, index) => `[${index + 1}] ${option.label ?? option.option_id}`).join("  ");
  const how = it.resolution === "open" ? `${it.title ?? it.prompt ?? ""}  ${keys}  and Enter` : (it.delivery ?? "");
  console.log(`  gate ${it.gate_id} ${it.resolution} ${how}`);
}

createInterface({ input: process.stdin }).on("line", (key) => {
  const { gate_id, gate_version, options } = [...gates.values()].find((it) => it.resolution === "open") ?? {};
  const option_id = options?.[key - 1]?.option_id; // a gate's options are the only answers
  if (option_id) say((decision = { type: "human_decision", decision_id: randomUUID(), execution_id, gate_id, gate_version, option_id }));
});
connect();
