"""The calls of the first example that neuraltrust ever had. Runs with every version of the package."""

import os

from dotenv import load_dotenv

from neuraltrust import Metadata, NeuralTrust, User

load_dotenv()

client = NeuralTrust(api_key=os.getenv("NEURALTRUST_API_KEY"))

trace = client.trace(
    conversation_id="conversation_12345678",
    session_id="session_12345678",
    channel_id="channel_12345678",
    user=User(id="user_12345678", name="John Doe"),
    metadata=Metadata(id="metadata_12345678", name="John Doe"),
    custom={"key": "value"},
)

message = trace.message(input="Hello, how are you?")

generation = message.generation(input="Hello, how are you?")
generation.end("I am fine, thank you!")

router = message.router(input="Hello, how are you?")

retrieval = router.retrieval(input="Hello, how are you?")
retrieval.end([{"chunk": "Hello, how are you?"}])

agent = retrieval.agent(input="Hello, how are you?")
agent.end("I am fine, thank you!")

message.end("I am fine, thank you!")
