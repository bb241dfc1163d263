"""The wire's types: the single definition of every message.

``schema/`` is generated from these classes and ``wire/convert.py`` checks parameters against them. Field names are the
wire's names. A field with a default may be left out; ``None`` as a default also accepts ``null`` and, in results, means
that the field is left out. Unknown parameters are ignored.
"""

from meerkat_rpc.wire.types.approvals import *  # noqa: F403
from meerkat_rpc.wire.types.errors import *  # noqa: F403
from meerkat_rpc.wire.types.events import *  # noqa: F403
from meerkat_rpc.wire.types.lifecycle import *  # noqa: F403
from meerkat_rpc.wire.types.logs import *  # noqa: F403
from meerkat_rpc.wire.types.marks import *  # noqa: F403
from meerkat_rpc.wire.types.prompts import *  # noqa: F403
from meerkat_rpc.wire.types.results import *  # noqa: F403
from meerkat_rpc.wire.types.server import *  # noqa: F403
from meerkat_rpc.wire.types.sessions import *  # noqa: F403
from meerkat_rpc.wire.types.tools import *  # noqa: F403
from meerkat_rpc.wire.types.turns import *  # noqa: F403
