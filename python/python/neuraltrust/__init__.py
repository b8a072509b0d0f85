"""Records the conversations people have with an AI application, step by step.

>>> from neuraltrust import NeuralTrust
>>> client = NeuralTrust()
>>> message = client.trace(conversation_id="c-1").message(input="Hello")
>>> message.end("Hi!")
"""

from ._native import NeuralTrustError, __version__
from .client import NeuralTrust
from .context import Step, Trace
from .current import carry, current
from .types import EventType, FeedbackTag, Metadata, User

__all__ = [
    "EventType",
    "FeedbackTag",
    "Metadata",
    "NeuralTrust",
    "NeuralTrustError",
    "Step",
    "Trace",
    "User",
    "__version__",
    "carry",
    "current",
]
