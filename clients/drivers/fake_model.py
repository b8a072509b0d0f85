"""A server that answers like the APIs of OpenAI, Anthropic and Gemini, always the same to the same, and counts the tokens that it
reports. Prints its port; `GET /counted` says what it has reported so far."""

import base64, hashlib, json, re, struct, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CANNED = [
    "Your order A-1042 left our warehouse in Lyon yesterday and should arrive on Thursday, 14 May. 📦",
    "Claro: el menú vegetariano a bordo incluye pasta con verduras, ensalada de quinoa y fruta fresca. ¿Desea reservarlo?",
    "Sure! Here is a short summary:\n\n1. The refund window is 30 days.\n2. Shipping costs are not refunded.\n3. Gift cards are excluded.",
    "東京の天気は晴れ、気温は22度です。☀️ 傘は必要ありません。",
    "```python\ndef total(items):\n    return sum(i['price'] * i['qty'] for i in items)\n```\nThis returns the total in cents.",
    "I'm not certain. The documents I was given do not mention a warranty for refurbished items.",
]


def toks(s):
    return max(1, len(s) // 4)


def flat(content):
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(flat(c.get("text") or c.get("content") or "") if isinstance(c, dict) else str(c) for c in content)
    return str(content)


def pick(s):
    return CANNED[int(hashlib.sha1(s.encode("utf-8", "ignore")).hexdigest(), 16) % len(CANNED)]


def fill(schema, text, defs=None):
    """A plausible value for a JSON schema."""
    defs = defs or schema.get("$defs") or {}
    if "$ref" in schema:
        return fill(defs.get(schema["$ref"].split("/")[-1], {}), text, defs)
    for k in ("anyOf", "oneOf", "allOf"):
        if k in schema:
            return fill(schema[k][0], text, defs)
    if "enum" in schema:
        return schema["enum"][0]
    t = schema.get("type")
    if t == "object":
        return {k: fill({**v, "_n": k}, text, defs) for k, v in schema.get("properties", {}).items()}
    if t == "array":
        return [fill(schema.get("items", {}), text, defs)]
    if t == "integer":
        return 3
    if t == "number":
        return 0.75
    if t == "boolean":
        return True
    n = schema.get("_n", "")
    if re.search(r"city|location|place", n):
        return "Zürich"
    if re.search(r"order", n):
        return "A-1042"
    if re.search(r"query|question|q$", n):
        return "refund policy for opened items"
    if re.search(r"expr", n):
        return "17*3"
    return "value ✅"


counted = {"calls": 0, "input": 0, "output": 0, "embedded": 0}
counting = threading.Lock()


def count(read, written):
    """Counts one call; `written` is None where no words are asked for."""
    with counting:
        counted["calls"] += written is not None
        counted["input" if written is not None else "embedded"] += read
        counted["output"] += written or 0


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def js(self, obj, status=200, extra=()):
        b = json.dumps(obj, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(b)))
        self.send_header("x-request-id", "req_" + uuid.uuid4().hex[:24])
        for k, v in extra:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(b)

    def sse(self, events, named=False):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        for e in events:
            head = f"event: {e['type']}\n" if named else ""
            self.wfile.write((head + "data: " + (e if isinstance(e, str) else json.dumps(e, ensure_ascii=False)) + "\n\n").encode())
            self.wfile.flush()
            time.sleep(0.003)
        self.close_connection = True

    def do_GET(self):
        if self.path == "/counted":
            return self.js(counted)
        if self.path.endswith("/models"):
            return self.js({"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1700000000, "owned_by": "fake"}]})
        self.js({"error": {"message": "not found", "type": "invalid_request_error", "code": None, "param": None}}, 404)

    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            raw = b""
            while True:
                size = int(self.rfile.readline().strip() or b"0", 16)
                if size == 0:
                    self.rfile.readline()
                    break
                raw += self.rfile.read(size)
                self.rfile.readline()
        else:
            raw = self.rfile.read(n)
        try:
            req = json.loads(raw or b"{}")
        except Exception:
            req = {}
        p = urlsplit(self.path).path
        time.sleep(0.01)
        text = raw.decode("utf-8", "ignore")
        if "TRIGGER_RATE_LIMIT" in text:
            return self.js({"error": {"message": "Rate limit reached for requests. Please retry in 20s. 🚦", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}, 429, [("retry-after", "0"), ("x-should-retry", "false")])
        if "TRIGGER_BAD_REQUEST" in text:
            return self.js({"error": {"message": "This model's maximum context length is 128000 tokens.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}, 400)
        if p.endswith("/chat/completions"):
            return self.chat(req)
        if p.endswith("/responses"):
            return self.responses_api(req)
        if p.endswith("/embeddings"):
            return self.embed(req)
        if p.endswith("/messages"):
            return self.anthropic(req)
        if ":generateContent" in p or ":streamGenerateContent" in p:
            return self.gemini(req, p)
        self.js({"error": {"message": "not found: " + p, "type": "invalid_request_error", "code": None, "param": None}}, 404)

    # -------- shared choice
    def decide(self, last_role, last_text, tools, forced=None):
        """-> ('tool', name, args) or ('text', str)"""
        if forced:
            tools = [t for t in tools if t["name"] == forced] or tools
            t = tools[0]
            return "tool", t["name"], fill(t.get("parameters") or {"type": "object"}, last_text)
        if tools and last_role == "user":
            low = last_text.lower()
            for t in tools:
                words = [w for w in re.split(r"[^a-z]+", t["name"].lower()) if len(w) > 3 and w != "order"]
                if any(w in low for w in words):
                    return "tool", t["name"], fill(t.get("parameters") or {"type": "object"}, last_text)
        if last_role == "tool":
            return "text", "Based on the tool result (" + last_text[:120] + ") — here is what I can tell you: everything looks fine. ✅"
        return "text", pick(last_text)

    def chat(self, req):
        msgs = req.get("messages") or [{}]
        last = msgs[-1]
        tools = [t["function"] for t in req.get("tools") or [] if t.get("type") == "function"]
        tc = req.get("tool_choice")
        forced = tc["function"]["name"] if isinstance(tc, dict) and "function" in tc else ("any" if tc == "required" and last.get("role") != "tool" else None)
        d = self.decide(last.get("role"), flat(last.get("content")), tools, forced if tools else None)
        rf = req.get("response_format") or {}
        if rf.get("type") == "json_schema" and d[0] == "text":
            d = ("text", json.dumps(fill(rf["json_schema"].get("schema", {}), ""), ensure_ascii=False))
        pt = sum(toks(flat(m.get("content"))) + 4 for m in msgs)
        out = d[1] if d[0] == "text" else json.dumps(d[2])
        ct = toks(out) + 3
        usage = {"prompt_tokens": pt, "completion_tokens": ct, "total_tokens": pt + ct,
                 "prompt_tokens_details": {"cached_tokens": (pt // 128) * 64, "audio_tokens": 0},
                 "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}
        count(pt, ct)
        model = req.get("model", "gpt-4o-mini")
        rmodel = model if re.search(r"\d{4}-\d\d-\d\d", model) else model + "-2024-07-18"
        base = {"id": "chatcmpl-" + uuid.uuid4().hex[:29], "created": int(time.time()), "model": rmodel, "system_fingerprint": "fp_fake123", "service_tier": "default"}
        call_id = "call_" + uuid.uuid4().hex[:24]
        if req.get("stream"):
            ev = []
            mk = lambda delta, fin=None: {**base, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": fin}]}
            ev.append(mk({"role": "assistant", "content": "" if d[0] == "text" else None}))
            if d[0] == "text":
                for w in re.findall(r"\S+\s*|\s+", out):
                    ev.append(mk({"content": w}))
                ev.append(mk({}, "stop"))
            else:
                ev.append(mk({"tool_calls": [{"index": 0, "id": call_id, "type": "function", "function": {"name": d[1], "arguments": ""}}]}))
                for i in range(0, len(out), 8):
                    ev.append(mk({"tool_calls": [{"index": 0, "function": {"arguments": out[i:i + 8]}}]}))
                ev.append(mk({}, "tool_calls"))
            if (req.get("stream_options") or {}).get("include_usage"):
                ev.append({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage})
            ev.append("[DONE]")
            return self.sse(ev)
        msg = {"role": "assistant", "content": out if d[0] == "text" else None, "refusal": None, "annotations": []}
        if d[0] == "tool":
            msg["tool_calls"] = [{"id": call_id, "type": "function", "function": {"name": d[1], "arguments": out}}]
        choices = [{"index": i, "message": msg, "logprobs": None, "finish_reason": "stop" if d[0] == "text" else "tool_calls"} for i in range(req.get("n") or 1)]
        self.js({**base, "object": "chat.completion", "choices": choices, "usage": usage})

    def responses_api(self, req):
        inp = req.get("input")
        items = [{"role": "user", "content": inp}] if isinstance(inp, str) else (inp or [{}])
        last = items[-1]
        if last.get("type") == "function_call_output":
            role, text = "tool", flat(last.get("output"))
        else:
            role, text = last.get("role"), flat(last.get("content"))
        tools = [t for t in req.get("tools") or [] if t.get("type") == "function"]
        tc = req.get("tool_choice")
        forced = tc.get("name") if isinstance(tc, dict) else ("any" if tc == "required" and role != "tool" else None)
        # handoff tools: transfer_to_x
        d = self.decide(role, text, tools, forced if tools else None)
        fmt = (req.get("text") or {}).get("format") or {}
        if fmt.get("type") == "json_schema" and d[0] == "text":
            d = ("text", json.dumps(fill(fmt.get("schema", {}), ""), ensure_ascii=False))
        out = d[1] if d[0] == "text" else json.dumps(d[2])
        it = sum(toks(flat(i.get("content")) + flat(i.get("output"))) + 4 for i in items) + toks(req.get("instructions") or "")
        ot = toks(out) + 5
        count(it, ot)
        usage = {"input_tokens": it, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": ot, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": it + ot}
        if d[0] == "text":
            item = {"type": "message", "id": "msg_" + uuid.uuid4().hex, "status": "completed", "role": "assistant",
                    "content": [{"type": "output_text", "text": out, "annotations": [], "logprobs": []}]}
        else:
            item = {"type": "function_call", "id": "fc_" + uuid.uuid4().hex, "call_id": "call_" + uuid.uuid4().hex[:24], "name": d[1], "arguments": out, "status": "completed"}
        model = req.get("model", "gpt-4o-mini")
        resp = {"id": "resp_" + uuid.uuid4().hex, "object": "response", "created_at": int(time.time()), "status": "completed", "background": False, "error": None,
                "incomplete_details": None, "instructions": req.get("instructions"), "max_output_tokens": None, "model": model + ("" if "20" in model else "-2024-07-18"),
                "output": [item], "parallel_tool_calls": True, "previous_response_id": req.get("previous_response_id"), "prompt_cache_key": None,
                "reasoning": {"effort": None, "summary": None}, "safety_identifier": None, "service_tier": "default", "store": True, "temperature": 1.0,
                "text": {"format": fmt or {"type": "text"}, "verbosity": "medium"}, "tool_choice": tc or "auto", "tools": req.get("tools") or [], "top_logprobs": 0, "top_p": 1.0,
                "truncation": "disabled", "usage": usage, "user": None, "metadata": req.get("metadata") or {}}
        if req.get("stream"):
            seq = iter(range(10000))
            ev = []

            def add(t, **k):
                ev.append({"type": t, "sequence_number": next(seq), **k})
            add("response.created", response={**resp, "status": "in_progress", "output": [], "usage": None})
            add("response.in_progress", response={**resp, "status": "in_progress", "output": [], "usage": None})
            if d[0] == "text":
                add("response.output_item.added", output_index=0, item={**item, "status": "in_progress", "content": []})
                add("response.content_part.added", item_id=item["id"], output_index=0, content_index=0, part={"type": "output_text", "text": "", "annotations": [], "logprobs": []})
                for w in re.findall(r"\S+\s*|\s+", out):
                    add("response.output_text.delta", item_id=item["id"], output_index=0, content_index=0, delta=w, logprobs=[])
                add("response.output_text.done", item_id=item["id"], output_index=0, content_index=0, text=out, logprobs=[])
                add("response.content_part.done", item_id=item["id"], output_index=0, content_index=0, part=item["content"][0])
            else:
                add("response.output_item.added", output_index=0, item={**item, "status": "in_progress", "arguments": ""})
                add("response.function_call_arguments.delta", item_id=item["id"], output_index=0, delta=out)
                add("response.function_call_arguments.done", item_id=item["id"], output_index=0, name=d[1], arguments=out)
            add("response.output_item.done", output_index=0, item=item)
            add("response.completed", response=resp)
            return self.sse(ev, named=True)
        self.js(resp)

    def embed(self, req):
        inp = req.get("input")
        inp = inp if isinstance(inp, list) and not (inp and isinstance(inp[0], int)) else [inp]
        data = []
        for i, s in enumerate(inp):
            h = hashlib.sha256(json.dumps(s).encode()).digest()
            v = [(b - 128) / 256 for b in h[:16]]
            emb = base64.b64encode(struct.pack("<16f", *v)).decode() if req.get("encoding_format") == "base64" else v
            data.append({"object": "embedding", "index": i, "embedding": emb})
        pt = sum(toks(s if isinstance(s, str) else json.dumps(s)) for s in inp)
        count(pt, None)
        self.js({"object": "list", "data": data, "model": req.get("model", "text-embedding-3-small"), "usage": {"prompt_tokens": pt, "total_tokens": pt}})

    def anthropic(self, req):
        msgs = req.get("messages") or [{}]
        last = msgs[-1]
        c = last.get("content")
        is_tr = isinstance(c, list) and any(isinstance(b, dict) and b.get("type") == "tool_result" for b in c)
        tools = [{"name": t["name"], "parameters": t.get("input_schema")} for t in req.get("tools") or []]
        d = self.decide("tool" if is_tr else last.get("role"), flat(c), tools)
        out = d[1] if d[0] == "text" else json.dumps(d[2])
        block = {"type": "text", "text": out} if d[0] == "text" else {"type": "tool_use", "id": "toolu_" + uuid.uuid4().hex[:24], "name": d[1], "input": d[2]}
        it = sum(toks(flat(m.get("content"))) for m in msgs) + toks(flat(req.get("system")))
        count(it + 12, toks(out))
        usage = {"input_tokens": it, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 12, "output_tokens": toks(out), "service_tier": "standard"}
        base = {"id": "msg_" + uuid.uuid4().hex[:24], "type": "message", "role": "assistant", "model": req.get("model"), "content": [block],
                "stop_reason": "end_turn" if d[0] == "text" else "tool_use", "stop_sequence": None, "usage": usage}
        if req.get("stream"):
            ev = [{"type": "message_start", "message": {**base, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}}]
            if d[0] == "text":
                ev.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
                ev += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}} for w in re.findall(r"\S+\s*|\s+", out)]
            else:
                ev.append({"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}})
                ev.append({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": out}})
            ev += [{"type": "content_block_stop", "index": 0},
                   {"type": "message_delta", "delta": {"stop_reason": base["stop_reason"], "stop_sequence": None}, "usage": {"output_tokens": usage["output_tokens"]}},
                   {"type": "message_stop"}]
            return self.sse(ev, named=True)
        self.js(base)

    def gemini(self, req, p):
        contents = req.get("contents") or [{}]
        parts = contents[-1].get("parts") or [{}]
        text = " ".join(x.get("text", "") for x in parts)
        fr = next((x["functionResponse"] for x in parts if "functionResponse" in x), None)
        tools = [f for t in req.get("tools") or [] for f in t.get("functionDeclarations", [])]
        d = self.decide("tool" if fr else "user", json.dumps(fr) if fr else text, tools)
        part = {"text": d[1]} if d[0] == "text" else {"functionCall": {"name": d[1], "args": d[2]}}
        pt, ct = toks(text), toks(str(d[1]))
        count(pt, ct)
        r = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
             "usageMetadata": {"promptTokenCount": pt, "candidatesTokenCount": ct, "totalTokenCount": pt + ct}, "modelVersion": "gemini-2.0-flash", "responseId": uuid.uuid4().hex}
        if "stream" in p:
            return self.sse([r])
        self.js(r)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), H)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
