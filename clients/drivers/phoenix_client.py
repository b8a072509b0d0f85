"""arize-phoenix-otel register() + openinference-instrumentation-openai (+ -anthropic), OpenInference decorators and context attributes."""
import inspect, json, os
from phoenix.otel import register
import common as c

# Before 0.10 the key was in the environment alone.
os.environ["PHOENIX_API_KEY"] = c.KEY
key = {"api_key": c.KEY} if "api_key" in inspect.signature(register).parameters else {}
tp = register(endpoint=c.SINK + "/v1/traces", project_name="shop-assistant", **key, batch=os.environ.get("BATCH", "1") == "1", verbose=False)
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from openinference.instrumentation import using_attributes
from opentelemetry.trace import Status, StatusCode, format_span_id, get_current_span
OpenAIInstrumentor().instrument(tracer_provider=tp)
AnthropicInstrumentor().instrument(tracer_provider=tp)
tracer = tp.get_tracer("shop.app")
from openai import OpenAI
import anthropic
import openai_flow as f
client = OpenAI(base_url=c.OPENAI_BASE, api_key="test-key", max_retries=0)
claude = anthropic.Anthropic(base_url=c.LLM, api_key="test-key", max_retries=0)


@tracer.tool(name="get_weather", description="Current weather for a city")
def get_weather(city: str, unit: str = "celsius") -> dict:
    return c.get_weather(city, unit)


@tracer.tool
def broken_tool(order_id: str) -> str:
    raise RuntimeError(f"order service unavailable for {order_id} 💥")


def retrieve(q):
    with tracer.start_as_current_span("retrieve policies", openinference_span_kind="retriever") as s:
        s.set_input(q)
        f.embed(client, q)
        for i, d in enumerate(c.DOCS):
            s.set_attribute(f"retrieval.documents.{i}.document.id", d["id"])
            s.set_attribute(f"retrieval.documents.{i}.document.content", d["text"])
            s.set_attribute(f"retrieval.documents.{i}.document.score", d["score"])
            s.set_attribute(f"retrieval.documents.{i}.document.metadata", json.dumps({"source": d["source"]}))
        s.set_status(Status(StatusCode.OK))
    with tracer.start_as_current_span("rerank", openinference_span_kind="reranker") as s:
        s.set_attribute("reranker.query", q)
        s.set_attribute("reranker.model_name", "fake-rerank-1")
        s.set_attribute("reranker.top_k", 1)
        s.set_attribute("reranker.output_documents.0.document.content", c.DOCS[0]["text"])
        s.set_status(Status(StatusCode.OK))
    return c.DOCS


msgs = [{"role": "system", "content": c.SYSTEM}]


span_ids = []


@tracer.agent(name="shop-assistant 🛍")
def turn(i: int, question: str) -> str:
    span_ids.append(format_span_id(get_current_span().get_span_context().span_id))
    return f.turn(client, msgs, i, question, retrieve, get_weather)


@tracer.chain
def failing(order_id: str) -> str:
    return broken_tool(order_id)


with using_attributes(session_id=c.SESSION_ID, user_id=c.USER_ID, metadata={**c.METADATA, "conversation_id": c.CONVERSATION_ID}, tags=c.TAGS,
                      prompt_template="Answer {question} for {name}", prompt_template_version="v3", prompt_template_variables={"question": c.TURNS[0], "name": c.USER_NAME}):
    for i, q in enumerate(c.TURNS):
        turn(i, q)
    try:
        failing("A-1042")
    except RuntimeError:
        pass
    f.fail(client)
    f.respond(client, c.TURNS[1], tools=[{"type": "function", "name": "get_weather", "parameters": c.WEATHER_TOOL["function"]["parameters"]}])
    f.ask(client, [{"role": "user", "content": [{"type": "text", "text": "What is on this picture?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}]}])
    tools = [{"name": "get_weather", "description": "w", "input_schema": c.WEATHER_TOOL["function"]["parameters"]}]
    am = [{"role": "user", "content": "How is the weather in Zürich?"}]
    r = claude.messages.create(model="claude-sonnet-4-5", max_tokens=200, system=c.SYSTEM, messages=am, tools=tools)
    tu = next(b for b in r.content if b.type == "tool_use")
    am += [{"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in r.content]},
           {"role": "user", "content": [{"type": "tool_result", "tool_use_id": tu.id, "content": json.dumps(get_weather(**tu.input), ensure_ascii=False)}]}]
    claude.messages.create(model="claude-sonnet-4-5", max_tokens=200, system=c.SYSTEM, messages=am, tools=tools)
    with claude.messages.stream(model="claude-sonnet-4-5", max_tokens=200, messages=[{"role": "user", "content": c.TURNS[1]}]) as s:
        # Under earlier instrumentations it is a stream of events, and no more.
        s.get_final_text() if hasattr(s, "get_final_text") else list(s)
    f.ask(client, [{"role": "user", "content": c.big_text()}])
tp.shutdown()
from phoenix.client import Client
phoenix = Client(base_url=c.SINK, api_key=c.KEY)
phoenix.spans.add_span_annotation(span_id=span_ids[0], annotation_name="helpful", annotator_kind="HUMAN", label="yes", score=1.0, explanation="👍 merci", sync=True)
if hasattr(phoenix.spans, "add_span_note"):
    phoenix.spans.add_span_note(span_id=span_ids[1], note="look here")
if hasattr(phoenix, "sessions"):
    phoenix.sessions.add_session_annotation(session_id=c.SESSION_ID, annotation_name="happy", annotator_kind="LLM", score=0.9)
