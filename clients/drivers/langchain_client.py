"""langchain with the tracer of langsmith: a chain as the turn, a chat model plain, streamed and with tools, a retriever, and errors."""
from importlib.metadata import version
print("langchain-core", version("langchain-core"), "langchain-openai", version("langchain-openai"), "langsmith", version("langsmith"))
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_core.tracers.langchain import wait_for_all_tracers
from langchain_openai import ChatOpenAI
import common as c

model = ChatOpenAI(model=c.MODEL, base_url=c.OPENAI_BASE, api_key="test-key", max_retries=0, stream_usage=True)


class Policies(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(id=d["id"], page_content=d["text"], metadata={"source": d["source"], "score": d["score"]}) for d in c.DOCS]


@tool
def get_weather(city: str, unit: str = "celsius") -> dict:
    """Current weather for a city."""
    return c.get_weather(city, unit)


@tool
def cancel_order(order_id: str) -> str:
    """Cancel an order."""
    raise RuntimeError(f"order service unavailable for {order_id} 💥")


with_tools = model.bind_tools([get_weather])
msgs = [SystemMessage(c.SYSTEM)]


def turn(question, config):
    msgs.append(HumanMessage(question))
    if question == c.TURNS[1]:
        Policies().invoke(question, config)
        msgs.append(AIMessage("".join(chunk.content for chunk in model.stream(msgs, config))))
    elif question == c.TURNS[2]:
        msgs.append(with_tools.invoke(msgs, config))
        msgs.extend(get_weather.invoke(call, config) for call in msgs[-1].tool_calls)
        msgs.append(with_tools.invoke(msgs, config))
    else:
        msgs.append(model.invoke(msgs, config))
    return msgs[-1].content


told = {"metadata": {"thread_id": c.CONVERSATION_ID, "user_id": c.USER_ID, **c.METADATA}, "tags": c.TAGS}
assistant = RunnableLambda(turn, name="shop-turn 🛍")
for question in c.TURNS:
    assistant.invoke(question, told)
for fail in (lambda: cancel_order.invoke({"order_id": "A-1042"}, told), lambda: model.invoke("TRIGGER_BAD_REQUEST please 🚫", told)):
    try:
        fail()
    except Exception as error:
        print("expected", type(error).__name__)
model.invoke(c.big_text(), told)
wait_for_all_tracers()
