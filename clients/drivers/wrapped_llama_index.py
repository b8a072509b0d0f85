"""A query engine of LlamaIndex, made steps by one call: embeddings, a look-up and an answer."""

import wrapped
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI

client = wrapped.client("llama_index")
server = {"api_key": "k", "api_base": f"{wrapped.MODEL_SERVER}/v1", "max_retries": 0}
Settings.llm = OpenAI(model="gpt-4o-mini", **server)
Settings.embed_model = OpenAIEmbedding(model="text-embedding-3-small", **server)

with wrapped.turn(client) as message:
    index = VectorStoreIndex.from_documents([Document(text=f"Document {n} on refunds.") for n in range(3)])
    answer = index.as_query_engine(similarity_top_k=2).query(wrapped.QUESTION)
    try:
        Settings.llm.complete("TRIGGER_BAD_REQUEST please")
    except Exception as error:
        print("expected", type(error).__name__)
    message.end(str(answer))
assert client.close(30), client.stats()
