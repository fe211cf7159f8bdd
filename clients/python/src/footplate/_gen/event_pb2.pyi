from . import gate_pb2 as _gate_pb2
from . import value_pb2 as _value_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExecutionStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTION_STATUS_UNSPECIFIED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_CREATED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_PLANNING: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_RUNNING: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_WAITING_GATE: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_PAUSING: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_PAUSED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_CANCELLING: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_COMPLETED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_FAILED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_CANCELLED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_TIMED_OUT: _ClassVar[ExecutionStatus]

class NodeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATUS_UNSPECIFIED: _ClassVar[NodeStatus]
    NODE_STATUS_PENDING: _ClassVar[NodeStatus]
    NODE_STATUS_READY: _ClassVar[NodeStatus]
    NODE_STATUS_QUEUED: _ClassVar[NodeStatus]
    NODE_STATUS_RUNNING: _ClassVar[NodeStatus]
    NODE_STATUS_WAITING_GATE: _ClassVar[NodeStatus]
    NODE_STATUS_PAUSED: _ClassVar[NodeStatus]
    NODE_STATUS_RETRYING: _ClassVar[NodeStatus]
    NODE_STATUS_COMPLETED: _ClassVar[NodeStatus]
    NODE_STATUS_FAILED: _ClassVar[NodeStatus]
    NODE_STATUS_SKIPPED: _ClassVar[NodeStatus]
    NODE_STATUS_CANCELLED: _ClassVar[NodeStatus]
    NODE_STATUS_MUTATED: _ClassVar[NodeStatus]

class RetryPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETRY_PHASE_UNSPECIFIED: _ClassVar[RetryPhase]
    RETRY_PHASE_STARTED: _ClassVar[RetryPhase]
    RETRY_PHASE_BACKING_OFF: _ClassVar[RetryPhase]
    RETRY_PHASE_SUCCEEDED: _ClassVar[RetryPhase]
    RETRY_PHASE_EXHAUSTED: _ClassVar[RetryPhase]

class LogLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_LEVEL_UNSPECIFIED: _ClassVar[LogLevel]
    LOG_LEVEL_DEBUG: _ClassVar[LogLevel]
    LOG_LEVEL_INFO: _ClassVar[LogLevel]
    LOG_LEVEL_WARNING: _ClassVar[LogLevel]
    LOG_LEVEL_ERROR: _ClassVar[LogLevel]

class FileAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILE_ACTION_UNSPECIFIED: _ClassVar[FileAction]
    FILE_ACTION_CREATED: _ClassVar[FileAction]
    FILE_ACTION_UPDATED: _ClassVar[FileAction]
    FILE_ACTION_DELETED: _ClassVar[FileAction]
    FILE_ACTION_BATCH: _ClassVar[FileAction]

class DropReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DROP_REASON_UNSPECIFIED: _ClassVar[DropReason]
    DROP_REASON_OUTBOX_FULL: _ClassVar[DropReason]
    DROP_REASON_TOO_LARGE: _ClassVar[DropReason]
    DROP_REASON_SAMPLED: _ClassVar[DropReason]
    DROP_REASON_SHUTDOWN: _ClassVar[DropReason]

class OutcomeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_STATUS_UNSPECIFIED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_IN_PROGRESS: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_APPLIED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_REFUSED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_FAILED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_UNKNOWN: _ClassVar[OutcomeStatus]

class WorkflowAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORKFLOW_ACTION_UNSPECIFIED: _ClassVar[WorkflowAction]
    WORKFLOW_ACTION_CREATED: _ClassVar[WorkflowAction]
    WORKFLOW_ACTION_UPDATED: _ClassVar[WorkflowAction]
    WORKFLOW_ACTION_DELETED: _ClassVar[WorkflowAction]

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_UNSPECIFIED: _ClassVar[Priority]
    PRIORITY_STREAM: _ClassVar[Priority]
    PRIORITY_STATE: _ClassVar[Priority]
    PRIORITY_CRITICAL: _ClassVar[Priority]
EXECUTION_STATUS_UNSPECIFIED: ExecutionStatus
EXECUTION_STATUS_CREATED: ExecutionStatus
EXECUTION_STATUS_PLANNING: ExecutionStatus
EXECUTION_STATUS_RUNNING: ExecutionStatus
EXECUTION_STATUS_WAITING_GATE: ExecutionStatus
EXECUTION_STATUS_PAUSING: ExecutionStatus
EXECUTION_STATUS_PAUSED: ExecutionStatus
EXECUTION_STATUS_CANCELLING: ExecutionStatus
EXECUTION_STATUS_COMPLETED: ExecutionStatus
EXECUTION_STATUS_FAILED: ExecutionStatus
EXECUTION_STATUS_CANCELLED: ExecutionStatus
EXECUTION_STATUS_TIMED_OUT: ExecutionStatus
NODE_STATUS_UNSPECIFIED: NodeStatus
NODE_STATUS_PENDING: NodeStatus
NODE_STATUS_READY: NodeStatus
NODE_STATUS_QUEUED: NodeStatus
NODE_STATUS_RUNNING: NodeStatus
NODE_STATUS_WAITING_GATE: NodeStatus
NODE_STATUS_PAUSED: NodeStatus
NODE_STATUS_RETRYING: NodeStatus
NODE_STATUS_COMPLETED: NodeStatus
NODE_STATUS_FAILED: NodeStatus
NODE_STATUS_SKIPPED: NodeStatus
NODE_STATUS_CANCELLED: NodeStatus
NODE_STATUS_MUTATED: NodeStatus
RETRY_PHASE_UNSPECIFIED: RetryPhase
RETRY_PHASE_STARTED: RetryPhase
RETRY_PHASE_BACKING_OFF: RetryPhase
RETRY_PHASE_SUCCEEDED: RetryPhase
RETRY_PHASE_EXHAUSTED: RetryPhase
LOG_LEVEL_UNSPECIFIED: LogLevel
LOG_LEVEL_DEBUG: LogLevel
LOG_LEVEL_INFO: LogLevel
LOG_LEVEL_WARNING: LogLevel
LOG_LEVEL_ERROR: LogLevel
FILE_ACTION_UNSPECIFIED: FileAction
FILE_ACTION_CREATED: FileAction
FILE_ACTION_UPDATED: FileAction
FILE_ACTION_DELETED: FileAction
FILE_ACTION_BATCH: FileAction
DROP_REASON_UNSPECIFIED: DropReason
DROP_REASON_OUTBOX_FULL: DropReason
DROP_REASON_TOO_LARGE: DropReason
DROP_REASON_SAMPLED: DropReason
DROP_REASON_SHUTDOWN: DropReason
OUTCOME_STATUS_UNSPECIFIED: OutcomeStatus
OUTCOME_STATUS_IN_PROGRESS: OutcomeStatus
OUTCOME_STATUS_APPLIED: OutcomeStatus
OUTCOME_STATUS_REFUSED: OutcomeStatus
OUTCOME_STATUS_FAILED: OutcomeStatus
OUTCOME_STATUS_UNKNOWN: OutcomeStatus
WORKFLOW_ACTION_UNSPECIFIED: WorkflowAction
WORKFLOW_ACTION_CREATED: WorkflowAction
WORKFLOW_ACTION_UPDATED: WorkflowAction
WORKFLOW_ACTION_DELETED: WorkflowAction
PRIORITY_UNSPECIFIED: Priority
PRIORITY_STREAM: Priority
PRIORITY_STATE: Priority
PRIORITY_CRITICAL: Priority

class Event(_message.Message):
    __slots__ = ("event_time", "native_forms", "node_changed", "log_written", "cost_incurred", "node_progressed", "edge_activated", "execution_progressed", "gate_opened", "gate_closed", "decision_outcome", "command_outcome", "execution_started", "execution_status_changed", "execution_finished", "graph_declared", "graph_mutated", "node_retried", "failure_reported", "events_dropped", "metric_measured", "workflow_changed", "agent_message", "agent_thinking", "tool_called", "code_executed", "file_changed", "captured", "opaque")
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    NATIVE_FORMS_FIELD_NUMBER: _ClassVar[int]
    NODE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    LOG_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    COST_INCURRED_FIELD_NUMBER: _ClassVar[int]
    NODE_PROGRESSED_FIELD_NUMBER: _ClassVar[int]
    EDGE_ACTIVATED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_PROGRESSED_FIELD_NUMBER: _ClassVar[int]
    GATE_OPENED_FIELD_NUMBER: _ClassVar[int]
    GATE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    DECISION_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COMMAND_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_STARTED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_STATUS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FINISHED_FIELD_NUMBER: _ClassVar[int]
    GRAPH_DECLARED_FIELD_NUMBER: _ClassVar[int]
    GRAPH_MUTATED_FIELD_NUMBER: _ClassVar[int]
    NODE_RETRIED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REPORTED_FIELD_NUMBER: _ClassVar[int]
    EVENTS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    METRIC_MEASURED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_CHANGED_FIELD_NUMBER: _ClassVar[int]
    AGENT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    AGENT_THINKING_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLED_FIELD_NUMBER: _ClassVar[int]
    CODE_EXECUTED_FIELD_NUMBER: _ClassVar[int]
    FILE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_FIELD_NUMBER: _ClassVar[int]
    OPAQUE_FIELD_NUMBER: _ClassVar[int]
    event_time: _timestamp_pb2.Timestamp
    native_forms: _containers.RepeatedCompositeFieldContainer[NativeForm]
    node_changed: NodeChanged
    log_written: LogWritten
    cost_incurred: CostIncurred
    node_progressed: NodeProgressed
    edge_activated: EdgeActivated
    execution_progressed: ExecutionProgressed
    gate_opened: _gate_pb2.GateOpened
    gate_closed: _gate_pb2.GateClosed
    decision_outcome: DecisionOutcome
    command_outcome: CommandOutcome
    execution_started: ExecutionStarted
    execution_status_changed: ExecutionStatusChanged
    execution_finished: ExecutionFinished
    graph_declared: GraphDeclared
    graph_mutated: GraphMutated
    node_retried: NodeRetried
    failure_reported: FailureReported
    events_dropped: EventsDropped
    metric_measured: MetricMeasured
    workflow_changed: WorkflowChanged
    agent_message: AgentMessage
    agent_thinking: AgentThinking
    tool_called: ToolCalled
    code_executed: CodeExecuted
    file_changed: FileChanged
    captured: Captured
    opaque: Opaque
    def __init__(self, event_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., native_forms: _Optional[_Iterable[_Union[NativeForm, _Mapping]]] = ..., node_changed: _Optional[_Union[NodeChanged, _Mapping]] = ..., log_written: _Optional[_Union[LogWritten, _Mapping]] = ..., cost_incurred: _Optional[_Union[CostIncurred, _Mapping]] = ..., node_progressed: _Optional[_Union[NodeProgressed, _Mapping]] = ..., edge_activated: _Optional[_Union[EdgeActivated, _Mapping]] = ..., execution_progressed: _Optional[_Union[ExecutionProgressed, _Mapping]] = ..., gate_opened: _Optional[_Union[_gate_pb2.GateOpened, _Mapping]] = ..., gate_closed: _Optional[_Union[_gate_pb2.GateClosed, _Mapping]] = ..., decision_outcome: _Optional[_Union[DecisionOutcome, _Mapping]] = ..., command_outcome: _Optional[_Union[CommandOutcome, _Mapping]] = ..., execution_started: _Optional[_Union[ExecutionStarted, _Mapping]] = ..., execution_status_changed: _Optional[_Union[ExecutionStatusChanged, _Mapping]] = ..., execution_finished: _Optional[_Union[ExecutionFinished, _Mapping]] = ..., graph_declared: _Optional[_Union[GraphDeclared, _Mapping]] = ..., graph_mutated: _Optional[_Union[GraphMutated, _Mapping]] = ..., node_retried: _Optional[_Union[NodeRetried, _Mapping]] = ..., failure_reported: _Optional[_Union[FailureReported, _Mapping]] = ..., events_dropped: _Optional[_Union[EventsDropped, _Mapping]] = ..., metric_measured: _Optional[_Union[MetricMeasured, _Mapping]] = ..., workflow_changed: _Optional[_Union[WorkflowChanged, _Mapping]] = ..., agent_message: _Optional[_Union[AgentMessage, _Mapping]] = ..., agent_thinking: _Optional[_Union[AgentThinking, _Mapping]] = ..., tool_called: _Optional[_Union[ToolCalled, _Mapping]] = ..., code_executed: _Optional[_Union[CodeExecuted, _Mapping]] = ..., file_changed: _Optional[_Union[FileChanged, _Mapping]] = ..., captured: _Optional[_Union[Captured, _Mapping]] = ..., opaque: _Optional[_Union[Opaque, _Mapping]] = ...) -> None: ...

class NativeForm(_message.Message):
    __slots__ = ("protocol", "json")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    json: _value_pb2.Json
    def __init__(self, protocol: _Optional[str] = ..., json: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class ExecutionStarted(_message.Message):
    __slots__ = ("name", "workflow_id", "session_id", "aliases", "task", "input", "agent", "model", "work_dir", "planned_nodes", "budget_usd_nanos", "labels", "traceparent", "command_id", "start_time", "requested_by", "parent_execution_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WORK_DIR_FIELD_NUMBER: _ClassVar[int]
    PLANNED_NODES_FIELD_NUMBER: _ClassVar[int]
    BUDGET_USD_NANOS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    PARENT_EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    workflow_id: str
    session_id: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    task: str
    input: _value_pb2.Json
    agent: str
    model: str
    work_dir: str
    planned_nodes: int
    budget_usd_nanos: int
    labels: _containers.RepeatedCompositeFieldContainer[_value_pb2.Label]
    traceparent: str
    command_id: str
    start_time: _timestamp_pb2.Timestamp
    requested_by: str
    parent_execution_id: str
    def __init__(self, name: _Optional[str] = ..., workflow_id: _Optional[str] = ..., session_id: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., task: _Optional[str] = ..., input: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., agent: _Optional[str] = ..., model: _Optional[str] = ..., work_dir: _Optional[str] = ..., planned_nodes: _Optional[int] = ..., budget_usd_nanos: _Optional[int] = ..., labels: _Optional[_Iterable[_Union[_value_pb2.Label, _Mapping]]] = ..., traceparent: _Optional[str] = ..., command_id: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., requested_by: _Optional[str] = ..., parent_execution_id: _Optional[str] = ...) -> None: ...

class ExecutionStatusChanged(_message.Message):
    __slots__ = ("status", "native_status", "reason")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NATIVE_STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    status: ExecutionStatus
    native_status: str
    reason: str
    def __init__(self, status: _Optional[_Union[ExecutionStatus, str]] = ..., native_status: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ExecutionFinished(_message.Message):
    __slots__ = ("status", "results", "output", "failure", "reason", "nodes_completed", "nodes_failed", "duration", "native_status", "finish_time")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NODES_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    NODES_FAILED_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    NATIVE_STATUS_FIELD_NUMBER: _ClassVar[int]
    FINISH_TIME_FIELD_NUMBER: _ClassVar[int]
    status: ExecutionStatus
    results: _value_pb2.Json
    output: _value_pb2.Json
    failure: _value_pb2.Failure
    reason: str
    nodes_completed: int
    nodes_failed: int
    duration: _duration_pb2.Duration
    native_status: str
    finish_time: _timestamp_pb2.Timestamp
    def __init__(self, status: _Optional[_Union[ExecutionStatus, str]] = ..., results: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., output: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., failure: _Optional[_Union[_value_pb2.Failure, _Mapping]] = ..., reason: _Optional[str] = ..., nodes_completed: _Optional[int] = ..., nodes_failed: _Optional[int] = ..., duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., native_status: _Optional[str] = ..., finish_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExecutionProgressed(_message.Message):
    __slots__ = ("fraction", "current_node_id", "message")
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    CURRENT_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    current_node_id: str
    message: str
    def __init__(self, fraction: _Optional[float] = ..., current_node_id: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class NodeChanged(_message.Message):
    __slots__ = ("node_id", "status", "node_attempt", "native_status", "reason", "label", "agent", "goal", "step_id", "step_number", "input", "output", "failure", "metrics", "start_time", "finish_time", "extra")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NODE_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    NATIVE_STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_NUMBER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    FINISH_TIME_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    status: NodeStatus
    node_attempt: int
    native_status: str
    reason: str
    label: str
    agent: str
    goal: str
    step_id: str
    step_number: int
    input: _value_pb2.Json
    output: _value_pb2.Json
    failure: _value_pb2.Failure
    metrics: NodeMetrics
    start_time: _timestamp_pb2.Timestamp
    finish_time: _timestamp_pb2.Timestamp
    extra: _value_pb2.Json
    def __init__(self, node_id: _Optional[str] = ..., status: _Optional[_Union[NodeStatus, str]] = ..., node_attempt: _Optional[int] = ..., native_status: _Optional[str] = ..., reason: _Optional[str] = ..., label: _Optional[str] = ..., agent: _Optional[str] = ..., goal: _Optional[str] = ..., step_id: _Optional[str] = ..., step_number: _Optional[int] = ..., input: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., output: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., failure: _Optional[_Union[_value_pb2.Failure, _Mapping]] = ..., metrics: _Optional[_Union[NodeMetrics, _Mapping]] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., finish_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., extra: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class NodeMetrics(_message.Message):
    __slots__ = ("input_tokens", "output_tokens", "cost_usd_nanos", "duration", "retries", "model", "extra")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_NANOS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    output_tokens: int
    cost_usd_nanos: int
    duration: _duration_pb2.Duration
    retries: int
    model: str
    extra: _value_pb2.Json
    def __init__(self, input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost_usd_nanos: _Optional[int] = ..., duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., retries: _Optional[int] = ..., model: _Optional[str] = ..., extra: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class NodeProgressed(_message.Message):
    __slots__ = ("node_id", "fraction", "message")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    fraction: float
    message: str
    def __init__(self, node_id: _Optional[str] = ..., fraction: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class NodeRetried(_message.Message):
    __slots__ = ("node_id", "phase", "retry_number", "max_retries", "error_category", "error_pattern", "success_probability", "strategy", "suggestions", "backoff", "next_attempt_time", "error", "has_user_feedback")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    RETRY_NUMBER_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    ERROR_CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ERROR_PATTERN_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    HAS_USER_FEEDBACK_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    phase: RetryPhase
    retry_number: int
    max_retries: int
    error_category: str
    error_pattern: str
    success_probability: float
    strategy: str
    suggestions: _containers.RepeatedScalarFieldContainer[str]
    backoff: _duration_pb2.Duration
    next_attempt_time: _timestamp_pb2.Timestamp
    error: str
    has_user_feedback: bool
    def __init__(self, node_id: _Optional[str] = ..., phase: _Optional[_Union[RetryPhase, str]] = ..., retry_number: _Optional[int] = ..., max_retries: _Optional[int] = ..., error_category: _Optional[str] = ..., error_pattern: _Optional[str] = ..., success_probability: _Optional[float] = ..., strategy: _Optional[str] = ..., suggestions: _Optional[_Iterable[str]] = ..., backoff: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., next_attempt_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[str] = ..., has_user_feedback: bool = ...) -> None: ...

class GraphNode(_message.Message):
    __slots__ = ("node_id", "label", "node_type", "parent_node_id", "agent", "description", "goal", "step_id", "step_number", "extra")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NODE_TYPE_FIELD_NUMBER: _ClassVar[int]
    PARENT_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_NUMBER_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    label: str
    node_type: str
    parent_node_id: str
    agent: str
    description: str
    goal: str
    step_id: str
    step_number: int
    extra: _value_pb2.Json
    def __init__(self, node_id: _Optional[str] = ..., label: _Optional[str] = ..., node_type: _Optional[str] = ..., parent_node_id: _Optional[str] = ..., agent: _Optional[str] = ..., description: _Optional[str] = ..., goal: _Optional[str] = ..., step_id: _Optional[str] = ..., step_number: _Optional[int] = ..., extra: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class GraphEdge(_message.Message):
    __slots__ = ("source_node_id", "target_node_id", "edge_id", "edge_type", "label", "extra")
    SOURCE_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    EDGE_ID_FIELD_NUMBER: _ClassVar[int]
    EDGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    source_node_id: str
    target_node_id: str
    edge_id: str
    edge_type: str
    label: str
    extra: _value_pb2.Json
    def __init__(self, source_node_id: _Optional[str] = ..., target_node_id: _Optional[str] = ..., edge_id: _Optional[str] = ..., edge_type: _Optional[str] = ..., label: _Optional[str] = ..., extra: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class GraphDeclared(_message.Message):
    __slots__ = ("nodes", "edges", "replace", "removed_node_ids", "removed_edges")
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    REMOVED_NODE_IDS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_EDGES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[GraphNode]
    edges: _containers.RepeatedCompositeFieldContainer[GraphEdge]
    replace: bool
    removed_node_ids: _containers.RepeatedScalarFieldContainer[str]
    removed_edges: _containers.RepeatedCompositeFieldContainer[GraphEdgeRef]
    def __init__(self, nodes: _Optional[_Iterable[_Union[GraphNode, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[GraphEdge, _Mapping]]] = ..., replace: bool = ..., removed_node_ids: _Optional[_Iterable[str]] = ..., removed_edges: _Optional[_Iterable[_Union[GraphEdgeRef, _Mapping]]] = ...) -> None: ...

class GraphEdgeRef(_message.Message):
    __slots__ = ("source_node_id", "target_node_id")
    SOURCE_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    source_node_id: str
    target_node_id: str
    def __init__(self, source_node_id: _Optional[str] = ..., target_node_id: _Optional[str] = ...) -> None: ...

class GraphMutated(_message.Message):
    __slots__ = ("mutation_id", "mutation_kind", "trigger", "reason", "recommended_by", "affected_node_ids", "change", "mutation")
    MUTATION_ID_FIELD_NUMBER: _ClassVar[int]
    MUTATION_KIND_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_BY_FIELD_NUMBER: _ClassVar[int]
    AFFECTED_NODE_IDS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    MUTATION_FIELD_NUMBER: _ClassVar[int]
    mutation_id: str
    mutation_kind: str
    trigger: str
    reason: str
    recommended_by: str
    affected_node_ids: _containers.RepeatedScalarFieldContainer[str]
    change: GraphDeclared
    mutation: _value_pb2.Json
    def __init__(self, mutation_id: _Optional[str] = ..., mutation_kind: _Optional[str] = ..., trigger: _Optional[str] = ..., reason: _Optional[str] = ..., recommended_by: _Optional[str] = ..., affected_node_ids: _Optional[_Iterable[str]] = ..., change: _Optional[_Union[GraphDeclared, _Mapping]] = ..., mutation: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class EdgeActivated(_message.Message):
    __slots__ = ("from_node_id", "to_node_id")
    FROM_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    TO_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    from_node_id: str
    to_node_id: str
    def __init__(self, from_node_id: _Optional[str] = ..., to_node_id: _Optional[str] = ...) -> None: ...

class CostIncurred(_message.Message):
    __slots__ = ("increment_usd_nanos", "total_usd_nanos", "budget_usd_nanos", "node_id", "step_id", "agent", "model", "input_tokens", "output_tokens", "total_tokens")
    INCREMENT_USD_NANOS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_USD_NANOS_FIELD_NUMBER: _ClassVar[int]
    BUDGET_USD_NANOS_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_TOKENS_FIELD_NUMBER: _ClassVar[int]
    increment_usd_nanos: int
    total_usd_nanos: int
    budget_usd_nanos: int
    node_id: str
    step_id: str
    agent: str
    model: str
    input_tokens: int
    output_tokens: int
    total_tokens: int
    def __init__(self, increment_usd_nanos: _Optional[int] = ..., total_usd_nanos: _Optional[int] = ..., budget_usd_nanos: _Optional[int] = ..., node_id: _Optional[str] = ..., step_id: _Optional[str] = ..., agent: _Optional[str] = ..., model: _Optional[str] = ..., input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., total_tokens: _Optional[int] = ...) -> None: ...

class LogWritten(_message.Message):
    __slots__ = ("message", "level", "node_id", "stream", "logger", "metadata")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    LOGGER_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    message: str
    level: LogLevel
    node_id: str
    stream: str
    logger: str
    metadata: _value_pb2.Json
    def __init__(self, message: _Optional[str] = ..., level: _Optional[_Union[LogLevel, str]] = ..., node_id: _Optional[str] = ..., stream: _Optional[str] = ..., logger: _Optional[str] = ..., metadata: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class AgentMessage(_message.Message):
    __slots__ = ("agent", "message", "role", "node_id", "metadata")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    agent: str
    message: str
    role: str
    node_id: str
    metadata: _value_pb2.Json
    def __init__(self, agent: _Optional[str] = ..., message: _Optional[str] = ..., role: _Optional[str] = ..., node_id: _Optional[str] = ..., metadata: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class AgentThinking(_message.Message):
    __slots__ = ("agent", "thinking", "message", "node_id")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    THINKING_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    agent: str
    thinking: bool
    message: str
    node_id: str
    def __init__(self, agent: _Optional[str] = ..., thinking: bool = ..., message: _Optional[str] = ..., node_id: _Optional[str] = ...) -> None: ...

class ToolCalled(_message.Message):
    __slots__ = ("agent", "tool_name", "arguments", "result", "node_id", "call_id", "error")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    agent: str
    tool_name: str
    arguments: _value_pb2.Json
    result: _value_pb2.Json
    node_id: str
    call_id: str
    error: str
    def __init__(self, agent: _Optional[str] = ..., tool_name: _Optional[str] = ..., arguments: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., result: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., node_id: _Optional[str] = ..., call_id: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class CodeExecuted(_message.Message):
    __slots__ = ("agent", "code", "language", "result", "node_id", "error")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    agent: str
    code: str
    language: str
    result: _value_pb2.Json
    node_id: str
    error: str
    def __init__(self, agent: _Optional[str] = ..., code: _Optional[str] = ..., language: _Optional[str] = ..., result: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., node_id: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class MetricMeasured(_message.Message):
    __slots__ = ("name", "value", "unit", "node_id", "metadata")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    unit: str
    node_id: str
    metadata: _value_pb2.Json
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ..., node_id: _Optional[str] = ..., metadata: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class FileChanged(_message.Message):
    __slots__ = ("path", "action", "file_type", "size", "node_id", "step_id", "files_tracked")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    FILES_TRACKED_FIELD_NUMBER: _ClassVar[int]
    path: str
    action: FileAction
    file_type: str
    size: int
    node_id: str
    step_id: str
    files_tracked: int
    def __init__(self, path: _Optional[str] = ..., action: _Optional[_Union[FileAction, str]] = ..., file_type: _Optional[str] = ..., size: _Optional[int] = ..., node_id: _Optional[str] = ..., step_id: _Optional[str] = ..., files_tracked: _Optional[int] = ...) -> None: ...

class FailureReported(_message.Message):
    __slots__ = ("failure", "step_id")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    failure: _value_pb2.Failure
    step_id: str
    def __init__(self, failure: _Optional[_Union[_value_pb2.Failure, _Mapping]] = ..., step_id: _Optional[str] = ...) -> None: ...

class EventsDropped(_message.Message):
    __slots__ = ("count", "reason", "first_drop_time", "last_drop_time")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIRST_DROP_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_DROP_TIME_FIELD_NUMBER: _ClassVar[int]
    count: int
    reason: DropReason
    first_drop_time: _timestamp_pb2.Timestamp
    last_drop_time: _timestamp_pb2.Timestamp
    def __init__(self, count: _Optional[int] = ..., reason: _Optional[_Union[DropReason, str]] = ..., first_drop_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., last_drop_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DecisionOutcome(_message.Message):
    __slots__ = ("decision_id", "gate_id", "gate_version", "outcome", "reason", "node_status_after")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NODE_STATUS_AFTER_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    gate_id: str
    gate_version: int
    outcome: OutcomeStatus
    reason: str
    node_status_after: NodeStatus
    def __init__(self, decision_id: _Optional[str] = ..., gate_id: _Optional[str] = ..., gate_version: _Optional[int] = ..., outcome: _Optional[_Union[OutcomeStatus, str]] = ..., reason: _Optional[str] = ..., node_status_after: _Optional[_Union[NodeStatus, str]] = ...) -> None: ...

class CommandOutcome(_message.Message):
    __slots__ = ("command_id", "outcome", "reason", "result")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    outcome: OutcomeStatus
    reason: str
    result: _value_pb2.Json
    def __init__(self, command_id: _Optional[str] = ..., outcome: _Optional[_Union[OutcomeStatus, str]] = ..., reason: _Optional[str] = ..., result: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class WorkflowChanged(_message.Message):
    __slots__ = ("workflow_id", "action", "workflow")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    action: WorkflowAction
    workflow: _value_pb2.Json
    def __init__(self, workflow_id: _Optional[str] = ..., action: _Optional[_Union[WorkflowAction, str]] = ..., workflow: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class Captured(_message.Message):
    __slots__ = ("captured_event_id", "event_type", "event_subtype", "agent", "node_id", "execution_order", "depth", "data")
    CAPTURED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_SUBTYPE_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ORDER_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    captured_event_id: str
    event_type: str
    event_subtype: str
    agent: str
    node_id: str
    execution_order: int
    depth: int
    data: _value_pb2.Json
    def __init__(self, captured_event_id: _Optional[str] = ..., event_type: _Optional[str] = ..., event_subtype: _Optional[str] = ..., agent: _Optional[str] = ..., node_id: _Optional[str] = ..., execution_order: _Optional[int] = ..., depth: _Optional[int] = ..., data: _Optional[_Union[_value_pb2.Json, _Mapping]] = ...) -> None: ...

class Opaque(_message.Message):
    __slots__ = ("protocol", "json", "priority", "replay", "state_key")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    STATE_KEY_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    json: _value_pb2.Json
    priority: Priority
    replay: bool
    state_key: str
    def __init__(self, protocol: _Optional[str] = ..., json: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., priority: _Optional[_Union[Priority, str]] = ..., replay: bool = ..., state_key: _Optional[str] = ...) -> None: ...
