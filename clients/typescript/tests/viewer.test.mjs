// The example for Node.js against the relay itself: it sees a snapshot and every record behind it once, outlives a
// lost connection without a gap, decides at a gate, and sees that applied.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const binary = process.env.FOOTPLATE_BINARY ?? `${process.env.CARGO_TARGET_DIR ?? `${root}/target`}/debug/footplate`;
const example = fileURLToPath(new URL("../examples/viewer.mjs", import.meta.url));
const children = [];
after(() => children.forEach((child) => child.kill()));

/** A program whose lines can be waited for. */
function start(program, ...args) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = [], waiting = new Set();
  const look = () => waiting.forEach((check) => check());
  createInterface({ input: child.stdout }).on("line", (line) => (lines.push(line), look()));
  let ended = false;
  child.on("exit", () => ((ended = true), look()));
  /** The first match at or behind line `from`. */
  const line = (pattern, from = 0) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const index = lines.findIndex((it, at) => at >= from && pattern.test(it));
        if (index >= 0) resolve({ index, match: lines[index].match(pattern) });
        else if (ended) reject(new Error(`${program} ended without ${pattern}:\n${lines.join("\n")}`));
        else return;
        waiting.delete(check);
      };
      waiting.add(check);
      check();
    });
  return { child, lines, line };
}

/** Stands between viewer and relay, and can cut the line. */
async function between(port) {
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.pipe(to).on("error", () => from.destroy());
      from.on("close", () => (sockets.delete(from), to.destroy()));
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  after(() => server.close());
  return { port: server.address().port, cut: () => sockets.forEach((it) => it.resetAndDestroy()) };
}

test("the example watches, comes back, and decides", { timeout: 120_000 }, async () => {
  accessSync(binary); // else: cargo build, or name it with FOOTPLATE_BINARY
  const relay = start(binary, "demo", "--port", "0");
  const { match } = await relay.line(/ws:\/\/localhost:(\d+)\/v1\/stream/);
  const line = await between(Number(match[1]));
  const viewer = start(process.execPath, example, `ws://127.0.0.1:${line.port}/v1/stream`, "demo");

  const snapshot = await viewer.line(/^snapshot (\d+): /);
  const early = await viewer.line(/^record (\d+) node_state/, snapshot.index);
  line.cut();
  const back = await viewer.line(/^goes on behind (\d+)$/, early.index);

  const gate = await viewer.line(/^  gate (\S+) open .*\[1\] /, back.index);
  viewer.child.stdin.write("1\n");
  await viewer.line(/^receipt: recorded/, gate.index);
  const id = gate.match[1].replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  await viewer.line(new RegExp(`^  gate ${id} decided applied`), gate.index);

  assert.equal(viewer.lines.filter((it) => it.startsWith("snapshot")).length, 1, "coming back took no snapshot");
  const seqs = viewer.lines.flatMap((it) => it.match(/^record (\d+) /)?.[1] ?? []).map(Number);
  const first = Number(snapshot.match[1]) + 1;
  assert.deepEqual(seqs, seqs.map((_, index) => first + index), "every record, once and in order");
  const before = viewer.lines.slice(0, back.index).filter((it) => it.startsWith("record")).length;
  assert.equal(Number(back.match[1]), first + before - 1, "it goes on where it was");
});
