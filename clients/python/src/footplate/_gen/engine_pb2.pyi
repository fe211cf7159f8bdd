from . import decision_pb2 as _decision_pb2
from . import event_pb2 as _event_pb2
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

class LaneErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_ERROR_CODE_UNSPECIFIED: _ClassVar[LaneErrorCode]
    LANE_ERROR_CODE_WRONG_OWNER: _ClassVar[LaneErrorCode]
    LANE_ERROR_CODE_ALIAS_TAKEN: _ClassVar[LaneErrorCode]
    LANE_ERROR_CODE_LIMIT: _ClassVar[LaneErrorCode]
    LANE_ERROR_CODE_STATE_NEEDED: _ClassVar[LaneErrorCode]
    LANE_ERROR_CODE_INVALID_ID: _ClassVar[LaneErrorCode]
    LANE_ERROR_CODE_MIXED_NUMBERING: _ClassVar[LaneErrorCode]
    LANE_ERROR_CODE_EXECUTION_GONE: _ClassVar[LaneErrorCode]

class IssueCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ISSUE_CODE_UNSPECIFIED: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_MALFORMED: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_UTF8: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_NOT_FINITE: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_JSON: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_DEPTH: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_TOO_LARGE: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_UNKNOWN_KIND: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_INVALID: _ClassVar[IssueCode]
    ISSUE_CODE_REJECTED_LIMIT: _ClassVar[IssueCode]
    ISSUE_CODE_CONTRADICTION: _ClassVar[IssueCode]
    ISSUE_CODE_CONFLICT: _ClassVar[IssueCode]
    ISSUE_CODE_UNSUPPORTED: _ClassVar[IssueCode]

class GateVerdictCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_VERDICT_CODE_UNSPECIFIED: _ClassVar[GateVerdictCode]
    GATE_VERDICT_CODE_WITHDRAWN: _ClassVar[GateVerdictCode]
    GATE_VERDICT_CODE_TOO_LATE: _ClassVar[GateVerdictCode]
    GATE_VERDICT_CODE_ALREADY_CLOSED: _ClassVar[GateVerdictCode]
    GATE_VERDICT_CODE_UNKNOWN: _ClassVar[GateVerdictCode]

class GoodbyeReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GOODBYE_REASON_UNSPECIFIED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_FENCED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_REPLACED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_PROTOCOL: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_UNAUTHENTICATED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_FORBIDDEN: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_OVERLOADED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_DRAINING: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_WINDOW_EXCEEDED: _ClassVar[GoodbyeReason]
LANE_ERROR_CODE_UNSPECIFIED: LaneErrorCode
LANE_ERROR_CODE_WRONG_OWNER: LaneErrorCode
LANE_ERROR_CODE_ALIAS_TAKEN: LaneErrorCode
LANE_ERROR_CODE_LIMIT: LaneErrorCode
LANE_ERROR_CODE_STATE_NEEDED: LaneErrorCode
LANE_ERROR_CODE_INVALID_ID: LaneErrorCode
LANE_ERROR_CODE_MIXED_NUMBERING: LaneErrorCode
LANE_ERROR_CODE_EXECUTION_GONE: LaneErrorCode
ISSUE_CODE_UNSPECIFIED: IssueCode
ISSUE_CODE_REJECTED_MALFORMED: IssueCode
ISSUE_CODE_REJECTED_UTF8: IssueCode
ISSUE_CODE_REJECTED_NOT_FINITE: IssueCode
ISSUE_CODE_REJECTED_JSON: IssueCode
ISSUE_CODE_REJECTED_DEPTH: IssueCode
ISSUE_CODE_REJECTED_TOO_LARGE: IssueCode
ISSUE_CODE_REJECTED_UNKNOWN_KIND: IssueCode
ISSUE_CODE_REJECTED_INVALID: IssueCode
ISSUE_CODE_REJECTED_LIMIT: IssueCode
ISSUE_CODE_CONTRADICTION: IssueCode
ISSUE_CODE_CONFLICT: IssueCode
ISSUE_CODE_UNSUPPORTED: IssueCode
GATE_VERDICT_CODE_UNSPECIFIED: GateVerdictCode
GATE_VERDICT_CODE_WITHDRAWN: GateVerdictCode
GATE_VERDICT_CODE_TOO_LATE: GateVerdictCode
GATE_VERDICT_CODE_ALREADY_CLOSED: GateVerdictCode
GATE_VERDICT_CODE_UNKNOWN: GateVerdictCode
GOODBYE_REASON_UNSPECIFIED: GoodbyeReason
GOODBYE_REASON_FENCED: GoodbyeReason
GOODBYE_REASON_REPLACED: GoodbyeReason
GOODBYE_REASON_PROTOCOL: GoodbyeReason
GOODBYE_REASON_UNAUTHENTICATED: GoodbyeReason
GOODBYE_REASON_FORBIDDEN: GoodbyeReason
GOODBYE_REASON_OVERLOADED: GoodbyeReason
GOODBYE_REASON_DRAINING: GoodbyeReason
GOODBYE_REASON_WINDOW_EXCEEDED: GoodbyeReason

class AttachRequest(_message.Message):
    __slots__ = ("hello", "events", "claims", "state_report", "receipts", "withdraw_gate")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    STATE_REPORT_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAW_GATE_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    events: Events
    claims: Claims
    state_report: StateReport
    receipts: DeliveryReceipts
    withdraw_gate: WithdrawGate
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., events: _Optional[_Union[Events, _Mapping]] = ..., claims: _Optional[_Union[Claims, _Mapping]] = ..., state_report: _Optional[_Union[StateReport, _Mapping]] = ..., receipts: _Optional[_Union[DeliveryReceipts, _Mapping]] = ..., withdraw_gate: _Optional[_Union[WithdrawGate, _Mapping]] = ...) -> None: ...

class AttachResponse(_message.Message):
    __slots__ = ("welcome", "results", "grants", "decision", "command", "window", "gate_verdict", "goodbye", "state_request")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    GATE_VERDICT_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    STATE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    results: Results
    grants: Grants
    decision: _decision_pb2.Decision
    command: _decision_pb2.Command
    window: Window
    gate_verdict: GateVerdict
    goodbye: Goodbye
    state_request: StateRequest
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., results: _Optional[_Union[Results, _Mapping]] = ..., grants: _Optional[_Union[Grants, _Mapping]] = ..., decision: _Optional[_Union[_decision_pb2.Decision, _Mapping]] = ..., command: _Optional[_Union[_decision_pb2.Command, _Mapping]] = ..., window: _Optional[_Union[Window, _Mapping]] = ..., gate_verdict: _Optional[_Union[GateVerdict, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ..., state_request: _Optional[_Union[StateRequest, _Mapping]] = ...) -> None: ...

class Producer(_message.Message):
    __slots__ = ("producer_id", "producer_epoch")
    PRODUCER_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    producer_id: str
    producer_epoch: int
    def __init__(self, producer_id: _Optional[str] = ..., producer_epoch: _Optional[int] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("producer", "revision", "sdk", "capabilities", "startable_workflow_ids", "claims", "labels")
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SDK_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    STARTABLE_WORKFLOW_IDS_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    producer: Producer
    revision: int
    sdk: Sdk
    capabilities: Capabilities
    startable_workflow_ids: _containers.RepeatedScalarFieldContainer[str]
    claims: _containers.RepeatedCompositeFieldContainer[Claim]
    labels: _containers.RepeatedCompositeFieldContainer[_value_pb2.Label]
    def __init__(self, producer: _Optional[_Union[Producer, _Mapping]] = ..., revision: _Optional[int] = ..., sdk: _Optional[_Union[Sdk, _Mapping]] = ..., capabilities: _Optional[_Union[Capabilities, _Mapping]] = ..., startable_workflow_ids: _Optional[_Iterable[str]] = ..., claims: _Optional[_Iterable[_Union[Claim, _Mapping]]] = ..., labels: _Optional[_Iterable[_Union[_value_pb2.Label, _Mapping]]] = ...) -> None: ...

class Sdk(_message.Message):
    __slots__ = ("name", "version", "runtime")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    runtime: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., runtime: _Optional[str] = ...) -> None: ...

class Capabilities(_message.Message):
    __slots__ = ("pause", "resume", "cancel", "custom_types")
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_TYPES_FIELD_NUMBER: _ClassVar[int]
    pause: bool
    resume: bool
    cancel: bool
    custom_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pause: bool = ..., resume: bool = ..., cancel: bool = ..., custom_types: _Optional[_Iterable[str]] = ...) -> None: ...

class Claim(_message.Message):
    __slots__ = ("execution_id", "first_unacked_pseq", "aliases", "open_gates", "outcomes")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_UNACKED_PSEQ_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    OPEN_GATES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    first_unacked_pseq: int
    aliases: _containers.RepeatedScalarFieldContainer[str]
    open_gates: _containers.RepeatedCompositeFieldContainer[OpenGate]
    outcomes: _containers.RepeatedCompositeFieldContainer[KnownOutcome]
    def __init__(self, execution_id: _Optional[str] = ..., first_unacked_pseq: _Optional[int] = ..., aliases: _Optional[_Iterable[str]] = ..., open_gates: _Optional[_Iterable[_Union[OpenGate, _Mapping]]] = ..., outcomes: _Optional[_Iterable[_Union[KnownOutcome, _Mapping]]] = ...) -> None: ...

class OpenGate(_message.Message):
    __slots__ = ("gate_id", "gate_version")
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    gate_id: str
    gate_version: int
    def __init__(self, gate_id: _Optional[str] = ..., gate_version: _Optional[int] = ...) -> None: ...

class KnownOutcome(_message.Message):
    __slots__ = ("decision_id", "command_id", "gate_id", "outcome", "reason")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    command_id: str
    gate_id: str
    outcome: _event_pb2.OutcomeStatus
    reason: str
    def __init__(self, decision_id: _Optional[str] = ..., command_id: _Optional[str] = ..., gate_id: _Optional[str] = ..., outcome: _Optional[_Union[_event_pb2.OutcomeStatus, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class Claims(_message.Message):
    __slots__ = ("claims",)
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    claims: _containers.RepeatedCompositeFieldContainer[Claim]
    def __init__(self, claims: _Optional[_Iterable[_Union[Claim, _Mapping]]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("boot_id", "relay_version", "durability", "relay_time", "limits", "window", "grants", "revision")
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    RELAY_VERSION_FIELD_NUMBER: _ClassVar[int]
    DURABILITY_FIELD_NUMBER: _ClassVar[int]
    RELAY_TIME_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    boot_id: str
    relay_version: str
    durability: _value_pb2.Durability
    relay_time: _timestamp_pb2.Timestamp
    limits: Limits
    window: Window
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    revision: int
    def __init__(self, boot_id: _Optional[str] = ..., relay_version: _Optional[str] = ..., durability: _Optional[_Union[_value_pb2.Durability, str]] = ..., relay_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., window: _Optional[_Union[Window, _Mapping]] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_event_bytes", "max_batch_events", "max_message_bytes", "max_json_depth", "max_open_gates", "max_nodes")
    MAX_EVENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_EVENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_JSON_DEPTH_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_GATES_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    max_event_bytes: int
    max_batch_events: int
    max_message_bytes: int
    max_json_depth: int
    max_open_gates: int
    max_nodes: int
    def __init__(self, max_event_bytes: _Optional[int] = ..., max_batch_events: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., max_json_depth: _Optional[int] = ..., max_open_gates: _Optional[int] = ..., max_nodes: _Optional[int] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ("max_unacked_events", "max_unacked_bytes")
    MAX_UNACKED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_UNACKED_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_unacked_events: int
    max_unacked_bytes: int
    def __init__(self, max_unacked_events: _Optional[int] = ..., max_unacked_bytes: _Optional[int] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("execution_id", "epoch", "next_pseq", "need_state", "error")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    NEXT_PSEQ_FIELD_NUMBER: _ClassVar[int]
    NEED_STATE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    epoch: str
    next_pseq: int
    need_state: bool
    error: LaneError
    def __init__(self, execution_id: _Optional[str] = ..., epoch: _Optional[str] = ..., next_pseq: _Optional[int] = ..., need_state: bool = ..., error: _Optional[_Union[LaneError, _Mapping]] = ...) -> None: ...

class Grants(_message.Message):
    __slots__ = ("grants",)
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    def __init__(self, grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ...) -> None: ...

class Events(_message.Message):
    __slots__ = ("batches",)
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    batches: _containers.RepeatedCompositeFieldContainer[EventBatch]
    def __init__(self, batches: _Optional[_Iterable[_Union[EventBatch, _Mapping]]] = ...) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ("execution_id", "workflow_id", "first_pseq", "events", "batch_ref")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_PSEQ_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    BATCH_REF_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    workflow_id: str
    first_pseq: int
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    batch_ref: int
    def __init__(self, execution_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., first_pseq: _Optional[int] = ..., events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ..., batch_ref: _Optional[int] = ...) -> None: ...

class Results(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[LaneResult]
    def __init__(self, results: _Optional[_Iterable[_Union[LaneResult, _Mapping]]] = ...) -> None: ...

class LaneResult(_message.Message):
    __slots__ = ("execution_id", "workflow_id", "ack", "nack", "error", "issues", "batch_ref")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    NACK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ISSUES_FIELD_NUMBER: _ClassVar[int]
    BATCH_REF_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    workflow_id: str
    ack: Ack
    nack: Nack
    error: LaneError
    issues: _containers.RepeatedCompositeFieldContainer[Issue]
    batch_ref: int
    def __init__(self, execution_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., nack: _Optional[_Union[Nack, _Mapping]] = ..., error: _Optional[_Union[LaneError, _Mapping]] = ..., issues: _Optional[_Iterable[_Union[Issue, _Mapping]]] = ..., batch_ref: _Optional[int] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("pseq", "seq", "durability", "epoch")
    PSEQ_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    DURABILITY_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    pseq: int
    seq: int
    durability: _value_pb2.Durability
    epoch: str
    def __init__(self, pseq: _Optional[int] = ..., seq: _Optional[int] = ..., durability: _Optional[_Union[_value_pb2.Durability, str]] = ..., epoch: _Optional[str] = ...) -> None: ...

class Nack(_message.Message):
    __slots__ = ("expected_pseq",)
    EXPECTED_PSEQ_FIELD_NUMBER: _ClassVar[int]
    expected_pseq: int
    def __init__(self, expected_pseq: _Optional[int] = ...) -> None: ...

class LaneError(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: LaneErrorCode
    message: str
    def __init__(self, code: _Optional[_Union[LaneErrorCode, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Issue(_message.Message):
    __slots__ = ("pseq", "code", "field_path", "message", "index")
    PSEQ_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_PATH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    pseq: int
    code: IssueCode
    field_path: str
    message: str
    index: int
    def __init__(self, pseq: _Optional[int] = ..., code: _Optional[_Union[IssueCode, str]] = ..., field_path: _Optional[str] = ..., message: _Optional[str] = ..., index: _Optional[int] = ...) -> None: ...

class StateRequest(_message.Message):
    __slots__ = ("execution_ids",)
    EXECUTION_IDS_FIELD_NUMBER: _ClassVar[int]
    execution_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, execution_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class StateReport(_message.Message):
    __slots__ = ("execution_id", "as_of_pseq", "events", "last")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_PSEQ_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    as_of_pseq: int
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    last: bool
    def __init__(self, execution_id: _Optional[str] = ..., as_of_pseq: _Optional[int] = ..., events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ..., last: bool = ...) -> None: ...

class DeliveryReceipts(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[DeliveryReceipt]
    def __init__(self, receipts: _Optional[_Iterable[_Union[DeliveryReceipt, _Mapping]]] = ...) -> None: ...

class DeliveryReceipt(_message.Message):
    __slots__ = ("execution_id", "decision_id", "command_id")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    decision_id: str
    command_id: str
    def __init__(self, execution_id: _Optional[str] = ..., decision_id: _Optional[str] = ..., command_id: _Optional[str] = ...) -> None: ...

class WithdrawGate(_message.Message):
    __slots__ = ("execution_id", "gate_id", "gate_version", "reason")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    gate_id: str
    gate_version: int
    reason: str
    def __init__(self, execution_id: _Optional[str] = ..., gate_id: _Optional[str] = ..., gate_version: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class GateVerdict(_message.Message):
    __slots__ = ("execution_id", "gate_id", "gate_version", "verdict", "decision")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    gate_id: str
    gate_version: int
    verdict: GateVerdictCode
    decision: _decision_pb2.Decision
    def __init__(self, execution_id: _Optional[str] = ..., gate_id: _Optional[str] = ..., gate_version: _Optional[int] = ..., verdict: _Optional[_Union[GateVerdictCode, str]] = ..., decision: _Optional[_Union[_decision_pb2.Decision, _Mapping]] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("reason", "retry_delay", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_DELAY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: GoodbyeReason
    retry_delay: _duration_pb2.Duration
    message: str
    def __init__(self, reason: _Optional[_Union[GoodbyeReason, str]] = ..., retry_delay: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("producer", "batches")
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    producer: Producer
    batches: _containers.RepeatedCompositeFieldContainer[EventBatch]
    def __init__(self, producer: _Optional[_Union[Producer, _Mapping]] = ..., batches: _Optional[_Iterable[_Union[EventBatch, _Mapping]]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[LaneResult]
    def __init__(self, results: _Optional[_Iterable[_Union[LaneResult, _Mapping]]] = ...) -> None: ...
