"""traceloop-sdk (OpenLLMetry): workflow/task/agent/tool decorators, association properties, conversation id, openai instrumentation, errors."""
from importlib.metadata import version
for p in ("traceloop-sdk", "opentelemetry-instrumentation-openai", "openai", "opentelemetry-sdk"):
    print(p, version(p))
from traceloop.sdk import Traceloop
import traceloop.sdk.decorators as d
import common as c

Traceloop.init(app_name="shop-assistant", api_endpoint=c.SINK, api_key=c.KEY, disable_batch=False, resource_attributes={"team": "größe", "deployment.environment": "staging"})
from openai import OpenAI
import openai_flow as f
client = OpenAI(base_url=c.OPENAI_BASE, api_key="test-key", max_retries=0)
msgs = [{"role": "system", "content": c.SYSTEM}]


@d.tool(name="get_weather")
def get_weather(city, unit="celsius"):
    return c.get_weather(city, unit)


@d.tool(name="cancel_order", version=2)
def cancel_order(order_id):
    raise RuntimeError(f"order service unavailable for {order_id} 💥")


@d.task(name="retrieve")
def retrieve(query):
    f.embed(client, query)
    return c.DOCS


@d.agent(name="shop_agent 🛍")
def agent(i, q):
    return f.turn(client, msgs, i, q, retrieve, get_weather)


kw = {}
if hasattr(d, "conversation"):
    print("conversation decorator available")


@d.workflow(name="shop_turn", version=3)
def turn(i, q):
    Traceloop.set_association_properties({"user_id": c.USER_ID, "session_id": c.SESSION_ID, "chat_id": c.CONVERSATION_ID, "tenant": "acme-eu", "turn": i})
    return agent(i, q)


if hasattr(d, "conversation"):
    turn = d.conversation(c.CONVERSATION_ID)(turn)


@d.workflow(name="failing")
def failing():
    return cancel_order("A-1042")


@d.workflow(name="big")
def big(x):
    return f.ask(client, [{"role": "user", "content": x}]).content


for i, q in enumerate(c.TURNS):
    turn(i, q)
try:
    failing()
except RuntimeError:
    pass
f.fail(client)
f.respond(client, c.TURNS[1])
big(c.big_text())
from opentelemetry import trace, metrics
trace.get_tracer_provider().force_flush()
trace.get_tracer_provider().shutdown()
