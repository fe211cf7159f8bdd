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

class GateClassification(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_CLASSIFICATION_UNSPECIFIED: _ClassVar[GateClassification]
    GATE_CLASSIFICATION_IRREVERSIBLE: _ClassVar[GateClassification]
    GATE_CLASSIFICATION_QUALITY_CHECK: _ClassVar[GateClassification]
    GATE_CLASSIFICATION_CALIBRATION: _ClassVar[GateClassification]

class DecisionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_KIND_UNSPECIFIED: _ClassVar[DecisionKind]
    DECISION_KIND_APPROVE: _ClassVar[DecisionKind]
    DECISION_KIND_REJECT: _ClassVar[DecisionKind]
    DECISION_KIND_MODIFY: _ClassVar[DecisionKind]
    DECISION_KIND_RETRY: _ClassVar[DecisionKind]
    DECISION_KIND_SKIP: _ClassVar[DecisionKind]
    DECISION_KIND_ABORT: _ClassVar[DecisionKind]
    DECISION_KIND_CUSTOM: _ClassVar[DecisionKind]
    DECISION_KIND_EXPIRED: _ClassVar[DecisionKind]
    DECISION_KIND_NO_APPROVER: _ClassVar[DecisionKind]

class OptionStyle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPTION_STYLE_UNSPECIFIED: _ClassVar[OptionStyle]
    OPTION_STYLE_PRIMARY: _ClassVar[OptionStyle]
    OPTION_STYLE_DANGER: _ClassVar[OptionStyle]
    OPTION_STYLE_NEUTRAL: _ClassVar[OptionStyle]

class CommentRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMMENT_RULE_UNSPECIFIED: _ClassVar[CommentRule]
    COMMENT_RULE_OPTIONAL: _ClassVar[CommentRule]
    COMMENT_RULE_REQUIRED: _ClassVar[CommentRule]
    COMMENT_RULE_FORBIDDEN: _ClassVar[CommentRule]

class TimeoutAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIMEOUT_ACTION_UNSPECIFIED: _ClassVar[TimeoutAction]
    TIMEOUT_ACTION_EXPIRE: _ClassVar[TimeoutAction]
    TIMEOUT_ACTION_REJECT: _ClassVar[TimeoutAction]
    TIMEOUT_ACTION_ESCALATE: _ClassVar[TimeoutAction]
    TIMEOUT_ACTION_ABORT: _ClassVar[TimeoutAction]
    TIMEOUT_ACTION_APPROVE: _ClassVar[TimeoutAction]

class GateCloseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_CLOSE_REASON_UNSPECIFIED: _ClassVar[GateCloseReason]
    GATE_CLOSE_REASON_WITHDRAWN: _ClassVar[GateCloseReason]
    GATE_CLOSE_REASON_DECIDED_ELSEWHERE: _ClassVar[GateCloseReason]
    GATE_CLOSE_REASON_CANCELLED: _ClassVar[GateCloseReason]
    GATE_CLOSE_REASON_UNREACHABLE: _ClassVar[GateCloseReason]
    GATE_CLOSE_REASON_NO_APPROVER: _ClassVar[GateCloseReason]
GATE_CLASSIFICATION_UNSPECIFIED: GateClassification
GATE_CLASSIFICATION_IRREVERSIBLE: GateClassification
GATE_CLASSIFICATION_QUALITY_CHECK: GateClassification
GATE_CLASSIFICATION_CALIBRATION: GateClassification
DECISION_KIND_UNSPECIFIED: DecisionKind
DECISION_KIND_APPROVE: DecisionKind
DECISION_KIND_REJECT: DecisionKind
DECISION_KIND_MODIFY: DecisionKind
DECISION_KIND_RETRY: DecisionKind
DECISION_KIND_SKIP: DecisionKind
DECISION_KIND_ABORT: DecisionKind
DECISION_KIND_CUSTOM: DecisionKind
DECISION_KIND_EXPIRED: DecisionKind
DECISION_KIND_NO_APPROVER: DecisionKind
OPTION_STYLE_UNSPECIFIED: OptionStyle
OPTION_STYLE_PRIMARY: OptionStyle
OPTION_STYLE_DANGER: OptionStyle
OPTION_STYLE_NEUTRAL: OptionStyle
COMMENT_RULE_UNSPECIFIED: CommentRule
COMMENT_RULE_OPTIONAL: CommentRule
COMMENT_RULE_REQUIRED: CommentRule
COMMENT_RULE_FORBIDDEN: CommentRule
TIMEOUT_ACTION_UNSPECIFIED: TimeoutAction
TIMEOUT_ACTION_EXPIRE: TimeoutAction
TIMEOUT_ACTION_REJECT: TimeoutAction
TIMEOUT_ACTION_ESCALATE: TimeoutAction
TIMEOUT_ACTION_ABORT: TimeoutAction
TIMEOUT_ACTION_APPROVE: TimeoutAction
GATE_CLOSE_REASON_UNSPECIFIED: GateCloseReason
GATE_CLOSE_REASON_WITHDRAWN: GateCloseReason
GATE_CLOSE_REASON_DECIDED_ELSEWHERE: GateCloseReason
GATE_CLOSE_REASON_CANCELLED: GateCloseReason
GATE_CLOSE_REASON_UNREACHABLE: GateCloseReason
GATE_CLOSE_REASON_NO_APPROVER: GateCloseReason

class GateOpened(_message.Message):
    __slots__ = ("gate_id", "gate_version", "node_id", "node_attempt", "title", "prompt", "payload", "payload_schema", "payload_sha256", "presentation", "options", "policy", "requested_by", "deadline_time", "on_timeout", "escalation", "advice", "checkpoint", "context", "previous_gate_id", "rewind_node_ids", "action", "step_id", "classification", "labels")
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_SHA256_FIELD_NUMBER: _ClassVar[int]
    PRESENTATION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_TIME_FIELD_NUMBER: _ClassVar[int]
    ON_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_GATE_ID_FIELD_NUMBER: _ClassVar[int]
    REWIND_NODE_IDS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    CLASSIFICATION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    gate_id: str
    gate_version: int
    node_id: str
    node_attempt: int
    title: str
    prompt: str
    payload: _value_pb2.Json
    payload_schema: _value_pb2.Json
    payload_sha256: bytes
    presentation: _value_pb2.Json
    options: _containers.RepeatedCompositeFieldContainer[GateOption]
    policy: GatePolicy
    requested_by: str
    deadline_time: _timestamp_pb2.Timestamp
    on_timeout: TimeoutAction
    escalation: _containers.RepeatedCompositeFieldContainer[EscalationStep]
    advice: _containers.RepeatedCompositeFieldContainer[Advice]
    checkpoint: str
    context: _value_pb2.Json
    previous_gate_id: str
    rewind_node_ids: _containers.RepeatedScalarFieldContainer[str]
    action: str
    step_id: str
    classification: GateClassification
    labels: _containers.RepeatedCompositeFieldContainer[_value_pb2.Label]
    def __init__(self, gate_id: _Optional[str] = ..., gate_version: _Optional[int] = ..., node_id: _Optional[str] = ..., node_attempt: _Optional[int] = ..., title: _Optional[str] = ..., prompt: _Optional[str] = ..., payload: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., payload_schema: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., payload_sha256: _Optional[bytes] = ..., presentation: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., options: _Optional[_Iterable[_Union[GateOption, _Mapping]]] = ..., policy: _Optional[_Union[GatePolicy, _Mapping]] = ..., requested_by: _Optional[str] = ..., deadline_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., on_timeout: _Optional[_Union[TimeoutAction, str]] = ..., escalation: _Optional[_Iterable[_Union[EscalationStep, _Mapping]]] = ..., advice: _Optional[_Iterable[_Union[Advice, _Mapping]]] = ..., checkpoint: _Optional[str] = ..., context: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., previous_gate_id: _Optional[str] = ..., rewind_node_ids: _Optional[_Iterable[str]] = ..., action: _Optional[str] = ..., step_id: _Optional[str] = ..., classification: _Optional[_Union[GateClassification, str]] = ..., labels: _Optional[_Iterable[_Union[_value_pb2.Label, _Mapping]]] = ...) -> None: ...

class GateOption(_message.Message):
    __slots__ = ("option_id", "label", "kind", "style", "comment_rule", "description")
    OPTION_ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    COMMENT_RULE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    option_id: str
    label: str
    kind: DecisionKind
    style: OptionStyle
    comment_rule: CommentRule
    description: str
    def __init__(self, option_id: _Optional[str] = ..., label: _Optional[str] = ..., kind: _Optional[_Union[DecisionKind, str]] = ..., style: _Optional[_Union[OptionStyle, str]] = ..., comment_rule: _Optional[_Union[CommentRule, str]] = ..., description: _Optional[str] = ...) -> None: ...

class GatePolicy(_message.Message):
    __slots__ = ("users", "groups", "roles", "required_approvals", "required_rejections", "excluded_users")
    USERS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_APPROVALS_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_USERS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    roles: _containers.RepeatedScalarFieldContainer[str]
    required_approvals: int
    required_rejections: int
    excluded_users: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, users: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., roles: _Optional[_Iterable[str]] = ..., required_approvals: _Optional[int] = ..., required_rejections: _Optional[int] = ..., excluded_users: _Optional[_Iterable[str]] = ...) -> None: ...

class EscalationStep(_message.Message):
    __slots__ = ("after", "after_fraction", "notify_users", "notify_groups", "add_users", "add_groups")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    AFTER_FRACTION_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_USERS_FIELD_NUMBER: _ClassVar[int]
    NOTIFY_GROUPS_FIELD_NUMBER: _ClassVar[int]
    ADD_USERS_FIELD_NUMBER: _ClassVar[int]
    ADD_GROUPS_FIELD_NUMBER: _ClassVar[int]
    after: _duration_pb2.Duration
    after_fraction: float
    notify_users: _containers.RepeatedScalarFieldContainer[str]
    notify_groups: _containers.RepeatedScalarFieldContainer[str]
    add_users: _containers.RepeatedScalarFieldContainer[str]
    add_groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., after_fraction: _Optional[float] = ..., notify_users: _Optional[_Iterable[str]] = ..., notify_groups: _Optional[_Iterable[str]] = ..., add_users: _Optional[_Iterable[str]] = ..., add_groups: _Optional[_Iterable[str]] = ...) -> None: ...

class Advice(_message.Message):
    __slots__ = ("source", "text", "confidence", "option_id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    OPTION_ID_FIELD_NUMBER: _ClassVar[int]
    source: str
    text: str
    confidence: float
    option_id: str
    def __init__(self, source: _Optional[str] = ..., text: _Optional[str] = ..., confidence: _Optional[float] = ..., option_id: _Optional[str] = ...) -> None: ...

class GateClosed(_message.Message):
    __slots__ = ("gate_id", "gate_version", "reason", "message", "option_id", "kind", "closed_by")
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    OPTION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLOSED_BY_FIELD_NUMBER: _ClassVar[int]
    gate_id: str
    gate_version: int
    reason: GateCloseReason
    message: str
    option_id: str
    kind: DecisionKind
    closed_by: str
    def __init__(self, gate_id: _Optional[str] = ..., gate_version: _Optional[int] = ..., reason: _Optional[_Union[GateCloseReason, str]] = ..., message: _Optional[str] = ..., option_id: _Optional[str] = ..., kind: _Optional[_Union[DecisionKind, str]] = ..., closed_by: _Optional[str] = ...) -> None: ...
