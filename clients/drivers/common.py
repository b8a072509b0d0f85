"""What every driver says: no network, no randomness."""
import os

SINK = os.environ["SERVER"]
LLM = os.environ["MODEL_SERVER"]
KEY = os.environ["KEY"]
OPENAI_BASE = LLM + "/v1"
MODEL = "gpt-4o-mini"

CONVERSATION_ID = "conv-2f6c1d88-orders"
SESSION_ID = "sess-9b1e07aa"
CHANNEL_ID = "web-chat"
USER_ID = "user-4711"
USER_NAME = "Zoë Müller 🦊"
USER_EMAIL = "zoe.mueller@example.com"
TAGS = ["capture", "beta", "größe-L"]
METADATA = {"tenant": "acme-eu", "plan": "pro", "cart_value": 129.9, "retry": 0, "flags": ["a/b", "ü"], "nested": {"region": "eu-west-1", "ok": True}}

SYSTEM = "You are a helpful shop assistant for ACME. Answer briefly."
TURNS = [
    "Hello, how are you? My name is Zoë 👋🏽 and I placed an order last week.",
    "¿Cuál es la política de reembolso para artículos abiertos? (refund policy, please)",
    "Danke! Und wie wird das Wetter morgen? Please call get_weather for Zürich ☀️🌧️ — \"quoted\" \\ back\\slash \t tab 日本語 العربية",
    "Thanks, that is all. \u200d🧑\u200d🚀 Bye!",
]
DOCS = [
    {"id": "doc-17", "score": 0.91, "text": "Refunds: opened items may be returned within 14 days. 💶", "source": "kb://policies/refunds#opened"},
    {"id": "doc-03", "score": 0.77, "text": "Gift cards are not refundable. Les frais d'expédition ne sont pas remboursés.", "source": "kb://policies/gift-cards"},
    {"id": "doc-88", "score": 0.41, "text": "倉庫は月曜日から金曜日まで営業しています。", "source": "kb://warehouse/ja"},
]
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather for a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}, "required": ["city"]},
    },
}


def get_weather(city, unit="celsius"):
    return {"city": city, "temp": 22.5, "unit": unit, "sky": "sunny ☀️"}


def big_text(n=200 * 1024):
    """Exactly n UTF-8 bytes of log-like text."""
    out, size, i = [], 0, 0
    while size < n:
        line = f"{i:06d} 2026-05-14T10:{i % 60:02d}:00Z WARN order=A-{1000 + i * 7 % 9000} latency_ms={(i * 7919) % 1500} msg=\"naïve retry №{i} ✅\"\n"
        b = line.encode()
        if size + len(b) > n:
            line = "x" * (n - size)
            b = line.encode()
        out.append(line)
        size += len(b)
        i += 1
    return "".join(out)


def picture():
    """Bytes that begin like a picture, do not repeat, and are too many to be kept with the words."""
    return b"\x89PNG\r\n\x1a\n" + bytes((i * i * 7919 >> 3) & 255 for i in range(4096))
