"""The messages of `footplate.v1`, as the proto's comments describe them."""

from ._gen.decision_pb2 import *  # noqa: F403
from ._gen.engine_pb2 import *  # noqa: F403
from ._gen.event_pb2 import *  # noqa: F403
from ._gen.gate_pb2 import *  # noqa: F403
from ._gen.value_pb2 import *  # noqa: F403
