"""What the drivers of wrapped libraries have in common: our client, one turn, and what is asked in it."""

import os
from contextlib import contextmanager

from neuraltrust import NeuralTrust, User

MODEL_SERVER = os.environ["MODEL_SERVER"]
QUESTION = "Hello, how are you?"
TOOL_QUESTION = "Please call get_weather for Zürich"


def client(library):
    """Set up our client, and the library's calls as its steps: one call."""
    client = NeuralTrust()
    assert client.instrument(library) == [library]
    return client


@contextmanager
def turn(client):
    """Give the only turn of the conversation."""
    with client.trace(conversation_id="c", user=User(id="u")) as trace, trace.message(QUESTION) as message:
        yield message
