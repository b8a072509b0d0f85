"""An agent of the OpenAI Agents SDK with a tool and a handoff, made steps by one call."""

import asyncio

import wrapped
from agents import Agent, Runner, function_tool, set_default_openai_client
from openai import AsyncOpenAI

client = wrapped.client("openai_agents")
asked = AsyncOpenAI(api_key="k", base_url=f"{wrapped.MODEL_SERVER}/v1", max_retries=0)
set_default_openai_client(asked, use_for_tracing=False)


@function_tool
def get_weather(city: str) -> str:
    """Current weather for a city."""
    return f"sunny in {city}"


async def main():
    weather = Agent(name="Weather specialist", instructions="Answer.", model="gpt-4o-mini", tools=[get_weather])
    with wrapped.turn(client) as message:
        result = await Runner.run(weather, wrapped.TOOL_QUESTION)
        try:
            await Runner.run(weather, "TRIGGER_BAD_REQUEST please")
        except Exception as error:
            print("expected", type(error).__name__)
        message.end(str(result.final_output))


asyncio.run(main())
assert client.close(30), client.stats()
