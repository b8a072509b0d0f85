"""A graph of LangGraph with a model and a tool of LangChain, made steps by one call."""

import wrapped
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

client = wrapped.client("langchain")


@tool
def get_weather(city: str) -> str:
    """Current weather for a city."""
    return f"sunny in {city}"


model = ChatOpenAI(model="gpt-4o-mini", api_key="k", base_url=f"{wrapped.MODEL_SERVER}/v1", max_retries=0)
graph = StateGraph(MessagesState)
graph.add_node("answer", lambda state: {"messages": [model.bind_tools([get_weather]).invoke(state["messages"])]})
graph.add_node("tools", ToolNode([get_weather]))
graph.add_edge(START, "answer")
graph.add_conditional_edges("answer", tools_condition)
graph.add_edge("tools", "answer")

with wrapped.turn(client) as message:
    state = graph.compile().invoke({"messages": [("user", wrapped.TOOL_QUESTION)]})
    text = "".join(str(chunk.content) for chunk in model.stream("Again, please", stream_usage=True))
    try:
        model.invoke("TRIGGER_BAD_REQUEST please")
    except Exception as error:
        print("expected", type(error).__name__)
    message.end(state["messages"][-1].content or text)
assert client.close(30), client.stats()
