from . import gate_pb2 as _gate_pb2
from . import value_pb2 as _value_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecisionSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_SOURCE_UNSPECIFIED: _ClassVar[DecisionSource]
    DECISION_SOURCE_HUMAN: _ClassVar[DecisionSource]
    DECISION_SOURCE_SERVICE: _ClassVar[DecisionSource]
    DECISION_SOURCE_TIMER: _ClassVar[DecisionSource]
    DECISION_SOURCE_TIMER_AFTER_RESTART: _ClassVar[DecisionSource]
    DECISION_SOURCE_ADMIN_OVERRIDE: _ClassVar[DecisionSource]

class CommandKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMMAND_KIND_UNSPECIFIED: _ClassVar[CommandKind]
    COMMAND_KIND_PAUSE: _ClassVar[CommandKind]
    COMMAND_KIND_RESUME: _ClassVar[CommandKind]
    COMMAND_KIND_CANCEL: _ClassVar[CommandKind]
    COMMAND_KIND_START: _ClassVar[CommandKind]
    COMMAND_KIND_CUSTOM: _ClassVar[CommandKind]
DECISION_SOURCE_UNSPECIFIED: DecisionSource
DECISION_SOURCE_HUMAN: DecisionSource
DECISION_SOURCE_SERVICE: DecisionSource
DECISION_SOURCE_TIMER: DecisionSource
DECISION_SOURCE_TIMER_AFTER_RESTART: DecisionSource
DECISION_SOURCE_ADMIN_OVERRIDE: DecisionSource
COMMAND_KIND_UNSPECIFIED: CommandKind
COMMAND_KIND_PAUSE: CommandKind
COMMAND_KIND_RESUME: CommandKind
COMMAND_KIND_CANCEL: CommandKind
COMMAND_KIND_START: CommandKind
COMMAND_KIND_CUSTOM: CommandKind

class Actor(_message.Message):
    __slots__ = ("subject", "issuer", "auth_method", "groups", "roles", "display_name", "tenant")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    AUTH_METHOD_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    subject: str
    issuer: str
    auth_method: str
    groups: _containers.RepeatedScalarFieldContainer[str]
    roles: _containers.RepeatedScalarFieldContainer[str]
    display_name: str
    tenant: str
    def __init__(self, subject: _Optional[str] = ..., issuer: _Optional[str] = ..., auth_method: _Optional[str] = ..., groups: _Optional[_Iterable[str]] = ..., roles: _Optional[_Iterable[str]] = ..., display_name: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class Vote(_message.Message):
    __slots__ = ("decision_id", "actor", "kind", "option_id", "comment", "vote_time", "modification_sha256")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OPTION_ID_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    VOTE_TIME_FIELD_NUMBER: _ClassVar[int]
    MODIFICATION_SHA256_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    actor: Actor
    kind: _gate_pb2.DecisionKind
    option_id: str
    comment: str
    vote_time: _timestamp_pb2.Timestamp
    modification_sha256: bytes
    def __init__(self, decision_id: _Optional[str] = ..., actor: _Optional[_Union[Actor, _Mapping]] = ..., kind: _Optional[_Union[_gate_pb2.DecisionKind, str]] = ..., option_id: _Optional[str] = ..., comment: _Optional[str] = ..., vote_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., modification_sha256: _Optional[bytes] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("execution_id", "decision_id", "gate_id", "gate_version", "kind", "option_id", "comment", "modification", "actor", "votes", "source", "delivery_attempt", "decision_time", "payload_sha256", "node_id", "is_override", "modification_sha256")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_ID_FIELD_NUMBER: _ClassVar[int]
    GATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OPTION_ID_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    MODIFICATION_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DECISION_TIME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_SHA256_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    IS_OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    MODIFICATION_SHA256_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    decision_id: str
    gate_id: str
    gate_version: int
    kind: _gate_pb2.DecisionKind
    option_id: str
    comment: str
    modification: _value_pb2.Json
    actor: Actor
    votes: _containers.RepeatedCompositeFieldContainer[Vote]
    source: DecisionSource
    delivery_attempt: int
    decision_time: _timestamp_pb2.Timestamp
    payload_sha256: bytes
    node_id: str
    is_override: bool
    modification_sha256: bytes
    def __init__(self, execution_id: _Optional[str] = ..., decision_id: _Optional[str] = ..., gate_id: _Optional[str] = ..., gate_version: _Optional[int] = ..., kind: _Optional[_Union[_gate_pb2.DecisionKind, str]] = ..., option_id: _Optional[str] = ..., comment: _Optional[str] = ..., modification: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., actor: _Optional[_Union[Actor, _Mapping]] = ..., votes: _Optional[_Iterable[_Union[Vote, _Mapping]]] = ..., source: _Optional[_Union[DecisionSource, str]] = ..., delivery_attempt: _Optional[int] = ..., decision_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., payload_sha256: _Optional[bytes] = ..., node_id: _Optional[str] = ..., is_override: bool = ..., modification_sha256: _Optional[bytes] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("execution_id", "command_id", "kind", "reason", "workflow_id", "custom_type", "payload", "actor", "delivery_attempt", "command_time", "session_id")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_TIME_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    command_id: str
    kind: CommandKind
    reason: str
    workflow_id: str
    custom_type: str
    payload: _value_pb2.Json
    actor: Actor
    delivery_attempt: int
    command_time: _timestamp_pb2.Timestamp
    session_id: str
    def __init__(self, execution_id: _Optional[str] = ..., command_id: _Optional[str] = ..., kind: _Optional[_Union[CommandKind, str]] = ..., reason: _Optional[str] = ..., workflow_id: _Optional[str] = ..., custom_type: _Optional[str] = ..., payload: _Optional[_Union[_value_pb2.Json, _Mapping]] = ..., actor: _Optional[_Union[Actor, _Mapping]] = ..., delivery_attempt: _Optional[int] = ..., command_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., session_id: _Optional[str] = ...) -> None: ...
