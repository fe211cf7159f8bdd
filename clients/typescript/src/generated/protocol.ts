// Made by `make bless` of the types in tests/it/wire; not to be edited.

/**
 * Everything that the relay says. Records have a place in an execution's log (`event_id` is there),
 * the others have none. Ignore a `type` that you don't know: later versions add some.
 */
export type ServerFrame = RecordFrame | NoticeFrame;

/**
 * A frame that is a record: it has a place in its execution's log. Whoever replaces the parts
 * that he has by those that records state has what a snapshot would show.
 */
export type RecordFrame =
  | ExecutionStatusFrame
  | ExecutionCompleteFrame
  | NodeStateFrame
  | NodeProgressFrame
  | NodeRetryFrame
  | GraphFrame
  | DagMutatedFrame
  | EdgeActiveFrame
  | CostUpdateFrame
  | LogFrame
  | AgentMessageFrame
  | AgentThinkingFrame
  | ToolCallFrame
  | CodeExecutionFrame
  | MetricFrame
  | FileFrame
  | ErrorFrame
  | EventsDroppedFrame
  | HumanGateWaitingFrame
  | GateVoteFrame
  | GateResolvedFrame
  | GateDeliveryFrame
  | GateClosedFrame
  | CommandStatusFrame
  | EngineStatusFrame
  | RejectedFrame
  | OpaqueFrame;

/**
 * A frame that is no record: it has no place in a log, and may come before or after the record
 * of the same thing.
 */
export type NoticeFrame =
  | WelcomeFrame
  | SubscribedFrame
  | UnsubscribedFrame
  | SnapshotFrame
  | HeartbeatFrame
  | ExecutionsFrame
  | ExecutionSummaryFrame
  | ReceiptFrame
  | ProblemFrame
  | RefreshedFrame
  | TokenExpiringFrame
  | PongFrame
  | GoingAwayFrame;

/** Everything that a client may say. A field that is not known makes a message mean nothing. */
export type ClientMessage =
  | SubscribeMessage
  | UnsubscribeMessage
  | SubscribeExecutionsMessage
  | UnsubscribeExecutionsMessage
  | HumanDecisionMessage
  | PauseExecutionMessage
  | ResumeExecutionMessage
  | CancelExecutionMessage
  | StartExecutionMessage
  | CustomCommandMessage
  | AuthenticateMessage
  | RefreshMessage
  | PingMessage;

/** What a model recommends. */
export type Advice = {
  /** Which model, or tool. */
  source: string;
  /** Its words. */
  text: string;
  /** How sure it is, 0 to 1. */
  confidence?: number;
  /** The option that it would take. */
  option_id?: string;
};

/** An agent said something. */
export type AgentMessageFrame = {
  type: "agent_message";
  /** Who. */
  agent: string;
  /** What. */
  message: string;
  /** The speaker's role in the conversation. */
  role?: string;
  /** At which node. */
  node_id?: string;
  /** What else is known. */
  metadata?: Json;
  /** Of larger metadata. */
  metadata_ref?: ValueRef;
} & RecordPlace & RecordParts;

/** An agent thinks. */
export type AgentThinkingFrame = {
  type: "agent_thinking";
  /** Who. */
  agent: string;
  /** False once it has stopped to. */
  thinking?: boolean;
  /** What. */
  message?: string;
  /** At which node. */
  node_id?: string;
} & RecordPlace & RecordParts;

/** A record of the log as it is now. */
export type At = {
  /** The record. */
  seq: number;
};

/** This is who I am: the first message, where nothing has been shown before. */
export type AuthenticateMessage = {
  type: "authenticate";
  /** A token or an API key: at most 8 KiB. */
  token: string;
};

/** End. */
export type CancelExecutionMessage = {
  type: "cancel_execution";
  /** Made once (a UUIDv7), and kept through every resend. */
  command_id: string;
  /** The execution. */
  execution_id: string;
  /** Why: at most 16 KiB. */
  reason?: string;
};

/** What an engine can be told to do. */
export type Capabilities = {
  /** `pause_execution`. */
  pause: boolean;
  /** `resume_execution`. */
  resume: boolean;
  /** `cancel_execution`. */
  cancel: boolean;
  /** The `custom_type`s of `custom_command` that it knows. */
  custom_types: Array<string>;
};

/**
 * The `json` of an opaque frame with the `protocol` `captured`: an event that an engine
 * captured from what it runs.
 */
export type CapturedEvent = {
  /** Its name there. */
  captured_event_id: string;
  /** Its kind there. */
  event_type: string;
  /** Which sort of that kind. */
  event_subtype?: string;
  /** Whose. */
  agent?: string;
  /** At which node. */
  node_id?: string;
  /** Its place among its siblings. */
  execution_order?: number;
  /** How deep it is nested. */
  depth?: number;
  /** What else it says. */
  data?: Json;
  /** Of larger data. */
  data_ref?: ValueRef;
};

/** What sort of question a gate asks. */
export type Classification = "irreversible" | "quality_check" | "calibration";

/** What a client may send. */
export type ClientLimits = {
  /** Bytes of one message. */
  max_message_bytes: number;
  /** Messages in a second, in the long run. */
  messages_per_second: number;
  /** Messages at once. */
  burst: number;
};

/** Code was executed. */
export type CodeExecutionFrame = {
  type: "code_execution";
  /** The code. */
  code: string;
  /** Its language. */
  language?: string;
  /** By whom. */
  agent?: string;
  /** At which node. */
  node_id?: string;
  /** What came of it. */
  result?: Json;
  /** Of a larger result. */
  result_ref?: ValueRef;
  /** What failed. */
  error?: string;
} & RecordPlace & RecordParts;

/** What a command wants. */
export type CommandKind = "pause" | "resume" | "cancel" | "start" | "custom";

/** How far a command has come. The last four are its end. */
export type CommandStage =
  | "queued"
  | "sent"
  | "delivered"
  | "in_progress"
  | "applied"
  | "refused"
  | "failed"
  | "outcome_unknown";

/** A command, and how far it has come. */
export type CommandState = {
  /** As its giver named it. */
  command_id: string;
  /** What it wants. */
  kind: CommandKind;
  /** Of a start: what to run. */
  workflow_id?: string;
  /** Of a start: what to give it. */
  input?: Json;
  /** Of a custom command: one of the engine's `custom_types`. */
  custom_type?: string;
  /** Of a custom command: its own. */
  payload?: Json;
  /** Why it was given. */
  reason?: string;
  /** By whom. */
  by: Principal;
  /** When. */
  time: Time;
  /** How far it has come. */
  stage: CommandStage;
  /** What its engine says of that. */
  outcome_reason?: string;
  /** What came of it. */
  result?: Json;
  /** Of a larger result. */
  result_ref?: ValueRef;
  /** The record that moved it last. */
  since_seq: number;
};

/** A command was given, or has moved. */
export type CommandStatusFrame = {
  type: "command_status";
  /** Which. */
  command_id: string;
  /** What it wants, where it was given. */
  kind?: CommandKind;
  /** How far it has come. */
  stage: CommandStage;
  /** Why it has come no further. */
  reason?: string;
} & RecordPlace & RecordParts;

/** Whether an option takes a comment. */
export type CommentRule = "optional" | "required" | "forbidden";

/** Why a record changed nothing. */
export type Contradiction =
  | "already_over"
  | "no_such_gate"
  | "gate_settled"
  | "not_yours"
  | "old_attempt"
  | "no_such_command"
  | "repeated";

/** What all engines together have spent, and what may be. */
export type Cost = {
  /** Spent: exactly, in billionths of a US dollar. */
  spent_usd_nanos: number;
  /** Spent: in US dollars, to be shown. */
  spent: number;
  /** Tokens that models read. */
  input_tokens: number;
  /** Tokens that models wrote. */
  output_tokens: number;
  /** Tokens in all. */
  total_tokens: number;
  /** What may be spent: exactly, in billionths of a US dollar. */
  budget_usd_nanos?: number;
  /** What may be spent: in US dollars, to be shown. */
  budget?: number;
  /** What is left: exactly; negative where the budget is overdrawn. */
  remaining_usd_nanos?: number;
  /** What is left: in US dollars, to be shown. */
  remaining?: number;
};

/** Something was spent. What it adds up to stands in `cost` and `producer_cost`. */
export type CostUpdateFrame = {
  type: "cost_update";
  /** Exactly, in billionths of a US dollar. */
  increment_usd_nanos?: number;
  /** In US dollars, to be shown. */
  increment?: number;
  /** At which node. */
  node_id?: string;
  /** At which step. */
  step_id?: string;
  /** By which agent. */
  agent?: string;
  /** On which model. */
  model?: string;
  /** Tokens that it read. */
  input_tokens?: number;
  /** Tokens that it wrote. */
  output_tokens?: number;
  /** Tokens in all. */
  total_tokens?: number;
} & RecordPlace & RecordParts;

/** Something that this engine alone knows. */
export type CustomCommandMessage = {
  type: "custom_command";
  /** Made once (a UUIDv7), and kept through every resend. */
  command_id: string;
  /** The execution. */
  execution_id: string;
  /** One of the `custom_types` of the execution's engine. */
  custom_type: string;
  /** Its own: at most 256 KiB. */
  payload?: Json;
  /** Why: at most 16 KiB. */
  reason?: string;
};

/** The graph was changed while it ran. */
export type DagMutatedFrame = {
  type: "dag_mutated";
  /** The engine's name for the change. */
  mutation_id?: string;
  /** What sort of change, in the engine's words. */
  mutation_kind?: string;
  /** What gave rise to it. */
  trigger?: string;
  /** Why. */
  reason?: string;
  /** Who recommended it. */
  recommended_by?: string;
  /** The nodes that it is about. */
  affected_node_ids: Array<string>;
  /** The change as its engine puts it. */
  mutation?: Json;
  /** Of a larger change. */
  mutation_ref?: ValueRef;
} & RecordPlace & RecordParts;

/** What was decided. */
export type Decision = {
  /** As its giver named it. */
  decision_id: string;
  /** What it amounts to. */
  kind: DecisionKind;
  /** The option. */
  option_id: string;
  /** Why. */
  comment?: string;
  /** A full replacement of the payload. */
  modification?: Json;
  /** Its digest. */
  modification_sha256?: Sha256;
  /** The digest of what its giver saw. */
  payload_sha256?: Sha256;
  /** By whom; absent: the deadline decided. */
  by?: Principal;
  /** Who or what decided. */
  source: DecisionSource;
  /** When. */
  time: Time;
};

/** What an answer amounts to. `expired` and `no_approver` are nobody's answer, and no rejection. */
export type DecisionKind =
  | "approve"
  | "reject"
  | "modify"
  | "retry"
  | "skip"
  | "abort"
  | "custom"
  | "expired"
  | "no_approver";

/** Who or what decided. */
export type DecisionSource = "human" | "service" | "timer" | "timer_after_restart" | "admin_override";

/** How far a decision has come on its way to the engine. The last four are its end. */
export type Delivery =
  | "queued"
  | "sent"
  | "delivered"
  | "applied"
  | "refused"
  | "failed"
  | "outcome_unknown";

/** Why an engine dropped events. */
export type DropReason = "unspecified" | "outbox_full" | "too_large" | "sampled" | "shutdown";

/**
 * What it survives that something is recorded: `memory` a lost connection, `local` the relay
 * and the power, `replicated` a node.
 */
export type Durability = "memory" | "local" | "replicated";

/** Control passed along an edge. */
export type EdgeActiveFrame = {
  type: "edge_active";
  /** The node that it left. */
  from: string;
  /** The node that it entered. */
  to: string;
} & RecordPlace & RecordParts;

/** The two ends of an edge. */
export type EdgeEnds = {
  /** The node that it leaves. */
  source: string;
  /** The node that it enters. */
  target: string;
};

/** An edge, named by its two ends. */
export type EdgeState = {
  /** The node that it leaves. */
  source: string;
  /** The node that it enters. */
  target: string;
  /** Whether control has passed along it. */
  active: boolean;
  /** Its name in the graph. */
  edge_id?: string;
  /** Its kind, in the engine's words. */
  edge_type?: string;
  /** What people call it. */
  label?: string;
  /** What else the graph says of it. */
  extra?: Json;
  /** Of a larger `extra`. */
  extra_ref?: ValueRef;
};

/** How an execution ended. */
export type Ending = {
  /** `completed`, `failed`, `cancelled` or `timed_out`. */
  status: ExecutionStatus;
  /** What came of it. */
  results?: Json;
  /** Of larger results. */
  results_ref?: ValueRef;
  /** What it gives back. */
  output?: Json;
  /** Of a larger output. */
  output_ref?: ValueRef;
  /** What failed. */
  failure?: Failure;
  /** Why it ended. */
  reason?: string;
  /** Nodes that completed, as its engine counts them. */
  nodes_completed: number;
  /** Nodes that failed, as its engine counts them. */
  nodes_failed: number;
  /** How long it took, in microseconds. */
  duration_us?: number;
  /** When it ended. */
  finish_time: Time;
};

/** Whether an engine's stream stands. */
export type EngineStatus = "attached" | "lost";

/** An engine's stream stands, or has ended while its execution goes on. */
export type EngineStatusFrame = {
  type: "engine_status";
  /** Which of both. */
  status: EngineStatus;
} & RecordPlace & RecordParts;

/** Something failed and the execution goes on. (An `error` with a `code` is a `ProblemFrame`.) */
export type ErrorFrame = {
  type: "error";
  /** At which node. */
  node_id?: string;
  /** In words. */
  message: string;
  /** At which step. */
  step_id?: string;
  /** All that is known. With `ts` as its `time` it is added to `errors`. */
  failure: Failure;
} & RecordPlace & RecordParts;

/** What happens if nobody has decided after a while. */
export type EscalationStep = {
  /** After so many microseconds. */
  after_us?: number;
  /** After this share of the time until the deadline, 0 to 1. */
  after_fraction?: number;
  /** These are told. */
  notify_users?: Array<string>;
  /** And the members of these. */
  notify_groups?: Array<string>;
  /** These may decide from then on. */
  add_users?: Array<string>;
  /** And the members of these. */
  add_groups?: Array<string>;
};

/** An engine dropped events before it numbered them. */
export type EventsDroppedFrame = {
  type: "events_dropped";
  /** How many: they are added to `dropped`. */
  count: number;
  /** Why. */
  reason: DropReason;
  /** Since when. */
  first_drop_time?: Time;
  /** Until when. */
  last_drop_time?: Time;
} & RecordPlace & RecordParts;

/** What is said of an execution: it has started, its status has changed, it has come further. */
export type ExecutionChange = "started" | "status" | "progress";

/** The execution is over, whether well or not. How, stands in `execution.ending`. */
export type ExecutionCompleteFrame = {
  type: "execution_complete";
  /** `completed`, `failed`, `cancelled` or `timed_out`. */
  status: ExecutionStatus;
} & RecordPlace & RecordParts;

/** What is said of an execution as a whole. */
export type ExecutionInfo = {
  /** What people call it. */
  name?: string;
  /** What it is a run of. */
  workflow_id?: string;
  /** The session that it belongs to, as its engine states it. */
  session_id?: string;
  /** Its further names: each can be subscribed to. */
  aliases?: Array<string>;
  /** What it is to do, in words. */
  task?: string;
  /** What it was given. */
  input?: Json;
  /** Of a larger input. */
  input_ref?: ValueRef;
  /** The agent that leads it. */
  agent?: string;
  /** The model that it uses. */
  model?: string;
  /** Where it works. */
  work_dir?: string;
  /** How many nodes are expected. */
  planned_nodes?: number;
  /** As its engine states them. */
  labels?: Array<Label>;
  /** Its W3C trace context. */
  traceparent?: string;
  /** When it began. */
  start_time?: Time;
  /** By whose wish it was begun. */
  requested_by?: string;
  /** The execution that began it. */
  parent_execution_id?: string;
  /** The producer that began it. */
  started_by?: string;
  /** The engine's own word for its status. */
  native_status?: string;
  /** Why it has that status. */
  reason?: string;
  /** How far it has come, 0 to 1. */
  fraction?: number;
  /** Where it is. */
  current_node_id?: string;
  /** What it is at. */
  message?: string;
  /** How it ended, once it is over. */
  ending?: Ending;
};

/**
 * The state of an execution, or a part's share of it: lists are put together one behind the
 * other, everything else is in part 1.
 */
export type ExecutionState = {
  /** Where it stands, in numbers. In part 1. */
  progress?: Progress;
  /** What is said of it as a whole. In part 1. */
  execution?: ExecutionInfo;
  /** What all engines together have spent. In part 1. */
  cost?: Cost;
  /** Events that its engines dropped before they numbered them. In part 1. */
  dropped?: number;
  /** Events that could not be kept. In part 1. */
  rejected?: number;
  /** The first record's `ts`. In part 1. */
  first_time?: Time;
  /** The last record's `ts`. In part 1. */
  last_time?: Time;
  /** By `node_id`. */
  nodes: Array<NodeState>;
  /** By `source` and `target`. */
  edges: Array<EdgeState>;
  /** By `gate_id`. Of those that are not open, the last 256 by `since_seq`. */
  gates: Array<GateState>;
  /** By `command_id`. The last 256 by `since_seq`. */
  commands: Array<CommandState>;
  /** The last 100 failures that did not end it. */
  errors: Array<Mishap>;
  /** The engines that tell of it, by `producer_id`. */
  producers: Array<ProducerState>;
  /** What each has spent, by `producer_id`. */
  producer_costs: Array<ProducerCost>;
};

/** Where an execution stands. `completed`, `failed`, `cancelled` and `timed_out` are final. */
export type ExecutionStatus =
  | "created"
  | "planning"
  | "running"
  | "waiting_gate"
  | "pausing"
  | "paused"
  | "cancelling"
  | "completed"
  | "failed"
  | "cancelled"
  | "timed_out";

/** Something is said of the execution as a whole. */
export type ExecutionStatusFrame = {
  type: "execution_status";
  /** What. */
  change: ExecutionChange;
  /** The command that a start answers. */
  command_id?: string;
  /** The new status, where its engine named one. */
  status?: ExecutionStatus;
} & RecordPlace & RecordParts;

/** One execution in the directory. */
export type ExecutionSummary = {
  /** Its own name. */
  execution_id: string;
  /** The log. */
  epoch: string;
  /** Its newest record. */
  seq: number;
  /** Where it stands, in numbers. */
  progress: Progress;
  /** How far it has come, 0 to 1. */
  fraction?: number;
  /** The engine's own word for its status. */
  native_status?: string;
  /** What people call it. */
  name?: string;
  /** What it is a run of. */
  workflow_id?: string;
  /** Its further names. */
  aliases?: Array<string>;
  /** As its engine states them. */
  labels?: Array<Label>;
  /** What all engines together have spent. */
  cost: Cost;
  /** Whether an engine is attached. */
  attached: boolean;
  /** When it began. */
  start_time?: Time;
  /** When it ended. */
  finish_time?: Time;
  /** The first record's `ts`. */
  first_time: Time;
  /** The last record's `ts`. */
  last_time: Time;
};

/** An execution has changed. At most every 500 ms for each. */
export type ExecutionSummaryFrame = {
  type: "execution_summary";
  /** Its line in the directory. */
  item: ExecutionSummary;
};

/** The directory of executions, or a part of it. */
export type ExecutionsFrame = {
  type: "executions";
  /** From 1. */
  part: number;
  /** How many there are. */
  parts: number;
  /** Its lines. */
  items: Array<ExecutionSummary>;
};

/** What failed. */
export type Failure = {
  /** In words. */
  message: string;
  /** The kind of failure, such as an exception's class. */
  error_type?: string;
  /** Where it happened in the program. */
  traceback?: string;
  /** At which node. */
  node_id?: string;
};

/** What was done to a file; `batch`: to several. */
export type FileAction = "created" | "updated" | "deleted" | "batch";

/** A file changed. */
export type FileFrame = {
  type: "file";
  /** Which. */
  path: string;
  /** How. */
  action: FileAction;
  /** Its kind, in the engine's words. */
  file_type?: string;
  /** Its bytes. */
  size?: number;
  /** By which node. */
  node_id?: string;
  /** By which step. */
  step_id?: string;
  /** How many files its engine keeps track of. */
  files_tracked?: number;
} & RecordPlace & RecordParts;

/** An engine closed a gate itself. */
export type GateClosedFrame = {
  type: "gate_closed";
  /** Which. */
  gate_id: string;
  /** Its version. */
  gate_version?: number;
  /** The node that waited. */
  node_id?: string;
} & RecordPlace & RecordParts;

/** A decision has moved on its way to the engine. `applied` is the engine's own word. */
export type GateDeliveryFrame = {
  type: "gate_delivery";
  /** Which gate's. */
  gate_id: string;
  /** Its version. */
  gate_version?: number;
  /** The node that waits. */
  node_id?: string;
  /** As its giver named it. */
  decision_id: string;
  /** How far. */
  delivery: Delivery;
  /** Why it has come no further. */
  reason?: string;
} & RecordPlace & RecordParts;

/** An answer that is allowed at a gate. */
export type GateOption = {
  /** What a decision names. */
  option_id: string;
  /** What a button says. */
  label?: string;
  /** What it amounts to. */
  kind: DecisionKind;
  /** How it is to be shown. */
  style: OptionStyle;
  /** Whether it takes a comment. */
  comment_rule: CommentRule;
  /** What follows from it. */
  description?: string;
};

/** A gate is settled. That says nothing about the engine yet. */
export type GateResolvedFrame = {
  type: "gate_resolved";
  /** Which. */
  gate_id: string;
  /** Its version. */
  gate_version?: number;
  /** The node that waits. */
  node_id?: string;
  /** How. */
  resolution: Resolution;
} & RecordPlace & RecordParts;

/**
 * One question to a human. Two machines side by side: how it was settled (`resolution`), and
 * how that travels to the engine (`delivery`).
 */
export type GateState = {
  /** Unique in the execution. */
  gate_id: string;
  /** From 1. It rises when what is shown changes, and a decision has to name it. */
  gate_version: number;
  /** The node that waits. */
  node_id?: string;
  /** How it was settled. */
  resolution: Resolution;
  /** What was decided, where it was decided or has expired. */
  decision?: Decision;
  /** Where its engine closed it: what that amounts to. */
  closed_kind?: DecisionKind;
  /** Where its engine closed it: the option. */
  closed_option_id?: string;
  /** Where its engine closed it: by whom, as the engine tells it. */
  closed_by?: string;
  /** Where its engine closed it or took it back: why. */
  closed_reason?: string;
  /** How far the decision has come. */
  delivery?: Delivery;
  /** Why it has come no further. */
  delivery_reason?: string;
  /** Those on this version, in their order. */
  votes: Array<Vote>;
  /** The engine that asks, and is told. */
  producer_id: string;
  /** When this version was opened. */
  opened_time: Time;
  /** The record that moved it last. */
  since_seq: number;
  /** The node's attempt. */
  node_attempt: number;
  /** The question in short. */
  title?: string;
  /** The question. */
  prompt?: string;
  /** What the question is about. */
  payload?: Json;
  /** Of a larger payload. */
  payload_ref?: ValueRef;
  /** The JSON Schema of a modified payload; there: the payload may be modified. */
  payload_schema?: Json;
  /** Of a larger schema. */
  payload_schema_ref?: ValueRef;
  /**
   * The payload's digest, there wherever there is a payload. A decision repeats it, to state
   * what it saw.
   */
  payload_sha256?: Sha256;
  /** How the engine would like it to be shown. */
  presentation?: Json;
  /** Of a larger presentation. */
  presentation_ref?: ValueRef;
  /** The answers that are allowed. */
  options: Array<GateOption>;
  /** Who may decide. */
  policy: Policy;
  /** By whose wish it is asked. */
  requested_by?: string;
  /** Until when. Count it down against `relay_time`. */
  deadline_time?: Time;
  /** And what then. */
  on_timeout: TimeoutAction;
  /** Who is told, and may decide, if nobody has. */
  escalation?: Array<EscalationStep>;
  /** What models recommend. It decides nothing. */
  advice?: Array<Advice>;
  /** Where its engine would go on from. */
  checkpoint?: string;
  /** What else a person may want to know. */
  context?: Json;
  /** Of a larger context. */
  context_ref?: ValueRef;
  /** The gate whose question this one asks again. */
  previous_gate_id?: string;
  /** The nodes that a rejection would run again. */
  rewind_node_ids?: Array<string>;
  /** What is to be done. */
  action?: string;
  /** The step of a plan. */
  step_id?: string;
  /** What sort of question it is. */
  classification?: Classification;
  /** As its engine states them. */
  labels?: Array<Label>;
};

/** Somebody voted at a gate. */
export type GateVoteFrame = {
  type: "gate_vote";
  /** Which. */
  gate_id: string;
  /** Its version. */
  gate_version?: number;
  /** The node that waits. */
  node_id?: string;
  /** As its giver named it. */
  decision_id: string;
  /** What it amounts to. */
  kind: DecisionKind;
  /** The option. */
  option_id: string;
  /** Whose. */
  by: Principal;
} & RecordPlace & RecordParts;

/** The relay is about to close the connection. */
export type GoingAwayFrame = {
  type: "going_away";
  /** Come back after so many milliseconds. */
  retry_after_ms: number;
};

/** The graph, or an addition to it. */
export type GraphFrame = {
  type: "graph";
  /** Whether its engine states all of it. */
  replace: boolean;
} & RecordPlace & RecordParts;

/** Comes 1 s after the last record and every 25 s. */
export type HeartbeatFrame = {
  type: "heartbeat";
  /** The execution's own name. */
  execution_id: string;
  /** The log. */
  epoch: string;
  /** The newest record. Above the last `seq`: the tail is still under way. */
  head: number;
  /** The relay's clock, against which a deadline is to be counted down. */
  relay_time: Time;
};

/** I decide at a gate. Send it again unchanged until a receipt has come. */
export type HumanDecisionMessage = {
  type: "human_decision";
  /** Made when the form opens (a UUIDv7), and kept through every resend. */
  decision_id: string;
  /** The execution. */
  execution_id: string;
  /** The gate. */
  gate_id: string;
  /** The version of the gate that was shown. */
  gate_version: number;
  /** One of the gate's options. */
  option_id: string;
  /** Why: at most 16 KiB. */
  comment?: string;
  /** A full replacement of the payload: at most 256 KiB. It has to fit `payload_schema`. */
  modification?: Json;
  /** The digest of what was shown. */
  payload_sha256?: Sha256;
};

/** A gate waits for a decision. */
export type HumanGateWaitingFrame = {
  type: "human_gate_waiting";
  /** Which. */
  gate_id: string;
  /** Its version. */
  gate_version: number;
  /** The node that waits. */
  node_id?: string;
} & RecordPlace & RecordParts;

/** JSON whose meaning is the engine's own: any value, null too. */
export type Json = unknown;

/** A name with a value. */
export type Label = {
  /** The name. */
  key: string;
  /** The value. */
  value: string;
};

/** A log line. */
export type LogFrame = {
  type: "log";
  /** How urgent it is. */
  level: LogLevel;
  /** The line. */
  message: string;
  /** Of which node. */
  node_id?: string;
  /** From which stream, such as `stdout`. */
  stream?: string;
  /** From which logger. */
  logger?: string;
  /** What else is known. */
  metadata?: Json;
  /** Of larger metadata. */
  metadata_ref?: ValueRef;
} & RecordPlace & RecordParts;

/** How urgent a log line is. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** Something was measured. */
export type MetricFrame = {
  type: "metric";
  /** What. */
  name: string;
  /** How much. */
  value?: number;
  /** Of what. */
  unit?: string;
  /** At which node. */
  node_id?: string;
  /** What else is known. */
  metadata?: Json;
  /** Of larger metadata. */
  metadata_ref?: ValueRef;
} & RecordPlace & RecordParts;

/** A failure that did not end its execution. */
export type Mishap = {
  /** When. */
  time: Time;
  /** In words. */
  message: string;
  /** The kind of failure, such as an exception's class. */
  error_type?: string;
  /** Where it happened in the program. */
  traceback?: string;
  /** At which node. */
  node_id?: string;
};

/** What a graph says of a node. */
export type NodeGraph = {
  /** What people call it. */
  label?: string;
  /** Its kind, in the engine's words. */
  node_type?: string;
  /** The node that it is a part of. */
  parent_node_id?: string;
  /** The agent that is to work at it. */
  agent?: string;
  /** What it does. */
  description?: string;
  /** What is to come of it. */
  goal?: string;
  /** The step of a plan that it is. */
  step_id?: string;
  /** That step's number. */
  step_number?: number;
  /** What else the graph says of it. */
  extra?: Json;
  /** Of a larger `extra`. */
  extra_ref?: ValueRef;
};

/** What a node has used. */
export type NodeMetrics = {
  /** Tokens that a model read. */
  input_tokens?: number;
  /** Tokens that a model wrote. */
  output_tokens?: number;
  /** Exactly, in billionths of a US dollar. */
  cost_usd_nanos?: number;
  /** In US dollars, to be shown. */
  cost_usd?: number;
  /** How long it took, in microseconds. */
  duration_us?: number;
  /** How often it was tried again. */
  retries?: number;
  /** The model. */
  model?: string;
  /** What else was measured. */
  extra?: Json;
  /** Of a larger `extra`. */
  extra_ref?: ValueRef;
};

/** How far a node has come. The latest counts. */
export type NodeProgressFrame = {
  type: "node_progress";
  /** Which. */
  node_id: string;
  /** 0 to 1. */
  fraction?: number;
  /** What it is at. */
  message?: string;
} & RecordPlace & RecordParts;

/** A node is tried again. */
export type NodeRetryFrame = {
  type: "node_retry";
  /** Which. */
  node_id: string;
  /** Where its retries stand. */
  phase: RetryPhase;
  /** Which retry. */
  retry_number: number;
  /** Of how many. */
  max_retries?: number;
  /** What failed. */
  error?: string;
  /** What sort of failure. */
  error_category?: string;
  /** The known pattern that it matches. */
  error_pattern?: string;
  /** How likely the next attempt is to succeed, 0 to 1. */
  success_probability?: number;
  /** How it is tried again. */
  strategy?: string;
  /** What might help. */
  suggestions?: Array<string>;
  /** How long it waits until then, in microseconds. */
  backoff_us?: number;
  /** Until when. */
  next_attempt_time?: Time;
  /** Whether a person has said something to it. */
  has_user_feedback?: boolean;
} & RecordPlace & RecordParts;

/**
 * A node. Where a frame lists `nodes`, their input, output, failure, metrics, times and extra
 * are left out and stay as they were.
 */
export type NodeState = {
  /** Unique in the execution. */
  node_id: string;
  /** Where it stands. */
  status: NodeStatus;
  /** Its attempt; a greater one clears what the last has left. */
  node_attempt: number;
  /** The record that changed its status last. */
  since_seq: number;
  /** The engine's own word for its status. */
  native_status?: string;
  /** Why it has that status. */
  reason?: string;
  /** What people call it. */
  label?: string;
  /** The agent that works at it. */
  agent?: string;
  /** What is to come of it. */
  goal?: string;
  /** The step of a plan that it is. */
  step_id?: string;
  /** That step's number. */
  step_number?: number;
  /** How far it has come, 0 to 1. */
  fraction?: number;
  /** What it is at. */
  progress_message?: string;
  /** Where its retries stand. */
  retry_phase?: RetryPhase;
  /** Which retry that is. */
  retry_number?: number;
  /** What the graph says of it. */
  graph?: NodeGraph;
  /** What it was given. */
  input?: Json;
  /** Of a larger input. */
  input_ref?: ValueRef;
  /** What came of it. */
  output?: Json;
  /** Of a larger output. */
  output_ref?: ValueRef;
  /** What failed. */
  failure?: Failure;
  /** What it has used. */
  metrics?: NodeMetrics;
  /** When this attempt began. */
  start_time?: Time;
  /** When this attempt ended. */
  finish_time?: Time;
  /** What else its engine says of it. */
  extra?: Json;
  /** Of a larger `extra`. */
  extra_ref?: ValueRef;
};

/** A node changed. */
export type NodeStateFrame = {
  type: "node_state";
  /** Which. */
  node_id: string;
  /** Its status, where its engine named one. */
  status?: NodeStatus;
  /** The one before, where the status changed. */
  old_status?: NodeStatus;
} & RecordPlace & RecordParts;

/** Where a node stands. */
export type NodeStatus =
  | "pending"
  | "ready"
  | "queued"
  | "running"
  | "waiting_gate"
  | "paused"
  | "retrying"
  | "completed"
  | "failed"
  | "skipped"
  | "cancelled"
  | "mutated";

/** What no other type can say. */
export type OpaqueFrame = {
  type: "opaque";
  /**
   * The dialect whose message `json` is; `captured`: it is a `CapturedEvent`; `workflow`: it
   * is a `WorkflowChange`.
   */
  protocol: string;
  /** The message. */
  json: Json;
  /** Of a larger message. */
  json_ref?: ValueRef;
  /** What may be dropped first when there is too much. */
  priority?: Priority;
  /** Whether it is told to those who come later. */
  replay?: boolean;
  /** Of messages with the same key only the last counts. */
  state_key?: string;
} & RecordPlace & RecordParts;

/** How an option is to be shown. */
export type OptionStyle = "neutral" | "primary" | "danger";

/** Pause. */
export type PauseExecutionMessage = {
  type: "pause_execution";
  /** Made once (a UUIDv7), and kept through every resend. */
  command_id: string;
  /** The execution. */
  execution_id: string;
  /** Why: at most 16 KiB. */
  reason?: string;
};

/** Is anybody there? */
export type PingMessage = {
  type: "ping";
};

/** Who may decide. Without users, groups and roles: whoever may decide at all. */
export type Policy = {
  /** These. */
  users?: Array<string>;
  /** And the members of these. */
  groups?: Array<string>;
  /** And who has one of these roles. */
  roles?: Array<string>;
  /** Votes that approve it, from 1. */
  required_approvals: number;
  /** Votes that reject it, from 1. */
  required_rejections: number;
  /** But not these. */
  excluded_users?: Array<string>;
};

/** Answers `ping`. */
export type PongFrame = {
  type: "pong";
  /** The relay's clock. */
  relay_time: Time;
};

/** Who did something, as verified by the relay. */
export type Principal = {
  /** The verified name. Without authentication everybody is `local`. */
  subject: string;
  /** Who vouches for it. */
  issuer?: string;
  /** How it was verified: `none`, `jwt` and so on. */
  method: string;
};

/** What may be dropped first when there is too much: `stream`, then `state`, never `critical`. */
export type Priority = "stream" | "state" | "critical";

/** Why a message meant nothing, or was too much. */
export type ProblemCode =
  | "bad_json"
  | "not_an_object"
  | "duplicate_key"
  | "too_deep"
  | "unknown_type"
  | "unknown_field"
  | "missing_field"
  | "bad_field"
  | "bad_id"
  | "too_long"
  | "not_supported"
  | "not_found"
  | "rate_limited"
  | "too_many_subscriptions"
  | "ahead"
  | "too_old"
  | "unauthenticated";

/**
 * A message meant nothing, or was too much. The connection stays. (An `error` with a place is
 * an `ErrorFrame`.)
 */
export type ProblemFrame = {
  type: "error";
  /** For programs. */
  code: ProblemCode;
  /** For people: what to do. */
  message: string;
  /** The id that it is about, where one could be read. */
  ref?: string;
};

/** What one engine has spent. */
export type ProducerCost = {
  /** The engine's stable name. */
  producer_id: string;
  /** Exactly, in billionths of a US dollar. */
  spent_usd_nanos: number;
  /** In US dollars, to be shown. */
  spent: number;
  /** Tokens that models read. */
  input_tokens: number;
  /** Tokens that models wrote. */
  output_tokens: number;
  /** Tokens in all. */
  total_tokens: number;
};

/** An engine that tells of the execution. */
export type ProducerState = {
  /** Its stable name. */
  producer_id: string;
  /** Whether its stream stands. */
  attached: boolean;
  /** Which start of its process spoke last. */
  producer_epoch: number;
  /** Its last event. */
  last_pseq: number;
  /** What it can be told to do. */
  capabilities: Capabilities;
};

/** Where an execution stands, in numbers. */
export type Progress = {
  /** In a word. */
  status: ExecutionStatus;
  /** Nodes in all. */
  nodes: number;
  /** Nodes that run, or are tried again. */
  running: number;
  /** Nodes that wait at a gate. */
  waiting: number;
  /** Nodes that are completed, or skipped. */
  completed: number;
  /** Nodes that failed, or were cancelled. */
  failed: number;
  /** Gates that wait. */
  open_gates: number;
};

/** How far a decision or a command has come, told to the one who gave it. */
export type ReceiptFrame = {
  type: "receipt";
  /** Of a decision: as its giver named it. */
  decision_id?: string;
  /** Of a command: as its giver named it. */
  command_id?: string;
  /** The execution. Of a start: the one that the relay named. */
  execution_id?: string;
  /** The gate. */
  gate_id?: string;
  /** The gate's node. */
  node_id?: string;
  /** How far. */
  stage: ReceiptStage;
  /** Of `recorded` and `voted`: what it survives that it is. */
  durability?: Durability;
  /** Of `voted`: votes of this kind so far. */
  votes?: number;
  /** Of `voted`: votes that settle it. */
  needed?: number;
  /** Of `already_decided`: what that decision amounts to. */
  kind?: DecisionKind;
  /** Of `already_decided`: its option. */
  option_id?: string;
  /** Of `gate_changed`: the version now. */
  gate_version?: number;
  /** Of `already_decided` and `gate_closed`: how the gate was settled. */
  resolution?: Resolution;
  /** Why, for people. */
  reason?: string;
  /** Who did it; of `already_decided` the winner. */
  by?: Principal;
  /** When. */
  at?: Time;
};

/**
 * How far a decision or a command has come, as its giver is told. `recorded`, `voted`,
 * `delivered`, `in_progress` and `waiting` are not the last word.
 */
export type ReceiptStage =
  | "recorded"
  | "voted"
  | "delivered"
  | "in_progress"
  | "waiting"
  | "applied"
  | "refused"
  | "failed"
  | "outcome_unknown"
  | "already_decided"
  | "gate_changed"
  | "gate_closed"
  | "gate_unknown"
  | "engine_away"
  | "id_reused"
  | "forbidden";

/**
 * The parts of the execution that a record changed, as they are now. Whatever its type is:
 * replace yours by them.
 */
export type RecordParts = {
  /** Replaces the field of that name. */
  progress?: Progress;
  /** Replaces the field of that name. */
  execution?: ExecutionInfo;
  /** Replaces the item of `nodes` with its `node_id`. */
  node?: NodeState;
  /** Of the items of `nodes` with these `node_id`s they replace those fields that are stated. */
  nodes?: Array<NodeState>;
  /** They replace the items of `edges` with the same `source` and `target`. */
  edges?: Array<EdgeState>;
  /** These are gone. */
  removed_node_ids?: Array<string>;
  /** These are gone. */
  removed_edges?: Array<EdgeEnds>;
  /** Replaces the item of `gates` with its `gate_id`. */
  gate?: GateState;
  /** Replaces the item of `commands` with its `command_id`. */
  command?: CommandState;
  /** Replaces the field of that name. */
  cost?: Cost;
  /** Replaces the item of `producer_costs` with its `producer_id`. */
  producer_cost?: ProducerCost;
  /** Replaces the item of `producers` with its `producer_id`. */
  producer?: ProducerState;
};

/** A record's place, and where it comes from. */
export type RecordPlace = {
  /** The execution's own name. */
  execution_id: string;
  /** Names the log. Another epoch is another log. */
  epoch: string;
  /** Counts the log's records: 1, 2, 3 … without a gap. */
  seq: number;
  /** `epoch` and `seq` in one. */
  event_id: string;
  /** When the relay took it in. */
  ts: Time;
  /** When its engine says that it happened. */
  event_time?: Time;
  /** The engine that said it. Absent of what the relay itself knows. */
  producer_id?: string;
  /** Which of its engine's events it is. */
  pseq?: number;
  /** It contradicts what came before, and changed nothing: of it only `ts` and `pseq` count. */
  contradiction?: Contradiction;
};

/** This is my next token. It has to be the same person's. */
export type RefreshMessage = {
  type: "refresh";
  /** At most 8 KiB. */
  token: string;
};

/** Answers `refresh`, and `authenticate` of who was known already. */
export type RefreshedFrame = {
  type: "refreshed";
  /** Until when the new token counts. */
  expires_time?: Time;
};

/** An event could not be kept. One is added to `rejected`. */
export type RejectedFrame = {
  type: "rejected";
  /** Why. */
  code: RejectionCode;
  /** The path of the field at fault. Empty: the event itself. */
  field: string;
  /** In words. */
  message: string;
} & RecordPlace & RecordParts;

/** Why an event could not be kept. */
export type RejectionCode =
  | "malformed"
  | "utf8"
  | "not_finite"
  | "json"
  | "depth"
  | "too_large"
  | "unknown_kind"
  | "invalid"
  | "limit";

/** How a gate was settled. Only `decided` with the kind `reject` is a rejection. */
export type Resolution =
  | "open"
  | "decided"
  | "expired"
  | "withdrawn"
  | "cancelled"
  | "superseded"
  | "decided_elsewhere"
  | "unreachable"
  | "no_approver";

/** Go on. */
export type ResumeExecutionMessage = {
  type: "resume_execution";
  /** Made once (a UUIDv7), and kept through every resend. */
  command_id: string;
  /** The execution. */
  execution_id: string;
  /** Why: at most 16 KiB. */
  reason?: string;
};

/** Where a node's retries stand. */
export type RetryPhase = "started" | "backing_off" | "succeeded" | "exhausted";

/** What a principal may do, in rising order: watch, decide, command, override. */
export type Role = "viewer" | "decider" | "operator" | "admin";

/** A SHA-256 in 64 hexadecimal digits. */
export type Sha256 = string;

/** A place in a log. */
export type Since = {
  /** The log, taken from a frame as it stands. */
  epoch: string;
  /** The record. */
  seq: number;
};

/** The state at a place, in `parts` messages with nothing of the same execution in between. */
export type SnapshotFrame = {
  type: "snapshot";
  /** The execution's own name. */
  execution_id: string;
  /** The log. */
  epoch: string;
  /** The last record that the state has in it. */
  seq: number;
  /** That record's `ts`. In part 1. */
  ts?: Time;
  /** From 1. */
  part: number;
  /** How many there are. */
  parts: number;
  /** This part's share of the state. */
  state: ExecutionState;
};

/**
 * Why a snapshot comes: no `since` was sent; it is of another log; what follows it is no longer
 * kept; the relay has lost what it had shown.
 */
export type SnapshotReason = "fresh" | "epoch_changed" | "too_old" | "ahead";

/** Begin. The relay names the execution: its receipt has the `execution_id`. */
export type StartExecutionMessage = {
  type: "start_execution";
  /** Made once (a UUIDv7), and kept through every resend. */
  command_id: string;
  /** What to run. */
  workflow_id: string;
  /** What to give it: at most 256 KiB. */
  input?: Json;
  /** Why: at most 16 KiB. */
  reason?: string;
};

/** Show me the directory of executions. */
export type SubscribeExecutionsMessage = {
  type: "subscribe_executions";
};

/** Show me this execution, from there on if you can. */
export type SubscribeMessage = {
  type: "subscribe";
  /** Its name, or an alias. */
  execution_id: string;
  /** The last record that the client has. */
  since?: Since;
  /** In its place: the record at which it wants to see the state, and go on from there. */
  at?: At;
};

/** Answers `subscribe`. */
export type SubscribedFrame = {
  type: "subscribed";
  /** The execution's own name, also where an alias was asked for. */
  execution_id: string;
  /** True: the records behind `from` follow. False: a snapshot, then the records behind it. */
  recovered: boolean;
  /** Why a snapshot comes. */
  reason?: SnapshotReason;
  /** The log. */
  epoch: string;
  /** The record behind which the client goes on, or where the relay stood. */
  from: number;
  /** The newest record. */
  head: number;
};

/** RFC 3339 in UTC with microseconds: `2026-11-20T10:00:00.000000Z`. */
export type Time = string;

/** What follows when a gate's deadline passes. */
export type TimeoutAction = "expire" | "reject" | "escalate" | "abort" | "approve";

/**
 * Comes a minute before the token counts no longer: show another with `refresh`, or the connection
 * is closed with 4401.
 */
export type TokenExpiringFrame = {
  type: "token_expiring";
  /** When that is. */
  expires_time: Time;
};

/** A tool was called. */
export type ToolCallFrame = {
  type: "tool_call";
  /** Which. */
  tool_name: string;
  /** By whom. */
  agent?: string;
  /** At which node. */
  node_id?: string;
  /** The call's name. */
  call_id?: string;
  /** With what. */
  arguments?: Json;
  /** Of larger arguments. */
  arguments_ref?: ValueRef;
  /** What came of it. */
  result?: Json;
  /** Of a larger result. */
  result_ref?: ValueRef;
  /** What failed. */
  error?: string;
} & RecordPlace & RecordParts;

/** No longer. */
export type UnsubscribeExecutionsMessage = {
  type: "unsubscribe_executions";
};

/** No longer. */
export type UnsubscribeMessage = {
  type: "unsubscribe";
  /** As it was subscribed to. */
  execution_id: string;
};

/** Answers `unsubscribe`. */
export type UnsubscribedFrame = {
  type: "unsubscribed";
  /** The name that was watched. */
  execution_id: string;
};

/**
 * What there is to know of a value that is too large for a frame: the field without `_ref`
 * holds what stands for it.
 */
export type ValueRef = {
  /** Whether that is not the whole value. */
  truncated: boolean;
  /** Bytes of the whole value. */
  full_size?: number;
  /** Where the whole value can be had. The relay never opens it. */
  uri?: string;
  /** The whole value's digest. */
  sha256?: Sha256;
};

/** One person's answer at a gate. */
export type Vote = {
  /** As its giver named it. */
  decision_id: string;
  /** Whose. */
  by: Principal;
  /** What it amounts to. */
  kind: DecisionKind;
  /** The option. */
  option_id: string;
  /** Why. */
  comment?: string;
  /** The digest of what it wants in the payload's place. */
  modification_sha256?: Sha256;
  /** The digest of what its giver saw. */
  payload_sha256?: Sha256;
  /** When. */
  time: Time;
};

/** Comes first. */
export type WelcomeFrame = {
  type: "welcome";
  /** The relay's clock. */
  relay_time: Time;
  /** Unique to one start of the relay; begins every `epoch` that it made. */
  boot_id: string;
  /** The relay's version. */
  version: string;
  /** What it survives that something is recorded. */
  durability: Durability;
  /** Who the client is. */
  principal: Principal;
  /** Its groups. */
  groups: Array<string>;
  /** What it may do. */
  roles: Array<Role>;
  /** What it may send. */
  limits: ClientLimits;
};

/** What was done to a workflow. */
export type WorkflowAction = "created" | "updated" | "deleted";

/** The `json` of an opaque frame with the `protocol` `workflow`: a workflow was changed. */
export type WorkflowChange = {
  /** Which. */
  workflow_id: string;
  /** How. */
  action: WorkflowAction;
  /** As it is now. */
  workflow?: Json;
  /** Of a larger workflow. */
  workflow_ref?: ValueRef;
};

/** The types of records. */
export const recordTypes = [
  "execution_status",
  "execution_complete",
  "node_state",
  "node_progress",
  "node_retry",
  "graph",
  "dag_mutated",
  "edge_active",
  "cost_update",
  "log",
  "agent_message",
  "agent_thinking",
  "tool_call",
  "code_execution",
  "metric",
  "file",
  "error",
  "events_dropped",
  "human_gate_waiting",
  "gate_vote",
  "gate_resolved",
  "gate_delivery",
  "gate_closed",
  "command_status",
  "engine_status",
  "rejected",
  "opaque",
] as const;

/** The types of all other frames. */
export const noticeTypes = [
  "welcome",
  "subscribed",
  "unsubscribed",
  "snapshot",
  "heartbeat",
  "executions",
  "execution_summary",
  "receipt",
  "error",
  "refreshed",
  "token_expiring",
  "pong",
  "going_away",
] as const;
