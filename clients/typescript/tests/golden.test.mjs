// The relay's golden frames against what is published: the schema, and the types (which tsc compares).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { isRecord, noticeTypes, parseFrame, recordTypes } from "@footplate/client";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const client = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}/tests/transcripts`;
const frames = readdirSync(folder)
  .filter((name) => name.endsWith(".native.jsonl"))
  .flatMap((name) => readFileSync(`${folder}/${name}`, "utf8").split("\n").filter(Boolean))
  .map((line) => line.slice(line.indexOf(" ") + 1)); // behind who sees it

const document = readFileSync(`${root}/docs/protocol/native.md`, "utf8");
const messages = [...document.matchAll(/(?<!-->\n)```json\n(.*?)```/gs)].map(([, message]) => message.trim());

const ajv = new Ajv();
addFormats(ajv);
for (const name of ["uint32", "uint64"]) ajv.addFormat(name, true);
ajv.addSchema(JSON.parse(readFileSync(`${root}/docs/schema/native.schema.json`, "utf8")), "native");

/** What a definition of the schema has against a value. */
function validator(definition) {
  const validate = ajv.getSchema(`native#/$defs/${definition}`);
  return (value) => (validate(value) ? [] : validate.errors);
}

/** Compiles a file that stands beside the sources. Returns what tsc has to say. */
function compile(text) {
  const scratch = mkdtempSync(`${client}/tests/.golden-`);
  try {
    writeFileSync(`${scratch}/golden.ts`, text);
    const config = { extends: "../../tsconfig.json", include: ["golden.ts"] };
    writeFileSync(`${scratch}/tsconfig.json`, JSON.stringify(config));
    const tsc = `${client}/node_modules/typescript/bin/tsc`;
    execFileSync(process.execPath, [tsc, "-p", scratch], { encoding: "utf8" });
    return "";
  } catch (failed) {
    return failed.stdout;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const header = 'import type { ClientMessage, ServerFrame } from "../../src/index.js";\n';
// By `void` each is used; a literal of its own is looked at for fields that its type doesn't have.
const constants = (type, texts) =>
  texts.map((text, index) => `const ${type}${index}: ${type} = ${text};\nvoid ${type}${index};\n`).join("");

test("every golden frame is what the schema says", () => {
  assert.ok(frames.length > 500, `${frames.length} frames`);
  const faults = validator("ServerFrame");
  for (const frame of frames) assert.deepEqual(faults(JSON.parse(frame)), [], frame);
});

test("every message of the document is what the schema says", () => {
  assert.ok(messages.length > 10, `${messages.length} messages`);
  const faults = validator("ClientMessage");
  for (const message of messages) assert.deepEqual(faults(JSON.parse(message)), [], message);
});

test("the schema refuses what is no frame and no message", () => {
  const frame = JSON.parse(frames.find((it) => it.includes('"type":"log"')));
  const faults = validator("ServerFrame");
  for (const [field, wrong] of [["type", "lgo"], ["seq", "1"], ["level", "loud"], ["ts", "today"], ["node_id", null]]) {
    assert.notDeepEqual(faults({ ...frame, [field]: wrong }), [], field);
  }
  assert.deepEqual(faults({ ...frame, later: 1 }), [], "later versions add fields");
  assert.notDeepEqual(validator("ClientMessage")({ type: "ping", later: 1 }), [], "the relay refuses them");
});

test("every golden frame and every message is what the types say", () => {
  assert.equal(compile(header + constants("ServerFrame", frames) + constants("ClientMessage", messages)), "");
});

test("the types refuse what is no frame", () => {
  const log = frames.find((it) => it.includes('"type":"log"'));
  const wrong = [log.replace('"log"', '"lgo"'), log.replace('"seq":', '"sqe":'), log.replace("{", '{"later":1,')];
  const said = compile(header + constants("ServerFrame", wrong));
  assert.equal(said.match(/error TS/g)?.length, wrong.length, said);
});

test("frames are read as what they are", () => {
  for (const frame of frames) {
    const read = parseFrame(frame);
    assert.equal(isRecord(read), "seq" in read && "event_id" in read);
    assert.ok((isRecord(read) ? recordTypes : noticeTypes).includes(read.type), read.type);
  }
  assert.equal(parseFrame('{"type":"of_a_later_version"}'), undefined);
  for (const text of ["", "[]", "null", "{}", '{"type":1}']) assert.throws(() => parseFrame(text), SyntaxError);
});
