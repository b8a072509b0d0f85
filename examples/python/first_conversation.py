"""A first conversation: one turn of a parcel service's assistant, step by step.

Needs a running server (`make run`) and the SDK (`make sdk-python`). Put the key that the server printed at its first
start into a file `.env`, here or in a folder above:

    NEURALTRUST_API_KEY=...

Then run it, and look at http://127.0.0.1:6180:

    .venv/bin/python examples/python/first_conversation.py
"""

import os

from dotenv import load_dotenv

from neuraltrust import Metadata, NeuralTrust, User

load_dotenv()

# NEURALTRUST_BASE_URL says where the server is; without it, this machine.
client = NeuralTrust(api_key=os.getenv("NEURALTRUST_API_KEY"), async_client=True)

# A trace is one turn. The ids connect it with the rest of the conversation, and with everything else this user did.
trace = client.trace(
    conversation_id="parcel-4711",
    session_id="session-2",
    channel_id="web-chat",
    user=User(id="user-1815", name="Ada Lovelace"),
    metadata=Metadata(locale="en-GB", device="mobile"),
    custom={"parcel": "4711", "premium": True},
)

# What the user said. The message stays open, and is shown as running, until the answer is there.
message = trace.message(input="Where is my parcel?")

# A call of a language model.
generation = message.generation(input="Which parcel does the user mean?")
generation.end("Parcel 4711, sent on Monday.")

# A decision on which way to go: complete at once.
router = message.router(input="tracking or complaint?")

# Steps can stand below any other step. What they answer may be any value.
retrieval = router.retrieval(input="parcel 4711")
retrieval.end([{"content": "4711 left the depot in Bern at 06:40.", "score": 0.93}])

agent = retrieval.agent(input="Tell the user when the parcel arrives.")
agent.end({"answer": "It arrives today before noon.", "confidence": "high"})

# The answer that the user saw.
message.end("Your parcel left Bern this morning and arrives before noon.")

# The end of the script waits until all of it is delivered.
