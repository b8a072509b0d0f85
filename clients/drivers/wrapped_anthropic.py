"""Anthropic's client, made steps by one call: an answer, a stream, a tool and a failure below a turn."""

import anthropic
import wrapped

client = wrapped.client("anthropic")
asked = anthropic.Anthropic(api_key="k", base_url=wrapped.MODEL_SERVER, max_retries=0)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"name": "get_weather", "description": "Weather", "input_schema": CITY}


def ask(text, **more):
    return asked.messages.create(model="claude-sonnet-4-5", max_tokens=100, messages=[{"role": "user", "content": text}], **more)


with wrapped.turn(client) as message:
    answer = ask(wrapped.QUESTION)
    with asked.messages.stream(
        model="claude-sonnet-4-5", max_tokens=100, messages=[{"role": "user", "content": "Again, please"}]
    ) as stream:
        "".join(stream.text_stream)
    ask("Call get_weather for Zürich", tools=[TOOL])
    try:
        ask("TRIGGER_BAD_REQUEST please")
    except anthropic.APIStatusError:
        pass
    message.end(answer.content[0].text)
assert client.close(30), client.stats()
