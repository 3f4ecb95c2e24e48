// The live feed. Read with fetch rather than EventSource: its keep-alive comments show that the
// line is still there, and a refusal shows its status.

const QUIET_MAX = 40_000; // the desk says something every 15 s
const WAIT_MIN = 400;
const WAIT_MAX = 10_000;

/**
 * Follows the feed for ever. `on(event, data)` gets each event, `state(connected)` whether the
 * line is up. Answers a function that tries again at once.
 */
export function follow(on, state) {
  let last = '';
  let wait = WAIT_MIN;
  let wake = null;
  let current = null;

  const pause = (ms) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => { clearTimeout(timer); resolve(); };
  });

  async function once() {
    const limit = new AbortController();
    current = limit;
    let quiet = setTimeout(() => limit.abort(), QUIET_MAX);
    try {
      const headers = { accept: 'text/event-stream' };
      if (last) headers['last-event-id'] = last;
      const response = await fetch('/api/v1/events', { headers, signal: limit.signal, cache: 'no-store', credentials: 'same-origin' });
      if (response.status === 401) { location.assign('/sign-in'); return; }
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(quiet);
        quiet = setTimeout(() => limit.abort(), QUIET_MAX);
        wait = WAIT_MIN;
        state(true);
        text += value;
        let end;
        while ((end = text.indexOf('\n\n')) >= 0) {
          hear(text.slice(0, end));
          text = text.slice(end + 2);
        }
      }
    } finally {
      clearTimeout(quiet);
      current = null;
    }
  }

  function hear(block) {
    let event = 'message';
    let data = '';
    let id = null;
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) continue;
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') event = value;
      else if (field === 'data') data += value;
      else if (field === 'id') id = value;
    }
    if (data) {
      try {
        on(event, JSON.parse(data));
      } catch (error) {
        console.error('a live change could not be shown', event, error);
      }
    }
    // Only what was shown need not come again.
    if (id !== null) last = id;
  }

  (async () => {
    for (;;) {
      try { await once(); } catch { /* tried again below */ }
      state(false);
      await pause(wait * (0.7 + Math.random() * 0.6));
      wait = Math.min(wait * 1.7, WAIT_MAX);
    }
  })();

  const again = () => { wait = WAIT_MIN; wake?.(); };
  addEventListener('online', again);
  addEventListener('offline', () => current?.abort());
  document.addEventListener('visibilitychange', () => { if (!document.hidden) again(); });
  return again;
}
