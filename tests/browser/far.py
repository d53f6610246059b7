"""A page far away from its kernel."""

from __future__ import annotations

LATENCY_MS = 150

# Every message takes its time, each way, as to a kernel far away; and strokes that are sent are counted.
FAR_AWAY = f"""
window.strokesSent = 0;
window.WebSocket = class extends WebSocket {{
  send(data) {{
    const bytes = typeof data === 'string' ? data : new TextDecoder('latin1').decode(data);
    if (/"kind": ?"stroke"/.test(bytes)) window.strokesSent++;
    setTimeout(() => super.send(data), {LATENCY_MS});
  }}
  set onmessage(handler) {{
    super.onmessage = event => setTimeout(() => handler(event), {LATENCY_MS});
  }}
}};
"""
