/**
 * The native protocol of Footplate (`/v1/stream`) as types, and how to read its frames.
 *
 * Nothing here opens a connection: the examples show how little that takes.
 */

import type { NoticeFrame, RecordFrame, ServerFrame } from "./generated/protocol.js";
import { noticeTypes, recordTypes } from "./generated/protocol.js";

export type * from "./generated/protocol.js";
export { noticeTypes, recordTypes } from "./generated/protocol.js";

/** The subprotocol to ask for: `new WebSocket(url, SUBPROTOCOL)`. */
export const SUBPROTOCOL = "footplate.v1";

/** The frame of one type: `FrameOf<"log">`. Two frames are called `error`. */
export type FrameOf<Type extends ServerFrame["type"]> = Extract<ServerFrame, { type: Type }>;

const known: ReadonlySet<string> = new Set([...recordTypes, ...noticeTypes]);

/**
 * Reads the text of one WebSocket message.
 *
 * @returns the frame, or `undefined` where a later version of the relay says something that is not
 * known here, and that is to be ignored.
 * @throws SyntaxError where the text is no JSON object with a `type`: that is no relay.
 */
export function parseFrame(text: string): ServerFrame | undefined {
  const frame: unknown = JSON.parse(text);
  if (typeof frame !== "object" || frame === null || !("type" in frame) || typeof frame.type !== "string") {
    throw new SyntaxError("a frame is a JSON object with a `type`: is this the relay's /v1/stream?");
  }
  // Fields are taken at the relay's word: its tests hold its frames against these types.
  return known.has(frame.type) ? (frame as ServerFrame) : undefined;
}

/** Whether it is a record: it has a place in its execution's log. */
export function isRecord(frame: ServerFrame): frame is RecordFrame {
  return "event_id" in frame;
}

/** Whether it is no record. */
export function isNotice(frame: ServerFrame): frame is NoticeFrame {
  return !isRecord(frame);
}
