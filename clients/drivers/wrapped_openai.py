"""OpenAI's client, made steps by one call: an answer, a stream, the Responses API, an embedding and a failure."""

import openai
import wrapped

client = wrapped.client("openai")
asked = openai.OpenAI(api_key="k", base_url=f"{wrapped.MODEL_SERVER}/v1", max_retries=0)


def ask(text, **more):
    return asked.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}], **more)


with wrapped.turn(client) as message:
    answer = ask(wrapped.QUESTION)
    for _ in ask("Again, please", stream=True, stream_options={"include_usage": True}):
        pass
    asked.responses.create(model="gpt-4o-mini", input="And once more")
    asked.embeddings.create(model="text-embedding-3-small", input=["refund"])
    try:
        ask("TRIGGER_BAD_REQUEST please")
    except openai.BadRequestError:
        pass
    message.end(answer.choices[0].message.content)
assert client.close(30), client.stats()
